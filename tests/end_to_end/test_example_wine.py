"""The worked example and the page about users' own models run as they stand, and what they show is so."""

from __future__ import annotations

import re
import runpy
import time
from typing import Any

import numpy as np
import pytest
from pages import ROOT, run_python

from surrogate.solvers import SolverStatus
from surrogate.substitution import Outcome


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    names = runpy.run_path(str(ROOT / "examples" / "wine.py"))
    begin = time.process_time()
    names["dense"] = names["network"]()
    names["rows"] = names["study"](names["dense"])
    names["seconds"] = time.process_time() - begin
    return names


def test_every_answer_is_accepted_by_the_network(example: dict[str, Any]) -> None:
    assert example["seconds"] < 60.0
    wanted, needed = example["WANTED"], example["MARGIN"]
    for _, model, result in example["rows"]:
        assert result.outcome in (Outcome.FEASIBLE, Outcome.REPAIRED)
        x = np.array([model.x[j].value for j in range(13)])
        scores = example["dense"](x[None])[0]
        assert scores[wanted] - np.delete(scores, wanted).max() >= needed - 1e-6
        assert ((x >= 0.0) & (x <= 1.0)).all()
        wine = x - np.array([model.up[j].value - model.down[j].value for j in range(13)])
        assert (np.abs(x - wine) > 1e-6).sum() <= example["MOST_CHANGES"]
        assert np.abs(x - wine).sum() == pytest.approx(result.objective, abs=1e-5)
        assert example["dense"](wine[None])[0].argmax() == example["CULTIVAR"]


def test_high_sparsity_fools_itself_and_repair_mends_it(example: dict[str, Any]) -> None:
    (_, _, exact), *_, (amount, _, sparse) = example["rows"]
    assert exact.surrogate_status is SolverStatus.OPTIMAL
    assert amount == 0.9
    assert sparse.met[-1].feasible is False
    assert example["margin"](sparse, example["dense"]) < example["MARGIN"] - 0.1
    assert set(sparse.met[-1].violations) <= {"accepted[1]", "accepted[2]"}
    assert sparse.outcome is Outcome.REPAIRED
    assert sparse.surrogate_objective < exact.objective <= sparse.objective + 1e-5
    assert sparse.size["binaries"] < exact.size["binaries"]


def test_it_prints_what_it_found(example: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    namespace = example["main"].__globals__
    kept = {name: namespace[name] for name in ("network", "study")}
    try:  # what the fixture has computed already is not computed again
        namespace["network"] = lambda: example["dense"]
        namespace["study"] = lambda _: example["rows"]
        example["main"]()
    finally:
        namespace.update(kept)
    text = capsys.readouterr().out
    assert "wanted: cultivar 0 by a margin of 1.0" in text
    assert len(re.findall(r"^ +0\.\d  (?:feasible|repaired) ", text, flags=re.MULTILINE)) == len(example["rows"])
    assert re.search(r"proline|alcohol|flavanoids", text)


def test_the_python_of_the_page_runs() -> None:
    names = run_python("docs/own-model.md")
    result = names["result"]
    assert result.outcome in (Outcome.FEASIBLE, Outcome.REPAIRED)
    scores = names["dense"](result.inputs[0][None])[0]
    assert scores[0] - scores[1:].max() >= 1.0 - 1e-6
    assert names["proposal"] == pytest.approx(result.surrogate_objective, abs=1e-4)
