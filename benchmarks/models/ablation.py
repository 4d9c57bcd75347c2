"""What each part of the search is worth: the search without it, and pruned networks beside dense ones, in pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.models.reading import EQUAL, Key, ahead, first_feasible, key_of, last_value, value_at
from benchmarks.models.tools import (
    AGAIN,
    ALONE,
    DENSE,
    JOINED,
    REPAIRED,
    SEARCH,
    SPARSE,
    SPARSITIES,
    TOOLS,
    VARIANTS,
    WALKS,
    sparse_name,
)
from benchmarks.runs import failures
from benchmarks.sections import Row
from benchmarks.tables import markdown
from sweep.report.statistics import FEWEST, ConfidenceInterval, holm, median_interval, share_interval, sign_test

ByTool = dict[str, dict[Key, Row]]
"""The rows of each tool by instance."""

At = Callable[[Row], float | None]

EARLY_SHARE = 1.0 / 6.0
"""The share of the limit after which values are compared a first time: 10 s of 60 s."""

BESIDE = {ALONE: (DENSE,), REPAIRED: (DENSE, WALKS), JOINED: (WALKS,)}
"""What each kind of tool with pruned networks is compared with: what it is without them."""


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
    by_tool: ByTool = {name: {key_of(row): row for row in rows if row["tool"] == name} for name in TOOLS}
    without = [(name, SEARCH) for name in VARIANTS]
    pruned = [
        (sparse_name(kind, sparsity, finetuned), other)
        for kind, others in BESIDE.items()
        for other in others
        for sparsity in SPARSITIES
        for finetuned in (False, True)
    ]
    finetuned = [
        (sparse_name(kind, sparsity, True), sparse_name(kind, sparsity, False)) for kind in BESIDE for sparsity in SPARSITIES
    ]
    parts = [
        _table("The search with another seed, and without parts of itself", by_tool, without),
        _table("Pruned networks, beside the same without them", by_tool, pruned),
        _table("Pruned networks, beside the whole search", by_tool, [(name, SEARCH) for name in SPARSE]),
        _table("Finetuned, beside not finetuned", by_tool, finetuned),
        _by_problem(by_tool, without + pruned),
        _promises(by_tool),
    ]
    shown = [part for part in parts if part]
    if not shown:
        return ""
    limit = next(float(row["limit_seconds"]) for row in rows if row["tool"] in TOOLS)
    soon = f"{EARLY_SHARE * limit:.3g} s"
    head = (
        "### What the parts of the search are worth\n\n"
        f"Pairs of runs of one instance on which at least one of the two has a decision. Better, equal (to {EQUAL:g}) and "
        f"worse values at {soon} (`early`) and at the limit of {limit:g} s. `better of those that differ`: the share at "
        f"{soon}, with its 95 % interval over instances; without one where fewer than {FEWEST} differ and not all in one "
        "direction. p: sign test, by Holm over the table. `sooner`: seconds to the first decision of the second over the "
        "first, median and 95 % interval by the bootstrap over instances; no decision counts as the limit. Pruning and "
        f"finetuning are done before the clock starts. `{AGAIN}` is the control: it differs from `{SEARCH}` by chance only."
    )
    ours = {*VARIANTS, *SPARSE, WALKS}
    return "\n\n".join([head, *shown, *failures([{**row, "method": row["tool"]} for row in rows if row["tool"] in ours])])


def _table(title: str, by_tool: ByTool, pairs: Sequence[tuple[str, str]]) -> str:
    found = [(name, other, _early(by_tool[name], by_tool[other])) for name, other in pairs]
    found = [one for one in found if one[2].pairs]
    corrected = holm([now.p for _, _, now in found])
    cells = [
        [
            name,
            other,
            str(now.pairs),
            _counts(now),
            _counts(compare(by_tool[name], by_tool[other], last_value)),
            _interval(now.better_share),
            f"{p:.3f}",
            _interval(now.sooner),
        ]
        for (name, other, now), p in zip(found, corrected, strict=True)
    ]
    header = ("tool", "beside", "pairs", "early", "at the limit", "better of those that differ", "p", "sooner")
    return f"#### {title}\n\n" + markdown(header, cells) if cells else ""


def _by_problem(by_tool: ByTool, pairs: Sequence[tuple[str, str]]) -> str:
    """Return the comparison of early values by problem."""
    problems = sorted({problem for rows in by_tool.values() for problem, _ in rows})
    cells = []
    for name, other in pairs:
        found = []
        for problem in problems:
            first, second = ({key: row for key, row in by_tool[one].items() if key[0] == problem} for one in (name, other))
            found.append(_early(first, second))
        if any(now.pairs for now in found):
            corrected = holm([now.p if now.pairs else math.nan for now in found])
            cells.append([name, other, *(_cell(now, p) for now, p in zip(found, corrected, strict=True))])
    head = (
        "#### By problem\n\nBetter, equal and worse early values, the share of better ones among those that differ with its "
        "95 % interval, and p by Holm over the problems of a line.\n\n"
    )
    return head + markdown(("tool", "beside", *problems), cells) if cells else ""


def _early(first: dict[Key, Row], second: dict[Key, Row]) -> Comparison:
    return compare(first, second, lambda row: value_at(row, EARLY_SHARE * row["limit_seconds"]))


def _cell(now: Comparison, p: float) -> str:
    if not now.pairs:
        return ""
    differ = now.better + now.worse
    return _counts(now) + (f", {_interval(now.better_share)}, p {p:.3f}" if differ else "")


def _counts(found: Comparison) -> str:
    return f"{found.better}/{found.equal}/{found.worse}"


def _promises(by_tool: ByTool) -> str:
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
    return "#### What pruned networks promise\n\n" + markdown(header, cells) if cells else ""


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
