"""The tables on the tools side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median

from benchmarks.models import ready
from benchmarks.models.asking import LOOSE
from benchmarks.models.figures import figures
from benchmarks.models.judge import TOLERANCE
from benchmarks.models.reading import (
    EQUAL,
    Key,
    Rows,
    ahead,
    best_of,
    first_feasible,
    is_closed,
    key_of,
    last_value,
    seconds_text,
    value_at,
)
from benchmarks.models.tools import PEERS, TOOLS
from benchmarks.runs import CONTRADICTION, failures
from benchmarks.sections import Row
from benchmarks.tables import markdown, number


def side_by_side_report(rows: Sequence[Row]) -> str:
    """Return the tables on the tools side by side; empty if no row is of one."""
    by_key: dict[Key, Rows] = {}
    for row in rows:
        if row["tool"] in PEERS:
            by_key.setdefault(key_of(row), {})[row["tool"]] = row
    by_key = dict(sorted(by_key.items()))
    prepared = [row for row in rows if row["tool"] == ready.NAME]
    if not by_key and not prepared:
        return ""
    limit = rows[0]["limit_seconds"]
    names = [name for name in PEERS if any(name in found for found in by_key.values())]
    parts = [
        f"### Side by side, one thread, limit {limit:g} s",
        "\n".join(f"* `{name}`: {PEERS[name].title}" for name in names),
        "Every value is judged by one function: the tool's inputs, the dense networks' outputs in float64, each row and bound "
        f"to {TOLERANCE:g}. Variables that no network reads or writes are optimised anew where that is better, or mends the "
        f"decision. What does not hold then does not count. Values are equal to {EQUAL:g} of the larger of 1 and the other's "
        "size. An instance on which no tool has a decision says nothing about values and is not counted there.",
        _conditions(rows),
        "#### What was asked\n\n" + markdown(("figure", "asked", "measured", "of"), figures(by_key, prepared, limit)),
    ]
    if by_key:
        parts += [
            "#### By tool\n\n" + _by_tool(by_key, names, limit),
            "#### By problem\n\n" + _by_problem(by_key, names),
            "#### Every instance\n\n" + _every_instance(by_key, names, limit),
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
                seconds_text(median(map(first_feasible, rows))),
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
        "which `held` hold, `settled` of these with the variables that no network reads or writes optimised anew. "
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
                first = seconds_text(median(map(first_feasible, rows)))
                cells.append([problem, name, str(len(rows)), str(has), first, str(closed)])
    return markdown(("problem", "tool", "runs", "has one", "first s", "closed"), cells)


def _every_instance(by_key: dict[Key, Rows], names: Sequence[str], limit: float) -> str:
    cells = []
    for (problem, index), found in by_key.items():
        some = next(iter(found.values()))
        goal = "min" if some["sense"] > 0.0 else "max"
        cells.append([f"{problem} {index}", some["size"], str(some["neurons"]), goal, *(_cell(found.get(n)) for n in names)])
    return (
        f"Value after {limit:g} s (seconds to the first decision that holds); `*`: closed; `~`: nothing holds to "
        f"{TOLERANCE:g}, and this is the best that holds to {LOOSE:g}.\n\n"
        + markdown(("instance", "size", "neurons", "", *names), cells)
    )


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    value = last_value(row)
    if value is not None:
        return f"{value:.5g}{'*' if is_closed(row) else ''} ({seconds_text(first_feasible(row))})"
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


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return number(median(known)) if known else "-"
