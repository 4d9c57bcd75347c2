"""Every formulation: a fixed input gives the network's outputs, and nothing is written that the bounds decide."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network, random_region, sample
from solving import solve

from surrogate.bounds import METHODS as BOUNDS
from surrogate.bounds import method
from surrogate.errors import InvalidSetting, UnsoundBounds
from surrogate.formulation import METHODS, constrain, embed
from surrogate.formulation.scaling import normalise
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region
from surrogate.solvers import HighsSolver


def fixed_model(network: ReluNetwork, x: FloatArray, formulation: str, bounds: str, region: Region) -> tuple:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(network.input_size))
    model.f = pyo.Block()
    inputs = list(model.x.values())
    embedding = embed(model.f, network, inputs, method(bounds).compute(network, region), formulation)
    for variable, value in zip(inputs, x, strict=True):
        variable.setlb(float(value))
        variable.setub(float(value))
    return model, embedding


@pytest.mark.few(20)
@pytest.mark.parametrize("formulation", METHODS)
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sense", [pyo.maximize, pyo.minimize])
def test_fixed_input_gives_the_forward_pass(formulation: str, bounds: str, seed: int, sense: int) -> None:
    rng = np.random.default_rng(seed)
    network, region = random_network(rng, (4, 5, 4, 2), bias=seed != 1), random_region(rng, 4, "l1")
    for x in sample(rng, region, 3):
        model, embedding = fixed_model(network, x, formulation, bounds, region)
        # Were there any freedom left, one sense or the other would use it.
        model.goal = pyo.Objective(expr=embedding.outputs[0] + 2.0 * embedding.outputs[1], sense=sense)
        solution = solve(HighsSolver(), model, list(embedding.outputs))
        assert solution.values is not None
        np.testing.assert_allclose(solution.values, network(x[None])[0], atol=1e-6)


@pytest.mark.parametrize("formulation", METHODS)
def test_it_names_all_that_it_adds(formulation: str) -> None:
    rng = np.random.default_rng(5)
    network, region = random_network(rng, (4, 5, 4, 2)), random_region(rng, 4, "linf")
    model, _ = fixed_model(network, region.center, formulation, "crown", region)
    assert set(model.f.component_map()) == set(METHODS[formulation].components)


@pytest.mark.parametrize("formulation", METHODS)
def test_set_values_is_a_feasible_point(formulation: str) -> None:
    rng = np.random.default_rng(5)
    network, region = random_network(rng, (4, 5, 4, 2)), random_region(rng, 4, "linf")
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(4))
    model.f = pyo.Block()
    embedding = embed(model.f, network, list(model.x.values()), method("crown").compute(network, region), formulation)
    for x in sample(rng, region, 5):
        embedding.set_values(x)
        np.testing.assert_allclose([pyo.value(o) for o in embedding.outputs], network(x[None])[0])
        for constraint in model.component_data_objects(pyo.Constraint):
            assert constraint.slack() >= -1e-9, constraint.name
        for variable in model.component_data_objects(pyo.Var):
            assert (variable.lb or -np.inf) - 1e-9 <= variable.value <= (np.inf if variable.ub is None else variable.ub) + 1e-9


@pytest.mark.parametrize("formulation", METHODS)
def test_a_point_outside_the_bounds_is_not_silently_cut_off(formulation: str) -> None:
    network = ReluNetwork([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    model = pyo.ConcreteModel()
    model.x = pyo.Var([0])
    bounds = method("crown").compute(network, Region(0.0, 1.0, [0.5]))
    embedding = embed(model, network, [model.x[0]], bounds, formulation)
    with pytest.raises(UnsoundBounds, match="outside the bounds"):
        embedding.set_values([2.0])


class TestBigMCounts:
    """By hand: x in [0, 1]^2 and four hidden neurons, one always on, one always off, two that switch."""

    network = ReluNetwork(
        [[[1.0, 1.0], [-1.0, 0.0], [1.0, -1.0], [0.0, 2.0]], [[1.0, 5.0, 1.0, 0.0], [0.0, 0.0, 2.0, -1.0]]],
        [[1.0, -1.0, 0.0, -1.0], [0.0, 0.5]],
    )

    def model(self) -> pyo.ConcreteModel:
        model = pyo.ConcreteModel()
        model.x = pyo.Var([0, 1], bounds=(0.0, 1.0))
        embed(model, self.network, list(model.x.values()))
        return model

    def test_variables(self) -> None:
        model = self.model()
        assert sorted(model.y) == [(0, 0), (0, 2), (0, 3)]  # neuron 1 is never positive: it has no variable
        assert sorted(model.n) == sorted(model.s) == [(0, 2), (0, 3)]

    def test_rows_and_nonzeros(self) -> None:
        model = self.model()
        model.goal = pyo.Objective(expr=model.output[0], sense=pyo.maximize)
        size = solve(HighsSolver(), model, list(model.x.values())).size
        assert size["binaries"] == 2
        assert size["columns"] == 2 + 3 + 2 + 2 + 2  # x, y, n, s, output
        assert size["rows"] == 3 + 2 + 2 + 2  # affine, on, off, output_row
        # affine: 2+1, 2+2, 1+2 (the zero weight has none); on and off: 2 each; outputs: y0 and y2, y2 and y3, each with itself
        assert size["nonzeros"] == 3 + 4 + 3 + 2 * 4 + 3 + 3


def test_region_rows() -> None:
    region = Region(0.0, 1.0, [0.5, 0.0, 1.0], 0.75, "l1")
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(3))
    constrain(region, model, list(model.x.values()))
    assert list(model.plus) == list(model.minus) == [0]  # the others can move one way only
    assert [v.bounds for v in model.x.values()] == [(0.0, 1.0), (0.0, 0.75), (0.25, 1.0)]
    model.goal = pyo.Objective(expr=model.x[0] + 2.0 * model.x[1] - model.x[2], sense=pyo.maximize)
    solution = solve(HighsSolver(), model, list(model.x.values()))
    np.testing.assert_allclose(solution.objective, region.support([[1.0, 2.0, -1.0]])[0][0], atol=1e-7)


def test_l2_has_no_linear_model() -> None:
    model = pyo.ConcreteModel()
    model.x = pyo.Var([0])
    with pytest.raises(InvalidSetting, match="no linear formulation"):
        constrain(Region(0.0, 1.0, [0.5], 0.1, "l2"), model, [model.x[0]])


class TestEmbedRefuses:
    network = ReluNetwork([[[1.0, 1.0]], [[1.0]]], [[0.0], [0.0]])

    def test_inputs_without_bounds(self) -> None:
        model = pyo.ConcreteModel()
        model.x = pyo.Var([0, 1], bounds=lambda _, i: (0, 1 if i == 0 else None))
        with pytest.raises(InvalidSetting, match=r"variable x\[1\] has bounds \(0, None\)"):
            embed(model, self.network, list(model.x.values()))

    def test_a_wrong_number_of_inputs(self) -> None:
        model = pyo.ConcreteModel()
        model.x = pyo.Var([0], bounds=(0, 1))
        with pytest.raises(InvalidSetting, match="takes 2 inputs but 1 variables"):
            embed(model, self.network, list(model.x.values()))

    def test_bounds_of_another_network(self) -> None:
        model = pyo.ConcreteModel()
        model.x = pyo.Var([0, 1], bounds=(0, 1))
        other = ReluNetwork([[[1.0, 1.0], [1.0, 0.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
        bounds = method("interval").compute(other, Region(0.0, 1.0, [0.0, 0.0]))
        with pytest.raises(InvalidSetting, match=r"layers of sizes \[2, 1\]"):
            embed(model, self.network, list(model.x.values()), bounds)

    def test_an_unknown_formulation(self) -> None:
        with pytest.raises(InvalidSetting, match="not one of big_m"):
            embed(pyo.ConcreteModel(), self.network, [], formulation="bigm")


@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_rescaled_neurons_leave_the_function_as_it_was(norm: str) -> None:
    rng = np.random.default_rng(0)
    network, region = random_network(rng, (4, 5, 4, 2)), random_region(rng, 4, norm)
    factors = 10.0 ** rng.uniform(-9, 9, size=5)
    first, second, third = network.weights
    skewed = ReluNetwork(
        [first * factors[:, None], second / factors, third],
        [network.biases[0] * factors, *network.biases[1:]],
    )
    bounds = method("crown").compute(skewed, region)
    scaled, scaled_bounds = normalise(skewed, bounds)
    points = sample(rng, region, 50)
    np.testing.assert_array_equal(scaled(points), skewed(points))  # powers of two: to the last bit
    scaled_bounds.require(scaled.pre_activations(points), tolerance=0.0)
    sizes = np.concatenate([np.maximum(-low, high) for low, high in zip(scaled_bounds.lower, scaled_bounds.upper, strict=True)])
    assert sizes.min() > 1e-3
    assert sizes.max() < 1e5
    ordinary, ordinary_bounds = normalise(network, method("crown").compute(network, region))
    assert ordinary.key == network.key  # nothing extreme: nothing touched
    assert ordinary_bounds.unstable_count == method("crown").compute(network, region).unstable_count
