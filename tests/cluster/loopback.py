"""A Ray head on the loopback device, and what a driver of its own process says about it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ports import free_port

from sweep.execution.cluster import probe

START_SECONDS = 90.0

DRIVER = """
import sys
from sweep.execution.cluster import attach, preflight
from sweep.errors import SweepError
from sweep.config.schema import ClusterSettings
address, cpus, cpus_per_trial = sys.argv[1:]
settings = ClusterSettings("attach", address or None, int(cpus) if cpus else None, int(cpus_per_trial))
try:
    with attach(settings):
        capacity = preflight(settings)
        print(f"joined: {len(capacity.nodes)} nodes, {capacity.cpus} CPUs, {capacity.slots} slots")
except SweepError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)
"""


@contextlib.contextmanager
def ray_head(cpus: int, token: str) -> Iterator[str]:
    """Start a head that asks for this token; yields its address. At the end exactly its own processes are ended."""
    address = f"127.0.0.1:{free_port()}"
    folder = Path(tempfile.mkdtemp(prefix="sweep-head-"))  # short: Ray's sockets lie in it, and their paths are limited
    environment = {**_plain(), "HOME": str(folder), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", f"--port={address.rpartition(':')[2]}"]
    options = [f"--num-cpus={cpus}", "--include-dashboard=false", "--object-store-memory=100000000", f"--temp-dir={folder}/ray"]
    with (folder / "ray.log").open("wb") as log:
        start = [*command, "--node-ip-address=127.0.0.1", *options, "--block"]
        group = subprocess.Popen(start, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + START_SECONDS
        while '"local": true' not in _ask(address, environment):  # Ray's head answers some time before its own node joins it
            if time.monotonic() > end or group.poll() is not None:
                raise RuntimeError(f"no head: {(folder / 'ray.log').read_text(errors='replace')}")
            time.sleep(0.3)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group.pid, signal.SIGKILL)
        group.wait()
        _end_rest(folder)
        shutil.rmtree(folder, ignore_errors=True)


def drive(
    address: str | None, *, cpus: int | None = None, cpus_per_trial: int = 1, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Join the cluster from a new process with these variables added to its environment; HOME is an empty folder."""
    with tempfile.TemporaryDirectory(prefix="sweep-home-") as home:
        words = [sys.executable, "-c", DRIVER, address or "", "" if cpus is None else str(cpus), str(cpus_per_trial)]
        variables = {**_plain(), "HOME": home, **environment}
        return subprocess.run(words, env=variables, capture_output=True, text=True, timeout=90, check=False)


def _plain() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


def _ask(address: str, environment: Mapping[str, str]) -> str:
    words = [sys.executable, "-P", probe.__file__, *address.split(":")]
    return subprocess.run(words, env=dict(environment), capture_output=True, text=True, timeout=60, check=False).stdout


def _end_rest(folder: Path) -> None:
    """End what Ray started outside its group: every process that has this folder on its command line or in its environment."""
    mark = str(folder).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "cmdline").read_bytes() or mark in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
