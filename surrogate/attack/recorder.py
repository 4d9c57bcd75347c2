"""The clock and the memory of one attack: every solution that was found, when, and its value on the dense network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from surrogate.attack.frank_wolfe import ascend, random_starts
from surrogate.attack.result import AttackResult, Event, Status
from surrogate.bounds import Bounds
from surrogate.bounds.base import require_matching
from surrogate.checks import require_kind
from surrogate.errors import InvalidSetting, UnsoundBounds
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.instance import Instance
from surrogate.problems.region import Region
from surrogate.witness import Checked, check, perturbation_norms, rounding_error

CONTRADICTION = 1e-4
"""A proven bound is wrong if the dense network reaches a margin above it by more than this share of the bound's size."""

OnBetterPoint = Callable[[Event, Checked], None]
"""Called with the event and the checked point each time an attack meets a better point than before."""

_LISTENER: ContextVar[OnBetterPoint | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: OnBetterPoint) -> Iterator[None]:
    """Have the attacks that start in this block tell ``listener`` of each better point, at the moment they meet it.

    It is called in the middle of the search, by whichever thread the solver uses, and its time counts as the attack's: it
    should be quick, and what it raises ends the attack.

    Example:
        >>> from surrogate.attack import GradientAttack, Instance
        >>> from surrogate.region import Region
        >>> net = ReluNetwork([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0], [0.0, 0.0]])
        >>> met = []
        >>> with listening(lambda event, checked: met.append(checked.margin)):
        ...     result = GradientAttack().run(net, Instance(Region(0.0, 1.0, [0.6, 0.4], 0.5, "l1"), label=0))
        >>> met[-1] == result.margin
        True
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def require_consistent(recorder: Recorder, bound: float) -> None:
    """Raise UnsoundBounds if the dense network reaches a margin that was proven to be out of reach, rounding set apart."""
    margin, allowed = recorder.margin, bound + CONTRADICTION * (1.0 + abs(bound))
    if margin > allowed and margin - rounding_error(recorder.dense, recorder.problem, recorder.point) > allowed:
        raise UnsoundBounds(f"the dense network reaches the margin {margin} although {bound} was proven to bound it")


CHALLENGERS, CHALLENGE_STEPS = 32, 20
"""Points that climb, and their most steps, before a solver's bound on the dense network is believed."""


def challenge(recorder: Recorder, region: Region, bound: float) -> bool:
    """Climb on the dense network from the best point and random ones; return whether ``bound`` over ``region`` stands.

    A solver's bound is only as good as the solver's tolerances and its code. A point with a margin above the bound shows that
    the bound is wrong, and this point is recorded. No other point is, however good: a MILP that ended with the points of a
    gradient attack would be no yardstick for one. The climb takes as long as a few hundred gradients.
    """
    problem, rng = recorder.problem, np.random.default_rng(0)
    known = region.project(np.stack([region.center, recorder.point]))
    starts = np.concatenate([known, random_starts(region, CHALLENGERS - len(known), rng)])
    reached, margins, _ = ascend(recorder.dense, region, problem, starts, CHALLENGE_STEPS)
    top = int(np.argmax(margins))
    stands = not margins[top] > bound + CONTRADICTION * (1.0 + abs(bound))
    if not stands:
        recorder.meet(reached[top], "gradient")
    return stands


BOUNDS_SHARE = 0.5
"""The share of the time left that computing pre-activation bounds may take. Neurons that are not reached in it keep looser
bounds, and the search has the rest of the time."""


def end_of_bounds(deadline: float) -> float:
    """Return the ``time.perf_counter()`` value until which bounds may be computed from now on, given an attack's deadline."""
    now = time.perf_counter()
    return now + BOUNDS_SHARE * (deadline - now)


class Recorder:
    """Starts the clock of an attack on ``instance`` and checks each solution met on the dense network.

    Raises:
        InvalidSetting: the region or the classes do not fit the network.
        InvalidNetwork: the network's values overflow over the region.
    """

    def __init__(self, dense: ReluNetwork, instance: Instance) -> None:
        import scipy.sparse  # noqa: F401 -- not on the clock: the first time in a process it takes a second

        self.begin = time.perf_counter()
        self._begin_cpu = time.process_time()
        require_kind("the network", dense, ReluNetwork, "ReluNetwork.load(path)")
        require_kind("the question", instance, Instance, "Instance(region, label)")
        if instance.region.size != dense.input_size:
            raise InvalidSetting(
                f"the instance's region has {instance.region.size} coordinates but the dense network takes "
                f"{dense.input_size} inputs"
            )
        self.problem = instance.problem
        self.problem.rows(dense.output_size)
        require_matching(dense, instance.region)
        self.dense, self.region = dense, instance.region
        self.best: Checked | None = None
        self.witness: Checked | None = None
        self.first_adversarial_seconds: float | None = None
        self.timeline: list[Event] = []
        self._listener = _LISTENER.get()  # now: a solver may call back from a thread that has another context

    def elapsed(self) -> float:
        return time.perf_counter() - self.begin

    @property
    def point(self) -> FloatArray:
        """The best point ``(d,)``; the center before any was met."""
        return self.region.center if self.best is None else self.best.point

    @property
    def margin(self) -> float:
        """The margin of the best point; minus infinity before any was met."""
        return -math.inf if self.best is None else self.best.margin

    @property
    def surrogate_margin(self) -> float | None:
        """The largest margin of the surrogate at a point met; None if it is known of none."""
        return max((event.surrogate_margin for event in self.timeline if event.surrogate_margin is not None), default=None)

    def meet(self, x: ArrayLike, source: str, surrogate_margin: float | None = None) -> Checked | None:
        """Check a point and keep it if it is the best so far; None if it is not finite."""
        checked = check(self.dense, self.region, self.problem, x)
        if checked is None:
            return None
        seconds = self.elapsed()
        event = Event(seconds, checked.margin, surrogate_margin, source, self._norm(checked))
        self.timeline.append(event)
        if checked.is_witness and self.first_adversarial_seconds is None:
            self.first_adversarial_seconds = seconds
        if self.best is None or self._better(checked, self.best):
            self.best = checked
            if checked.is_witness:
                self.witness = checked
            if self._listener is not None:
                self._listener(event, checked)
        return checked

    def _better(self, checked: Checked, best: Checked) -> bool:
        return checked.margin > best.margin

    def _norm(self, checked: Checked) -> float | None:
        return None

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


def tightness(bounds: Bounds, best: float | None = None, root_bound: float | None = None) -> dict[str, float]:
    """Return ``AttackResult.tightness`` of a network.

    Args:
        bounds: of the network over the region.
        best: the best value met, of this network; None if none was.
        root_bound: proven of this network before any branching; None if nothing was.
    """
    found: dict[str, float] = {"unstable": bounds.unstable_count, "big_m": bounds.big_m}
    if best is not None and root_bound is not None and math.isfinite(root_bound):
        found["root_gap"] = max(0.0, root_bound - best) / max(1.0, abs(best))
    return found


def require_surrogate(dense: ReluNetwork, surrogate: object) -> ReluNetwork:
    """Return ``surrogate``, which must be a network that can stand in for ``dense``.

    Raises:
        InvalidSetting: it is no network, or one of other sizes.
    """
    require_kind("surrogate", surrogate, ReluNetwork, "prune(Pruning('magnitude', amount=0.5), dense) or the dense one itself")
    assert isinstance(surrogate, ReluNetwork)
    if (surrogate.input_size, surrogate.output_size) != (dense.input_size, dense.output_size):
        raise InvalidSetting(f"surrogate and dense network must have equal input and output sizes: {surrogate!r}, {dense!r}")
    return surrogate


class NearestRecorder(Recorder):
    """Keeps the nearest point whose margin reaches a threshold; until there is one, the point with the largest margin.

    Raises:
        InvalidSetting: as :class:`Recorder` does; a region without a norm, or a problem that asks no question.
    """

    def __init__(self, dense: ReluNetwork, instance: Instance, threshold: float) -> None:
        super().__init__(dense, instance)
        if self.region.radius is None:
            raise InvalidSetting('the closest attack needs a region with a norm (l1, l2 or linf), got norm="none"')
        if not self.problem.asks:
            raise InvalidSetting(f"the closest attack needs a question that a point can answer, got {self.problem!r}")
        self.threshold = threshold

    @property
    def norm(self) -> float | None:
        """Length of the shortest perturbation met that reaches the threshold; None if there is none."""
        return None if self.best is None or not self._reaches(self.best) else self._norm(self.best)

    def _reaches(self, checked: Checked) -> bool:
        return checked.is_witness and checked.margin >= self.threshold

    def _better(self, checked: Checked, best: Checked) -> bool:
        if self._reaches(checked) and self._reaches(best):
            return self._norm(checked) < self._norm(best)
        if self._reaches(checked) or self._reaches(best):
            return self._reaches(checked)
        return checked.margin > best.margin

    def _norm(self, checked: Checked) -> float:
        return float(self.region.distance(checked.point)[0])
