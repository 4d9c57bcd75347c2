"""What a finished sweep costs that is run again: with an MLflow that has lost its runs, and with one that has them."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from benchmarks.coordinator import null_answer
from benchmarks.planning import plan_of
from benchmarks.sections import Options, Row, Section
from benchmarks.tables import markdown, number

SIZES = ((200, 0), (200, 20), (10_000, 0))
"""Trials, and answers of each."""

QUICK = ("dataset=digits", "network.depth=1", "network.width=6", "training.epochs=1")


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each number of trials."""
    for index, (count, answers) in enumerate(SIZES):
        if options.wants(index):
            with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
                yield {"instance": index, "trials": count, "answers": answers, **pool.submit(_again, count, answers).result()}


def _again(count: int, answers: int) -> dict[str, float]:
    """Put so many finished trials into a store of their own and run their sweep twice; return seconds, and runs in MLflow."""
    from sweep.store import Store
    from sweep.trial.trial import new_record

    with tempfile.TemporaryDirectory(prefix="sweep-again-") as folder, contextlib.chdir(folder):
        overrides = [*QUICK, f"instances.seed=range(0,{count})"]
        plan, store = plan_of(overrides), Store("store")
        for trial in plan.trials:
            found = [null_answer(number) for number in range(answers)]
            store.save_trial(dataclasses.replace(new_record(trial), status="finished", ended_at=time.time(), instances=found))
        first = _seconds(plan, overrides)
        written = _runs()
        return {"lost_seconds": first, "again_seconds": _seconds(plan, overrides), "runs": written, "runs_again": _runs()}


def _seconds(plan: Any, overrides: list[str]) -> float:
    from rich.console import Console

    from sweep.execution.driver import run

    text, begin = io.StringIO(), time.perf_counter()
    code = run(plan, overrides, parallel=False, console=Console(file=text, width=200))
    if code != 0 or f"({len(plan.trials)} reused)" not in text.getvalue():
        raise RuntimeError(f"the sweep ended with exit code {code}: {text.getvalue()[-2000:]}")
    return time.perf_counter() - begin


def _runs() -> int:
    """Return how many runs MLflow has here."""
    import sqlite3

    with contextlib.closing(sqlite3.connect("mlruns/mlflow.db")) as database:
        return int(database.execute("select count(*) from runs where lifecycle_stage = 'active'").fetchone()[0])


def report(rows: Sequence[Row]) -> str:
    header = ["trials", "answers", "runs lost, s", "again s", "runs", "runs after it"]
    cells = [
        [
            f"{row['trials']:,}",
            str(row["answers"]),
            number(row["lost_seconds"], 1),
            number(row["again_seconds"], 1),
            f"{row['runs']:,}",
            f"{row['runs_again']:,}",
        ]
        for row in rows
    ]
    return f"## A finished sweep again\n\n{markdown(header, cells)}"


SECTION = Section(key=("instance",), limit_seconds=0.0, measure=measure, report=report)
