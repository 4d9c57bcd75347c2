"""The figures that are asked for, each with the count behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from benchmarks.models.reading import (
    EQUAL,
    Key,
    Rows,
    ahead,
    best_of,
    early,
    first_feasible,
    is_closed,
    last_value,
    seconds_text,
    seconds_to,
    value_at,
)
from benchmarks.models.tools import GUROBI, SCIP, SEARCH
from benchmarks.sections import Row

CLEARLY = 0.01
"""Better by more than this share of the other value."""


def figures(by_key: dict[Key, Rows], prepared: Sequence[Row], limit: float) -> list[tuple[str, str, str, str]]:
    """Return rows of a table: what a figure is, what was asked, what was measured, and on how many instances."""
    ours = {key: found[SEARCH] for key, found in by_key.items() if SEARCH in found}
    found: list[tuple[str, str, str, str]] = []
    if ours:
        soon = min(early(row) for row in ours.values())
        firsts = [first_feasible(row) for row in ours.values()]
        found.append(("first decision that holds, median", "0.5 s", seconds_text(median(firsts)) + " s", _of(firsts)))
        solved = [key for key in ours if any(last_value(row) is not None for row in by_key[key].values())]
        at_once = sum(value_at(ours[key], soon) is not None for key in solved)
        found.append((f"found within {soon:g} s, where any tool has one after {limit:g} s", "all", str(at_once), _of(solved)))
        found += _values(by_key, ours, solved, soon, limit)
        found += _against_gurobi(by_key, ours)
        found += _closed(by_key, ours, limit)
        memory = [row["peak_mib"] for row in ours.values() if row["peak_mib"] is not None]
        if memory:
            found.append(("peak memory of the search's process", "1536 MiB", f"{max(memory):.0f} MiB", _of(memory)))
    for row in prepared:
        if row["error"] is None and row["status"] != "failed":
            for name, title in (("search_seconds", "the search"), ("milp_seconds", "the dense MILP")):
                tries = row[name]
                measured = f"{median(tries):.2f} s (median of {len(tries)}: {min(tries):.2f} to {max(tries):.2f})"
                found.append((f"30 copies of 8x16 ready to solve, {title}", "1 s", measured, f"{row['peak_mib']:.0f} MiB"))
    return found


def _values(
    by_key: dict[Key, Rows], ours: dict[Key, Row], solved: Sequence[Key], soon: float, limit: float
) -> list[tuple[str, str, str, str]]:
    rivals = [key for key in solved if len(by_key[key]) > 1]  # with no other tool's row there is nothing to compare with
    lead, late, clear_soon, clear_late = {}, {}, {}, {}
    for key in rivals:
        row, theirs = ours[key], _best_other(by_key[key])
        lead[key] = _lead(value_at(row, soon), theirs, row["sense"])
        late[key] = _lead(last_value(row), theirs, row["sense"])
        clear_soon[key] = _lead(value_at(row, soon), theirs, row["sense"], least=1e-6)
        clear_late[key] = _lead(last_value(row), theirs, row["sense"], least=1e-6)
    found = []
    for problem in dict.fromkeys(problem for problem, _ in rivals):
        here = [key for key in rivals if key[0] == problem]
        good, good_late = (sum(of[key] >= -EQUAL for key in here) for of in (lead, late))
        title = f"`{problem}`: value at {soon:g} s at least the best of all others' at {limit:g} s"
        share = f"{good} ({good / len(here):.0%}); at {limit:g} s {good_late}"
        found.append((title, "95 %", share, _of(here)))
    open_ones = [key for key in rivals if not any(map(is_closed, by_key[key].values()))]
    if open_ones:
        better, better_late = (sum(of[key] > CLEARLY for key in open_ones) for of in (clear_soon, clear_late))
        title = f"closed by no tool: value at {soon:g} s better than all others' at {limit:g} s by more than {CLEARLY:.0%}"
        found.append((title, "half", f"{better}; at {limit:g} s {better_late}", _of(open_ones)))
    return found


def _lead(ours: float | None, theirs: float | None, sense: float, least: float = 1.0) -> float:
    """Return by how much our value is better; without one it is not as good as nothing."""
    return -math.inf if ours is None else ahead(ours, theirs, sense, least)


def _against_gurobi(by_key: dict[Key, Rows], ours: dict[Key, Row]) -> list[tuple[str, str, str, str]]:
    ratios = []
    for key, row in ours.items():
        rival = by_key[key].get(GUROBI)
        if rival is None or not is_closed(rival):
            continue
        optimum = last_value(rival)
        assert optimum is not None, "what closed has a value"
        mine = min(seconds_to(row, optimum), row["limit_seconds"])
        ratios.append(seconds_to(rival, optimum) / max(mine, 1e-3))
    if not ratios:
        return []
    measured = f"{median(ratios):.1f} times (least {min(ratios):.2g}, {sum(ratio >= 5.0 for ratio in ratios)} of 5 or more)"
    return [("Gurobi's proven optimum: Gurobi's seconds to find it over ours, median", "5 times", measured, _of(ratios))]


def _closed(by_key: dict[Key, Rows], ours: dict[Key, Row], limit: float) -> list[tuple[str, str, str, str]]:
    found = []
    for name, asked in ((SCIP, "as many"), (GUROBI, "half of those")):
        both = [key for key in ours if name in by_key[key]]
        if not both:
            continue
        theirs = [key for key in both if is_closed(by_key[key][name])]
        mine = [key for key in both if is_closed(ours[key])]
        shared = len(set(theirs) & set(mine))
        measured = f"{len(mine)}; `{name}` {len(theirs)}, of which the search closes {shared}"
        found.append((f"closed within {limit:g} s, beside `{name}`", asked, measured, _of(both)))
    return found


def _best_other(found: Rows) -> float | None:
    others = [row for name, row in found.items() if name != SEARCH]
    return best_of([last_value(row) for row in others], others[0]["sense"])


def _of(counted: Sequence[object]) -> str:
    return f"{len(counted)} instance{'s' if len(counted) != 1 else ''}"
