"""Other tools beside this project: the same 18x18 4x32 networks, images, budgets and seconds, a process of its own each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from benchmarks.peers import OURS, TOOLS
from benchmarks.peers.base import Task
from benchmarks.peers.guarded import measure as run_guarded
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import PEER_PAIRS, network, protocol_instance
from benchmarks.tables import markdown, number

TIME_LIMIT_SECONDS = 60.0
EARLY_SHARE = 0.5
"""Of the limit: 30 s of 60 s."""

CLOSED_GAP = 1e-4
"""Closed: the solver says optimal, or bound and best dense margin are this close, relative to the margin (or to 1). It is the
default gap of HiGHS and Gurobi."""

EQUAL = 0.01
"""Margins within 1 % of the larger one count as equal."""


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each instance and tool.

    Raises:
        ImportError: a chosen tool is not installed.
    """
    tools = options.chosen(TOOLS)
    missing = sorted({library for name in tools for library in TOOLS[name].missing()})
    if missing:
        raise ImportError(
            f'{", ".join(missing)} not installed: run `make bench`, or pip install -e ".[bench]", or choose --tools'
        )
    limit = options.limit(TIME_LIMIT_SECONDS)
    for index, (data_seed, training_seed) in enumerate(PEER_PAIRS):
        wanted = [name for name in tools if options.wants(index, name)]
        if not wanted:
            continue
        dense = network(18, 4, 32, training_seed)
        image, instance = protocol_instance(dense, 18, data_seed)
        for name in wanted:
            outcome = run_guarded(name, Task(dense, instance, limit))
            yield {
                "instance": index,
                "tool": name,
                "limit_seconds": limit,
                "data_seed": data_seed,
                "training_seed": training_seed,
                "image": image,
                "radius": instance.region.radius,
                "status": outcome.status,
                "error": outcome.error,
                "margin_early": outcome.margin_at(EARLY_SHARE * limit),
                "margin": outcome.margin_at(limit),
                "margins": outcome.margins,
                "dual_bound": outcome.dual_bound if TOOLS[name].is_dense else None,
                "surrogate_dual_bound": None if TOOLS[name].is_dense else outcome.dual_bound,
                "first_adversarial_seconds": outcome.first_adversarial_seconds,
                "build_seconds": outcome.build_seconds,
                "total_seconds": outcome.total_seconds,
                "cpu_seconds": outcome.cpu_seconds,
                "nodes": outcome.nodes,
                "peak_mib": outcome.peak_mib,
            }


def report(rows: Sequence[Row]) -> str:
    limit = rows[0]["limit_seconds"]
    early = EARLY_SHARE * limit
    names = [name for name in TOOLS if any(row["tool"] == name for row in rows)]
    parts = [
        f"## Tools side by side: MNIST 18x18, 4x32, l1, one thread, limit {limit:g} s",
        "\n".join(f"* `{name}`: {TOOLS[name].title}" for name in names),
        "Seconds count from the start of pruning, bounds and model building; a margin is the dense network's, in float64, and "
        f"is adversarial above 0. `{OURS}` and its variants also look at the clean image, so they always have one. The bound "
        "of a pruned network says nothing about the dense one and is not shown.",
        _every_run(rows, names, early, limit),
        _medians(rows, names, early, limit),
    ]
    if OURS in names and len(names) > 1:
        parts.append(_paired(rows, names, early, limit))
    contradictions = _contradictions(rows)
    if contradictions:
        parts.append("**Contradictions**, a tool's bound below a margin that was reached:\n\n" + "\n".join(contradictions))
    failures = [f"* instance {row['instance']}, {row['tool']}: {row['error']}" for row in rows if row["error"] is not None]
    return "\n\n".join(parts + (["Failures:\n\n" + "\n".join(failures)] if failures else []))


def is_closed(row: Row) -> bool:
    """Whether the run proved its best dense margin optimal."""
    if not TOOLS[row["tool"]].is_dense or row["dual_bound"] is None or row["margin"] is None:
        return False
    gap = row["dual_bound"] - row["margin"]
    return bool(row["status"] == "optimal" or gap <= CLOSED_GAP * max(1.0, abs(row["margin"])))


def at_least(ours: float | None, theirs: float | None) -> bool:
    """Whether our margin is theirs or larger, up to 1 %; nothing found is less than anything."""
    if ours is None or theirs is None:
        return theirs is None
    return ours >= theirs - EQUAL * max(abs(ours), abs(theirs))


def _every_run(rows: Sequence[Row], names: list[str], early: float, limit: float) -> str:
    header = [
        "instance",
        "tool",
        "status",
        f"margin {early:g} s",
        f"margin {limit:g} s",
        "dual bound",
        "first s",
        "build s",
        "wall s",
        "CPU s",
        "closed",
    ]
    cells = []
    for row in sorted(rows, key=lambda row: (row["instance"], names.index(row["tool"]))):
        cells.append(
            [
                f"{row['instance']} ({row['data_seed']}, {row['training_seed']}; image {row['image']})",
                row["tool"],
                row["status"],
                number(row["margin_early"], 3),
                number(row["margin"], 3),
                number(row["dual_bound"], 3),
                number(row["first_adversarial_seconds"], 3),
                number(row["build_seconds"]),
                number(row["total_seconds"]),
                number(row["cpu_seconds"]),
                "yes" if is_closed(row) else "no" if TOOLS[row["tool"]].is_dense else "-",
            ]
        )
    return "Instances by (data seed, training seed).\n\n" + markdown(header, cells)


def _medians(rows: Sequence[Row], names: list[str], early: float, limit: float) -> str:
    header = [
        "tool",
        "runs",
        "adversarial",
        "first s",
        f"margin {early:g} s",
        f"margin {limit:g} s",
        "closed",
        "build s",
        "wall s",
    ]
    cells = []
    for name in names:
        runs = [row for row in rows if row["tool"] == name]
        cells.append(
            [
                name,
                str(len(runs)),
                str(sum(row["first_adversarial_seconds"] is not None for row in runs)),
                number(median(_first(row, limit) for row in runs), 3),
                _median_of_found([row["margin_early"] for row in runs]),
                _median_of_found([row["margin"] for row in runs]),
                str(sum(map(is_closed, runs))) if TOOLS[name].is_dense else "-",
                _median_of_found([row["build_seconds"] for row in runs]),
                number(median(row["total_seconds"] if row["total_seconds"] is not None else limit for row in runs)),
            ]
        )
    return (
        f"Medians over instances. A first adversarial input that was never found counts as {limit:g} s; a margin is missing if "
        f"less than half of the runs had any solution.\n\n" + markdown(header, cells)
    )


def _paired(rows: Sequence[Row], names: list[str], early: float, limit: float) -> str:
    by_key = {(row["instance"], row["tool"]): row for row in rows}
    instances = sorted({row["instance"] for row in rows})
    header = ["against", "pairs", "with a witness", "first s: theirs over ours", f"ours {early:g} s >= theirs {limit:g} s"]
    header += [f"ours larger, both {early:g} s", "closed ours", "closed theirs"]
    cells = []
    for name in names:
        if name == OURS:
            continue
        pairs = [(by_key.get((i, OURS)), by_key.get((i, name))) for i in instances]
        both = [(ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
        if not both:
            continue
        found = [pair for pair in both if any(row["first_adversarial_seconds"] is not None for row in pair)]
        ratios = [_first(theirs, limit) / _first(ours, limit) for ours, theirs in found]
        cells.append(
            [
                name,
                str(len(both)),
                str(len(found)),
                f"{_ratio(median(ratios))} ({_ratio(min(ratios))} to {_ratio(max(ratios))})" if ratios else "-",
                str(sum(at_least(ours["margin_early"], theirs["margin"]) for ours, theirs in both)),
                str(sum(not at_least(theirs["margin_early"], ours["margin_early"]) for ours, theirs in both)),
                str(sum(is_closed(ours) for ours, _ in both)),
                str(sum(is_closed(theirs) for _, theirs in both)) if TOOLS[name].is_dense else "-",
            ]
        )
    return (
        f"`{OURS}` against each, paired by instance. Ratios of times: median (least to largest) over the pairs in which either "
        f"found a witness; the one that did not counts as {limit:g} s. Margins: equal within {EQUAL:.0%}.\n\n"
        + markdown(header, cells)
    )


def _contradictions(rows: Sequence[Row]) -> list[str]:
    found = []
    for row in rows:
        if row["dual_bound"] is None:
            continue
        others: list[Any] = [other for other in rows if other["instance"] == row["instance"] and other["margin"] is not None]
        for other in others:
            if other["margin"] > row["dual_bound"] + 1e-3 * max(1.0, abs(other["margin"])):
                found.append(
                    f"* instance {row['instance']}: {row['tool']} proves {row['dual_bound']:.4f}, {other['tool']} reaches "
                    f"{other['margin']:.4f}"
                )
    return found


def _first(row: Row, limit: float) -> float:
    seconds = row["first_adversarial_seconds"]
    return limit if seconds is None else float(seconds)


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10.0 else f"{value:.2g}"


def _median_of_found(values: list[float | None]) -> str:
    """The median with nothing found as less than anything."""
    middle = median(float("-inf") if value is None else value for value in values)
    return "-" if middle == float("-inf") else number(middle, 3)


SECTION = Section(("instance", "tool"), TIME_LIMIT_SECONDS, measure, report, tuple(TOOLS))
