"""A running Ray cluster, joined within a time limit."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import ray
from ray._raylet import Config  # type: ignore[attr-defined]  # compiled, without stubs

from sweep.config.schema import ClusterSettings
from sweep.errors import SweepError
from sweep.execution.cluster.preflight import AliveNode, Capacity, capacity_of

QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # paths in the configuration are relative to where the sweep was started
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours ends the sweep; Tune's would make fit() return as if all were well
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
"""What keeps Ray and Tune from printing and from changing the process; values that the user has set stay."""

PROBE_SECONDS = 20.0
"""How long a cluster may take to answer the first request, the import of Ray in another process included."""

SHIPPED = ("surrogate", "sweep")
"""The packages that travel from the driver to the nodes, so that all run the driver's code."""

TOKEN_FILE = ".ray/auth_token"
"""Where Ray looks for a token in the home folder."""

_GUIDE = "docs/cluster.md"


@contextlib.contextmanager
def attach(cluster: ClusterSettings, modules: Sequence[str] = ()) -> Iterator[None]:
    """Connect to a running Ray cluster, with our code on its nodes; at the end disconnect, and leave it running.

    Args:
        cluster: ``cluster.address`` is the head's HOST:PORT; null: the environment variable RAY_ADDRESS says it.
        modules: files and folders of the user's that travel too.

    Raises:
        SweepError: no address, nothing answers there, it is no Ray head, the token is missing or wrong, its versions of Ray or
            Python are not the driver's, or this machine is not one of its nodes. Known after at most ``PROBE_SECONDS``.
    """
    quiet()
    address = find_address(cluster.address)
    check_answer(address, _ask(address))
    if "RAY_AUTH_MODE" not in os.environ and find_token() is not None:
        os.environ["RAY_AUTH_MODE"] = "token"
        Config.initialize("")  # Ray has read its settings when it was imported; this is how it reads them again
    try:
        ray.init(address.text, log_to_driver=False, logging_level=logging.ERROR, runtime_env=shipped_code(modules))
    except (RuntimeError, OSError, ValueError, ray.exceptions.RayError) as error:
        ray.shutdown()
        raise SweepError(f"the Ray cluster at {address.text} refuses this driver: {first_line(error)}") from error
    hush()
    try:
        yield
    finally:
        ray.shutdown()


def ask_capacity(cluster: ClusterSettings) -> Capacity:
    """Return what a running cluster offers to a sweep, without joining it.

    Raises:
        SweepError: as :func:`attach`, or a trial fits no node, or the cluster has fewer CPUs than ``cluster.cpus``.
    """
    address = find_address(cluster.address)
    answer = _ask(address)
    check_answer(address, answer)
    nodes = (AliveNode("", f"{node['address']} ({node['host']})", node["cpus"]) for node in answer["nodes"])
    return capacity_of(cluster, tuple(sorted(nodes, key=lambda node: node.name)))


@dataclass(frozen=True)
class Address:
    """The address of a cluster's head, and the name of the setting that gave it."""

    host: str
    port: int
    setting: str

    @property
    def text(self) -> str:
        """The address as Ray reads it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def find_address(configured: str | None) -> Address:
    """Return the address of ``cluster.address`` or else of RAY_ADDRESS.

    Raises:
        SweepError: there is none, or it is not HOST:PORT.
    """
    setting = "RAY_ADDRESS" if configured is None else "cluster.address"
    text = (os.environ.get("RAY_ADDRESS", "") if configured is None else configured).strip()
    if not text:
        raise SweepError(
            f"cluster=attach has no address: set RAY_ADDRESS or cluster.address to HOST:PORT of the head, which "
            f"`ray start --head` prints ({_GUIDE})"
        )
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if "://" in text or not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SweepError(
            f"{setting}={text} is not HOST:PORT of a Ray head, such as 10.0.0.1:6379; a sweep runs on a node of the cluster, "
            f"not through a ray:// or http:// gateway ({_GUIDE})"
        )
    return Address(host, int(port), setting)


def find_token() -> str | None:
    """Return where Ray would take a token from, in words, or None if there is none; RAY_AUTH_MODE is not looked at."""
    if os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return "RAY_AUTH_TOKEN"
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    with contextlib.suppress(OSError, UnicodeError, RuntimeError):  # the last: a user without a home folder
        file = Path(named) if named else Path.home() / TOKEN_FILE
        if file.read_text().strip():
            return f"the file {file}"
    return None


def check_answer(address: Address, answer: dict[str, Any]) -> None:
    """Raise SweepError unless a driver here can work with the cluster that gave this answer to
    :mod:`sweep.execution.cluster.probe`."""
    where = f"the Ray cluster at {address.text}"
    remedy = "put the cluster's token (`ray get-auth-token` on its head prints it) into RAY_AUTH_TOKEN or ~/" + TOKEN_FILE
    match answer["state"]:
        case "unreachable":
            raise SweepError(
                f"no Ray cluster can be reached at {address.text} ({answer['reason']}): start it, or correct "
                f"{address.setting}; the head's HOST:PORT is what `ray start --head` prints"
            )
        case "silent":
            raise SweepError(
                f"{address.text} accepts connections, but no Ray head answers there within {PROBE_SECONDS:.0f} s: correct "
                f"{address.setting}; the head's HOST:PORT is what `ray start --head` prints"
            )
        case "no token":
            raise SweepError(f"RAY_AUTH_MODE=token, but this machine has no token: {remedy}")
        case "token":
            mode, source = os.environ.get("RAY_AUTH_MODE"), find_token()
            if source is None:
                raise SweepError(f"{where} asks for a token, but this machine has none: {remedy}")
            if mode not in (None, "token"):
                raise SweepError(f"{where} asks for a token, and RAY_AUTH_MODE={mode} sends none: set RAY_AUTH_MODE=token")
            raise SweepError(f"{where} refuses the token from {source}: {remedy}")
    ours = {"ray": metadata.version("ray"), "python": platform.python_version()}
    if any(answer[name] not in (None, version) for name, version in ours.items()):
        raise SweepError(
            f"{where} runs Ray {answer['ray']} on Python {answer['python']}, this driver Ray {ours['ray']} on Python "
            f"{ours['python']}: install the same versions on all machines"
        )
    if not any(node["local"] for node in answer["nodes"]):
        raise SweepError(
            f"this machine is not a node of {where}: start the sweep on its head, or join first with "
            f"`ray start --address={address.text} --num-cpus=0`"
        )


def shipped_code(modules: Sequence[str] = ()) -> dict[str, Any]:
    """Return the runtime environment that puts the driver's own code on the nodes, from a checkout as from a wheel.

    Args:
        modules: files and folders of the user's that travel too.
    """
    site = Path(__file__).parents[3]
    return {"py_modules": [*(str(site / name) for name in SHIPPED), *modules], "excludes": ["__pycache__", "*.pyc"]}


def _ask(address: Address) -> dict[str, Any]:
    environment = dict(os.environ)
    mode, token = environment.get("RAY_AUTH_MODE"), find_token()
    if mode == "token" and token is None:
        return {"state": "no token"}  # Ray would end the process with a stack trace
    if mode is None and token is not None:
        environment["RAY_AUTH_MODE"] = "token"  # a cluster without tokens takes no notice of one
    program = str(Path(__file__).with_name("probe.py"))
    command = [sys.executable, "-P", program, address.host, str(address.port)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"state": "silent"}
    with contextlib.suppress(ValueError, IndexError):
        answer = json.loads(done.stdout.splitlines()[-1])
        if isinstance(answer, dict):
            return answer
    raise SweepError(f"the Ray cluster at {address.text} could not be asked (exit {done.returncode}): {_tail(done.stderr)}")


def quiet() -> None:
    """Set :data:`QUIET`."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def hush() -> None:
    """Keep Ray from printing what happens to nodes into the sweep's own lines, which tell of the trials that this costs."""
    ray._private.worker._worker_logs_enabled = False


def _tail(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def first_line(error: BaseException) -> str:
    """Return the first line that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
