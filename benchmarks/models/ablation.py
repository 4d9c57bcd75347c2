"""What each part of the search is worth: the search without it, and pruned networks beside dense ones, in pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.models.reading import EQUAL, Key, ahead, early, first_feasible, key_of, last_value, value_at
from benchmarks.models.tools import ALONE, DENSE, REPAIRED, SEARCH, SPARSE, SPARSITIES, TOOLS, WALKS, WITHOUT, sparse_name
from benchmarks.runs import failures
from benchmarks.sections import Row
from benchmarks.tables import markdown
from sweep.report.statistics import ConfidenceInterval, holm, median_interval, share_interval, sign_test

Pair = tuple[Row, Row]
"""Two runs of one instance."""

At = Callable[[Row], float | None]


@dataclass(frozen=True)
class Comparison:
    """Two tools on the instances that both were run on and at least one has a decision on.

    Attributes:
        pairs: number of such instances.
        better, worse: on how many the first one's value is better, and worse; else they are equal.
        better_share: of the pairs that differ, those where the first one is better.
        p: of the sign test on these.
        sooner: the second one's seconds to the first decision over the first one's, median; no decision counts as the limit.
    """

    pairs: int
    better: int
    worse: int
    better_share: ConfidenceInterval
    p: float
    sooner: ConfidenceInterval

    @property
    def equal(self) -> int:
        return self.pairs - self.better - self.worse


def compare(first: dict[Key, Row], second: dict[Key, Row], at: At) -> Comparison:
    """Compare two tools' values at a time."""
    keys = [key for key in first if key in second]
    keys = [key for key in keys if first[key]["timeline"] or second[key]["timeline"]]
    leads = [ahead(at(first[key]), at(second[key]), first[key]["sense"]) for key in keys]
    differ = [(lead > 0.0, str(key)) for lead, key in zip(leads, keys, strict=True) if abs(lead) > EQUAL]
    better = sum(won for won, _ in differ)
    ratios = [_first(second[key]) / _first(first[key]) for key in keys]
    return Comparison(
        len(keys),
        better,
        len(differ) - better,
        share_interval([won for won, _ in differ], [key for _, key in differ]),
        sign_test(better, len(differ) - better),
        median_interval(ratios, [str(key) for key in keys]),
    )


def ablation_report(rows: Sequence[Row]) -> str:
    """Return the tables on the parts of the search; empty if no row is of one."""
    beside = {name: DENSE if name.startswith(ALONE) else WALKS for name in SPARSE}
    by_tool = {name: {key_of(row): row for row in rows if row["tool"] == name} for name in TOOLS}
    parts = [
        _table(
            "### The search without a member, beside the whole search",
            [(by_tool[name], by_tool[SEARCH], name, SEARCH) for name in WITHOUT],
        ),
        _table(
            "### Pruned networks, beside the same without them",
            [(by_tool[name], by_tool[other], name, other) for name, other in beside.items()],
        ),
        _table(
            "### Pruned networks, beside the whole search",
            [(by_tool[name], by_tool[SEARCH], name, SEARCH) for name in SPARSE],
        ),
        _table(
            "### Finetuned, beside not finetuned",
            [
                (by_tool[one], by_tool[other], one, other)
                for kind in (ALONE, REPAIRED)
                for sparsity in SPARSITIES
                for one, other in [(sparse_name(kind, sparsity, True), sparse_name(kind, sparsity, False))]
            ],
        ),
        _by_problem(by_tool, beside),
        _promises(by_tool),
    ]
    shown = [part for part in parts if part]
    if not shown:
        return ""
    soon = min(early(row) for row in rows if "timeline" in row)
    head = (
        "## What the parts of the search are worth\n\n"
        f"Pairs of runs of one instance on which at least one of the two has a decision. Better, equal (to {EQUAL:g}) and "
        f"worse values at {soon:g} s and at the limit. `better of those that differ`: the share at {soon:g} s, with its 95 % "
        "interval over instances; p: sign test, by Holm for the table. `sooner`: seconds to the first decision of the second "
        "over the first, median and 95 % interval by the bootstrap over instances; no decision counts as the limit. Pruning "
        "and finetuning are done before the clock starts."
    )
    return "\n\n".join([head, *shown, *failures([{**r, "method": r["tool"]} for r in rows if r["tool"] in WITHOUT | SPARSE])])


def _table(title: str, pairs: Sequence[tuple[dict[Key, Row], dict[Key, Row], str, str]]) -> str:
    found = []
    for first, second, name, other in pairs:
        now, late = compare(first, second, lambda row: value_at(row, early(row))), compare(first, second, last_value)
        if now.pairs:
            found.append((name, other, now, late))
    if not found:
        return ""
    corrected = holm([now.p for *_, now, _ in found])
    cells = [
        [
            name,
            other,
            str(now.pairs),
            f"{now.better}/{now.equal}/{now.worse}",
            f"{late.better}/{late.equal}/{late.worse}",
            _interval(now.better_share),
            f"{p:.3f}",
            _interval(now.sooner),
        ]
        for (name, other, now, late), p in zip(found, corrected, strict=True)
    ]
    header = ("tool", "beside", "pairs", "early", "at the limit", "better of those that differ", "p", "sooner")
    return title + "\n\n" + markdown(header, cells)


def _by_problem(by_tool: dict[str, dict[Key, Row]], beside: dict[str, str]) -> str:
    """Return better, equal and worse early values by problem: of pruned networks and of parts of the search."""
    problems = list(dict.fromkeys(problem for rows in by_tool.values() for problem, _ in rows))
    cells = []
    for name, other in [*beside.items()] + [(name, SEARCH) for name in WITHOUT]:
        line = []
        for problem in problems:
            first, second = ({key: row for key, row in by_tool[n].items() if key[0] == problem} for n in (name, other))
            found = compare(first, second, lambda row: value_at(row, early(row)))
            line.append(f"{found.better}/{found.equal}/{found.worse}" if found.pairs else "")
        if any(line):
            cells.append([name, other, *line])
    title = "### By problem: better, equal and worse early values"
    return title + "\n\n" + markdown(("tool", "beside", *problems), cells) if cells else ""


def _promises(by_tool: dict[str, dict[Key, Row]]) -> str:
    """Return what models with pruned networks promised beside what their decisions are worth."""
    cells = []
    for name in SPARSE:
        rows = by_tool[name].values()
        off = [_off(row) for row in rows if row["surrogate_value"] is not None and last_value(row) is not None]
        if rows:
            # The search reports decisions that hold only.
            met = sum(row["met"] for row in rows) if name.startswith(ALONE) else 0
            held = f"{sum(row['held'] for row in rows)}/{met}" if met else "-"
            middle = f"{median(off):.2%}" if off else "-"
            cells.append([name, str(len(rows)), held, str(len(off)), middle, _pruning(list(rows))])
    header = ("tool", "runs", "decisions that hold", "with a promise", "promised beyond the value, median", "pruning s, median")
    return "### What pruned networks promise\n\n" + markdown(header, cells) if cells else ""


def _off(row: Row) -> float:
    value = last_value(row)
    assert value is not None, "only asked where there is one"
    return ahead(row["surrogate_value"], value, row["sense"])


def _pruning(rows: Sequence[Row]) -> str:
    return f"{float(np.median([row['pruning_seconds'] for row in rows])):.2f}"


def _first(row: Row) -> float:
    return max(min(first_feasible(row), row["limit_seconds"]), 1e-3)


def _interval(found: ConfidenceInterval) -> str:
    if math.isnan(found.value):
        return "-"
    return f"{found.value:.2f}" + ("" if math.isnan(found.low) else f" ({found.low:.2f} to {found.high:.2f})")
