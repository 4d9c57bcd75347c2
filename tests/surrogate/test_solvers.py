"""Every solver: the same answers, the same statuses, and the same behaviour while it runs."""

from __future__ import annotations

import importlib.util
import itertools
import time
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import brute_force_maximum, random_network, random_region
from pyomo.contrib.solver.common.base import Availability
from pyomo.contrib.solver.solvers.gurobi import GurobiPersistent
from solving import EXTRA, every_solver, extra_solver, gurobi, solve

from surrogate.attack import Instance, Status, SurrogateAttack
from surrogate.errors import InvalidSetting, SolverFailure
from surrogate.models.programmes.turns import SolveInTurns
from surrogate.region import Region
from surrogate.solvers import GurobiSolver, HighsSolver, ScipSolver, Solution, Solver, SolverStatus
from surrogate.solvers.listener import Listener


def random_milp(seed: int, sense: Any) -> pyo.ConcreteModel:
    """A bounded model with equalities, ranges, integers beyond 0 and 1, an offset, and columns that only the objective has."""
    rng = np.random.default_rng(seed)
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(6), bounds=(-2.0, 3.0))
    model.k = pyo.Var(range(5), domain=pyo.Integers, bounds=(-1, 4))
    model.b = pyo.Var(range(3), domain=pyo.Binary)
    every = [*model.x.values(), *model.k.values(), *model.b.values()]
    A = rng.normal(size=(6, len(every))) * (rng.uniform(size=(6, len(every))) < 0.7)
    A[:, 0] = 0.0
    inside = np.array([rng.uniform(-1.0, 2.0) for _ in range(6)] + list(rng.integers(-1, 4, 5)) + list(rng.integers(0, 2, 3)))
    middle = A @ inside
    model.equal = pyo.Constraint(expr=sum(a * v for a, v in zip(A[0], every, strict=True)) == middle[0])
    model.range = pyo.Constraint(expr=(middle[1] - 1.0, sum(a * v for a, v in zip(A[1], every, strict=True)), middle[1] + 0.5))
    model.rows = pyo.Constraint(
        range(2, 6), rule=lambda m, i: sum(a * v for a, v in zip(A[i], every, strict=True)) <= middle[i] + 0.3
    )
    cost = rng.normal(size=len(every))
    model.goal = pyo.Objective(expr=sum(c * v for c, v in zip(cost, every, strict=True)) + 7.0, sense=sense)
    return model


def hard(count: int = 40) -> pyo.ConcreteModel:
    """A market split problem: no solver here closes it in seconds, and none starts with its solution."""
    rng = np.random.default_rng(5)
    A = rng.integers(0, 100, size=(5, count)).astype(float)
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(count), domain=pyo.Binary)
    model.over, model.under = (pyo.Var(range(5), bounds=(0, 5000)) for _ in range(2))
    model.rows = pyo.Constraint(
        range(5),
        rule=lambda m, i: sum(A[i, j] * m.x[j] for j in m.x) + m.over[i] - m.under[i] == np.floor(A[i].sum() / 2),
    )
    model.goal = pyo.Objective(expr=sum(model.over.values()) + sum(model.under.values()))
    return model


def start_at(model: Any, seed: int) -> float:
    """Set the variables of :func:`hard` to a solution; return its objective."""
    rng = np.random.default_rng(seed)
    for variable in model.x.values():
        variable.value = int(rng.integers(0, 2))
    for i in model.over:
        model.over[i].value = model.under[i].value = 0.0
        off = pyo.value(model.rows[i].body) - pyo.value(model.rows[i].upper)
        model.over[i].value, model.under[i].value = max(-off, 0.0), max(off, 0.0)
    return pyo.value(model.goal)


@extra_solver
@pytest.mark.parametrize("sense", [pyo.minimize, pyo.maximize])
def test_agrees_with_highs(kind: type[Solver], sense: Any) -> None:
    for seed in range(8):
        model = random_milp(seed, sense)
        every = list(model.component_data_objects(pyo.Var))
        ours, reference = solve(kind(), model, every), solve(HighsSolver(), model, every)
        assert (ours.status, reference.status) == (SolverStatus.OPTIMAL, SolverStatus.OPTIMAL)
        assert ours.objective == pytest.approx(reference.objective, rel=1e-5, abs=1e-5)
        assert ours.size == reference.size
        # The bound is on the right side, up to the error it owns up to.
        assert ours.dual_bound is not None
        slack = 1e-6 * max(1.0, abs(reference.objective)) + ours.bound_error
        gap = (ours.dual_bound - reference.objective) * (1.0 if sense == pyo.minimize else -1.0)
        assert -2e-5 < gap <= slack
        assert 0.0 < ours.bound_error < 1e-3
        assert ours.work["nodes"] >= 0
        # The point is feasible and has the objective that is reported.
        assert all(variable.value is None for variable in every)  # the model is left as it was
        for variable, value in zip(every, ours.values, strict=True):
            variable.set_value(float(value), skip_validation=True)
        assert pyo.value(model.goal) == pytest.approx(ours.objective, abs=1e-9)
        rows = list(model.component_data_objects(pyo.Constraint))
        assert min(min(row.lslack(), row.uslack()) for row in rows) > -1e-5


@extra_solver
@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_the_attack_with_it_agrees_with_brute_force(kind: type[Solver], norm: str) -> None:
    rng = np.random.default_rng(11)
    verdicts = set()
    for _ in range(6):
        network = random_network(rng, (4, 5, 3))
        region = random_region(rng, 4, norm)
        label = int(network(region.center[None]).argmax())
        instance = Instance(region, label, (label + 1) % 3)
        attack = SurrogateAttack(solver=kind(time_limit_seconds=20.0))
        result = attack.run(network, network, instance)
        best = brute_force_maximum(network.compose(np.eye(3)[[(label + 1) % 3]] - np.eye(3)[[label]]), region)
        assert result.status is (Status.ADVERSARIAL if best > 0.0 else Status.ROBUST)
        assert result.margin == pytest.approx(best, abs=1e-5)
        verdicts.add(result.status)
    assert verdicts == {Status.ADVERSARIAL, Status.ROBUST}


@extra_solver
def test_a_time_limit_gives_an_attack_no_verdict(kind: type[Solver]) -> None:
    rng = np.random.default_rng(3)
    network = random_network(rng, (30, 100, 100, 2))
    center = np.full(30, 0.5)
    label = int(network(center[None]).argmax())
    far = network.biases[-1] + (3000.0 * (np.arange(2) == label))  # robust by far, but the bounds alone do not see it
    guarded = type(network)(network.weights, [*network.biases[:-1], far])
    instance = Instance(Region(0.0, 1.0, center), label, 1 - label)
    result = SurrogateAttack(solver=kind(time_limit_seconds=0.5)).run(guarded, guarded, instance)
    assert (result.status, result.solver_status) == (Status.UNRESOLVED, "time_limit")


@every_solver
def test_a_linear_programme_has_a_bound_at_its_optimum(kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 1))
    model.goal = pyo.Objective(expr=3.0 * model.x + 1.0, sense=pyo.maximize)
    model.row = pyo.Constraint(expr=model.x <= 0.5)
    solution = solve(kind(), model, [model.x])
    assert (solution.status, solution.dual_bound) == (SolverStatus.OPTIMAL, pytest.approx(2.5))
    assert solution.objective == pytest.approx(2.5)


@every_solver
def test_infeasible_is_a_status_without_a_bound(kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.k = pyo.Var(range(2), domain=pyo.Integers, bounds=(0, 5))
    model.row = pyo.Constraint(expr=2.0 * model.k[0] + 2.0 * model.k[1] == 5.0)
    model.goal = pyo.Objective(expr=model.k[0])
    solution = solve(kind(), model, list(model.k.values()))
    assert (solution.status, solution.objective, solution.dual_bound, solution.values) == (
        SolverStatus.INFEASIBLE,
        None,
        None,
        None,
    )


@every_solver
def test_a_violated_row_of_fixed_variables_is_infeasible_too(kind: type[Solver]) -> None:
    model = random_milp(0, pyo.minimize)
    model.fixed = pyo.Var(initialize=2.0)
    model.fixed.fix()
    model.impossible = pyo.Constraint(expr=model.fixed <= 1.0)
    assert solve(kind(), model, []).status is SolverStatus.INFEASIBLE


@every_solver
def test_unbounded_is_a_failure_with_the_solvers_words(kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.x = pyo.Var()
    model.k = pyo.Var(domain=pyo.Integers, bounds=(0, 3))
    model.goal = pyo.Objective(expr=model.x + model.k)
    model.row = pyo.Constraint(expr=model.x + model.k <= 1.0)
    with pytest.raises(SolverFailure, match=rf"(?i){kind.title} ended with the status '.*(unbounded|unbd)"):
        solve(kind(), model, [model.x])


@every_solver
def test_unbounded_names_a_variable_that_makes_it_so(kind: type[Solver]) -> None:
    for goal, guilty in (("y + u", "u"), ("v + u", "u"), ("x - k", "k"), ("y + total", "total"), ("y - v", "v")):
        model = pyo.ConcreteModel()
        model.x, model.v = pyo.Var(bounds=(0, 1)), pyo.Var(within=pyo.NonNegativeReals)
        model.y, model.u, model.total, model.k = pyo.Var(), pyo.Var(), pyo.Var(), pyo.Var(within=pyo.Integers)
        model.link = pyo.Constraint(expr=model.y == 2.0 * model.x)  # as a network's output: bounded, though not by itself
        model.sum = pyo.Constraint(expr=model.total == model.y - model.v)
        left, sign, right = goal.split()
        model.goal = pyo.Objective(expr=getattr(model, left) + (1 if sign == "+" else -1) * getattr(model, right))
        with pytest.raises(SolverFailure, match=rf"give bounds to .* needs, such as {guilty} with the bounds \("):
            solve(kind(), model, [model.x])


@every_solver
def test_a_nonlinear_model_is_refused(kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 1))
    model.bent = pyo.Constraint(expr=model.x**3 <= 0.5)
    model.goal = pyo.Objective(expr=model.x)
    with pytest.raises(
        InvalidSetting,
        match=r"(cannot be read as a mixed-integer linear programme.*bent|bent is neither linear nor quadratic, x\*\*3)",
    ):
        solve(kind(), model, [model.x])


@every_solver
def test_two_objectives_are_refused(kind: type[Solver]) -> None:
    model = random_milp(0, pyo.minimize)
    model.second = pyo.Objective(expr=model.x[0])
    with pytest.raises(InvalidSetting, match="one active objective, got 2"):
        solve(kind(), model, [])


@every_solver
def test_a_time_limit_keeps_incumbent_and_bound(kind: type[Solver]) -> None:
    model = hard()
    begin = time.perf_counter()
    solution = solve(kind(time_limit_seconds=0.7), model, list(model.x.values()))
    assert time.perf_counter() - begin < 5.0
    assert solution.status is SolverStatus.TIME_LIMIT
    assert solution.objective is not None
    assert solution.dual_bound is not None
    assert solution.dual_bound < solution.objective
    assert solution.work["simplex_iterations"] > 0


@every_solver
def test_the_deadline_ends_it_before_the_time_limit(kind: type[Solver]) -> None:
    model = hard()
    begin = time.perf_counter()
    solution = solve(kind(time_limit_seconds=60.0), model, [], seconds=0.7)
    assert solution.status is SolverStatus.TIME_LIMIT
    assert time.perf_counter() - begin < 5.0


@every_solver
def test_a_passed_deadline_returns_at_once(kind: type[Solver]) -> None:
    solution = solve(kind(), hard(), [], seconds=-1.0)
    assert (solution.status, solution.objective, solution.size["binaries"]) == (SolverStatus.TIME_LIMIT, None, 40)


@every_solver
def test_incumbents_arrive_while_it_runs(kind: type[Solver]) -> None:
    model = hard()
    met: list[float] = []
    during: list[int] = []  # how many were met before the solver asked once more

    def pause() -> bool:
        during.append(len(met))
        return len(met) > 1

    solution = solve(kind(), model, list(model.x.values()), lambda _, value: met.append(value), pause=pause)
    assert met == sorted(met, reverse=True)
    assert (solution.status, during[-1] > 1) == (SolverStatus.STOPPED, True)
    assert solution.objective == pytest.approx(met[-1], abs=1e-4)


@every_solver
def test_the_callback_can_end_it_at_the_first(kind: type[Solver]) -> None:
    begin = time.perf_counter()
    solution = solve(kind(), hard(), [], lambda *_: True)
    assert solution.status is SolverStatus.STOPPED
    assert solution.objective is not None
    assert solution.dual_bound is None or solution.dual_bound <= solution.objective
    assert time.perf_counter() - begin < 5.0


@every_solver
def test_pause_is_called_and_ends_it(kind: type[Solver]) -> None:
    calls = 0

    def pause() -> bool:
        nonlocal calls
        calls += 1
        return calls == 5

    solution = solve(kind(), hard(), [], pause=pause)
    assert (solution.status, calls) == (SolverStatus.STOPPED, 5)


@every_solver
def test_an_error_in_pause_arrives_here(kind: type[Solver]) -> None:
    def pause() -> bool:
        raise ZeroDivisionError("in pause")

    with pytest.raises(ZeroDivisionError, match="in pause"):
        solve(kind(), hard(), [], pause=pause)


class Stated:
    """What :class:`Proof` needs of a stated model."""

    def __init__(self, model: pyo.ConcreteModel) -> None:
        self.model = model

    def solve(self, solver: Solver, deadline: float, start: Any, on_point: Any, pause: Any) -> Solution:
        return solver.solve(
            self.model,
            list(self.model.x.values()),
            warm_start=start is not None,
            on_incumbent=lambda values, _: on_point(values),
            deadline=deadline,
            pause=pause,
        )


@every_solver
def test_one_solve_waits_while_another_runs(kind: type[Solver]) -> None:
    met: list[Any] = []
    proof = SolveInTurns(Stated(hard()), kind(), time.perf_counter() + 30.0, None, lambda x: bool(met.append(x)))
    other = random_milp(3, pyo.minimize)
    alone = solve(HighsSolver(), other, []).objective
    for _ in range(3):
        assert proof.advance(time.perf_counter() + 0.1) is None  # it has not ended, and waits
        assert solve(kind(), other, []).objective == pytest.approx(alone, abs=1e-5)
    solution = proof.finish()
    assert solution is not None
    assert (solution.status, solution.doubt) == (SolverStatus.STOPPED, None)
    assert len(met) > 0
    assert solution.dual_bound is not None


@every_solver
def test_two_solves_take_turns(kind: type[Solver]) -> None:
    deadline = time.perf_counter() + 30.0
    both = [SolveInTurns(Stated(hard(count)), kind(), deadline, None, lambda _: False) for count in (40, 45)]
    for _ in range(2):
        assert [proof.advance(time.perf_counter() + 0.1) for proof in both] == [None, None]
    assert [proof.finish().status for proof in both] == [SolverStatus.STOPPED] * 2


@extra_solver
def test_stop_ends_an_attack_with_a_witness(kind: type[Solver]) -> None:
    rng = np.random.default_rng(2)
    network = random_network(rng, (4, 5, 2))
    region = random_region(rng, 4, "none")
    label = int(network(region.center[None]).argmax())
    result = SurrogateAttack(solver=kind(), on_incumbent="stop").run(network, network, Instance(region, label, 1 - label))
    assert result.status is Status.ADVERSARIAL


@every_solver
def test_an_error_in_the_callback_arrives_here(kind: type[Solver]) -> None:
    def broken(*_: Any) -> bool:
        raise ZeroDivisionError("in the callback")

    model = random_milp(3, pyo.minimize)
    with pytest.raises(ZeroDivisionError, match="in the callback"):
        solve(kind(), model, [], broken)


@extra_solver
def test_a_warm_start_is_taken(kind: type[Solver]) -> None:
    model = hard()
    every = list(model.component_data_objects(pyo.Var))
    best = solve(HighsSolver(time_limit_seconds=1.0), model, every)
    for variable, value in zip(every, best.values, strict=True):
        variable.set_value(round(float(value)), skip_validation=True)
    warm = solve(kind(time_limit_seconds=0.3), model, every, warm=True)
    assert warm.objective <= best.objective + 1e-6


@gurobi
def test_solutions_are_cut_off_while_it_runs(kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.k = pyo.Var(range(3), domain=pyo.Binary)
    model.x = pyo.Var(bounds=(0, 1e7))  # in other units inside
    model.row = pyo.Constraint(expr=model.x <= 1e6 * (1 + model.k[0] + 2 * model.k[1]))
    model.goal = pyo.Objective(expr=model.x + 1e6 * model.k[2], sense=pyo.maximize)
    seen: list[tuple] = []

    def cut(values: Any) -> tuple[Any, float]:
        pattern = tuple((values[1:] > 0.5).tolist())
        seen.append(pattern)
        return np.array([0.0] + [-1.0 if on else 1.0 for on in pattern]), 1.0 - sum(pattern)

    def never(*_: Any) -> bool:
        raise AssertionError("what is cut off is no incumbent")

    watched = [model.x, *model.k.values()]
    arguments = {"warm_start": False, "on_incumbent": never, "deadline": time.perf_counter() + 30.0}
    solution = kind().solve(model, watched, cut=cut, **arguments)
    assert solution.status is SolverStatus.INFEASIBLE
    assert set(seen) == set(itertools.product((False, True), repeat=3))


@gurobi
def test_an_error_in_a_cut_arrives_here(kind: type[Solver]) -> None:
    def cut(_: Any) -> Any:
        raise ZeroDivisionError("in cut")

    with pytest.raises(ZeroDivisionError, match="in cut"):
        kind().solve(hard(), [], warm_start=False, on_incumbent=lambda *_: False, deadline=time.perf_counter() + 30.0, cut=cut)


@pytest.mark.parametrize("kind", [HighsSolver, EXTRA[1]])
def test_a_solver_without_lazy_constraints_says_so(kind: type[Solver]) -> None:
    with pytest.raises(InvalidSetting, match=f"solver={kind.name} has no lazy constraints"):
        kind().solve(hard(), [], warm_start=False, on_incumbent=lambda *_: False, deadline=0.0, cut=lambda x: (x, 0.0))


@every_solver
def test_a_whole_start_is_taken_as_it_is(kind: type[Solver]) -> None:
    model = hard()
    value = start_at(model, seed=1)
    for i in model.over:  # no completion of the integers would choose these
        model.over[i].value += 7.0
        model.under[i].value += 7.0
    met: list[float] = []
    solution = solve(kind(), model, [], lambda _, found: bool(met.append(found)) or True, warm=True)
    assert solution.status is SolverStatus.STOPPED
    assert met[0] == pytest.approx(value + 70.0)


@every_solver
def test_a_start_that_breaks_a_row_is_completed(kind: type[Solver]) -> None:
    model = hard()
    value = start_at(model, seed=1)
    model.over[0].value += 0.5
    met: list[float] = []
    solve(kind(), model, [], lambda _, found: bool(met.append(found)), warm=True, pause=lambda: len(met) > 0)
    assert met[0] <= value + 1e-4


@extra_solver
def test_a_start_survives_other_units(kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.k, model.big = pyo.Var(domain=pyo.Integers, bounds=(0, 9), initialize=2), pyo.Var(bounds=(0, 1e8), initialize=3e7)
    model.row = pyo.Constraint(expr=model.big >= 1e7 * model.k + 1e6)
    model.goal = pyo.Objective(expr=model.big - 2e7 * model.k)
    met: list[float] = []
    solution = solve(kind(), model, [model.big, model.k], lambda _, found: bool(met.append(found)), warm=True)
    assert met[0] <= -1e7 + 10.0
    assert solution.objective == pytest.approx(-8.9e7)
    np.testing.assert_allclose(solution.values, [9.1e7, 9.0])


@every_solver
def test_a_variable_in_no_row_and_a_fixed_one_keep_their_values(kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.x, model.idle, model.fixed = (pyo.Var(bounds=(0, 1), initialize=0.25) for _ in range(3))
    model.fixed.fix(0.75)
    model.row = pyo.Constraint(expr=model.x + model.fixed <= 1.0)
    model.goal = pyo.Objective(expr=model.x, sense=pyo.maximize)
    values = solve(kind(), model, [model.idle, model.x, model.fixed]).values
    np.testing.assert_allclose(values, [0.25, 0.25, 0.75])


@gurobi
def test_a_model_beyond_the_licence_gets_a_sentence(kind: type[Solver]) -> None:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(2500), bounds=(0, 1))
    model.row = pyo.Constraint(expr=sum(model.x.values()) <= 10.0)
    model.goal = pyo.Objective(expr=sum(model.x.values()), sense=pyo.maximize)
    if GurobiPersistent().available() is Availability.FullLicense:
        pytest.skip("a full Gurobi licence is installed here, which has no limit to run into")
    with pytest.raises(SolverFailure, match="1 rows and 2500 columns, more than Gurobi's size-limited licence allows"):
        solve(kind(), model, [])


@pytest.mark.parametrize(("kind", "package"), [(GurobiSolver, "gurobipy"), (ScipSolver, "pyscipopt")])
def test_a_missing_package_is_named_with_its_extra(kind: type[Solver], package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else there(name))
    with pytest.raises(InvalidSetting, match=rf"needs the package {package}.*surrogate-sweep\[{kind.name}\]"):
        kind()


@extra_solver
def test_equal_seeds_do_equal_work(kind: type[Solver]) -> None:
    model = random_milp(5, pyo.minimize)
    first, second = (solve(kind(seed=3), model, list(model.x.values())) for _ in range(2))
    assert first.work == second.work
    np.testing.assert_array_equal(first.values, second.values)


@pytest.mark.parametrize("kind", EXTRA[1:])
def test_a_deadline_that_comes_while_a_model_is_handed_over_ends_the_solve(
    kind: type[Solver], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_milp(0, pyo.minimize)
    monkeypatch.setattr(Listener, "over", property(lambda _: True))
    solution = solve(kind(), model, [*model.x.values()])
    assert (solution.status, solution.objective, solution.dual_bound) == (SolverStatus.TIME_LIMIT, None, None)
