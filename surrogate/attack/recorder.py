"""The clock and the memory of one attack: every solution met, when, and what the dense network said about it."""

from __future__ import annotations

import time
from typing import Any

from numpy.typing import ArrayLike

from surrogate.attack.result import AttackResult, Event, Instance, Status
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.witness import Checked, check, perturbation_norms


class Recorder:
    """Starts the clock of an attack on ``instance`` and checks each solution met on the dense network.

    Raises:
        InvalidSetting: the region or the classes do not fit the network.
    """

    def __init__(self, dense: ReluNetwork, instance: Instance) -> None:
        self.begin = time.perf_counter()
        self._begin_cpu = time.process_time()
        if instance.region.size != dense.input_size:
            raise InvalidSetting(
                f"the instance's region has {instance.region.size} coordinates but the dense network takes "
                f"{dense.input_size} inputs"
            )
        self.problem = instance.problem
        self.problem.rows(dense.output_size)
        self.dense, self.region = dense, instance.region
        self.best: Checked | None = None
        self.witness: Checked | None = None
        self.first_adversarial_seconds: float | None = None
        self.timeline: list[Event] = []

    def elapsed(self) -> float:
        return time.perf_counter() - self.begin

    def meet(self, x: ArrayLike, source: str, surrogate_margin: float | None = None) -> Checked | None:
        """Check a point and keep it if it is the best so far; None if it is not finite."""
        checked = check(self.dense, self.region, self.problem, x)
        if checked is None:
            return None
        seconds = self.elapsed()
        self.timeline.append(Event(seconds, checked.margin, surrogate_margin, source))
        if self.best is None or checked.margin > self.best.margin:
            self.best = checked
            if checked.is_witness:
                self.witness = checked
        if checked.is_witness and self.first_adversarial_seconds is None:
            self.first_adversarial_seconds = seconds
        return checked

    def result(self, status: Status, timings: dict[str, float], work: dict[str, int], **more: Any) -> AttackResult:
        """Return what was found so far as a result, with the total wall and CPU seconds added to ``timings``."""
        return AttackResult(
            status=status,
            witness=None if self.witness is None else self.witness.point,
            best_point=None if self.best is None else self.best.point,
            margin=None if self.best is None else self.best.margin,
            first_adversarial_seconds=self.first_adversarial_seconds,
            timeline=self.timeline,
            norms={} if self.witness is None else perturbation_norms(self.region, self.witness.point),
            timings={
                **timings,
                "total_seconds": self.elapsed(),
                "cpu_seconds": time.process_time() - self._begin_cpu,
            },
            work=work,
            **more,
        )
