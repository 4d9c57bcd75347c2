"""Real Ray nodes on one machine that share neither network address, nor processes, nor /tmp, nor our code, only Python itself.

A node is a network namespace with one address on a bridge, which is in a namespace of its own, and a first process in its own
namespaces of processes, mounts and host name. If that process is killed, so are all others of the node: a power cut. If its
cable is pulled (:meth:`Node.cut`), its processes go on. All ends with :meth:`Machines.close`, whatever happened in between.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import sweep

PACKAGES = Path(sweep.__file__).parents[1]
HIDDEN = tuple(PACKAGES / name for name in ("surrogate", "sweep", "hydra_plugins", "conf", "tests", "store", "mlruns"))
"""Folders of the checkout that a node does not see: its code comes from the driver, or not at all."""

_NUMBERS = itertools.count()

RAY = str(Path(sys.executable).with_name("ray"))
START_SECONDS = 150.0
OBJECT_STORE_BYTES = 200_000_000

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "4",
}
"""Patience with a busy machine at the start; afterwards a node that is cut off counts as lost after about 16 s, not 65."""


def why_not() -> str | None:
    """Return why nodes cannot be made here, or None if they can."""
    for program in ("ip", "unshare", "nsenter", "mount"):
        if shutil.which(program) is None:
            return f"nodes in network namespaces need the program {program} (Debian: apt-get install iproute2 util-linux mount)"
    if os.geteuid() != 0:
        return "nodes in network namespaces need root"
    if Path(__file__).resolve().is_relative_to("/tmp") or Path(sys.prefix).resolve().is_relative_to("/tmp"):
        return "nodes in network namespaces have a /tmp of their own, and this checkout or its environment is in it"
    name = f"probe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces cannot be made here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


class Node:
    """One machine: ``name`` is its host name, ``address`` its IP address, ``folder`` its disk as the test sees it."""

    def __init__(self, machines: Machines, number: int) -> None:
        self.name, self.address = f"node{number}", f"10.213.77.{number}"
        self.namespace, self.cable = f"{machines.prefix}{number}", f"{machines.prefix}v{number}"
        self.folder = machines.folder / self.name
        self._hub = machines.hub
        self.temporary = self.folder / "tmp"
        self.work = self.temporary / "checkout"
        self._init: subprocess.Popen[bytes] | None = None
        self._programs: list[subprocess.Popen[bytes]] = []
        self.work.mkdir(parents=True)
        (self.temporary / "home").mkdir()

    def wire(self) -> None:
        """Make the namespace and its cable to the hub."""
        _run("ip", "netns", "add", self.namespace)
        _run("ip", "link", "add", self.cable, "netns", self._hub, "type", "veth", "peer", "eth0", "netns", self.namespace)
        _run("ip", "-n", self._hub, "link", "set", self.cable, "master", "bridge", "up")
        _run("ip", "-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run("ip", "-n", self.namespace, "link", "set", device, "up")

    def boot(self, hidden: Iterable[Path]) -> None:
        """Start the first process, with an own /tmp, and with the folders ``hidden`` empty."""
        covered = [f"mount -t tmpfs none '{folder}'" for folder in hidden if folder.is_dir()]
        script = [
            "mount --make-rprivate /",
            f"mount --bind '{self.folder.parent / 'hosts'}' /etc/hosts",
            f"mount --bind '{self.temporary}' /tmp",
            "mount -t tmpfs none /dev/shm",
            "mount -t proc none /proc",
            f"hostname {self.name}",
            *covered,
            "touch /tmp/booted",
            "while :; do sleep 1000 & wait; done",  # collects what its children leave behind
        ]
        command = ["ip", "netns", "exec", self.namespace, "unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"]
        with (self.folder / "boot.log").open("wb") as log:
            self._init = subprocess.Popen([*command, "bash", "-ec", "\n".join(script)], stdout=log, stderr=log)
        _until(lambda: (self.temporary / "booted").exists(), 10.0, lambda: f"{self.name} does not boot: {self.log('boot')}")

    def command(self, *words: str) -> list[str]:
        """Return the command line that runs ``words`` on this node."""
        assert self._init is not None
        first = _only_child(self._init.pid)
        return ["nsenter", "--target", str(first), "--net", "--pid", "--mount", "--uts", "--wd=/", *words]

    def popen(self, *words: str, environment: Mapping[str, str], log: str) -> subprocess.Popen[bytes]:
        """Start ``words`` in the node's working folder; what they print is at ``log(log)``."""
        script = 'cd /tmp/checkout && exec "$@"'
        inside = {"PATH": os.environ["PATH"], "HOME": "/tmp/home", "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8", **environment}
        with (self.folder / f"{log}.log").open("wb") as file:
            command = self.command("bash", "-c", script, "bash", *words)
            self._programs.append(subprocess.Popen(command, env=inside, stdout=file, stderr=subprocess.STDOUT))
        return self._programs[-1]

    def log(self, name: str) -> str:
        """Return what the program with this log printed so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def ray_log(self) -> str:
        """Return what Ray printed and the end of what its raylet wrote down."""
        files = (self.temporary / "ray").glob("session_2*/logs/raylet.*")
        ends = [f"{file.name}: {file.read_text(errors='replace')[-3000:]}" for file in files]
        return "\n".join([f"{self.name}: {self.log('ray')[-3000:]}", *ends])

    def kill(self) -> None:
        """End all processes of the node at once."""
        if self._init is not None and self._init.poll() is None:
            with contextlib.suppress(ProcessLookupError, IndexError):
                os.kill(_only_child(self._init.pid), signal.SIGKILL)
        for program in [*self._programs, *([] if self._init is None else [self._init])]:
            program.kill()
            program.wait()

    def cut(self) -> None:
        """Pull the cable: the node's processes go on and reach nobody."""
        _run("ip", "-n", self._hub, "link", "set", self.cable, "down")

    def mend(self) -> None:
        """Put the cable back."""
        _run("ip", "-n", self._hub, "link", "set", self.cable, "up")


class Machines:
    """A hub and ``count`` nodes without Ray; a context manager.

    Args:
        count: how many nodes; the first sees the checkout, for the driver.
        lacking: folders that the last node does not see either.
    """

    def __init__(self, count: int, lacking: Iterable[Path] = ()) -> None:
        self._lacking = tuple(lacking)
        self.prefix = f"s{os.getpid() % 100000}-{next(_NUMBERS)}n"  # of a device's name: 15 characters are allowed
        self.hub = f"{self.prefix}h"
        self.folder = Path(tempfile.mkdtemp(prefix="sweep-nodes-"))
        self.nodes = [Node(self, number) for number in range(1, count + 1)]
        names = [f"{node.address} {node.name}\n" for node in self.nodes]
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(names))

    def __enter__(self) -> Machines:
        try:
            _run("ip", "netns", "add", self.hub)
            _run("ip", "-n", self.hub, "link", "add", "bridge", "type", "bridge")
            _run("ip", "-n", self.hub, "link", "set", "bridge", "up")
            for node in self.nodes:
                first, last = node is self.nodes[0], node is self.nodes[-1]
                node.wire()
                node.boot((*(() if first else HIDDEN), *(self._lacking if last else ())))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, and take down all namespaces with the cables in them."""
        for node in self.nodes:
            node.kill()
        for namespace in [*(node.namespace for node in self.nodes), self.hub]:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def ray_nodes(
    cpus: tuple[int, ...], token: str | None = None, bare: int = 0, lacking: Iterable[Path] = ()
) -> Iterator[list[Node]]:
    """Start a Ray node on each of ``len(cpus)`` machines, the head first; yields the machines.

    Args:
        cpus: of each node; 0 for a head that runs no trials. The head's port is 6379.
        token: the one that the cluster asks for; None: none.
        bare: how many machines without Ray there are behind these.
        lacking: folders that the last machine does not see, beside those of our code.
    """
    environment = SETTINGS | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token} if token else {"RAY_AUTH_MODE": "disabled"}
    with Machines(len(cpus) + bare, lacking) as machines:
        head = machines.nodes[0]
        for number, (node, count) in enumerate(zip(machines.nodes, cpus, strict=False)):
            as_head, as_worker = ["--head", "--port=6379", "--include-dashboard=false"], [f"--address={head.address}:6379"]
            start = [RAY, "start", *(as_head if node is head else as_worker), f"--node-ip-address={node.address}"]
            options = [f"--num-cpus={count}", f"--object-store-memory={OBJECT_STORE_BYTES}", "--block"]
            node.popen(*start, *options, environment=environment, log="ray")
            _until(lambda: _alive(head, environment) > number, START_SECONDS, lambda: node.ray_log())  # noqa: B023
        yield machines.nodes


def _alive(head: Node, environment: Mapping[str, str]) -> int:
    probe = [sys.executable, "-P", str(PACKAGES / "sweep" / "execution" / "cluster" / "probe.py"), head.address, "6379"]
    head.popen(*probe, environment=environment, log="probe").wait()
    with contextlib.suppress(ValueError, IndexError):
        return len(json.loads(head.log("probe").splitlines()[-1]).get("nodes", []))
    return 0


def _only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")


def _until(done: Callable[[], bool], seconds: float, failure: Callable[[], str]) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(failure())
        time.sleep(0.2)
