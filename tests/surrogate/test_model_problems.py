"""The built-in problems: they state what their docstrings say; decisions and truths are held by arithmetic of this file."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from pyomo.contrib.fbbt.fbbt import compute_bounds_on_expr
from pyomo.core.expr.visitor import replace_expressions
from stand_in_tables import PUBLIC, needs_public_tables

from surrogate.bounds import Crown
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.formulation import embed
from surrogate.models import optimise
from surrogate.models.problems import PROBLEMS, ModelInstance, Samples, draw_samples, fit_in_units, fit_networks, in_units
from surrogate.models.reading import UserModel
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region
from surrogate.solvers import HighsSolver, SolverStatus
from surrogate.training import Training, fit

SMALL: dict[str, dict[str, Any]] = {
    "constrained": {"inputs": 3},
    "blending": {"vineyards": 6, "wines": 2, "features": 3},
    "treatment": {"waters": 3, "features": 3, "budget": 0.2},
    "design": {"known": 2, "features": 4},
    "diet": {"foods": 6},
    "scholarship": {"students": 4},
}
"""Parameters with which a problem is solved exactly in well under a second."""

TABLES = ("blending", "treatment", "design", "diet")
"""The problems that can be drawn from tables."""

Made = tuple[dict[str, Samples], dict[str, ReluNetwork], ModelInstance]


@functools.cache
def made(name: str, seed: int) -> Made:
    return make(name, seed, **SMALL[name])


def make(name: str, seed: int, **parameters: Any) -> Made:
    data = draw_samples(PROBLEMS[name], seed, **parameters)
    networks = fit_networks(data, [6], Training(epochs=2, weight_decay=0.0, learning_rate=1e-2))
    return data, networks, PROBLEMS[name].build(networks, seed, **parameters)


def forward(network: ReluNetwork, x: FloatArray) -> FloatArray:
    for weight, bias in list(zip(network.weights, network.biases, strict=True))[:-1]:
        x = np.maximum(weight @ x + bias, 0.0)
    return network.weights[-1] @ x + network.biases[-1]


def require_decision(instance: ModelInstance) -> None:
    """Assert that what the variables hold is a decision, with outputs by a forward pass of this file."""
    for place in instance.places:
        x = np.array([pyo.value(item) for item in place.inputs])
        y = np.array([pyo.value(item) for item in place.outputs])
        np.testing.assert_allclose(forward(place.dense, x), y, rtol=1e-9, atol=1e-9)
    for row in instance.model.component_data_objects(pyo.Constraint, active=True):
        scale = max([1.0, *(abs(pyo.value(side)) for side in (row.lower, row.upper) if side is not None)])
        assert row.slack() >= -2e-6 * scale, row.name
    for variable in instance.model.component_data_objects(pyo.Var):
        low, high = (-np.inf if variable.lb is None else variable.lb), (np.inf if variable.ub is None else variable.ub)
        assert low - 2e-6 * max(1.0, abs(low)) <= variable.value <= high + 2e-6 * max(1.0, abs(high)), variable.name
        assert variable.is_continuous() or variable.value == round(variable.value), variable.name


def exact(instance: ModelInstance) -> float:
    """Return the optimum of the MILP with the dense networks in it, written here and solved to the end by HiGHS."""
    model = instance.model.clone()
    twin = {id(v): model.find_component(v.name) for v in instance.model.component_data_objects(pyo.Var)}
    model.exact = pyo.Block(range(len(instance.places)))
    for block, place in zip(model.exact.values(), instance.places, strict=True):
        block.x = pyo.Var(range(len(place.inputs)))
        sides = []
        for j, item in enumerate(place.inputs):
            expression = item if isinstance(item, float) else replace_expressions(item, twin)
            low, high = (expression, expression) if isinstance(item, float) else compute_bounds_on_expr(expression)
            block.x[j].setlb(low)
            block.x[j].setub(high)
            block.add_component(f"is_{j}", pyo.Constraint(expr=block.x[j] == expression))
            sides.append((low, high))
        box = np.array(sides, dtype=np.float64)
        bounds = Crown().compute(place.dense, Region(box[:, 0], box[:, 1]))
        block.network = pyo.Block()
        embedding = embed(block.network, place.dense, list(block.x.values()), bounds)
        for o, variable in enumerate(place.outputs):
            output = twin[id(variable)]
            block.add_component(f"gives_{o}", pyo.Constraint(expr=output == embedding.outputs[o]))
            output.setlb(float(bounds.lower[-1][o]))  # what another place reads of it needs a range
            output.setub(float(bounds.upper[-1][o]))
    solution = HighsSolver().solve(
        model, [], warm_start=False, on_incumbent=lambda *_: False, deadline=time.perf_counter() + 60.0
    )
    assert solution.status is SolverStatus.OPTIMAL
    assert solution.objective is not None
    return solution.objective


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_same_seed_gives_the_same_instance_and_another_seed_another(name: str) -> None:
    arrays = []
    for seed in (0, 0, 1, 2):
        data = draw_samples(PROBLEMS[name], seed, **SMALL[name])
        networks = {
            key: random_network(np.random.default_rng(5), (samples.x.shape[1], 4, samples.outputs))
            for key, samples in data.items()
        }
        instance = PROBLEMS[name].build(networks, seed, **SMALL[name])
        user = UserModel(instance.model, instance.places)  # which reads and checks all of it
        arrays.append(
            np.concatenate(
                [
                    *(np.concatenate([samples.x.ravel(), samples.y]) for samples in data.values()),
                    user.row_upper[np.isfinite(user.row_upper)],
                    user.row_lower[np.isfinite(user.row_lower)],
                    user.cost,
                    user.matrix.data,
                    *(np.concatenate([link.matrix.data, link.constant]) for link in user.links),
                ]
            )
        )
    np.testing.assert_array_equal(arrays[0], arrays[1])
    for one, other in ((0, 2), (0, 3), (2, 3)):
        assert not np.array_equal(arrays[one], arrays[other])


@pytest.mark.few(6)
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_decision_that_is_found_holds(name: str, seed: int) -> None:
    _, _, instance = made(name, seed)
    result = optimise(instance.model, instance.places, 20.0, on_better=lambda step: True, members=["walks"])
    assert result.value is not None
    require_decision(instance)
    assert instance.true_value is not None
    truth = instance.true_value()
    assert np.isfinite(truth.value)
    assert 0.0 <= truth.violation < np.inf


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_best_decision_is_that_of_an_exact_solve(name: str) -> None:
    _, _, instance = made(name, 1)
    best = exact(instance)
    sign = -1.0 if name in {"blending", "treatment", "design", "scholarship"} else 1.0
    hair = 1e-5 * max(1.0, abs(best))
    result = optimise(
        instance.model, instance.places, 20.0, target=best + sign * hair, members=["walks", "neighbourhoods"], seed=3
    )
    assert result.value == pytest.approx(best, abs=hair)
    require_decision(instance)


def test_constrained_is_true_where_the_functions_are() -> None:
    data, networks, instance = made("constrained", 0)
    model = instance.model
    threshold = np.median(networks["constraint"](data["constraint"].x)) + 1.0
    assert pyo.value(model.enough.lower) == pytest.approx(threshold)
    for i in (0, 1, 2):
        model.x.set_values(dict(enumerate(data["objective"].x[i])))
        truth = instance.true_value()
        assert truth.value == pytest.approx(data["objective"].y[i])
        short = max(0.0, threshold - data["constraint"].y[i])
        assert truth.violation == pytest.approx(short / max(1.0, abs(threshold)))


def test_blending_is_worth_what_its_blends_are() -> None:
    data, _, instance = made("blending", 0)
    share, quality = instance.model.share, data["quality"]
    grapes = []
    for i in range(6):
        share.set_values({index: float(index[0] == i) for index in share})
        blends = [[pyo.value(item) for item in place.inputs] for place in instance.places]
        row = int(np.abs(quality.x - blends[0]).max(axis=1).argmin())
        np.testing.assert_allclose(blends, quality.x[[row, row]])
        assert instance.true_value().value == pytest.approx(2.0 * quality.y[row])
        grapes.append(quality.x[row])
    share.set_values(dict.fromkeys(share, 1.0 / 6.0))
    assert instance.true_value().value == pytest.approx(2.0 * quality.truth(np.mean(grapes, axis=0)[None])[0])


def test_blending_can_afford_the_stated_share_of_the_dearest_wines() -> None:
    networks = made("blending", 0)[1]
    models = [PROBLEMS["blending"].build(networks, 0, budget=b, **SMALL["blending"]).model for b in (0.0, 0.5, 1.0)]
    cheapest, middle, dearest = (pyo.value(model.budget.upper) for model in models)
    assert middle == pytest.approx((cheapest + dearest) / 2.0)
    for sense, expected in ((pyo.minimize, cheapest), (pyo.maximize, dearest)):
        model = models[0].clone()
        model.del_component("total")
        model.budget.deactivate()
        model.cost = pyo.Objective(expr=model.budget.body, sense=sense)
        solution = HighsSolver().solve(
            model, [], warm_start=False, on_incumbent=lambda *_: False, deadline=time.perf_counter() + 60.0
        )
        assert solution.objective == pytest.approx(expected)


def test_treatment_counts_what_is_good_in_truth_and_its_big_m_cuts_nothing_off() -> None:
    data, _, instance = make("treatment", 0, **SMALL["treatment"])
    model, samples = instance.model, data["accepts"]
    assert {0, 1} == set(samples.y.tolist())
    np.testing.assert_array_equal(samples.truth(samples.x) > 0.0, samples.y == 1)
    for group in (model.up, model.down):
        group.set_values(dict.fromkeys(group, 0.0))
    assert instance.true_value().value == 0.0
    before = np.array([pyo.value(item) for item in instance.places[1].inputs])
    moves = samples.x[samples.y == 1][0] - before
    model.up.set_values({(1, j): max(move, 0.0) for j, move in enumerate(moves)}, skip_validation=True)
    model.down.set_values({(1, j): max(-move, 0.0) for j, move in enumerate(moves)}, skip_validation=True)
    assert instance.true_value().value == 1.0
    rng = np.random.default_rng(0)
    model.accepted.set_values(dict.fromkeys(model.accepted, 0))
    for _ in range(200):
        for group in (model.up, model.down):
            for variable in group.values():
                variable.set_value(float(rng.choice([0.0, rng.uniform(0.0, variable.ub), variable.ub])))
        for s, place in enumerate(instance.places):
            model.margin[s] = forward(place.dense, np.array([pyo.value(item) for item in place.inputs]))[0]
            assert model.counts[s].slack() >= 0.0


def test_treatment_counts_only_where_the_margin_is_not_negative() -> None:
    _, _, instance = made("treatment", 0)
    model = instance.model
    model.accepted[0] = 1
    model.margin[0] = -1e-3
    assert model.counts[0].slack() < 0.0
    model.margin[0] = 0.0
    assert model.counts[0].slack() == 0.0


def test_design_keeps_the_stated_distance_and_is_true_along_the_chain() -> None:
    data, _, instance = make("design", 0, known=2, features=4, distance=0.6)
    model, X = instance.model, data["price"].x
    rng = np.random.default_rng(0)
    sellers = np.sort(np.random.default_rng([0, 1]).choice(np.argsort(-data["sales"].y)[:4], 2, replace=False))
    for i in rng.integers(len(X), size=20):
        model.x.set_values(dict(enumerate(X[i])))
        distances = np.abs(X[i] - X[sellers]) / X.std(axis=0)
        for k, j in model.apart:
            model.apart[k, j] = distances[k, j]
            model.above[k, j] = int(X[i, j] >= X[sellers[k], j])
            assert min(model.when_above[k, j].slack(), model.when_below[k, j].slack()) >= -1e-9
            model.apart[k, j] = distances[k, j] + 1e-3
            for side in (0, 1):
                model.above[k, j] = side
                assert min(model.when_above[k, j].slack(), model.when_below[k, j].slack()) < -1e-4
            model.apart[k, j] = distances[k, j]
        for k in range(2):
            assert model.unlike[k].slack() == pytest.approx(distances[k].sum() - 0.6 * 4)
        price = data["price"].truth(X[i][None])
        point = np.column_stack([X[i][None], price])
        threshold = pyo.value(model.keeps.lower)
        truth = instance.true_value()
        assert truth.value == pytest.approx(data["sales"].truth(point)[0])
        short = max(0.0, threshold - data["resale"].truth(point)[0])
        assert truth.violation == pytest.approx(short / max(1.0, abs(threshold)))


def test_diet_costs_what_it_costs_and_is_as_palatable_as_it_is() -> None:
    data, networks, instance = made("diet", 0)
    model, baskets = instance.model, data["palatability"]
    fed = []
    for i in range(300):
        model.amount.set_values(dict(enumerate(baskets.x[i])))
        fed.append(all(row.slack() >= 0.0 for row in model.needs.values()))
    assert 0.1 < np.mean(fed) < 0.3
    threshold = pyo.value(model.palatable.lower)
    truth = instance.true_value()
    assert truth.value == pytest.approx(pyo.value(model.cost))
    assert truth.violation == pytest.approx(max(0.0, threshold - baskets.y[299]) / max(1.0, abs(threshold)))
    values = networks["palatability"](baskets.x[:300])[fed, 0]
    assert 0.0 < (values >= threshold).mean() < 0.2


def test_scholarship_is_worth_the_summed_probabilities() -> None:
    data, _, instance = made("scholarship", 0)
    offers = instance.model.offer
    offers.set_values({s: 0.5 * s for s in offers})
    people = np.array([[pyo.value(item) for item in place.inputs] for place in instance.places])
    np.testing.assert_array_equal(people[:, 2], [0.0, 0.5, 1.0, 1.5])
    assert all(isinstance(item, float) for place in instance.places for item in place.inputs[:2])
    assert instance.true_value().value == pytest.approx(data["enrolment"].truth(people).sum())
    offers.set_values(dict.fromkeys(offers, 2.5))
    more = instance.true_value().value
    offers.set_values(dict.fromkeys(offers, 0.0))
    assert more > instance.true_value().value  # nobody is put off by an offer


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_truth_is_asked_of_a_decision_only(name: str) -> None:
    _, _, instance = make(name, 0, **SMALL[name])
    with pytest.raises(InvalidSetting, match="the model holds no decision yet"):
        instance.true_value()


def test_scaling_is_folded_into_the_network() -> None:
    rng = np.random.default_rng(0)
    network = random_network(rng, (3, 5, 4, 2))
    x_mean, x_deviation = np.array([0.99, 300.0, -2.0]), np.array([2e-3, 80.0, 1.0])
    y_mean, y_deviation = np.array([5.0, -1.0]), np.array([0.1, 30.0])
    x = x_mean + x_deviation * rng.normal(size=(50, 3))
    expected = network((x - x_mean) / x_deviation) * y_deviation + y_mean
    np.testing.assert_allclose(in_units(network, x_mean, x_deviation, y_mean, y_deviation)(x), expected, rtol=1e-9)


def test_a_fitted_network_is_the_scaled_one_with_a_constant_column_and_classes_left_alone() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.uniform(0.99, 1.0, 200), rng.uniform(0.0, 1e4, 200), np.full(200, 0.05)])
    training = Training(epochs=2)
    scaled = (x - x.mean(axis=0)) / np.array([*x.std(axis=0)[:2], 1.0])
    y = 100.0 + 5.0 * scaled[:, 0]
    values = fit(training, [4], scaled, (y - y.mean()) / y.std(), 1)(scaled) * y.std() + y.mean()
    np.testing.assert_allclose(fit_in_units(Samples(x, y), [4], training)(x), values, rtol=1e-9)
    classes = (scaled[:, 0] > 0.0).astype(np.int64)
    logits = fit(training, [4], scaled, classes, 2)(scaled)
    np.testing.assert_allclose(fit_in_units(Samples(x, classes), [4], training)(x), logits, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("constrained", {"inputs": 0}, "inputs must be at least 1"),
        ("constrained", {"above": 50.0}, "no sample is that far above the median"),
        ("constrained", {"above": "much"}, "above='much'"),
        ("blending", {"vineyards": 5_000}, "there are 3000 wines"),
        ("blending", {"wines": 0}, "wines must be at least 1"),
        ("blending", {"budget": 1.5}, "budget=1.5 is not allowed"),
        ("blending", {"features": 2.5}, "features must be at least 1 and whole"),
        ("treatment", {"waters": 2_900}, "samples of class 0"),
        ("treatment", {"budget": 0.0}, "budget=0.0"),
        ("design", {"features": 1}, "features=1"),
        ("design", {"known": 2_000}, "known=2000"),
        ("design", {"distance": 9.0}, "no efficient design is farther away"),
        ("design", {"efficiency": -0.1}, "efficiency=-0.1"),
        ("design", {"resale": 2}, "resale=2"),
        ("diet", {"foods": -1}, "foods must be at least 1"),
        ("diet", {"palatable": float("nan")}, "palatable=nan"),
        ("scholarship", {"students": 0}, "students must be at least 1"),
        ("scholarship", {"budget": -1.0}, "budget=-1.0"),
        *((name, {"seed": -1}, "seed=-1 is not allowed") for name in PROBLEMS),
        *((name, {"networks": {}}, "the problem needs a network named") for name in PROBLEMS),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused(name: str, parameters: dict[str, Any], words: str) -> None:
    networks = made(name, 0)[1]
    with pytest.raises(InvalidSetting, match=words):
        PROBLEMS[name].build(**{"networks": networks, "seed": 0, **SMALL[name], **parameters})


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_network_of_other_sizes_is_refused(name: str) -> None:
    networks = {key: random_network(np.random.default_rng(0), (17, 3, 1)) for key in made(name, 0)[1]}
    with pytest.raises(InvalidSetting, match=r"must have \d+ inputs and \d outputs for these parameters"):
        PROBLEMS[name].build(networks, 0, **SMALL[name])


@needs_public_tables
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_and_its_model_decided(name: str) -> None:
    if name == "diet":
        pytest.importorskip("openpyxl", reason="openpyxl, of the extra excel, is not installed: the workbook is not read")
    arrays = []
    for seed in (0, 1):
        data, _, instance = make(name, seed, folder=PUBLIC)
        assert instance.true_value is None
        result = optimise(instance.model, instance.places, 20.0, on_better=lambda step: True, members=["walks"])
        assert result.value is not None
        require_decision(instance)
        user = UserModel(instance.model, instance.places)
        links = [array for link in user.links for array in (link.matrix.data, link.constant)]
        arrays.append(np.concatenate([user.matrix.data, user.cost, user.row_lower, *links]))
    assert not np.array_equal(*arrays)
    sizes = {"blending": (1599, 11), "treatment": (2011, 9), "design": (156, 10), "diet": (5000, 25)}
    assert next(iter(data.values())).x.shape == sizes[name]


@needs_public_tables
def test_the_diet_of_the_tables_is_in_their_units() -> None:
    pytest.importorskip("openpyxl", reason="openpyxl, of the extra excel, is not installed: the workbook is not read")
    _, _, instance = make("diet", 0, folder=PUBLIC)
    model = instance.model
    model.amount.set_values(dict.fromkeys(model.amount, 0.0), skip_validation=True)
    model.amount[0] = 1.0  # 100 g of beans: 335 of 2100 kcal, 20 of 52.5 g of protein
    assert pyo.value(model.needs[0].body) == pytest.approx(335 / 2100)
    assert pyo.value(model.needs[1].body) == pytest.approx(20 / 52.5)
    assert 8.0 <= pyo.value(model.cost) <= 14.34  # 800 to 1433.52 dollars a tonne


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_are_missing_or_others_are_said_to_be(name: str, tmp_path: Path) -> None:
    problem = PROBLEMS[name]
    with pytest.raises(DataUnavailable, match=r"\.csv cannot be read: No such file"):
        problem.samples(0, folder=tmp_path)
    for file in ("red_wine_quality.csv", "water_quality.csv", "car_sales.csv", "palatable_data.csv"):
        (tmp_path / file).write_text("a,b\n1,2\n")
    with pytest.raises(DataUnavailable, match="replace that file"):
        problem.samples(0, folder=tmp_path)
    with pytest.raises(InvalidSetting, match="path must be a text"):
        problem.samples(0, folder=3)


@needs_public_tables
@pytest.mark.parametrize("name", TABLES)
def test_sizes_that_a_table_settles_are_not_set_beside_it(name: str) -> None:
    with pytest.raises(InvalidSetting, match="=7 is not allowed with the table"):
        PROBLEMS[name].samples(0, **{"foods" if name == "diet" else "features": 7}, folder=PUBLIC)
