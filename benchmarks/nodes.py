"""Does twice the machines do twice the work? The same sweep on one and on two Ray nodes of one CPU each, on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sections import Options, Row, Section
from benchmarks.tables import markdown, number
from sweep.execution.cluster import probe
from sweep.store import Store

COUNTS = (1, 2)
JOIN_SECONDS = 90.0

WORK = (
    *("dataset=digits", "network.depth=3", "network.width=32", "training.epochs=20", "training.seed=0", "attack.radius=4.0"),
    *("attack=branch_and_bound", "instances.count=10", "instances.seed=range(0,40)", "solver.time_limit_seconds=20"),
)
"""Forty trials of ten attacks each, of three quarters of a second or so, none of which waits for another: shorter than those
of a study still, so that what the sweep adds to each is seen, and enough of them that the ten seconds in which a second worker
imports its libraries do not decide."""


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each number of nodes."""
    for index, count in enumerate(COUNTS):
        if options.wants(index):
            yield {"instance": index, "nodes": count, **_sweep(count)}


def _sweep(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sweep-nodes-") as name, _cluster(count, Path(name)) as environment:
        work = Path(name) / "work"
        work.mkdir()
        begin = time.perf_counter()
        command = [sys.executable, "-m", "sweep", "-m", *WORK, "cluster=attach"]
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
        total = time.perf_counter() - begin
        if done.returncode:
            raise RuntimeError(f"the sweep ended with exit code {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        store = Store(work / "store", write=False)
        records = [record for key in store.keys("trials") if (record := store.trial(key, pictures=False)) is not None]
        attacks = [instance for record in records for instance in record.instances]
        seconds = max(record.ended_at for record in records) - min(record.started_at for record in records)
        worked = sum(instance.cpu_seconds or 0.0 for instance in attacks)
        return {
            "attacks": len(attacks),
            "decided": sum(instance.status in ("adversarial", "robust") for instance in attacks),
            "attack_cpu_seconds": worked,
            "seconds": seconds,
            "total_seconds": total,
        }


@contextlib.contextmanager
def _cluster(count: int, folder: Path) -> Iterator[dict[str, str]]:
    """Start a head without CPUs and ``count`` nodes of one CPU; yield the environment that a driver needs."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    temporary = Path(tempfile.mkdtemp(prefix="ray-"))  # short: Ray's sockets lie in it, and their paths are limited
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    source = str(Path(__file__).parents[1])
    environment = {**os.environ, **token, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1", "PYTHONPATH": source}
    environment["RAY_ADDRESS"] = f"127.0.0.1:{port}"
    started: list[subprocess.Popen[bytes]] = []
    try:
        roles = [["--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={temporary}"]]
        roles += [[f"--address=127.0.0.1:{port}", "--num-cpus=1"]] * count
        for number_of_nodes, role in enumerate(roles, start=1):
            with (folder / f"ray{number_of_nodes}.log").open("wb") as log:
                ray = str(Path(sys.executable).with_name("ray"))
                words = [ray, "start", *role, "--node-ip-address=127.0.0.1", "--object-store-memory=200000000", "--block"]
                settings = {name: value for name, value in environment.items() if name != "RAY_ADDRESS"}
                started.append(subprocess.Popen(words, env=settings, stdout=log, stderr=log, start_new_session=True))
            _until_joined(port, number_of_nodes, token)
        yield environment
    finally:
        for process in reversed(started):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(temporary, ignore_errors=True)


def _until_joined(port: int, count: int, token: dict[str, str]) -> None:
    end = time.monotonic() + JOIN_SECONDS
    command = [sys.executable, "-P", str(probe.__file__), "127.0.0.1", str(port)]
    while True:
        answer = subprocess.run(command, env={**os.environ, **token}, capture_output=True, text=True, check=False).stdout
        if answer and len(json.loads(answer).get("nodes", [])) >= count:
            return
        if time.monotonic() > end:
            raise RuntimeError(f"the nodes did not join within {JOIN_SECONDS:g} s: {answer}")
        time.sleep(0.5)


def report(rows: Sequence[Row]) -> str:
    header = [
        "nodes",
        "attacks",
        "decided",
        "CPU s of attacks",
        "s from first start to last end",
        "attacks a second",
        "whole s",
    ]
    cells = [
        [
            str(row["nodes"]),
            str(row["attacks"]),
            str(row["decided"]),
            number(row["attack_cpu_seconds"], 1),
            number(row["seconds"], 1),
            number(row["attacks"] / row["seconds"]),
            number(row["total_seconds"], 1),
        ]
        for row in rows
    ]
    parts = ["## One and two nodes of one CPU each", markdown(header, cells)]
    by_nodes: dict[Any, Row] = {row["nodes"]: row for row in rows}
    if 1 in by_nodes and 2 in by_nodes:
        one, two = by_nodes[1], by_nodes[2]
        ratio = (two["attacks"] / two["seconds"]) / (one["attacks"] / one["seconds"])
        parts.append(f"Two nodes do {ratio:.2f} times the attacks per second of one.")
    return "\n\n".join(parts)


SECTION = Section(key=("instance",), limit_seconds=0.0, measure=measure, report=report)
