"""The worked example and the page about users' own models run as they stand, and what they show is so."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import ROOT, run_python

from surrogate.models import Status


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    names = runpy.run_path(str(ROOT / "examples" / "wine.py"))
    names["dense"] = names["network"]()
    names["rows"] = names["study"](names["dense"])
    return names


def test_every_decision_is_accepted_by_the_network(example: dict[str, Any]) -> None:
    wanted, needed = example["WANTED"], example["MARGIN"]
    for _, model, result in example["rows"]:
        if result.status is Status.UNRESOLVED:
            continue
        x = np.array([model.x[j].value for j in range(13)])
        scores = example["dense"](x[None])[0]
        assert scores[wanted] - np.delete(scores, wanted).max() >= needed - 1e-5
        assert ((x >= 0.0) & (x <= 1.0)).all()
        wine = x - np.array([model.up[j].value - model.down[j].value for j in range(13)])
        assert (np.abs(x - wine) > 1e-6).sum() <= example["MOST_CHANGES"]
        assert np.abs(x - wine).sum() == pytest.approx(result.value, abs=1e-5)
        assert example["dense"](wine[None])[0].argmax() == example["CULTIVAR"]


def test_pruned_copies_promise_too_much_and_the_search_finds_the_optimum(example: dict[str, Any]) -> None:
    *pruned, (name, _, whole) = example["rows"]
    assert (name, whole.status, whole.failures) == ("the search", Status.OPTIMAL, {})
    (_, _, same), *_, (_, _, sparsest) = pruned
    assert same.value == pytest.approx(whole.value, abs=1e-3)  # the network is its own copy at sparsity 0
    assert same.surrogate_value == pytest.approx(same.value, abs=1e-3)
    assert sparsest.surrogate_value < whole.bound - 0.1
    assert sparsest.value is None or sparsest.value > whole.value + 0.01
    for _, _, result in pruned:
        assert result.status in (Status.FEASIBLE, Status.UNRESOLVED)
        assert result.bound is None  # a pruned copy proves nothing
        assert result.value is None or result.value >= whole.bound - 1e-5


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
    assert len(re.findall(r"^(?:sparsity 0\.\d|the search) +(?:feasible|optimal|unresolved)", text, flags=re.MULTILINE)) == 5
    assert re.search(r"proline|alcohol|flavanoids", text)


def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_python("docs/own-model.md")
    result, blended = names["result"], names["blended"]
    assert (result.status, blended.status) == (Status.OPTIMAL, Status.OPTIMAL)
    for one in (result, blended):
        scores = names["dense"](one.inputs[0][None])[0]
        assert scores[0] - scores[1:].max() >= 1.0 - 1e-5
    assert (tmp_path / "value.png").stat().st_size > 5000
    assert names["proposal"] > 0.0
