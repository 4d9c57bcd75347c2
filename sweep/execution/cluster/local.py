"""Ray started on this machine, for this machine alone."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ray
from ray._common.utils import get_default_ray_temp_dir
from ray._private import ray_constants

from sweep.errors import SweepError
from sweep.execution.cluster.connection import find_token, first_line, hush, quiet


@contextlib.contextmanager
def start_local(cpus: int) -> Iterator[None]:
    """Start Ray on this machine with ``cpus`` CPUs; at the end stop it.

    Raises:
        SweepError: Ray does not start.
    """
    quiet()
    _have_token()
    folder = _ray_folder()
    try:
        with _hang_up_held(), _on_loopback():
            ray.init(
                address="local",  # whatever RAY_ADDRESS says: cluster=local is this machine
                num_cpus=cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(folder),
            )
    except Exception as error:  # the boundary of Ray's start, which raises of everything, Exception itself included
        ray.shutdown()
        raise SweepError(f"Ray does not start on this machine: {_why_not(error, folder)}") from error
    hush()
    try:
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _hang_up_held() -> Iterator[None]:
    """Hold SIGHUP back in the block, and for good in what it starts: a closed terminal must not end Ray before the sweep."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Have Ray's servers listen on loopback alone, as they do on macOS: their address decides, which Ray looks up meanwhile.

    ``_node_ip_address="127.0.0.1"`` does not do it: Ray puts the machine's address in its place.
    """
    former, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = former


def _have_token() -> None:
    """Make a token for this process and what it starts, if there is none: Ray would write one into the home folder."""
    if os.environ.get("RAY_AUTH_MODE", "token").lower() == "token" and find_token() is None:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _ray_folder() -> Path:
    """Return where Ray's files go: below RAY_TMPDIR, or else TMPDIR or /tmp, or Python's choice if those can't be written."""
    usual = Path(get_default_ray_temp_dir())
    if "RAY_TMPDIR" in os.environ:
        return usual
    with contextlib.suppress(OSError):
        usual.mkdir(parents=True, exist_ok=True)
        if os.access(usual, os.W_OK | os.X_OK):
            return usual
    with contextlib.suppress(OSError):
        return Path(tempfile.gettempdir(), f"ray-{os.getuid()}")
    return usual


def _why_not(error: Exception, folder: Path) -> str:
    """Return why Ray does not start with its files in ``folder``, and what helps."""
    if isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError)):
        what = first_line(error) if error.filename is None else f"{error.filename} cannot be written ({error.strerror})"
        return (
            f"{what}; its files would be in {folder}: set RAY_TMPDIR to another folder that can be written, with a short path"
        )
    return (
        f"{first_line(error)}; run the same command again when more processors and memory are free, or with fewer "
        f"cluster.cpus (what Ray wrote meanwhile is in {folder}/session_latest/logs)"
    )
