"""What the sweep itself costs: trials that return at once, through plan, Ray, store, tracker and report."""

from __future__ import annotations

import contextlib
import functools
import io
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import psutil

from benchmarks.coordinator import coordinator_cpu_seconds, null_answer
from benchmarks.planning import plan_of
from benchmarks.sections import Options, Row, Section
from benchmarks.tables import markdown, number
from sweep.store.stage_results import Entry

SIZES = ((200, 0), (200, 20), (3_000, 0), (10_000, 0))
"""Trials, and answers of each."""

CPUS = 2
QUICK = ("dataset=digits", "network.depth=1", "network.width=6", "training.epochs=1")


class NullRun:
    """A trial without a question, or with answers that are there at once and go through the head as those of attacks do."""

    def __init__(self, trial: Any, inputs: Any, trained: Any, stages: Any, spent_seconds: float, answers: int = 0) -> None:
        from sweep.trial.trial import new_record

        self.record, self._stages, self._left = new_record(trial), stages, answers

    def step(self) -> bool:
        if self._left == 0:
            return False
        self._left -= 1
        record, key = null_answer(self._left), f"{self.record.key}-{self._left}"
        if self._stages.get("instances", key, 60.0) is None:
            self._stages.begin(key, record.to_dict(), 60.0)
            self._stages.put("instances", key, Entry(record.to_dict()))
        self.record.instances.append(record)
        return self._left > 0

    def finish(self) -> Any:
        self.record.ended_at = time.time()
        return self.record


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each number of trials."""
    for index, (count, answers) in enumerate(SIZES):
        if options.wants(index):
            with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
                row = pool.submit(_sweep, count, answers).result()
            yield {"instance": index, "trials": count, "answers": answers, "cpus": CPUS, **row}


def _sweep(count: int, answers: int) -> dict[str, float]:
    """Run so many trials in a folder of their own, and again; return seconds, and MiB of the driver."""
    with tempfile.TemporaryDirectory(prefix="sweep-overhead-") as folder, contextlib.chdir(folder):
        begin = time.perf_counter()
        plan, overrides = _plan(count)
        planned = time.perf_counter() - begin
        first = _timed(plan, overrides, answers)
        again = _timed(plan, overrides, answers)
        return {"plan_seconds": planned, **first, "again_seconds": again["total_seconds"]}


def _plan(count: int) -> tuple[Any, list[str]]:
    overrides = [*QUICK, f"cluster.cpus={CPUS}", f"instances.seed=range(0,{count})"]
    return plan_of(overrides), overrides


def _timed(plan: Any, overrides: list[str], answers: int) -> dict[str, float]:
    from rich.console import Console

    from sweep.execution.driver import run

    text = _Clocked(len(plan.trials))
    begin, begin_cpu = time.perf_counter(), time.process_time()
    console = Console(file=text, width=200)
    code = run(plan, overrides, parallel=True, console=console, open_run=functools.partial(NullRun, answers=answers))
    total = time.perf_counter() - begin
    if code != 0:
        raise RuntimeError(f"the sweep ended with exit code {code}: {text.getvalue()[-2000:]}")
    first = text.first - begin if text.first is not None else total
    last = text.last - begin if text.last is not None else total
    return {
        "start_seconds": first,
        "trial_seconds": (last - first) / max(len(plan.trials) - 1, 1),
        "end_seconds": total - last,
        "total_seconds": total,
        "driver_cpu_seconds": time.process_time() - begin_cpu,
        "coordinator_cpu_seconds": text.coordinator_cpu_seconds,
        "driver_half_mib": text.half_mib,
        "driver_last_mib": text.last_mib,
        "driver_mib": _mib(),
        "driver_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }


class _Clocked(io.StringIO):
    """Text of the terminal that notes when the first and the last trial ended, the driver's memory half-way and when nearly all
    is done, and the CPU time of the actor at the head then."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count, self._ended = count, 0
        self.first: float | None = None
        self.last: float | None = None
        self.half_mib = self.last_mib = self.coordinator_cpu_seconds = 0.0

    def write(self, text: str) -> int:
        if text.startswith("["):
            self._ended += 1
            self.last = time.perf_counter()
            self.first = self.first or self.last
            if self._ended == self._count // 2:
                self.half_mib = _mib()
            if self._ended == self._count - CPUS:
                self.last_mib, self.coordinator_cpu_seconds = _mib(), coordinator_cpu_seconds()
        return super().write(text)


def _mib() -> float:
    """Return this process's resident memory now."""
    return float(psutil.Process().memory_info().rss) / 2.0**20


def report(rows: Sequence[Row]) -> str:
    header = [
        "trials",
        "answers",
        "planned s",
        "first ended s",
        "ms a trial",
        "end s",
        "driver CPU s",
        "head CPU s",
        "MiB half-way",
        "MiB at the last trial",
        "MiB with the report",
        "peak MiB",
        "again s",
    ]
    cells = [
        [
            f"{row['trials']:,}",
            str(row["answers"]),
            number(row["plan_seconds"]),
            number(row["start_seconds"]),
            number(1000.0 * row["trial_seconds"], 1),
            number(row["end_seconds"]),
            number(row["driver_cpu_seconds"], 1),
            number(row["coordinator_cpu_seconds"], 1),
            number(row["driver_half_mib"], 0),
            number(row["driver_last_mib"], 0),
            number(row["driver_mib"], 0),
            number(row["driver_peak_mib"], 0),
            number(row["again_seconds"]),
        ]
        for row in rows
    ]
    return "\n\n".join(
        [
            f"## Trials that return at once, {CPUS} at a time",
            "first ended: from the start of Ray on, a small network to train included. again: the same sweep, all reused.",
            markdown(header, cells),
        ]
    )


SECTION = Section(key=("instance",), limit_seconds=0.0, measure=measure, report=report)
