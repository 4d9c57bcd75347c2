"""Differential fuzz: every complete attack against brute force, on small random networks with all that tends to go wrong."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from oracles import brute_force_closest, brute_force_maximum, sample

from surrogate.attack import (
    AttackResult,
    BranchAndBoundAttack,
    ClosestAttack,
    GradientAttack,
    Instance,
    PortfolioAttack,
    RestrictionAttack,
    Status,
    SurrogateAttack,
)
from surrogate.bounds import method
from surrogate.branching import BranchAndBound
from surrogate.errors import SolverFailure
from surrogate.networks import ReluNetwork
from surrogate.problems import Conditions, Margin, Output, Problem
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.solvers import HighsSolver
from surrogate.witness import check, rounding_error

CASES = 300
BOUNDS = ("crown", "alpha_crown", "lp")
TOLERANCE = 2e-5
"""Ten times what a MILP solver's feasibility tolerance makes of these weights; verdicts are compared beyond it."""

SOLVER = HighsSolver(time_limit_seconds=10.0)
SOLVING: dict[str, SurrogateAttack | PortfolioAttack] = {
    "box": SurrogateAttack(bounds="box", solver=SOLVER),
    "interval": SurrogateAttack(bounds="interval", solver=SOLVER),
    "exclude_region": SurrogateAttack(on_incumbent="exclude_region", solver=SOLVER),
    "dense_subproblem": SurrogateAttack(on_incumbent="dense_subproblem", solver=SOLVER),
    "portfolio": PortfolioAttack(bounds="crown", time_limit_seconds=10.0, relative_gap=1e-6),
}
"""Attacks that end with the optimum where the network is its own surrogate; each case takes one besides those of all cases."""


def draw_network(rng: np.random.Generator) -> ReluNetwork:
    """Up to three hidden layers of up to four neurons; some of what pruning and careless training leave behind."""
    sizes = [
        int(rng.integers(1, 5)),
        *rng.integers(1, 5, size=rng.choice(4, p=[0.08, 0.22, 0.5, 0.2])).tolist(),
        int(rng.integers(2, 4)),
    ]
    weights = [rng.normal(size=(out, into)) for into, out in pairwise(sizes)]
    has_bias = rng.uniform() < 0.7
    biases = [rng.normal(size=len(w)) * 0.3 * has_bias for w in weights]
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        hidden = layer < len(weights) - 1
        if rng.uniform() < 0.1:
            weight[rng.uniform(size=weight.shape) < 0.5] = 1e-8
        if rng.uniform() < 0.05:
            weight *= 1e-8
        if rng.uniform() < 0.1:
            weight[rng.integers(len(weight))] = 0.0
        if rng.uniform() < 0.15:
            weight[rng.uniform(size=weight.shape) < 0.4] = 0.0
        if hidden and rng.uniform() < 0.1:
            bias[rng.integers(len(bias))] = rng.choice([-50.0, 50.0])  # never or always active
        if hidden and rng.uniform() < 0.03:
            bias[:] = -50.0  # a dead layer
        if len(weight) > 1 and rng.uniform() < 0.1:
            weight[0], bias[0] = weight[1], bias[1]  # twins
    if sizes[0] > 1 and rng.uniform() < 0.2:
        weights[0][:, 0] = weights[0][:, 1]  # a duplicated input
    return ReluNetwork(weights, biases)


def draw_region(rng: np.random.Generator, size: int) -> Region:
    """Boxes of every size, some coordinates constant, some at their side; radii from tiny to larger than the box."""
    lower = rng.choice([0.0, -1.0, 0.25], size=size)
    upper = lower + rng.choice([1.0, 0.2, 2.0], size=size, p=[0.5, 0.1, 0.4])
    constant = rng.uniform(size=size) < 0.08
    upper[constant] = lower[constant]
    center = lower + rng.choice([0.0, 0.3, 0.5, 1.0], size=size) * (upper - lower)
    norm = str(rng.choice(["l1", "linf", "none", "l2"], p=[0.4, 0.3, 0.2, 0.1]))
    radius = None if norm == "none" else float(rng.choice([1e-3, 0.3, 1.0, 2.0, 50.0], p=[0.05, 0.2, 0.35, 0.3, 0.1]))
    return Region(lower, upper, np.clip(center, lower, upper), radius, norm)


def draw_problem(rng: np.random.Generator, dense: ReluNetwork, region: Region) -> Problem:
    kind = rng.uniform()
    if kind < 0.15:
        return Output(int(rng.integers(dense.output_size)))
    if kind < 0.3:
        at_center = dense(region.center[None])[0]
        matrices = [rng.choice([-1.0, 0.0, 1.0, 0.5], size=(1, dense.output_size)) for _ in range(rng.integers(1, 4))]
        return Conditions([(a, -(a @ at_center) - rng.uniform(0.0, 0.5, size=1)) for a in matrices])
    label = int(dense(region.center[None]).argmax()) if rng.uniform() < 0.8 else int(rng.integers(dense.output_size))
    others = [c for c in range(dense.output_size) if c != label]
    return Margin(label, None if rng.uniform() < 0.5 else int(rng.choice(others)))


def check_verdict(result: AttackResult, expected: float, problem: Problem) -> None:
    """A verdict that the optimum contradicts is wrong, whoever gives it."""
    if result.witness is not None:
        assert expected > -TOLERANCE
        assert result.margin > 0.0
    if result.margin is not None:
        assert result.margin <= expected + TOLERANCE * max(1.0, abs(expected))
    if result.status is Status.ROBUST:
        assert expected < TOLERANCE
    assert problem.asks or result.status not in (Status.ROBUST, Status.ADVERSARIAL)


def check_solved(result: AttackResult, expected: float, problem: Problem) -> None:
    """The optimum was found and proven."""
    allowed = TOLERANCE * max(1.0, abs(expected))
    assert result.margin == pytest.approx(expected, abs=allowed)
    # Never below the optimum, by more than what the oracle's own LPs leave open; above it by the solver's owned-up error.
    assert expected - 1e-7 * max(1.0, abs(expected)) <= result.dual_bound <= expected + 1e-4 * max(1.0, abs(expected))
    assert result.dual_bound >= result.margin
    if not problem.asks:
        assert result.status is Status.OPTIMAL
    elif abs(expected) > allowed:
        assert result.status is (Status.ADVERSARIAL if expected > 0.0 else Status.ROBUST)


def check_ball(rng: np.random.Generator, dense: ReluNetwork, instance: Instance) -> None:
    """An l2 ball, for which there is no brute force: what points reach must be under every bound."""
    region, problem = instance.region, instance.problem
    points = np.concatenate([sample(rng, region, 2000), region.support(rng.normal(size=(200, region.size)))[1]])
    reached = float(problem.value(dense(points)).max())
    for name in BOUNDS:
        found = method(name).compute(problem.fold(dense), region)
        found.require(problem.fold(dense).pre_activations(points), tolerance=1e-12)
    result = branch_and_bound().run(dense, instance)
    assert result.dual_bound >= reached - 1e-9
    if problem.asks and reached > 1e-8:
        assert result.status is not Status.ROBUST


def branch_and_bound() -> BranchAndBoundAttack:
    """From loose bounds, one start and hardly a step, so that it has to split."""
    search = BranchAndBound(batch=2, root_steps=0, steps=2, refine_depth=3)
    return BranchAndBoundAttack(bounds="box", relative_gap=1e-6, gradient=GradientAttack(starts=1), search=search)


def check_closest(dense: ReluNetwork, instance: Instance) -> None:
    """The shortest perturbation, proven as far as the solver's own error lets it be."""
    region, problem = instance.region, instance.problem
    expected = brute_force_closest(problem.fold(dense), region, 1e-6)
    result = ClosestAttack(solver=SOLVER).run(dense, dense, instance)
    allowed = 1e-5 * (1.0 + min(expected, 1.0))
    assert result.dual_bound is not None
    assert result.dual_bound <= min(expected, region.radius or np.inf) + allowed
    if result.witness is not None:
        assert result.norms[region.norm] >= expected - allowed
    if result.solver_status == "optimal" and result.status is Status.ADVERSARIAL:
        assert result.norms[region.norm] <= expected * (1.0 + 2e-4) + allowed
    if result.status is Status.ROBUST:
        assert expected > (region.radius or np.inf) - allowed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(CASES))
def test_fuzz(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dense = draw_network(rng)
    region = draw_region(rng, dense.input_size)
    problem = draw_problem(rng, dense, region)
    instance = Instance(region, problem=problem)
    told = f"seed {seed}: {dense!r}, {region.norm} {region.radius}, {problem}"
    print(told)  # pytest shows it when the case fails
    if region.norm == "l2":
        check_ball(rng, dense, instance)
        return
    expected = brute_force_maximum(problem.fold(dense), region)
    for bounds in BOUNDS:
        check_solved(SurrogateAttack(bounds=bounds).run(dense, dense, instance), expected, problem)
    check_solved(branch_and_bound().run(dense, instance), expected, problem)
    check_solved(SOLVING[list(SOLVING)[seed % len(SOLVING)]].run(dense, dense, instance), expected, problem)
    check_verdict(SurrogateAttack(on_incumbent="stop", solver=SOLVER).run(dense, dense, instance), expected, problem)
    check_verdict(RestrictionAttack(bounds="crown", free=2, time_limit_seconds=0.2).run(dense, instance), expected, problem)
    if seed % 3 == 0 and problem.asks and region.norm != "none":
        check_closest(dense, instance)
    for pruning in ("magnitude", "structured"):
        surrogate = prune(Pruning(pruning, 0.5), dense, None)
        if surrogate.key != dense.key:
            result = SurrogateAttack(polish=True).run(dense, surrogate, instance)
            check_verdict(result, expected, problem)
            assert result.status is not Status.ROBUST


def draw_extreme(rng: np.random.Generator) -> tuple[ReluNetwork, Region]:
    """Weights of 1e3 and 1e6, mixed by layer, by neuron and by entry, kinks near the center, radii from 1e-6 on."""
    plain = draw_network(rng)
    weights = []
    for weight in plain.weights:
        scale = rng.choice([1.0, 1e3, 1e6], size={0: 1, 1: (len(weight), 1), 2: weight.shape}[int(rng.integers(3))])
        weights.append(weight * scale)
    size = plain.input_size
    norm = str(rng.choice(["l1", "linf"]))
    region = Region(0.0, 1.0, rng.choice([0.0, 0.3, 0.5, 1.0], size=size), float(rng.choice([1e-6, 1e-3, 0.3, 30.0])), norm)
    y, biases = region.center, []
    for weight in weights:
        biases.append(-(weight @ y) + rng.normal(size=len(weight)) * np.abs(weight).sum(axis=1) * rng.choice([1e-6, 0.1]))
        y = np.maximum(weight @ y + biases[-1], 0.0)
    return ReluNetwork(weights, biases), region


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(CASES))
def test_fuzz_of_extreme_weights(seed: int) -> None:
    """No brute force is exact here: what any attack reaches, and thousands of points, must be under every bound of all."""
    rng = np.random.default_rng(10_000 + seed)
    dense, region = draw_extreme(rng)
    outputs = dense(region.center[None])[0]
    label = int(outputs.argmax())
    instance = Instance(region, label)
    points = np.concatenate([sample(rng, region, 1000), region.support(rng.normal(size=(200, region.size)))[1]])
    points = np.stack([region.inside(x) for x in points])
    values = instance.problem.value(dense(points))
    top = points[int(np.argmax(values))]
    # Half of the cases ask for nearly the best point's margin: what lies between is what a wrong proof would miss.
    if seed % 2 and values.max() < 0.0:
        weights, biases = list(dense.weights), [b.copy() for b in dense.biases]
        biases[-1][label] += 0.999 * values.max()
        dense = ReluNetwork(weights, biases)
    results: list[AttackResult] = []
    for attack in (
        BranchAndBoundAttack(bounds="crown", time_limit_seconds=0.5),
        SurrogateAttack(bounds=str(rng.choice(["box", "interval", "crown"])), solver=HighsSolver(time_limit_seconds=2.0)),
        SurrogateAttack(on_incumbent="exclude_region", solver=HighsSolver(time_limit_seconds=1.0)),
        ClosestAttack(solver=HighsSolver(time_limit_seconds=1.0)),
    ):
        try:
            found = (
                attack.run(dense, instance) if isinstance(attack, BranchAndBoundAttack) else attack.run(dense, dense, instance)
            )
        except SolverFailure:  # a solver may give up; what it may not do is to prove what is not true
            continue
        results.append(found)
        if not isinstance(attack, ClosestAttack):
            assert found.dual_bound is not None
            reached = float(instance.problem.value(dense(top[None]))[0])
            assert reached <= found.dual_bound + rounding_error(dense, instance.problem, top) + 1e-9 * abs(found.dual_bound)
    best = [result for result in results if result.witness is not None]
    if best or ((checked := check(dense, region, instance.problem, top)) is not None and checked.is_witness):
        assert not any(result.status is Status.ROBUST for result in results)
    for result in best:
        again = check(dense, region, instance.problem, result.witness)
        assert again is not None
        assert again.is_witness
        np.testing.assert_array_equal(again.point, result.witness)
