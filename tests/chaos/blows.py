"""Kills by a plan, on whatever of their kind is there, and the return of what comes back after them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from family import Family, Process
from machines import RayMachines, TrackingServer
from subject import Sweep

WORKERS = ("ray::Worker", "ray::ResourceTrainable", "ray::_train")
"""How Ray titles the processes of trials and trainings; the second is what Tune calls the first while it does something."""

COORDINATOR = ("ray::Coordinator",)

POLL_SECONDS = 0.1

OUTAGES = ((0.15, 8.0), (0.5, 45.0))
"""The MLflow server is away: from this share of the answers on, for so many seconds."""


LAST_SHARE = 0.7
"""The last kill is planned before this share of the answers is there: later ones might find the sweep at its end."""


class Stuck(Exception):
    """A sweep that does not come to its end; the text says why."""


@dataclass(frozen=True)
class Blow:
    """One kill: of what kind, after how many answers at the soonest, and how many seconds after that."""

    kind: str
    answers: int
    seconds: float


class Storm:
    """Blows by a plan, on whatever of their kind is there."""

    def __init__(
        self,
        family: Family,
        sweep: Sweep,
        blows: list[Blow],
        rng: random.Random,
        ray: RayMachines | None,
        server: TrackingServer | None,
    ) -> None:
        self._family, self._sweep, self._rng, self._ray, self._server = family, sweep, rng, ray, server
        self._blows = list(blows)
        self._due: float | None = None
        self._outages = list(OUTAGES) if server is not None else []
        self._server_back: float | None = None
        self._nodes_back: dict[int, float] = {}
        self._driver_at: float | None = None
        self._begun = 0.0
        self.kills: Counter[str] = Counter()
        self.outages = 0
        self.seconds: float | None = None
        """From the first start of the driver to its good end; None until then."""

    def begin(self) -> None:
        """Start the sweep."""
        self._begun = time.monotonic()
        self._sweep.start()

    def go_on(self) -> bool:
        """Do what is due; return whether the sweep goes on.

        Raises:
            Stuck: the driver ended in a way that no storm excuses.
        """
        if self.seconds is not None:
            return False
        code = self._sweep.ended() if self._driver_at is None else None
        if code == 0:
            self.seconds = time.monotonic() - self._begun
            return False
        if self._sweep.surprise is not None:
            raise Stuck(f"the driver of the sweep {self._sweep.name} ended: {self._sweep.surprise}")
        if code is not None:  # at once after a kill, and after a pause where it was refused
            self._driver_at = time.monotonic() + (self._rng.uniform(0.0, 2.0) if code < 0 else 3.0)
        self._bring_back()
        self._strike()
        return True

    @property
    def left(self) -> int:
        """How many blows there was no time for."""
        return len(self._blows)

    @property
    def standing(self) -> str:
        """How far the sweep is, in words."""
        return f"{self._sweep.answers()} of {self._sweep.questions} answers of the sweep {self._sweep.name}"

    def _bring_back(self) -> None:
        now = time.monotonic()
        if self._driver_at is not None and now >= self._driver_at:
            self._driver_at = None
            self._sweep.start()
        for number in [number for number, at in self._nodes_back.items() if now >= at]:
            assert self._ray is not None
            del self._nodes_back[number]
            self._ray.restart_node(number)
        if self._server is None:
            return
        if self._server_back is not None and now >= self._server_back:
            self._server_back = None
            self._server.start()
        if self._outages and self._server_back is None and self._sweep.answers() >= self._outages[0][0] * self._sweep.questions:
            _, seconds = self._outages.pop(0)
            self.outages += 1
            self._server.stop()
            self._server_back = time.monotonic() + seconds
            self._say(f"MLflow is away for {seconds:.0f} s")

    def _strike(self) -> None:
        if not self._blows or self._sweep.answers() < self._blows[0].answers:
            return
        now = time.monotonic()
        if self._due is None:
            self._due = now + self._blows[0].seconds
        if now < self._due:
            return
        # Of the next blows whichever finds its target: one without (no worker yet) must not hold up the others.
        for blow in self._blows[:3]:
            if blow.answers <= self._sweep.answers() and self._hit(blow.kind):
                self.kills[blow.kind] += 1
                self._blows.remove(blow)
                self._due = None
                self._say(f"killed a {blow.kind}" if blow.kind in ("worker", "node") else f"killed the {blow.kind}")
                return

    def _hit(self, kind: str) -> bool:
        if kind == "driver":
            program = self._sweep.program
            if self._driver_at is not None or program is None or program.poll() is not None:
                return False
            program.kill()
            program.wait()
            return True
        if kind == "node":
            assert self._ray is not None
            up = [number for number in range(self._ray.nodes) if number not in self._nodes_back and self._ray.is_up(number)]
            if not up:
                return False
            number = self._rng.choice(up)
            self._ray.kill_node(number)
            self._nodes_back[number] = time.monotonic() + self._rng.uniform(0.5, 6.0)
            return True
        # Without nodes of its own, Ray is the driver's: another sweep may run beside it.
        root = None if self._ray is not None or self._sweep.program is None else self._sweep.program.pid
        there = titled(self._family.members(root), WORKERS if kind == "worker" else COORDINATOR)
        if there:
            self._family.kill([self._rng.choice(there)])
        return bool(there)

    def _say(self, text: str) -> None:
        say(f"{self._sweep.answers():4} of {self._sweep.questions} answers: {text}")


def titled(members: list[Process], titles: tuple[str, ...]) -> list[Process]:
    """Return the processes whose titles begin with one of these."""
    return [process for process in members if process.title.startswith(titles)]


def plan_blows(kills: int, questions: int, rng: random.Random, local: bool) -> list[Blow]:
    """Return the kills in their order: half of them of workers, the rest shared by the other kinds, spread over the answers.

    Every third comes within a moment of the one before, so that it hits the recovery.
    """
    others = ["driver", "coordinator"] if local else ["driver", "coordinator", "node"]
    kinds = ["worker"] * (kills - kills // 2) + [others[i % len(others)] for i in range(kills // 2)]
    rng.shuffle(kinds)
    moments = sorted(rng.randrange(int(LAST_SHARE * questions)) for _ in kinds)
    blows: list[Blow] = []
    for place, (kind, moment) in enumerate(zip(kinds, moments, strict=True)):
        if place and rng.random() < 1 / 3:
            blows.append(Blow(kind, blows[-1].answers, rng.uniform(0.0, 3.0)))
        else:
            blows.append(Blow(kind, moment, rng.uniform(0.0, 1.0)))
    return blows


def say(text: str) -> None:
    """Print a line now."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def ride_out(storms: Sequence[Storm], end: float) -> None:
    """Run sweeps side by side to their ends.

    Raises:
        Stuck: one of them did not come there, or not in time.
    """
    for storm in storms:
        storm.begin()
    while [storm for storm in storms if storm.go_on()]:
        if time.monotonic() > end:
            raise Stuck("the time is over: " + ", ".join(storm.standing for storm in storms))
        time.sleep(POLL_SECONDS)
