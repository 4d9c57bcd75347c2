"""The sweep that the storm is about, as a user runs it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from family import Family
from machines import ENVIRONMENT

ALLOWED_REFUSALS = (
    r"tracking\.uri=\S+ (cannot be used|did not answer)",  # while the server is away
    r"none of the \d+ nodes of the Ray cluster has CPUs",  # while both nodes are
)
"""What a driver that is started in the storm may say instead of running; anything else is a fault."""


@dataclass(frozen=True)
class Size:
    """Of a sweep: depths of networks and amounts of pruning, with commas between, and how many questions each trial answers."""

    depths: str
    amounts: str
    instances: int

    @property
    def questions(self) -> int:
        """How many answers there are in the end: of each network without pruning, and with each amount."""
        return self.instances * len(self.depths.split(",")) * (1 + len(self.amounts.split(",")))


class Sweep:
    """A sweep as a user runs it: one command, started again until it ends well."""

    def __init__(self, family: Family, folder: Path, name: str, size: Size, where: list[str]) -> None:
        self._family, self.folder, self.name = family, folder / name, name
        self.log = folder / f"{name}.log"
        self.database = f"sqlite:///{self.folder}/mlruns/mlflow.db"
        """Of MLflow, where there is no server."""
        self.folder.mkdir()
        self._words = [
            *("-m", "dataset=digits", "network=2x16", "network.width=12", f"network.depth={size.depths}", "training=digits"),
            *("training.epochs=8", "attack.radius=3.0", f"instances.count={size.instances}", "solver.time_limit_seconds=300"),
            *("pruning=none,magnitude", f"pruning.amount={size.amounts}", "sweep.retries=1000", f"sweep.name={name}", *where),
        ]
        self.questions = size.questions
        self.program: subprocess.Popen[bytes] | None = None
        self.refusals: Counter[str] = Counter()
        self.surprise: str | None = None
        """What the driver said when it ended as it must not, storm or not."""
        self.starts = 0
        self._read = 0

    def start(self) -> None:
        """Start the driver."""
        self.starts += 1
        command = [sys.executable, "-m", "sweep", *self._words]
        self._read = self.log.stat().st_size if self.log.exists() else 0
        self.program = self._family.start(command, folder=self.folder, log=self.log, environment=ENVIRONMENT)

    def ended(self) -> int | None:
        """Return the exit code of the driver, or None while it runs; a refusal is noted."""
        assert self.program is not None
        code = self.program.poll()
        if code not in (None, 0, -signal.SIGKILL):
            said = self.log.read_bytes()[self._read :].decode(errors="replace")
            errors = [line.removeprefix("error: ") for line in said.splitlines() if line.startswith("error: ")]
            reason = errors[-1] if errors else f"exit code {code}, after {' / '.join(said.splitlines()[-5:])}"
            self.refusals[reason] += 1
            if not any(re.match(allowed, reason) for allowed in ALLOWED_REFUSALS):
                self.surprise = reason
        return code

    def answers(self) -> int:
        """Return how many questions are answered in the store."""
        return sum(1 for _ in (self.folder / "store" / "instances").glob("*/[!.]*.json"))

    def faults(self) -> list[str]:
        """Return what the driver said that it must never say."""
        said = self.log.read_text(errors="replace")
        told = []
        if "Traceback" in said:
            told.append("a traceback in the driver's output: " + said[said.index("Traceback") :][:2000])
        told += [f"a trial failed: {line}" for line in said.splitlines() if "] FAILED " in line]
        return told
