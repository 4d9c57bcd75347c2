"""Arguments of the wrong kind: one sentence of ours for each, wherever they are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

from surrogate.attack import (
    BranchAndBoundAttack,
    ClosestAttack,
    GradientAttack,
    Instance,
    PortfolioAttack,
    RestrictionAttack,
    SurrogateAttack,
)
from surrogate.checks import is_integer, is_number
from surrogate.errors import InvalidNetwork, InvalidRegion, InvalidSetting, SolverFailure
from surrogate.networks import ReluNetwork
from surrogate.problems import Output
from surrogate.region import Region
from surrogate.solvers import SOLVERS, HighsSolver
from surrogate.substitution import Place, SurrogateOptimiser

NETWORK = ReluNetwork([np.eye(3)], [np.zeros(3)])
REGION = Region(0.0, 1.0, [0.5] * 3, 0.3, "l1")
WRONG: Any = "a"


def place(surrogate: Any) -> Place:
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(range(3), bounds=(0, 1)), pyo.Var(range(3))
    return Place(list(model.x.values()), list(model.y.values()), NETWORK, surrogate)


SETTINGS: dict[str, tuple[Callable[[], Any], str]] = {
    "a label between classes": (lambda: Instance(REGION, WRONG and 0.5), "label must be a class, counted from 0, got 0.5"),
    "a label in words": (lambda: Instance(REGION, WRONG), "label must be a class, counted from 0, got 'a'"),
    "a target in words": (lambda: Instance(REGION, 0, WRONG), "target must be a class"),
    "an output in words": (lambda: Output(WRONG), "outputs count from 0, got index='a'"),
    "a limit in words": (lambda: HighsSolver(time_limit_seconds=WRONG), "solver.time_limit_seconds must be positive and fin"),
    "half a thread": (lambda: HighsSolver(threads=WRONG and 0.5), "solver.threads must be at least 1"),
    "a seed in words": (lambda: HighsSolver(seed=WRONG), "solver.seed must be"),
    "a gap in words": (lambda: HighsSolver(relative_gap=WRONG), "relative_gap must be"),
    "no limit": (
        lambda: BranchAndBoundAttack(time_limit_seconds=None),
        "time_limit_seconds must be positive and finite, got None",
    ),  # type: ignore[arg-type]
    "a search's limit in words": (lambda: PortfolioAttack(time_limit_seconds=WRONG), "time_limit_seconds must be positive"),
    "free neurons in words": (lambda: RestrictionAttack(free=WRONG), "free and climb_steps must be at least 1 and whole"),
    "two and a half free neurons": (lambda: RestrictionAttack(free=WRONG and 2.5), "got free=2.5, climb_steps=20"),
    "two and a half starts": (lambda: GradientAttack(starts=WRONG and 2.5), "got starts=2.5, steps=50"),
    "a gradient's limit in words": (lambda: GradientAttack(time_limit_seconds=WRONG), "positive or None, got 'a'"),
    "a threshold in words": (lambda: ClosestAttack(threshold=WRONG), "threshold must be above"),
    "a solver's name": (
        lambda: SurrogateAttack(solver=WRONG),
        r"solver must be a Solver, such as HighsSolver\(\), got str 'a'",
    ),
    "a solver's name again": (lambda: ClosestAttack(solver=WRONG), "solver must be a Solver"),
    "a solver's name once more": (lambda: SurrogateOptimiser(solver=WRONG), "solver must be a Solver"),
    "arguments in the wrong order": (lambda: GradientAttack().run(Instance(REGION, 0), NETWORK), "the network must be a Relu"),  # type: ignore[arg-type]
    "no surrogate": (lambda: place(None), "surrogate must be a ReluNetwork or a Pruning"),
    "a pruning's name": (lambda: place("magnitude"), "surrogate must be a ReluNetwork or a Pruning"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_of_the_wrong_kind_is_one_sentence(name: str) -> None:
    wrong, message = SETTINGS[name]
    with pytest.raises(InvalidSetting, match=message) as refused:
        wrong()
    assert "\n" not in str(refused.value)


def test_numpys_numbers_are_numbers() -> None:
    for number in (1, 1.5, np.float32(0.5), np.int64(3), np.array(2.0)):
        assert is_number(number)
    for other in (True, "1", None, [1.0, 2.0], 1j):
        assert not is_number(other)
    assert is_integer(np.int64(3))
    assert not any(is_integer(other) for other in (True, 1.0, "1", None))
    Instance(REGION, np.int64(1), np.int64(2))
    HighsSolver(time_limit_seconds=np.float64(3.0), threads=np.int64(1))


def test_weights_and_batches_that_are_no_numbers(tmp_path: Path) -> None:
    for make, message in (
        (lambda: ReluNetwork([np.array([[1 + 2j]])], [[0.0]]), "real numbers, got complex ones"),
        (lambda: ReluNetwork(None, None), "lists of arrays, got NoneType"),  # type: ignore[arg-type]
        (lambda: NETWORK([["a", "b", "c"]]), "expected a batch of numbers"),
        (lambda: ReluNetwork.load(tmp_path / "none"), "none cannot be read: No such file"),
    ):
        with pytest.raises(InvalidNetwork, match=message):
            make()
    with pytest.raises(InvalidSetting, match="cannot be written: No such file"):
        NETWORK.save(tmp_path / "none" / "net")


def test_an_onnx_file_that_cannot_be_written(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    with pytest.raises(InvalidSetting, match="cannot be written: No such file"):
        NETWORK.to_onnx(tmp_path / "none" / "net.onnx")


@pytest.mark.parametrize("radius", [1e200, 1e300, "1", True])
def test_radii_beyond_all_measure(radius: Any) -> None:
    with pytest.raises(InvalidRegion, match=r"radius must be a positive finite number of at most 1e\+15"):
        Region(0.0, 1.0, [0.5] * 3, radius, "l2")
    with pytest.raises(InvalidRegion, match=r"upper must lie within 1e\+15, but entry 0 is 1e\+308"):
        Region(0.0, 1e308, [0.5] * 3)


@pytest.mark.parametrize("name", SOLVERS)
def test_an_unbounded_model_says_what_to_do(name: str) -> None:
    try:
        solver = SOLVERS[name](time_limit_seconds=10.0)
    except InvalidSetting as missing:
        pytest.skip(str(missing))
    model = pyo.ConcreteModel()
    model.x, model.open = pyo.Var(bounds=(0, 1)), pyo.Var()
    model.row = pyo.Constraint(expr=model.x + model.open <= 3.0)
    model.goal = pyo.Objective(expr=model.open + model.x)
    deadline = time.perf_counter() + 10.0
    with pytest.raises(
        SolverFailure, match="give bounds to the variables that the objective needs, such as open with the bounds"
    ):
        solver.solve(model, [model.x], warm_start=False, on_incumbent=lambda *_: False, deadline=deadline)
