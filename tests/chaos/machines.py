"""What a sweep runs on, all of it on the loopback device: a Ray head, Ray nodes that can be lost, and an MLflow server."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from family import Family

START_SECONDS = 120.0

OBJECT_STORE_BYTES = 100_000_000

ROOT = Path(__file__).parents[2]
"""The checkout under test: wherever the programs run, they import it."""

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_"))},
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_initial_delay_ms": "1000",  # Ray's own values notice a lost node late; a test would only wait for it
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "5",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # starts four times as fast
}


def free_port() -> int:
    """Return a port that nothing listens on at the moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until(done: Callable[[], bool], seconds: float, failure: Callable[[], str]) -> None:
    """Wait until ``done()``; after so many seconds raise RuntimeError with ``failure()``."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(failure())
        time.sleep(0.2)


class RayMachines:
    """A Ray head without CPUs and nodes of one CPU, each at its own loopback address."""

    def __init__(self, family: Family, folder: Path, nodes: int) -> None:
        self._family, self._folder = family, folder
        self.address = f"127.0.0.1:{free_port()}"
        head = ["--head", f"--port={self.address.rpartition(':')[2]}", "--include-dashboard=false", f"--temp-dir={folder}/ray"]
        self._head = self._start(1, 0, head)
        self._wait_for(1)
        self._nodes: list[subprocess.Popen[bytes]] = []
        for number in range(nodes):
            self._nodes.append(self._join(number))
            self._wait_for(number + 2)

    @property
    def nodes(self) -> int:
        """How many nodes there are, beside the head."""
        return len(self._nodes)

    def kill_node(self, number: int) -> None:
        """A power cut: all processes of a node end at once."""
        self._family.kill(self._family.members(self._nodes[number].pid))

    def restart_node(self, number: int) -> None:
        """Join the cluster again from the address of a node that was killed."""
        self._nodes[number] = self._join(number)

    def is_up(self, number: int) -> bool:
        """Whether a node has its raylet."""
        return any("/raylet/raylet" in process.title for process in self._family.members(self._nodes[number].pid))

    def alive(self) -> int:
        """Return how many nodes the head knows to be alive, itself included."""
        probe = [sys.executable, "-P", str(ROOT / "sweep" / "execution" / "cluster" / "probe.py"), *self.address.split(":")]
        done = subprocess.run(probe, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.count('"address"')

    def _wait_for(self, nodes: int) -> None:
        """Wait for a node before the next one starts: Ray's names of sockets are not safe against two at the same moment."""
        wait_until(lambda: self.alive() == nodes, START_SECONDS, lambda: f"a Ray node does not join: {self._log(nodes)}")

    def _join(self, number: int) -> subprocess.Popen[bytes]:
        return self._start(number + 2, 1, [f"--address={self.address}"])

    def _start(self, host: int, cpus: int, role: list[str]) -> subprocess.Popen[bytes]:
        ports = ["--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={free_port()}"]
        node = [f"--node-ip-address=127.0.0.{host}", f"--num-cpus={cpus}", f"--object-store-memory={OBJECT_STORE_BYTES}"]
        ray = str(Path(sys.executable).with_name("ray"))
        command = [ray, "start", *role, *node, *ports, "--block"]
        return self._family.start(command, folder=self._folder, log=self._folder / f"ray-{host}.log", environment=ENVIRONMENT)

    def _log(self, host: int) -> str:
        return (self._folder / f"ray-{host}.log").read_text(errors="replace")


class TrackingServer:
    """An MLflow server on SQLite that can be stopped and started."""

    def __init__(self, family: Family, folder: Path) -> None:
        self._family, self._folder, self._log = family, folder, folder / "mlflow.log"
        self.database = f"sqlite:///{folder}/mlflow.db"
        self._port = free_port()
        self.uri = f"http://127.0.0.1:{self._port}"
        self._program: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return at once."""
        store = ["--backend-store-uri", self.database, "--artifacts-destination", f"{self._folder}/artifacts"]
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            *store,
            "--host",
            "127.0.0.1",
            "--port",
            str(self._port),
            "--workers",
            "1",
        ]
        self._program = self._family.start(command, folder=self._folder, log=self._log, environment=ENVIRONMENT)

    def wait(self) -> None:
        """Wait until it answers."""
        wait_until(self.answers, START_SECONDS, lambda: f"no MLflow server: {self._log.read_text(errors='replace')}")

    def stop(self) -> None:
        """End it as an administrator would, and after three seconds as a power cut does."""
        if self._program is not None:
            members = self._family.members(self._program.pid)
            self._program.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._program.wait(3.0)
            self._family.kill(members)
            self._program.wait()
        self._program = None

    def answers(self) -> bool:
        """Whether it answers now."""
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2.0):
                return True
        except (OSError, urllib.error.URLError):
            return False
