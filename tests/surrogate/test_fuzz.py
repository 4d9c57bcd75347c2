"""Differential fuzz: every complete attack against brute force, on small random networks with all that tends to go wrong."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from oracles import brute_force_maximum, sample

from surrogate.attack import AttackResult, GradientAttack, Instance, Status, SurrogateAttack
from surrogate.attack.branch_and_bound import BranchAndBoundAttack
from surrogate.bounds import method
from surrogate.branching import BranchAndBound
from surrogate.networks import ReluNetwork
from surrogate.problems import Margin, Output, Problem
from surrogate.pruning import Pruning, prune
from surrogate.region import Region

CASES = 300
BOUNDS = ("crown", "alpha_crown", "lp")
TOLERANCE = 2e-5
"""Ten times what a MILP solver's feasibility tolerance makes of these weights; verdicts are compared beyond it."""


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
    if rng.uniform() < 0.15:
        return Output(int(rng.integers(dense.output_size)))
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
    assert result.dual_bound == pytest.approx(expected, abs=allowed)
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
    for pruning in ("magnitude", "structured"):
        surrogate = prune(Pruning(pruning, 0.5), dense, None)
        if surrogate.key != dense.key:
            result = SurrogateAttack(polish=True).run(dense, surrogate, instance)
            check_verdict(result, expected, problem)
            assert result.status is not Status.ROBUST
