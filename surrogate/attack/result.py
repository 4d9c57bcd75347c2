"""What an attack returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from surrogate.networks import FloatArray


class Status(StrEnum):
    """Verdict on the dense network; each value is the word that results and trackers show."""

    ADVERSARIAL = "adversarial"
    """A witness was found: independently checked in float64 on the dense network."""
    ROBUST = "robust"
    """A sound upper bound on the dense margin over the whole region is negative: of the dense network itself, or of a surrogate
    with a bounded error, that error added. A surrogate's optimum alone proves nothing."""
    OPTIMAL = "optimal"
    """Function maximisation only, which asks no question: the dense network's dual bound meets the best value found."""
    UNRESOLVED = "unresolved"
    """None of these: the limit was reached, or the surrogate's optimum is not adversarial. Says nothing about robustness."""


@dataclass(frozen=True)
class Event:
    """A solution met during the search: when, its dense margin, and its surrogate margin (None if no MILP met it)."""

    seconds: float
    margin: float
    surrogate_margin: float | None
    source: str
    """``start``, ``incumbent``, ``polish``, ``gradient``, ``region`` (met inside an activation region), ``shrink`` (moved
    towards the clean input); or the search by branch and bound that offered it: ``relaxation``, ``restriction``,
    ``surrogate``."""
    norm: float | None = None
    """Length of the perturbation in the region's norm; only the closest attack fills it in."""


@dataclass(frozen=True)
class RegionVisit:
    """One activation region of the surrogate, met at an incumbent, searched and then excluded.

    Attributes:
        seconds: wall seconds spent on it, without those that led there.
        surrogate_margin: the surrogate's margin at the incumbent.
        margin_before: the dense margin at the incumbent.
        margin_after: the largest dense margin met in this region, the polished incumbent included; ``margin_after -
            margin_before`` is the gain.
        bound: proven upper bound on the dense margin over the region; None if there is none.
    """

    seconds: float
    surrogate_margin: float
    margin_before: float
    margin_after: float
    bound: float | None


@dataclass
class AttackResult:
    """What an attack found. Margins are wrong minus right; positive is adversarial.

    Attributes:
        status: verdict on the dense network.
        witness: the best independently checked adversarial input ``(d,)``, or None.
        best_point: the point ``(d,)`` of the region with the largest dense margin met, adversarial or not; None if none was.
        margin: dense margin of ``best_point`` (float64); None if none was met.
        surrogate_margin: largest margin *of the surrogate* among the MILP's incumbents; None without a MILP.
        dual_bound: upper bound on the margin of the network *inside the MILP*, over the region: a bound on the dense margin
            only if that network is the dense one; None if nothing was proven. Of the closest attack: lower bound on the norm of
            every adversarial input, only proven with the dense network.
        dense_bound: upper bound on the *dense* margin over the region: ``dual_bound`` where the MILP holds the dense network,
            ``dual_bound`` plus the surrogate's error where that is bounded (``Stabilised``); None otherwise.
        gap: distance between what was found and what was proven of the dense network, relative to what was found (but at least
            1 for margins); None if either is missing.
        first_adversarial_seconds: seconds from the start of the attack, bounds and model building included, to the first
            witness; None without a witness.
        timeline: every solution met, in order of time.
        norms: ``l0``, ``l1``, ``l2``, ``linf`` of witness minus center; empty without a witness.
        timings: wall seconds ``bounds_seconds``, ``build_seconds``, ``solve_seconds``, ``total_seconds``; ``cpu_seconds``.
        work: counters that do not depend on the machine's load: ``nodes``, ``simplex_iterations``, ``gradient_evaluations``,
            and ``regions`` visited or ``solves`` made by attacks that solve more than one MILP.
        size: ``binaries``, ``rows``, ``columns``, ``nonzeros`` of the model that went to the solver; empty without a MILP.
        solver_status: the solver's verdict on the MILP it was given (``optimal``, ``time_limit``, ...), ``failed`` if it gave
            up after the bounds had decided, ``exhausted`` if every activation region was visited, ``inexact`` if the solver's
            own error hides the rest of a proof, ``contradicted`` if a point of the region beats the solver's bound, which
            then counts for nothing; None without a MILP.
        regions: the activation regions that were visited and excluded, in order of time.
        tightness: how easy the network that was optimised over is to bound: ``unstable`` neurons, the sum ``big_m`` of their
            big-M constants, and ``root_gap``, from the best value of that network to what was proven of it before any
            branching, relative to the value (at least 1). Empty where nothing was bounded over the whole region.
    """

    status: Status
    witness: FloatArray | None
    best_point: FloatArray | None
    margin: float | None
    surrogate_margin: float | None = None
    dual_bound: float | None = None
    dense_bound: float | None = None
    gap: float | None = None
    first_adversarial_seconds: float | None = None
    timeline: list[Event] = field(default_factory=list)
    norms: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    work: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    solver_status: str | None = None
    regions: list[RegionVisit] = field(default_factory=list)
    tightness: dict[str, float] = field(default_factory=dict)
