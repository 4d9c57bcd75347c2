"""Writes the tables of docs/results.md between their marks, and its figures, from the published results in docs/results/.

python docs/generate/results.py
python docs/generate/results.py --tables     # without the figures

A mark is ``<!-- table: NAME SWEEP[+SWEEP...] -->``; what stands from it to ``<!-- end -->`` is written here. How the published
results were made stands on the page.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import fresh_study
import models_study
import numpy as np
import pandas as pd

from sweep.report.comparisons import (
    measured,
    outcomes,
    pairs_of,
    pairs_with_dense,
    with_clusters,
)
from sweep.report.published import read_files
from sweep.report.results import Results
from sweep.report.statistics import holm
from sweep.report.tables import markdown
from sweep.report.words import interval_text, p_number, percent
from sweep.report.writing import write_results

DOCS = Path(__file__).parents[1]

PAGE = DOCS / "results.md"

RAW, IMAGES = DOCS / "results", DOCS / "images" / "results"

STUDY = "fresh"
"""The study that several solvers were run on: its folders begin so, and so do its figures."""

FIGURE = re.compile(r"\]\(images/results/([a-z_]+)-([a-z]+)\.png\)")

BLOCK = re.compile(r"(<!-- table: (\w+) ([\w+]+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)

AUTHORS: dict[tuple[str, float], tuple[str, str]] = {
    ("magnitude", 0.5): ("22/48", "31/42"),
    ("magnitude", 0.8): ("20/48", "41/46"),
    ("magnitude", 0.9): ("16/48", "40/48"),
    ("structured", 0.2): ("21/48", "26/43"),
    ("structured", 0.3): ("22/48", "37/46"),
}
"""How often the authors' finetuned surrogates had the larger margin, and the first adversarial input sooner, by pruning: the
table stored with their experiments (arXiv 2505.01985), incumbents checked and no region excluded."""


def page() -> str:
    """Return the page with its tables written anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{_table(found[2], found[3])}\n{found[4]}", PAGE.read_text())


def _table(name: str, sweeps: str) -> str:
    if name == "why":
        return fresh_study.why(RAW / sweeps / "rows.jsonl")
    if name in STUDY_TABLES:
        return STUDY_TABLES[name](study_of(sweeps))
    return TABLES[name](results_of(sweeps))


def study_of(sweeps: str) -> fresh_study.Study:
    """Return the published results of sweeps, each by its solver."""
    return fresh_study.study_of([results_of(name) for name in sweeps.split("+")])


@lru_cache
def results_of(sweeps: str) -> Results:
    """Return the published results of sweeps, whose names are joined by a plus."""
    return read_files([RAW / name for name in sweeps.split("+")])


def beside_the_authors(results: Results) -> str:
    """The authors' comparisons with the dense MILP, theirs and ours."""
    pairs = pairs_with_dense(results)
    rows = []
    for (method, amount), (margin, sooner) in AUTHORS.items():
        row = {"surrogate": f"{method} {amount:g}", "margin, authors": margin}
        mine = pairs[(pairs["method"] == method) & (pairs["amount"] == amount)]
        parts = {"finetuned": mine[mine["finetune_rounds"] > 0], "not finetuned": mine[mine["finetune_rounds"] == 0]}
        row |= {f"margin, {name}": _share(part, "value") for name, part in parts.items()}
        row["sooner, authors"] = sooner
        row |= {f"sooner, {name}": _share(part, "time") for name, part in parts.items()}
        rows.append(row)
    return markdown(rows)


def pays(results: Results) -> str:
    """What sparsity gains with equal bounds, what our bounds gain over box bounds, and the one against the other.

    p-values are corrected by Holm over all rows of the table.
    """
    instances = with_clusters(results.instances)
    instances["bounds"] = [_milp_bounds(results, label) for label in instances["setting"]]
    parts: dict[tuple[str, str, str], pd.DataFrame] = {}
    for (network, bounds, method, amount), part in instances[instances["bounds"] != ""].groupby(
        ["network", "bounds", "method", "amount"], dropna=False, sort=False
    ):
        parts[network, bounds, "dense" if method == "none" else f"{method} {amount:g}"] = part
    rows, found = [], []
    for question, one, other in _questions(parts):
        decided = outcomes(pairs_of(parts[one], parts[other], ["instance_key"], ["instance_key"]), "value")
        found.append(measured(decided, "value"))
        rows.append(
            {
                "network": one[0],
                "question": question,
                "larger margin": _share_of(decided, "value"),
                "smaller": str(found[-1]["losses"]),
                "margin gained": f"{found[-1]['effect']:+.3g}",
            }
        )
    corrected = holm(np.array([one["p"] for one in found]))
    return markdown([row | {"p": p_number(p)} for row, p in zip(rows, corrected, strict=True)])


def strongest(results: Results) -> str:
    """The portfolio against what else was run on the same instances; of the MILPs of other sweeps the best on each."""
    instances = with_clusters(results.instances)
    mine = instances[instances["attack"] == "portfolio"]
    home = mine["sweep"].iloc[0]
    is_milp = instances["setting"].map(lambda label: results.settings[label].is_milp).astype(bool)
    elsewhere = instances[is_milp & (instances["sweep"] != home)]
    others = {
        f"best MILP in the authors' setting, of {elsewhere['setting'].nunique()}": elsewhere,
        "dense MILP, our bounds, gradient start": instances[is_milp & (instances["sweep"] == home)],
        "gradient attack, one start": instances[(instances["attack"] == "gradient") & (instances["sweep"] != home)],
        "gradient attack, all of the time": instances[(instances["attack"] == "gradient") & (instances["sweep"] == home)],
    }
    rows = []
    for name, part in others.items():
        best = part.sort_values("best_value", ascending=False, kind="stable")
        decided = outcomes(pairs_of(mine, best, ["instance_key"], ["instance_key"]), "value")
        counts = {"larger": decided["win"] > 0, "equal": decided["win"] == 0, "smaller": decided["win"] < 0}
        rows.append({"the portfolio against": name, **{f"{word} margin": str(int(one.sum())) for word, one in counts.items()}})
    return markdown(rows)


Milp = tuple[str, str, str]
"""The network, the bounds and the pruning of a MILP."""


def _questions(parts: Iterable[Milp]) -> list[tuple[str, Milp, Milp]]:
    """Return the comparisons of the table: its words, the MILP in question and the one that it is compared with."""
    questions: list[tuple[str, Milp, Milp]] = []
    for network in dict.fromkeys(network for network, _, _ in parts):
        sparse = list(dict.fromkeys(pruning for name, _, pruning in parts if name == network and pruning != "dense"))
        box, ours = ((network, bounds, "dense") for bounds in ("box", "auto"))
        questions.append(("dense: our bounds against box bounds", ours, box))
        for pruning in sparse:
            questions.append((f"box bounds: {pruning} against dense", (network, "box", pruning), box))
        for pruning in sparse:
            questions.append((f"our bounds: {pruning} against dense", (network, "auto", pruning), ours))
        for pruning in sparse:
            questions.append((f"{pruning} with box bounds against dense with ours", (network, "box", pruning), ours))
    return questions


def _milp_bounds(results: Results, label: str) -> str:
    """Return the bounds that tell a MILP's setting apart; nothing for another attack."""
    return dict(results.settings[label].extras).get("bounds.method", "") if results.settings[label].is_milp else ""


def _share(pairs: pd.DataFrame, measure: str) -> str:
    return _share_of(outcomes(pairs, measure), measure)


def _share_of(decided: pd.DataFrame, measure: str) -> str:
    if decided.empty:
        return "—"
    found = measured(decided, measure)
    low_high = interval_text(found["share_low"], found["share_high"], percent).removeprefix(", 95 % interval ")
    return f"{found['wins']}/{found['pairs']}" + ("" if np.isnan(found["share_low"]) else f" ({low_high})")


TABLES: dict[str, Callable[[Results], str]] = {
    "authors": beside_the_authors,
    "pays": pays,
    "strongest": strongest,
    "models": models_study.models,
    "larger": models_study.larger,
    "fooled": models_study.fooled,
    "trained": models_study.trained,
    "tightness": models_study.tightness,
}


STUDY_TABLES: dict[str, Callable[[fresh_study.Study], str]] = {
    "runs": fresh_study.runs,
    "sooner": fresh_study.sooner,
    "sooner_with_pruning": fresh_study.sooner_with_pruning,
    "better": fresh_study.better,
    "with_finetuning": fresh_study.finetuned,
    "sizes": fresh_study.sizes,
    "limits": fresh_study.limits,
    "solvers": fresh_study.solvers,
}
"""Tables with the results of each solver side by side."""


def draw() -> None:
    """Draw the figures that the page shows."""
    wanted: dict[str, set[str]] = {}
    for sweep, figure in FIGURE.findall(PAGE.read_text()):
        wanted.setdefault(sweep, set()).add(figure)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for figure in wanted.pop(STUDY, ()):
        fresh_study.FIGURES[figure](
            study_of("+".join(sorted(path.name for path in RAW.glob(f"{STUDY}_*")))), IMAGES / f"{STUDY}-{figure}.png"
        )
    for sweep, figures in wanted.items():
        with tempfile.TemporaryDirectory() as folder:
            write_results(results_of(sweep), Path(folder))
            for figure in sorted(figures):
                shutil.copy(Path(folder) / f"{figure}.png", IMAGES / f"{sweep}-{figure}.png")


if __name__ == "__main__":
    PAGE.write_text(page())
    if "--tables" not in sys.argv[1:]:
        draw()
