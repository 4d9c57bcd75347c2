"""All processes that this one started, directly or not: found, killed and buried, whatever became of those in between."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36

END_SECONDS = 20.0
"""How long processes that were sent SIGKILL may take to be gone."""


@dataclass(frozen=True)
class Process:
    """A living process; ``title`` is its command line, which Ray replaces by what a worker does, such as ``ray::Worker``."""

    pid: int
    parent: int
    title: str


class Family:
    """The descendants of this process, those whose parents were killed included; a context manager that leaves none behind."""

    def __init__(self) -> None:
        self._programs: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Family:
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):  # orphans become our children
            raise OSError(ctypes.get_errno(), "prctl")
        return self

    def __exit__(self, *error: object) -> None:
        end = time.monotonic() + END_SECONDS
        while (left := self.members()) and time.monotonic() < end:
            self.kill(left)
            time.sleep(0.1)
        if left:
            raise RuntimeError(f"these processes do not end: {[process.title for process in left]}")

    def start(
        self, command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a program in ``folder`` and in a session of its own; what it prints is added to the file ``log``."""
        with log.open("ab") as file:
            program = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdout=file,
                stderr=file,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._programs[program.pid] = program
        return program

    def members(self, root: int | None = None) -> list[Process]:
        """Return the descendants of this process, or ``root`` and its descendants, those that are dead left out."""
        self._bury()
        processes = _processes()
        children: dict[int, list[int]] = {}
        for process in processes.values():
            children.setdefault(process.parent, []).append(process.pid)
        found = [] if root is None or root not in processes else [root]
        ahead = list(children.get(os.getpid() if root is None else root, []))
        while ahead:
            pid = ahead.pop()
            found.append(pid)
            ahead.extend(children.get(pid, []))
        return [processes[pid] for pid in found]

    def kill(self, processes: Sequence[Process]) -> None:
        """Send SIGKILL to processes, to parents before their children, so that none notices."""
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def _bury(self) -> None:
        """Collect the dead whose parents were killed; of our own programs Popen does that."""
        for process in _processes(dead=True).values():
            if process.parent == os.getpid():
                program = self._programs.get(process.pid)
                if program is not None:
                    program.poll()
                else:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(process.pid, os.WNOHANG)


def _processes(dead: bool = False) -> dict[int, Process]:
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        try:
            state, parent = Path(entry.path, "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if (state in "ZX") != dead:
                continue
            title = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except (OSError, ValueError):  # it ended just now
            continue
        pid = int(entry.name)
        found[pid] = Process(pid, int(parent), title)
    return found
