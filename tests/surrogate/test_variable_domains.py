"""What a Pyomo variable may be: read from its domain and bounds, stated to every solver, and held against every decision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from amounts import examples
from hypothesis import given
from hypothesis import strategies as st
from oracles import random_network
from solving import every_solver, solve

from surrogate.errors import InvalidSetting
from surrogate.formulation import embed
from surrogate.models import Place, Status, optimise
from surrogate.networks import ReluNetwork
from surrogate.solvers import HighsSolver, Solver, SolverStatus
from surrogate.variables import Allowed

SAME = ReluNetwork([[[1.0]], [[1.0]]], [[10.0], [-10.0]])
"""The identity above -10."""

Domain = Callable[[], Any]


def of(*values: Any) -> Any:
    return pyo.Set(initialize=list(values))


def to(low: Any, high: Any, step: float = 0) -> Any:
    return pyo.RangeSet(low, high, step)


# A domain, bounds beside it, and what is allowed, as single values and as intervals.
CASES: dict[str, tuple[Domain, tuple[Any, Any], list[float], list[tuple[float, float]]]] = {
    "steps in a set": (lambda: of(0, 5, 10), (None, None), [0, 5, 10], []),
    "no steps": (lambda: of(1, 2, 4), (None, None), [1, 2, 4], []),
    "fractions": (lambda: of(0.5, 1.25, 7.1), (None, None), [0.5, 1.25, 7.1], []),
    "tenths": (lambda: of(0, 0.1, 0.2, 0.3), (None, None), [0, 0.1, 0.2, 0.3], []),
    "two signs": (lambda: of(-1, 1), (None, None), [-1, 1], []),
    "one value": (lambda: of(3), (None, None), [3], []),
    "steps": (lambda: to(0, 10, 5), (None, None), [0, 5, 10], []),
    "steps downwards": (lambda: to(7, -8, -5), (None, None), [-8, -3, 2, 7], []),
    "quarters": (lambda: to(0, 1, 0.25), (None, None), [0, 0.25, 0.5, 0.75, 1], []),
    "halves in whole steps": (lambda: to(0.5, 3, 1), (None, None), [0.5, 1.5, 2.5], []),
    "steps without an end": (lambda: to(0, None, 5), (3, 17), [5, 10, 15], []),
    "steps between bounds": (lambda: of(0, 5, 10, 15), (4.5, 12), [5, 10], []),
    "nought or an interval": (lambda: of(0) | to(2, 5), (None, None), [0], [(2, 5)]),
    "an interval that bounds cut": (lambda: of(0) | to(2, 5), (-1, 4), [0], [(2, 4)]),
    "intervals, a value and steps": (lambda: to(-4, -2) | of(0) | to(2, 8, 3), (None, None), [0, 2, 5, 8], [(-4, -2)]),
    "two intervals": (lambda: to(-4, -2) | to(1, 3), (None, None), [], [(-4, -2), (1, 3)]),
    "touching intervals": (lambda: to(-4, -2) | to(-2, 3), (None, None), [], [(-4, 3)]),
    "whole numbers of an interval": (lambda: pyo.Integers & to(0, 3), (None, None), [0, 1, 2, 3], []),
    "whole numbers but some": (lambda: pyo.Integers - to(0, 3, 1), (-2, 5), [-2, -1, 4, 5], []),
    "one side of a gap": (lambda: pyo.Reals - to(0, 1), (2, 5), [], [(2, 5)]),
    "set difference": (lambda: of(0, 1, 4, 9) - of(4), (None, None), [0, 1, 9], []),
    "a value beside whole numbers": (lambda: of(0) | to(1, 4, 1), (None, None), [0, 1, 2, 3, 4], []),
    "Reals": (lambda: pyo.Reals, (-2, 3), [], [(-2, 3)]),
    "Integers": (lambda: pyo.Integers, (-1.5, 2.5), [-1, 0, 1, 2], []),
    "NonPositiveIntegers": (lambda: pyo.NonPositiveIntegers, (-3, None), [-3, -2, -1, 0], []),
    "PositiveIntegers": (lambda: pyo.PositiveIntegers, (None, 3), [1, 2, 3], []),
    "Binary": (lambda: pyo.Binary, (None, None), [0, 1], []),
    "Boolean": (lambda: pyo.Boolean, (None, None), [0, 1], []),
    "UnitInterval": (lambda: pyo.UnitInterval, (None, None), [], [(0, 1)]),
    "PercentFraction": (lambda: pyo.PercentFraction, (0.25, None), [], [(0.25, 1)]),
    "PositiveReals from a bound on": (lambda: pyo.PositiveReals, (0.5, 2), [], [(0.5, 2)]),
}
every_domain = pytest.mark.parametrize("name", CASES)


def variable_of(name: str) -> Any:
    domain, bounds, _, _ = CASES[name]
    model = pyo.ConcreteModel()
    model.z = pyo.Var(within=domain(), bounds=bounds)
    return model


def nearest(name: str, value: float) -> float:
    _, _, single, intervals = CASES[name]
    return min([*single, *(min(max(value, low), high) for low, high in intervals)], key=lambda v: abs(v - value))


@every_domain
def test_a_value_is_moved_to_the_nearest_allowed_one(name: str) -> None:
    model = variable_of(name)
    allowed = Allowed.of(model.z)
    for value in np.linspace(-11.3, 21.7, 127).tolist():
        assert abs(allowed.project(value) - value) == pytest.approx(abs(nearest(name, value) - value), abs=1e-12)
        assert allowed.violation(value) == pytest.approx(abs(nearest(name, value) - value), abs=1e-12)
        assert allowed.violation(allowed.project(value)) == 0.0
    assert math.isnan(allowed.project(math.nan))


@pytest.mark.few(24)
@every_solver
@every_domain
def test_every_solver_keeps_every_domain(name: str, kind: type[Solver]) -> None:
    ends = [*CASES[name][2], *itertools.chain(*CASES[name][3])]
    for target in (-7.0, 0.3, 1.4, 3.1, 40.0):
        model = variable_of(name)
        domain = model.z.domain
        model.off = pyo.Var(bounds=(0, 100))  # how far z is from the target
        model.over = pyo.Constraint(expr=model.off >= model.z - target)
        model.under = pyo.Constraint(expr=model.off >= target - model.z)
        model.goal = pyo.Objective(expr=model.off)
        solution = solve(kind(), model, [model.z])
        distance = abs(nearest(name, target) - target)
        assert solution.status is SolverStatus.OPTIMAL
        assert solution.objective == pytest.approx(distance, abs=1e-6)
        assert solution.certain_bound == pytest.approx(distance, abs=1e-4)
        assert Allowed.of(model.z).violation(float(solution.values[0])) < 1e-6
        assert model.z.domain is domain
        assert not list(model.component_objects(pyo.Block))
    for sense, end in ((pyo.minimize, min(ends)), (pyo.maximize, max(ends))):
        model = variable_of(name)
        model.goal = pyo.Objective(expr=model.z, sense=sense)
        assert solve(kind(), model, [model.z]).objective == pytest.approx(end, abs=1e-6)


@every_solver
def test_what_bounds_leave_nothing_of_is_infeasible(kind: type[Solver]) -> None:
    for domain, bounds in ((of(0, 5), (1, 4)), (pyo.EmptySet, (0, 1)), (of(0) | to(2, 5), (0.5, 1.5))):
        model = pyo.ConcreteModel()
        model.z = pyo.Var(within=domain, bounds=bounds)
        model.goal = pyo.Objective(expr=model.z)
        assert solve(kind(), model, [model.z]).status is SolverStatus.INFEASIBLE
        assert Allowed.of(model.z).violation(1.0) == math.inf


@every_solver
@pytest.mark.parametrize("held", [5, 0, 2.5, 2.4999999, None])
def test_a_start_is_completed(held: float | None, kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.z = pyo.Var(range(3), domain=lambda _, i: [of(0, 5, 10), of(0) | to(2, 5), to(1, 2) | to(5, 11, 3)][i])
    for i, value in enumerate((5, held, 8)):
        model.z[i].set_value(value, skip_validation=True)
    model.row = pyo.Constraint(expr=sum(model.z.values()) <= 20.0)
    model.goal = pyo.Objective(expr=sum(model.z.values()), sense=pyo.maximize)
    if held is None:
        model.z[1].set_value(0.0)
    assert solve(kind(), model, list(model.z.values()), warm=True).objective == pytest.approx(20.0)


REFUSED: dict[str, tuple[Domain, tuple[Any, Any], str]] = {
    "anything": (lambda: pyo.Any, (0, 1), "domain Any, which is not one of numbers"),
    "texts": (lambda: of("a", "b"), (None, None), r"domain \{a, b\}, which is not one of numbers"),
    "a number and a text": (lambda: of(1, "b"), (None, None), r"domain \{1, b\}, which is not one of numbers"),
    "truth values": (
        lambda: of(True, False),
        (None, None),
        "not one of numbers: give it a domain such as Reals, Integers, Bin",
    ),
    "pairs": (lambda: of((1, 2)), (None, None), "not one of numbers"),
    "infinity": (lambda: of(0, math.inf), (None, None), "every value in it must be finite"),
    "not a number": (lambda: of(math.nan), (None, None), "every value in it must be finite"),
    "an open end": (lambda: pyo.PositiveReals, (None, 4), "may be above 0 to 4: no solver can leave out an end"),
    "an open end that is a bound": (lambda: pyo.NegativeReals, (-4, 0), "may be -4 to below 0: no solver can leave out an end"),
    "a gap with open ends": (lambda: pyo.Reals - to(0, 1), (-4, 4), "may be -4 to below 0 or above 1 to 4: no solver"),
    "a gap and no end": (lambda: of(0) | to(2, None), (None, None), "may be 0 or 2 to inf: give it finite bounds"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_stated_is_refused_by_name(name: str) -> None:
    domain, bounds, message = REFUSED[name]
    model = pyo.ConcreteModel()
    model.z = pyo.Var(within=domain())
    model.x, model.y = pyo.Var(bounds=(0, 1)), pyo.Var()
    model.goal = pyo.Objective(expr=model.y)
    # `z` is added after the bounds, which Pyomo cannot compare with texts.
    model.z.setlb(bounds[0])
    model.z.setub(bounds[1])
    model.row = pyo.Constraint(expr=model.z + model.x <= 5)
    held = model.z.domain
    with pytest.raises(InvalidSetting, match=rf"variable z has the domain.*{message}" if "may be" in message else message):
        solve(HighsSolver(), model, [model.z])
    with pytest.raises(InvalidSetting, match=message):
        optimise(model, Place([model.x], [model.y], SAME), 5.0)
    with pytest.raises(InvalidSetting, match=message if "may be" not in message else "variable z|input z"):
        optimise(model, Place([model.z], [model.y], SAME), 5.0)
    assert model.z.domain is held
    assert not list(model.component_objects(pyo.Block))


def test_embedding_refuses_texts_and_takes_the_hull_of_the_rest() -> None:
    model = pyo.ConcreteModel()
    model.z, model.a = pyo.Var(within=of(-1, 1)), pyo.Var(within=of("a", "b"))
    model.f, model.g = pyo.Block(), pyo.Block()
    embedding = embed(model.f, SAME, [model.z])
    assert (embedding.bounds.lower[-1][0], embedding.bounds.upper[-1][0]) == pytest.approx((-1.0, 1.0), abs=1e-6)
    with pytest.raises(InvalidSetting, match=r"variable a has the domain \{a, b\}"):
        embed(model.g, SAME, [model.a])


class TestDecisions:
    def model(self, domain: Any, bounds: tuple = (None, None)) -> Any:
        """A model whose network has nothing to do with ``z``."""
        model = pyo.ConcreteModel()
        model.z, model.x, model.y = pyo.Var(within=domain, bounds=bounds), pyo.Var(bounds=(0, 1)), pyo.Var()
        model.least = pyo.Constraint(expr=model.z >= 3)
        model.goal = pyo.Objective(expr=model.z + model.y)
        return model

    @pytest.mark.parametrize(
        ("domain", "best"),
        [(lambda: of(0, 5, 10), 5), (lambda: of(1, 2, 4), 4), (lambda: to(0, 10, 5), 5), (lambda: of(0) | to(4, 5), 4)],
    )
    def test_have_allowed_values_and_a_bound_that_holds(self, domain: Domain, best: float) -> None:
        model = self.model(domain())
        held = model.z.domain
        result = optimise(model, Place([model.x], [model.y], SAME), 10.0)
        assert (result.status, model.z.value) == (Status.OPTIMAL, best)
        assert model.z.domain is held
        assert model.z.value in held
        assert result.value == pytest.approx(best, abs=1e-6)
        assert result.bound == pytest.approx(best, abs=1e-3)

    @pytest.mark.parametrize("seed", range(4))
    def test_inputs_of_a_network_are_searched_by_hand_too(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        dense = random_network(rng, (3, 6, 2))
        values = [[-1, 1], [0, 0.3, 2], [-2, 0, 1, 5]]
        model = pyo.ConcreteModel()
        model.x = pyo.Var(range(3), domain=lambda _, i: of(*values[i]))
        model.y = pyo.Var(range(2))
        points = np.array(list(itertools.product(*values)), dtype=np.float64)
        outputs = dense(points)
        floor = float(np.median(outputs[:, 1]))
        model.enough = pyo.Constraint(expr=model.y[1] >= floor - 1e-3)
        model.goal = pyo.Objective(expr=model.y[0])
        result = optimise(model, Place(list(model.x.values()), list(model.y.values()), dense), 10.0)
        best = float(outputs[outputs[:, 1] >= floor - 1e-3, 0].min())
        assert result.status is Status.OPTIMAL
        assert result.value == pytest.approx(best, abs=1e-6)
        assert result.bound == pytest.approx(best, abs=1e-3)
        assert all(variable.value in variable.domain for variable in model.x.values())

    def test_nothing_allowed_is_infeasible(self) -> None:
        model = self.model(of(0, 2))
        assert optimise(model, Place([model.x], [model.y], SAME), 5.0).status is Status.INFEASIBLE

    @pytest.mark.parametrize(
        ("domain", "value"),
        [(of(0, 5, 10), 4), (pyo.Integers, 3.5), (of(0) | to(4, 5), 3.5), (pyo.UnitInterval, 3), (pyo.Binary, 3)],
    )
    def test_a_fixed_value_that_is_not_allowed_is_named(self, domain: Any, value: float) -> None:
        model = self.model(domain)
        model.z.fix(value, skip_validation=True)
        place = Place([model.x], [model.y], SAME)
        with pytest.raises(InvalidSetting, match=rf"variable z is fixed to {value}, but its domain .* allow"):
            optimise(model, place, 5.0)
        model.least.deactivate()
        model.goal.set_value(model.y)  # now nothing uses it
        assert optimise(model, place, 5.0).status is Status.OPTIMAL

    def test_a_fixed_value_that_a_solver_left_almost_there_is_taken(self) -> None:
        model = self.model(pyo.Integers)
        model.z.fix(4.0000001, skip_validation=True)
        assert optimise(model, Place([model.x], [model.y], SAME), 5.0).value == pytest.approx(4.0, abs=1e-6)

    def test_a_fixed_input_that_is_not_allowed_is_named(self) -> None:
        model = self.model(of(0, 5, 10))
        model.x.setub(None)
        model.x.domain = pyo.Integers
        model.x.fix(0.5, skip_validation=True)
        with pytest.raises(InvalidSetting, match=r"variable x is fixed to 0\.5, but its domain Integers and its bounds allow"):
            optimise(model, Place([model.x], [model.y], SAME), 5.0)

    @pytest.mark.parametrize(("value", "taken"), [(4, 5), (7.6, 10), (5 + 5e-7, 5)])
    def test_a_start_that_is_not_allowed_is_moved(self, value: float, taken: float) -> None:
        model = self.model(of(0, 5, 10))
        model.z.set_value(value, skip_validation=True)
        model.x.set_value(0.5)
        result = optimise(model, Place([model.x], [model.y], SAME), 5.0, on_better=lambda _: True)
        assert (result.timeline[0].source, model.z.value) == ("start", taken)


@examples(60)
@given(
    values=st.lists(
        st.one_of(st.integers(-9, 9), st.floats(-9, 9, allow_subnormal=False).map(lambda v: round(v, 2))),
        min_size=1,
        max_size=5,
    ),
    low=st.integers(-9, 9),
    width=st.integers(0, 5),
    step=st.integers(0, 3),
    cut=st.tuples(st.integers(-9, 0), st.integers(0, 9)),
    target=st.floats(-10, 10),
)
def test_unions_are_stated_exactly(values: list, low: int, width: int, step: int, cut: tuple[int, int], target: float) -> None:
    """Any values, an interval or steps, and bounds, against the nearest allowed value found by hand."""
    model = pyo.ConcreteModel()
    model.z = pyo.Var(within=of(*set(values)) | to(low, low + width, step), bounds=cut)
    singles = {float(v) for v in values} | ({float(v) for v in range(low, low + width + 1, step)} if step else set())
    allowed = [v for v in singles if cut[0] <= v <= cut[1]]
    if not step and max(low, cut[0]) <= min(low + width, cut[1]):
        allowed.append(min(max(target, low, cut[0]), low + width, cut[1]))
    model.off = pyo.Var(bounds=(0, 100))
    model.rows = pyo.ConstraintList()
    model.rows.add(model.off >= model.z - target)
    model.rows.add(model.off >= target - model.z)
    model.goal = pyo.Objective(expr=model.off)
    solution = solve(HighsSolver(), model, [model.z])
    if not allowed:
        assert solution.status is SolverStatus.INFEASIBLE
        return
    distance = min(abs(v - target) for v in allowed)
    assert solution.objective == pytest.approx(distance, abs=1e-5)  # the solver's gap is 1e-6 of it
    assert Allowed.of(model.z).violation(target) == pytest.approx(distance, abs=1e-9)
