"""The settings of this project that are measured against other tools, in one place."""

from __future__ import annotations

from collections.abc import Callable

from surrogate.attack import AttackResult, GradientAttack, Instance, SurrogateAttack
from surrogate.networks import ReluNetwork
from surrogate.solvers import HighsSolver

Method = Callable[[ReluNetwork, Instance], AttackResult]
"""Takes the dense network and the question; the clock of its result runs from the call."""

STARTS = 200
"""Gradient starts in front of the MILP: tenths of a second on a 4x32 network."""


def best(time_limit_seconds: float) -> Method:
    """Return what we would run: the dense MILP with its bounds over ball and box, from a multi-start gradient attack."""
    solver = HighsSolver(time_limit_seconds=time_limit_seconds)
    attack = SurrogateAttack(solver=solver, start="gradient", gradient=GradientAttack(starts=STARTS))
    return lambda dense, instance: attack.run(dense, dense, instance)


def authors(time_limit_seconds: float) -> SurrogateAttack:
    """Return the paper's setting in this code: bounds from the box alone, no start, incumbents checked and not polished."""
    return SurrogateAttack(
        bounds="box",
        solver=HighsSolver(time_limit_seconds=time_limit_seconds),
        on_incumbent="check",
        start="none",
        polish=False,
    )
