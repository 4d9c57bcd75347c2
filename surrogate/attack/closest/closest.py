"""The closest attack: the shortest adversarial perturbation, and a proven lower bound on its length."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import MISSING, dataclass
from typing import ClassVar

from surrogate import bounds as bound_methods
from surrogate import formulation as formulations
from surrogate import rules
from surrogate.attack.base import Attack, network_of
from surrogate.attack.closest.search import ClosestSearch
from surrogate.attack.recorder import NearestRecorder, require_surrogate
from surrogate.attack.result import AttackResult
from surrogate.bounds import BoundMethod
from surrogate.formulation import Formulation
from surrogate.networks import ReluNetwork
from surrogate.problems.instance import Instance
from surrogate.problems.objectives import CLOSEST
from surrogate.pruning import Stabilised
from surrogate.settings import chosen, internal, setting
from surrogate.solvers import HighsSolver, Solver, require_solver
from surrogate.witness import WITNESS_MARGIN

PROVERS = ("branch_and_bound", "milp")
"""How the margin is bounded over a ball: :mod:`surrogate.branching`, or the MILP and its solver."""


@dataclass(frozen=True)
class ClosestAttack(Attack):
    r"""Minimise :math:`\|x - x^0\|_p` subject to a dense margin of at least ``threshold``, within the instance's region.

    A gradient attack in shrinking balls gives a short perturbation first. What remains is to prove that there is no shorter
    one: the margin is maximised over the ball of radius :math:`(1 - \mathrm{gap}) \|x - x^0\|_p`, and a dual bound below 0 is
    the proof. A better point that is met on the way ends the search, is shrunk, and gives the next, smaller ball. That ends
    far sooner than a MILP with the norm as its objective: the relaxation of such a MILP does not know that bounds tighten with
    the radius. And it needs nothing that a maximisation does not need.

    The dual bound of the result is the radius of the largest ball that was proven to hold no point with a margin of 0 or more.
    It is a certificate whatever the surrogate is, since only computations on the *dense* network raise it. No linear model can
    state an l2 ball, so that with ``l2`` the prover ``milp`` has only bounds.

    Attributes:
        prover: one of ``PROVERS``, for the dense network; another surrogate is searched by MILP.
        bounds: name of the bound method (``surrogate.bounds.METHODS``), or a method.
        formulation: name of the formulation (``surrogate.formulation.METHODS``), or a formulation.
        solver: the solver; its ``time_limit_seconds`` is the limit of the whole attack.
        starts: points that climb together in the gradient attack.
        steps: most Frank-Wolfe steps of each.
        seed: seed of the random starts.
        threshold: the dense margin that counts; above ``surrogate.witness.WITNESS_MARGIN``.
        relative_gap: the perturbation is optimal when the dual bound is this close, relative to its length.

    Raises:
        InvalidSetting: an unknown name (lists those that there are), or a number out of range.

    Example:
        >>> from surrogate.region import Region
        >>> network = ReluNetwork([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0], [0.0, 0.0]])
        >>> region = Region(0.0, 1.0, [0.6, 0.5], radius=1.0, norm="l1")
        >>> result = ClosestAttack().run(network, network, Instance(region, label=0))
        >>> round(result.norms["l1"], 4), round(result.dual_bound, 4), result.solver_status
        (0.1, 0.1, 'optimal')
    """

    objectives: ClassVar[tuple[str, ...]] = (CLOSEST,)
    takes_surrogate: ClassVar[bool] = True
    limit_only_ends: ClassVar[bool] = False  # the ball that would prove the perturbation the shortest has most of what is left

    prover: str = internal("branch_and_bound", rules.one_of(*PROVERS))
    bounds: str | BoundMethod = chosen("bounds", "alpha_crown", bound_methods.method)
    formulation: str | Formulation = chosen("formulation", "big_m", formulations.method)
    # The gap is the perturbation's: that of a MILP, which proves a sign, would hide it.
    solver: Solver = chosen("solver", MISSING, require_solver, fixed=("relative_gap",), make=HighsSolver)
    starts: int = setting(32, rules.COUNT, key="gradient_starts")
    steps: int = setting(50, rules.COUNT, key="gradient_steps")
    seed: int = setting(0, rules.SEED, key="solver.seed")
    threshold: float = internal(
        1e-6, rules.number(f"a number above {WITNESS_MARGIN}, the margin of a witness", lambda value: value > WITNESS_MARGIN)
    )
    relative_gap: float = setting(1e-4, rules.INNER_SHARE, key="solver.relative_gap", may_be_null=True)

    def answer(self, dense: ReluNetwork, surrogate: ReluNetwork | Stabilised | None, instance: Instance) -> AttackResult:
        return self.run(dense, network_of(surrogate), instance)

    def run(self, dense: ReluNetwork, surrogate: ReluNetwork, instance: Instance) -> AttackResult:
        """Attack one instance; its region's radius is the longest perturbation that is looked for.

        Args:
            dense: the network in question.
            surrogate: the dense network; another one is what the MILPs describe, which finds perturbations but proves nothing.
            instance: center, box, norm and largest radius, and the question.

        Raises:
            InvalidSetting: networks and region that do not fit together, a region without a norm, or a problem without a
                question.
            UnsoundBounds: a perturbation shorter than the proven bound was met; nothing of this attack can be trusted then.
        """
        recorder = NearestRecorder(dense, instance, self.threshold)
        surrogate = require_surrogate(dense, surrogate)
        return ClosestSearch(self, recorder, surrogate).result()


@dataclass(frozen=True)
class ClosestByMilp(ClosestAttack):
    """:class:`ClosestAttack` by MILPs of the network that it is given."""

    name: ClassVar[str] = "surrogate"

    prover: str = internal("milp", rules.one_of(*PROVERS))


@dataclass(frozen=True)
class ClosestByBranching(ClosestAttack):
    """:class:`ClosestAttack` by branch and bound on the dense network, without a MILP."""

    name: ClassVar[str] = "branch_and_bound"
    takes_surrogate: ClassVar[bool] = False

    def without_effect(self) -> Collection[str]:
        return ("formulation", "solver.name", "solver.threads")

    def answer(self, dense: ReluNetwork, surrogate: ReluNetwork | Stabilised | None, instance: Instance) -> AttackResult:
        return self.run(dense, dense, instance)
