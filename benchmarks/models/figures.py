"""The figures that are asked for, each with the count behind it, and the tables that they come from."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from statistics import median

from benchmarks.models import ready
from benchmarks.models.reading import (
    EQUAL,
    Key,
    ahead,
    best_of,
    early,
    first_feasible,
    is_closed,
    key_of,
    last_value,
    seconds_to,
    value_at,
)
from benchmarks.models.tools import GUROBI, PEERS, SCIP, SEARCH, TOOLS
from benchmarks.runs import CONTRADICTION, failures
from benchmarks.sections import Row
from benchmarks.tables import markdown, number

CLEARLY = 0.01
"""Better by more than this share of the other value."""

Rows = dict[str, Row]
"""The rows of one instance by tool."""


def figures_report(rows: Sequence[Row]) -> str:
    """Return the tables on the tools side by side; empty if no row is of one."""
    by_key: dict[Key, Rows] = {}
    for row in rows:
        if row["tool"] in PEERS:
            by_key.setdefault(key_of(row), {})[row["tool"]] = row
    prepared = [row for row in rows if row["tool"] == ready.NAME]
    if not by_key and not prepared:
        return ""
    limit = rows[0]["limit_seconds"]
    names = [name for name in PEERS if any(name in found for found in by_key.values())]
    parts = [
        f"## Models with networks in them: side by side, one thread, limit {limit:g} s",
        "\n".join(f"* `{name}`: {PEERS[name].title}" for name in names),
        "Every value is judged by one function: the tool's inputs, the dense networks' outputs in float64, each row and bound "
        f"to 1e-6; a decision that does not hold does not count. Values are equal to {EQUAL:g} of the larger of 1 and the "
        "other's size. An instance on which no tool has a decision says nothing about values and is not counted there.",
        _conditions(rows),
        "### What was asked\n\n" + markdown(("figure", "asked", "measured", "of"), _figures(by_key, prepared, limit)),
    ]
    if by_key:
        parts += [
            "### By tool\n\n" + _by_tool(by_key, names, limit),
            "### By problem\n\n" + _by_problem(by_key, names),
            "### Every instance\n\n" + _every_instance(by_key, names, limit),
        ]
    contradictions = _contradictions(by_key)
    if contradictions:
        parts.append("**Contradictions**, a tool's bound beyond a value that was reached:\n\n" + "\n".join(contradictions))
    changed = _other_networks(rows)
    if changed:
        parts.append(f"**Not the same networks** in all rows of {', '.join(changed)}: their values are no comparison.")
    return "\n\n".join(parts + failures([{**row, "method": row["tool"]} for row in rows if row["tool"] in PEERS]))


def shares(row: Row) -> float | None:
    """Return the CPU seconds of a solve over its wall seconds; None if it was killed."""
    return row["cpu_seconds"] / row["total_seconds"] if row.get("total_seconds") else None


def _conditions(rows: Sequence[Row]) -> str:
    timed = [row for row in rows if row["tool"] in TOOLS]
    loads = [row[name] for row in timed for name in ("load_start", "load_end")]
    cpu = [share for share in map(shares, timed) if share is not None]
    if not loads or not cpu:
        return "No solve has been measured to its end."
    return (
        f"Load of the machine (1 minute) at the start and end of the solves: {min(loads):.1f} to {max(loads):.1f}, median "
        f"{median(loads):.1f}. CPU seconds over wall seconds of a solve: median {median(cpu):.2f}, least {min(cpu):.2f}."
    )


def _figures(by_key: dict[Key, Rows], prepared: Sequence[Row], limit: float) -> list[tuple[str, str, str, str]]:
    ours = {key: found[SEARCH] for key, found in by_key.items() if SEARCH in found}
    found: list[tuple[str, str, str, str]] = []
    if ours:
        soon = min(early(row) for row in ours.values())
        firsts = [first_feasible(row) for row in ours.values()]
        found.append(("first decision that holds, median", "0.5 s", _seconds(median(firsts)) + " s", _of(firsts)))
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
            for name, title in (("search_seconds", "the search's rows"), ("milp_seconds", "the dense MILP")):
                tries = row[name]
                measured = f"{min(tries):.2f} s (of {len(tries)}: {min(tries):.2f} to {max(tries):.2f})"
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


def _by_tool(by_key: dict[Key, Rows], names: Sequence[str], limit: float) -> str:
    soon = min(10.0, limit)
    header = ["tool", "runs", "has one", f"within {soon:g} s", "first s", f"best {soon:g} s", f"best {limit:g} s", "closed"]
    header += ["met", "held", "settled", "build s", "wall s", "CPU share", "peak MiB", "bound only", "licence", "killed"]
    cells = []
    for name in names:
        rows = [found[name] for found in by_key.values() if name in found]
        best = {key: best_of([last_value(row) for row in found.values()], _sense(found)) for key, found in by_key.items()}
        held = [row for row in rows if best[key_of(row)] is not None]
        at_soon, at_limit = (
            sum(ahead(value_at(row, seconds), best[key_of(row)], row["sense"]) >= -EQUAL for row in held)
            for seconds in (soon, limit)
        )
        cells.append(
            [
                name,
                str(len(rows)),
                str(sum(last_value(row) is not None for row in rows)),
                str(sum(value_at(row, soon) is not None for row in rows)),
                _seconds(median(map(first_feasible, rows))),
                f"{at_soon}/{len(held)}",
                f"{at_limit}/{len(held)}",
                str(sum(map(is_closed, rows))),
                *(str(sum(row[count] for row in rows)) for count in ("met", "held", "settled")),
                _median([row["build_seconds"] for row in rows]),
                _median([row["total_seconds"] for row in rows]),
                _median([shares(row) for row in rows]),
                f"{max((row['peak_mib'] or 0.0) for row in rows):.0f}",
                str(sum(row["bound"] is not None and last_value(row) is None for row in rows)),
                str(sum("licence" in row["status"] for row in rows)),
                str(sum(row["status"] == "killed" for row in rows)),
            ]
        )
    return (
        "`best`: instances with the best value that any of them has at the end. `met`: decisions that the tool reported, of "
        "which `held` hold, `settled` of these after the variables that no network reads or writes were optimised anew. "
        "`first s` is a median with a dash for never. `bound only`: a bound and no decision that holds.\n\n"
        + markdown(header, cells)
    )


def _by_problem(by_key: dict[Key, Rows], names: Sequence[str]) -> str:
    cells = []
    for problem in dict.fromkeys(problem for problem, _ in by_key):
        for name in names:
            rows = [found[name] for key, found in by_key.items() if key[0] == problem and name in found]
            if rows:
                has = sum(last_value(row) is not None for row in rows)
                closed = sum(map(is_closed, rows))
                first = _seconds(median(map(first_feasible, rows)))
                cells.append([problem, name, str(len(rows)), str(has), first, str(closed)])
    return markdown(("problem", "tool", "runs", "has one", "first s", "closed"), cells)


def _every_instance(by_key: dict[Key, Rows], names: Sequence[str], limit: float) -> str:
    cells = []
    for (problem, index), found in sorted(by_key.items()):
        some = next(iter(found.values()))
        goal = "min" if some["sense"] > 0.0 else "max"
        cells.append([f"{problem} {index}", some["size"], str(some["neurons"]), goal, *(_cell(found.get(n)) for n in names)])
    return (
        f"Value after {limit:g} s (seconds to the first decision that holds); `*`: closed; `~`: nothing holds to 1e-6, and "
        "this is the best that holds to 1e-4.\n\n" + markdown(("instance", "size", "neurons", "", *names), cells)
    )


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    value = last_value(row)
    if value is not None:
        return f"{value:.5g}{'*' if is_closed(row) else ''} ({_seconds(first_feasible(row))})"
    if row["value_loose"] is not None:
        return f"~{row['value_loose']:.5g}"
    return "licence" if "licence" in row["status"] else "-"


def _contradictions(by_key: dict[Key, Rows]) -> list[str]:
    found = []
    for (problem, index), rows in by_key.items():
        for name, row in rows.items():
            for other, rival in rows.items():
                value = last_value(rival)
                if row["bound"] is not None and value is not None and ahead(value, row["bound"], row["sense"]) > CONTRADICTION:
                    found.append(f"* {problem} {index}: {name} proves {row['bound']:.6f}, {other} reaches {value:.6f}")
    return found


def _other_networks(rows: Sequence[Row]) -> list[str]:
    """Return the instances whose rows are not all of the same trained networks."""
    seen: dict[Key, set[str]] = {}
    for row in rows:
        if "networks" in row:
            seen.setdefault(key_of(row), set()).add(json.dumps(row["networks"], sort_keys=True))
    return [f"{problem} {index}" for (problem, index), found in seen.items() if len(found) > 1]


def _sense(found: Rows) -> float:
    return float(next(iter(found.values()))["sense"])


def _of(counted: Sequence[object]) -> str:
    return f"{len(counted)} instance{'s' if len(counted) != 1 else ''}"


def _seconds(value: float) -> str:
    return "-" if math.isinf(value) else f"{value:.2f}"


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return number(median(known)) if known else "-"
