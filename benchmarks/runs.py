"""One run of an attack as the entries of a row, and what can be said of bounds and margins in such rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from benchmarks.sections import Row
from surrogate.attack import AttackResult
from surrogate.errors import SurrogateError

CLOSED = 1.01e-4
"""Closed: bound and best margin are this close, relative to the margin (at least 1). Solvers stop at 1e-4 of the margin that
they computed, which may differ from the margin of the forward pass by their own tolerance."""

CONTRADICTION = 1e-4
"""A margin above a bound by more than this share of its size contradicts it."""


def measured(
    run: Callable[[], AttackResult], also: Callable[[AttackResult], Row] = lambda _: {}, bounds_dense: bool = True
) -> Row:
    """Return the entries of a row; an error of ours is one of them, so that a long measurement goes on.

    Args:
        run: does everything that counts, pruning included.
        also: further entries, from the result; a run that failed has none of them.
        bounds_dense: whether the dual bound is one on the dense network; it is kept only then.
    """
    begin, begin_cpu = time.perf_counter(), time.process_time()
    result, failure = None, None
    try:
        result = run()
    except SurrogateError as error:
        failure = f"{type(error).__name__}: {error}"
    seconds = {"total_seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - begin_cpu}
    if result is None:
        nothing = dict.fromkeys(("solver_status", "margin", "dual_bound", "first_adversarial_seconds", "nodes", "binaries"))
        return {"status": "failed", "error": failure, **nothing, **seconds}
    return {
        "status": str(result.status),
        "error": None,
        "solver_status": result.solver_status,
        "margin": result.margin,
        "dual_bound": result.dual_bound if bounds_dense else None,
        "first_adversarial_seconds": result.first_adversarial_seconds,
        "nodes": result.work.get("nodes"),
        "binaries": result.size.get("binaries"),
        **also(result),
        **seconds,
    }


def margin_by(result: AttackResult, seconds: float) -> float | None:
    """Return the best dense margin that was met within so many seconds of the attack's start."""
    return max((event.margin for event in result.timeline if event.seconds <= seconds), default=None)


def is_closed(row: Row) -> bool:
    """Whether the dual bound meets the best margin."""
    if row["margin"] is None or row["dual_bound"] is None:
        return False
    return bool(abs(row["dual_bound"] - row["margin"]) <= CLOSED * max(1.0, abs(row["margin"])))


def contradictions(rows: Sequence[Row]) -> list[str]:
    """Return a line for each bound below a margin that any method reached; all rows are of one instance."""
    return [
        f"* {row['method']} proves {row['dual_bound']:.6f}, {other['method']} reaches {other['margin']:.6f}"
        for row in rows
        for other in rows
        if row["dual_bound"] is not None and other["margin"] is not None
        if other["margin"] > row["dual_bound"] + CONTRADICTION * (1.0 + abs(row["dual_bound"]))
    ]


def failures(rows: Sequence[Row]) -> list[str]:
    """Return a paragraph on rows that failed, or nothing."""
    lines = [
        f"* {', '.join(str(row[name]) for name in ('instance', 'size', 'method', 'property') if name in row)}: {row['error']}"
        for row in rows
        if row.get("error") is not None
    ]
    return ["Failures:\n\n" + "\n".join(lines)] if lines else []
