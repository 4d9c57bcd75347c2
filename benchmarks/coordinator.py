"""How much the coordinator can take: what one answer and one sign of life cost the actor that keeps the store."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.sections import Options, Row, Section
from benchmarks.tables import markdown, number
from sweep.records import InstanceRecord
from sweep.store.stage_results import Entry

CLIENTS, PIXELS = 2, 784

ANSWERS, BEATS = 1_000, 10_000
"""Of each client."""


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each kind of call."""
    for index, (name, count, call) in enumerate((("beat", BEATS, _beats), ("answer", ANSWERS, _answers))):
        if options.wants(index):
            yield {"instance": index, "call": name, **_load(count, call)}


def _load(count: int, call: Callable[[Any, str, int], None]) -> dict[str, float]:
    import ray

    from sweep.execution.coordinator import THREADS, Coordinator

    with tempfile.TemporaryDirectory(prefix="sweep-coordinator-") as folder:
        ray.init(address="local", num_cpus=CLIENTS, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        try:
            actor = ray.remote(Coordinator).options(num_cpus=0, max_concurrency=THREADS)
            coordinator = actor.remote(str(Path(folder) / "store"), True, 0, _nothing)
            client = ray.remote(num_cpus=1)(call)
            ray.get([client.remote(coordinator, f"first-{one}", 10) for one in range(CLIENTS)])  # processes and imports
            begin, begin_cpu = time.perf_counter(), coordinator_cpu_seconds()
            ray.get([client.remote(coordinator, f"worker-{one}", count) for one in range(CLIENTS)])
            return {
                "calls": CLIENTS * count,
                "seconds": time.perf_counter() - begin,
                "coordinator_cpu_seconds": coordinator_cpu_seconds() - begin_cpu,
            }
        finally:
            ray.shutdown()


def _nothing(_: Any) -> None:
    pass


def _beats(coordinator: Any, name: str, count: int) -> None:
    import ray

    for _ in range(0, count, 100):
        ray.get([coordinator.beat.remote(name) for _ in range(100)])


def _answers(coordinator: Any, name: str, count: int) -> None:
    """What a worker asks of the coordinator for each attack on an image, as
    :class:`sweep.execution.coordinated_stages.CoordinatedStages` does."""
    import ray

    facts = null_answer().to_dict()
    for place in range(count):
        key = f"{name}-{place}"
        ray.get(coordinator.claim.remote("instances", key, 60.0, name, name))
        ray.get(coordinator.begin.remote(key, facts, 60.0, name, name, None))
        ray.get(coordinator.put.remote("instances", key, Entry(facts), name))


def null_answer(image: int = 0) -> InstanceRecord:
    """Return the record of an attack that found nothing."""
    pixels = [0.5] * PIXELS
    return InstanceRecord(
        instance_key=f"image {image}",
        image=image,
        label=0,
        target=1,
        norm="l1",
        radius=5.0,
        status="unresolved",
        clean=pixels,
        perturbed=pixels,
    )


def coordinator_cpu_seconds() -> float:
    """Return the CPU time so far of the Ray actor that has the store; 0 if there is none."""
    running = psutil.process_iter(["cmdline", "cpu_times"])  # what has just ended has None there
    actors = [one.info["cpu_times"] for one in running if "".join(one.info["cmdline"] or ()).startswith("ray::Coordinator")]
    return max((times.user + times.system for times in actors if times is not None), default=0.0)


def report(rows: Sequence[Row]) -> str:
    header = ["call", "calls", "s", "a second", "ms of the coordinator's CPU each"]
    cells = [
        [
            str(row["call"]),
            f"{row['calls']:,}",
            number(row["seconds"], 1),
            f"{row['calls'] / row['seconds']:,.0f}",
            number(1000.0 * row["coordinator_cpu_seconds"] / row["calls"], 2),
        ]
        for row in rows
    ]
    text = f"{CLIENTS} clients at once; an answer is three calls: claim it, have its deadline watched, keep it."
    return "\n\n".join(["## The coordinator under load", text, markdown(header, cells)])


SECTION = Section(key=("instance",), limit_seconds=0.0, measure=measure, report=report)
