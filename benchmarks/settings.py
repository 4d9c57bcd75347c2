"""The settings of this project that are measured against other tools, in one place."""

from __future__ import annotations

from collections.abc import Callable

from surrogate.attack import AttackResult, BranchAndBoundAttack, GradientAttack, Instance, SurrogateAttack
from surrogate.networks import ReluNetwork
from surrogate.solvers import HighsSolver

Method = Callable[[ReluNetwork, Instance], AttackResult]
"""Takes the dense network and the question; the clock of its result runs from the call."""

STARTS = 200
"""Gradient starts in front of the search: tenths of a second on a 4x32 network."""


def best(time_limit_seconds: float) -> Method:
    """Return what we would run: a multi-start gradient attack, then branch and bound on the dense network."""
    return BranchAndBoundAttack(time_limit_seconds=time_limit_seconds, gradient=GradientAttack(starts=STARTS)).run


def authors(time_limit_seconds: float) -> SurrogateAttack:
    """Return the paper's setting in this code: bounds from the box alone, no start, incumbents checked and not polished."""
    return SurrogateAttack(
        bounds="box",
        solver=HighsSolver(time_limit_seconds=time_limit_seconds),
        on_incumbent="check",
        start="none",
        polish=False,
    )
