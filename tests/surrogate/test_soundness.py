"""Claims that must hold on the networks and regions that break solvers: each complete attack, each odd case, brute force."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from oracles import brute_force_maximum, exact, random_network, random_region

from surrogate.attack import AttackResult, ClosestAttack, GradientAttack, Instance, Status, SurrogateAttack
from surrogate.attack.complete.branch_and_bound import BranchAndBoundAttack
from surrogate.attack.milp.exclusion import Exclusion
from surrogate.attack.milp.model import MaximisationModel
from surrogate.bounds import METHODS as BOUNDS
from surrogate.bounds import method
from surrogate.errors import InvalidNetwork, SolverFailure
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.solvers import HighsSolver, Solution
from surrogate.witness import check

COMPLETE: dict[str, Callable[[ReluNetwork, Instance], AttackResult]] = {
    **{
        f"MILP, {name}": lambda dense, instance, name=name: SurrogateAttack(bounds=name).run(dense, dense, instance)
        for name in ("box", "crown", "lp")
    },
    "branch and bound": lambda dense, instance: BranchAndBoundAttack(bounds="interval", relative_gap=1e-6).run(dense, instance),
}
"""Attacks that end with the optimum of the dense network, if they are given the time."""


def plain(seed: int, sizes: tuple[int, ...] = (3, 4, 3, 3), bias: bool = True) -> ReluNetwork:
    return random_network(np.random.default_rng(seed), sizes, bias)


def with_layer(network: ReluNetwork, layer: int, change: Callable[[FloatArray, FloatArray], None]) -> ReluNetwork:
    weights, biases = [w.copy() for w in network.weights], [b.copy() for b in network.biases]
    change(weights[layer], biases[layer])
    return ReluNetwork(weights, biases)


def dead(weight: FloatArray, bias: FloatArray) -> None:
    weight[:], bias[:] = -np.abs(weight), -0.5


def zero_row(weight: FloatArray, bias: FloatArray) -> None:
    weight[0] = 0.0


def tiny(weight: FloatArray, bias: FloatArray) -> None:
    weight[::2] = 1e-8 * np.sign(weight[::2])
    bias[::2] = 0.0


def duplicated(weight: FloatArray, bias: FloatArray) -> None:
    weight[:, 1] = weight[:, 0]


def twins(weight: FloatArray, bias: FloatArray) -> None:
    weight[1], bias[1] = weight[0], bias[0]


BALL = random_region(np.random.default_rng(1), 3, "l1")
CASES: dict[str, tuple[ReluNetwork, Region]] = {
    "weights of 1e-8 in the first layer": (with_layer(plain(1), 0, tiny), BALL),
    "weights of 1e-8 further in": (with_layer(plain(2), 1, tiny), BALL),
    "a dead layer": (with_layer(plain(3), 1, dead), BALL),
    "all neurons of the first layer pruned": (with_layer(plain(3), 0, lambda w, b: w.fill(0.0)), BALL),
    "zero row": (with_layer(plain(4), 0, zero_row), BALL),
    "zero row at the end": (with_layer(plain(4), 2, zero_row), BALL),
    "no bias": (plain(5, bias=False), BALL),
    "one layer": (plain(6, (3, 3)), BALL),
    "radius larger than the box, l1": (plain(7), Region(0.0, 1.0, [0.0, 0.5, 1.0], 99.0, "l1")),
    "radius larger than the box, linf": (plain(7), Region(0.0, 1.0, [0.0, 0.5, 1.0], 99.0, "linf")),
    "duplicated inputs": (with_layer(plain(8), 0, duplicated), BALL),
    "equal neurons": (with_layer(plain(9), 1, twins), BALL),
    "a constant input": (plain(10), Region([0.0, 0.3, 0.0], [1.0, 0.3, 1.0], [0.5, 0.3, 0.2], 0.6, "l1")),
    "all inputs constant": (plain(11), Region([0.1, 0.3, 0.5], [0.1, 0.3, 0.5], [0.1, 0.3, 0.5], 0.6, "linf")),
    "a tiny radius": (plain(12), Region(0.0, 1.0, [0.5, 0.5, 0.5], 1e-7, "l1")),
}


@functools.cache
def question(case: str, target: bool) -> tuple[ReluNetwork, Instance, float]:
    """A case, against the class after the label or any other one, and its optimum by brute force."""
    dense, region = CASES[case]
    label = int(dense(region.center[None]).argmax())
    instance = Instance(region, label, (label + 1) % 3 if target else None)
    return dense, instance, brute_force_maximum(instance.problem.fold(dense), region)


@pytest.mark.few(20)
@pytest.mark.parametrize("attack", COMPLETE)
@pytest.mark.parametrize("case", CASES)
def test_odd_networks_and_regions(case: str, attack: str) -> None:
    for target in (False, True):
        dense, instance, expected = question(case, target)
        result = COMPLETE[attack](dense, instance)
        assert result.margin == pytest.approx(expected, abs=1e-5)
        assert result.dual_bound == pytest.approx(expected, abs=1e-4)  # with what the tolerances of a solver may do
        if abs(expected) > 1e-4:
            assert result.status is (Status.ADVERSARIAL if expected > 0.0 else Status.ROBUST)


@pytest.mark.few(5)
@pytest.mark.parametrize("case", CASES)
def test_a_surrogate_of_an_odd_network_proves_nothing(case: str) -> None:
    dense, instance, expected = question(case, False)
    for pruning, amount in (("magnitude", 0.5), ("structured", 0.5), ("random", 0.99)):
        surrogate = prune(Pruning(pruning, amount), dense, None)
        if surrogate.key == dense.key:
            continue
        result = SurrogateAttack(polish=True).run(dense, surrogate, instance)
        assert result.status is not Status.ROBUST
        assert (result.status is Status.ADVERSARIAL) <= (expected > 0.0)
        assert result.margin <= expected + 1e-5


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_contain_the_exact_values_however_sums_cancel(name: str) -> None:
    # Large weights that cancel: float64 loses the digits that decide the sign, and only the slack keeps the bounds sound.
    rounded_wrongly = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        first = rng.normal(size=(4, 3)) * 1e6
        first[2:] = -first[:2] * (1.0 + 1e-15)
        last = np.repeat(rng.normal(size=(2, 1)) * 1e6, 4, axis=1) + rng.normal(size=(2, 4))
        network = ReluNetwork([first, last], [rng.normal(size=4), rng.normal(size=2)])
        for norm in ("l1", "linf"):
            region = random_region(rng, 3, norm)
            bounds = method(name).compute(network, region)
            corners = region.support(np.array(list(product((-1.0, 0.0, 1.0), repeat=3))))[1]
            for x in corners:
                if not region.contains(x, tolerance=0.0):
                    continue
                for z, low, high, computed in zip(
                    exact(network, x), bounds.lower, bounds.upper, network.pre_activations(x[None]), strict=True
                ):
                    assert all(Fraction(float(a)) <= v <= Fraction(float(b)) for a, v, b in zip(low, z, high, strict=True))
                    rounded_wrongly += sum(Fraction(float(c)) != v for c, v in zip(computed[0], z, strict=True))
    assert rounded_wrongly > 0


def cancelling(seed: int, scale: float) -> tuple[ReluNetwork, Instance, Fraction]:
    """Two neurons whose products of weights cancel in float64 and not in truth: the margin's slope is ``a c - b d``."""
    a, b, c = np.random.default_rng(seed).uniform(0.5, 2.0, 3) * scale
    d = a * c / b
    dense = ReluNetwork([[[a], [b]], [[0.0, 0.0], [c, -d]]], [[0.0, 0.0], [0.0, 0.0]])
    slope = Fraction(float(a)) * Fraction(float(c)) - Fraction(float(b)) * Fraction(float(d))
    return dense, Instance(Region(0.5, 1.0, [0.75], 0.2, "linf"), 0, 1), slope


@pytest.mark.few(5)
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_contain_what_cancels_in_the_products_of_weights(name: str, scale: float) -> None:
    for seed in range(30):
        dense, instance, slope = cancelling(seed, scale)
        bounds = method(name).compute(instance.problem.fold(dense), instance.region)
        for x in (0.55, 0.95):
            assert Fraction(float(bounds.lower[-1][0])) <= slope * Fraction(x) <= Fraction(float(bounds.upper[-1][0]))


@pytest.mark.parametrize("size", [1e6, 1e9])
def test_a_folded_network_is_from_above_however_its_rows_cancel(size: float) -> None:
    # Outputs with one large bias in common: their difference is what rounding leaves of it.
    below = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        given = random_network(rng, (3, 4, 3))
        dense = ReluNetwork(given.weights, [given.biases[0], size * (1.0 + 1e-9 * rng.normal(size=3))])
        region = random_region(rng, 3, "l1")
        instance = Instance(region, 0)
        a, _ = instance.problem.rows(3)
        outputs = exact(dense, region.center)[-1]
        truth = [sum((Fraction(float(w)) * z for w, z in zip(row, outputs, strict=True)), Fraction(0)) for row in a]
        raised = exact(instance.problem.fold(dense, region), region.center)[-1]
        assert all(low <= high for low, high in zip(truth, raised, strict=True))
        assert max(high - low for low, high in zip(truth, raised, strict=True)) < 1e-14 * size
        below += any(
            low < high for low, high in zip(exact(instance.problem.fold(dense), region.center)[-1], truth, strict=True)
        )
    assert below > 0, "without the region the rounding is left as it is"


def test_a_margin_of_what_rounding_may_be_is_not_called_robust() -> None:
    # The clean image's margin is -1e-9 in truth and anything within 1e-6 of it in float64.
    for seed in range(10):
        rng = np.random.default_rng(seed)
        bias = 1e9 * rng.uniform(1.0, 2.0)
        dense = ReluNetwork([rng.normal(size=(4, 3)), 1e-12 * rng.normal(size=(2, 4))], [rng.normal(size=4), [bias, bias]])
        instance = Instance(random_region(rng, 3, "l1"), 0, 1)
        for attack in COMPLETE.values():
            try:
                result = attack(dense, instance)
            except SolverFailure:
                continue
            assert (result.status, result.witness) == (Status.UNRESOLVED, None)


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_what_only_rounding_decides_is_unresolved(scale: float) -> None:
    answered = 0
    for seed in range(12):
        dense, instance, _ = cancelling(seed, scale)
        for attack in (
            lambda d, i: SurrogateAttack().run(d, d, i),
            lambda d, i: ClosestAttack().run(d, d, i),
            lambda d, i: BranchAndBoundAttack(time_limit_seconds=2.0, gradient=GradientAttack(starts=1)).run(d, i),
        ):
            try:
                result = attack(dense, instance)
            except SolverFailure:  # HiGHS may give up on rows like 1e12 (y - y'); what it may not do is to prove
                continue
            assert (result.status, result.witness) == (Status.UNRESOLVED, None)
            answered += 1
    assert answered >= 24


def steep(shift: float, unit: float = 1.0) -> tuple[ReluNetwork, Instance]:
    """Weights of 1e6: the margin is about ``1e12 - shift``, and HiGHS once proved it negative. ``unit`` scales the outputs."""
    first = 1e6 * np.array([[-2.6, 0.4, -0.6], [-0.5, -0.2, -2.0], [-0.2, -0.9, 3.3], [0.2, -0.35, -0.3], [-0.7, -1.0, -0.4]])
    last = unit * 1e6 * np.array([0.48, -0.24, 0.96, -0.2, 0.02])
    biases = [[1e5, -2e5, -1e5, -7e5, 5e5], [0.0, -unit * shift]]
    return ReluNetwork([first, [0.0 * last, last]], biases), Instance(Region(0.0, 1.0, [0.7, 0.2, 0.1], 0.3, "l1"), 0, 1)


@pytest.mark.parametrize("unit", [1.0, 1e-12])
@pytest.mark.parametrize("policy", ["check", "stop", "exclude_region", "dense_subproblem"])
def test_weights_of_a_million_are_not_called_robust(policy: str, unit: float) -> None:
    dense, instance = steep(8e9, unit)
    margin = float(instance.problem.value(dense([[0.7, 0.2, 0.4]]))[0])  # 8.56e11 units
    result = SurrogateAttack(on_incumbent=policy).run(dense, dense, instance)
    assert result.status is Status.ADVERSARIAL
    assert result.dual_bound >= result.margin
    if policy != "stop":
        assert result.margin == pytest.approx(margin, rel=1e-4)
        assert result.dual_bound == pytest.approx(margin, rel=1e-2)


def test_weights_of_a_million_are_called_robust_where_they_are() -> None:
    dense, instance = steep(9e11)
    assert SurrogateAttack(bounds="box").run(dense, dense, instance).status is Status.ROBUST


def test_a_bound_on_more_than_tolerances_show_is_none() -> None:
    # A neuron that reaches 1e-9 of its negative side, multiplied by 1e9 and hidden by what a solver calls 0.
    hidden = np.array([[1e-9, -1e-9, 1e-9], [0.0, 0.0, -1.0]])
    dense = ReluNetwork([hidden, [[0.0, 0.0], [1e9, 0.0]]], [[-5e-10, 0.0], [0.0, -0.4]])
    instance = Instance(Region(0.0, 1.0, [0.5, 0.5, 0.5], 0.4, "l1"), 0, 1)
    result = SurrogateAttack(bounds="box").run(dense, dense, instance)
    assert result.status is not Status.ROBUST or brute_force_maximum(instance.problem.fold(dense), instance.region) < 0.0
    tiny = Region(0.0, 1.0, [0.5, 0.5, 0.5], 1e-8, "l1")
    model = MaximisationModel(
        instance.problem.fold(dense),
        instance.problem,
        tiny,
        method("crown").compute(instance.problem.fold(dense), tiny),
        "big_m",
    )
    assert "give the inputs narrower bounds" in str(model.doubt)
    solution = model.solve(
        HighsSolver(), model.inputs, warm_start=False, on_incumbent=lambda *_: False, deadline=time.perf_counter() + 9.0
    )
    assert (solution.dual_bound, solution.certain_bound, solution.doubt) == (None, None, model.doubt)


@pytest.mark.parametrize("policy", ["check", "stop", "exclude_region", "dense_subproblem"])
@pytest.mark.parametrize("start", ["none", "center", "gradient"])
def test_a_sliver_within_the_solvers_tolerances_is_not_called_absent(start: str, policy: str) -> None:
    # The optimum, 0.17, is in a sliver of the box that big-M constants of 1e5 let HiGHS cut off: it once proved -0.09.
    first, last = [[81, 0], [240, 0.0015], [81, -110]], [[310], [0], [-0.28]]
    biases = [[0.42, -0.85, 0.42], [1100], [-341000.2, 0, -341000.2]]
    dense = ReluNetwork([first, [[0.0017, -6.4, -1500]], last], biases)
    region = Region([-167, -1810], [1044, 2300], [0.166, 0.12], 1500, "linf")
    reached = exact(dense, np.array([0.00354163, 0.00642611]))[-1]
    truth = float(max(reached[0], reached[2]) - reached[1])
    assert truth > 0.17
    instance = Instance(region, label=1)
    result = SurrogateAttack(solver=HighsSolver(time_limit_seconds=5.0), start=start, on_incumbent=policy).run(
        dense, dense, instance
    )
    assert result.status is not Status.ROBUST
    assert result.dense_bound >= truth


@pytest.mark.parametrize("policy", ["check", "exclude_region"])
def test_a_solver_that_lies_is_contradicted(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = steep(8e9)
    honest = HighsSolver.solve

    def liar(self: HighsSolver, *arguments: Any, **settings: Any) -> Solution:
        return replace(honest(self, *arguments, **settings | {"on_incumbent": lambda *_: False}), dual_bound=-1e9, values=None)

    monkeypatch.setattr(HighsSolver, "solve", liar)
    result = SurrogateAttack(on_incumbent=policy, exclusion=Exclusion(seeds=0)).run(dense, dense, instance)
    assert (result.status, result.solver_status) == (Status.ADVERSARIAL, "contradicted")
    assert result.dual_bound >= result.margin > 0.0


@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_a_witness_is_held_to_a_stricter_tolerance_than_the_solver(norm: str) -> None:
    # f = x - 0.5 over [0, 0.5 - 2e-7]: within HiGHS's 1e-6 a point beyond the side would be adversarial; there is none inside.
    dense = ReluNetwork([[[1.0]], [[0.0], [1.0]]], [[0.0], [0.5, 0.0]])
    side = 0.5 - 2e-7
    region = Region(0.0, 1.0, [0.0], side, norm)
    instance = Instance(region, 0, 1)
    for beyond in (1e-8, 1e-7, 3e-7, 9e-7):
        checked = check(dense, region, instance.problem, [side + beyond])
        assert checked is not None
        assert not checked.is_witness
        assert checked.point[0] <= side + 1e-9
    for name, attack in COMPLETE.items():
        result = attack(dense, instance)
        assert result.status is not Status.ADVERSARIAL, name
        assert result.witness is None, name
        assert result.margin == pytest.approx(-2e-7, abs=2e-9), name


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["weight", "bias"])
def test_weights_that_are_no_numbers_are_refused_at_every_door(wrong: float, place: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import torch
    from safetensors.numpy import save_file

    arrays = {"weight.0": np.ones((2, 2)), "bias.0": np.zeros(2)}
    arrays[f"{place}.0"].flat[1] = wrong
    message = "layer 0 has weights or biases that are NaN or infinite"
    with pytest.raises(InvalidNetwork, match=message):
        ReluNetwork([arrays["weight.0"]], [arrays["bias.0"]])
    save_file(arrays, str(tmp_path / "stored"))
    with pytest.raises(InvalidNetwork, match=message):
        ReluNetwork.load(tmp_path / "stored")
    module = torch.nn.Sequential(torch.nn.Linear(2, 2))
    with torch.no_grad():
        getattr(module[0], place).view(-1)[1] = wrong
    with pytest.raises(InvalidNetwork, match="NaN"):
        ReluNetwork.from_torch(module)
    good = plain(0, (2, 2))
    with pytest.raises(InvalidNetwork, match=message):
        good.compose(np.array([[wrong, 1.0]]))
