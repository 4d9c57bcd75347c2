"""Arguments of the wrong kind: one sentence of ours for each, wherever they are given."""

from __future__ import annotations

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
from surrogate.bounds import METHODS as BOUNDS
from surrogate.bounds import Bounds, Crown
from surrogate.branching import BranchAndBound
from surrogate.checks import is_integer, is_number
from surrogate.data.functions import evaluate, sample
from surrogate.errors import InvalidNetwork, InvalidRegion, InvalidSetting, SurrogateError
from surrogate.formulation import constrain, embed
from surrogate.models import Place, SearchSettings, optimise
from surrogate.networks import ReluNetwork
from surrogate.problems import Conditions, Margin, Output, vnnlib
from surrogate.pruning import Pruning, prune, prune_for, sparsity, stabilise
from surrogate.region import Region
from surrogate.solvers import HighsSolver
from surrogate.training import Training, accuracy, fit
from surrogate.witness import check

NETWORK = ReluNetwork([np.eye(3)], [np.zeros(3)])
REGION = Region(0.0, 1.0, [0.5] * 3, 0.3, "l1")
BOUNDED = Bounds((np.zeros(3),), (np.ones(3),))
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
    "a solver's name": (
        lambda: SurrogateAttack(solver=WRONG),
        r"solver must be a Solver, such as HighsSolver\(\), got str 'a'",
    ),
    "a solver's name again": (lambda: ClosestAttack(solver=WRONG), "solver must be a Solver"),
    "a solver's name once more": (lambda: SearchSettings(solver=WRONG), "solver must be a Solver"),
    "arguments in the wrong order": (lambda: GradientAttack().run(Instance(REGION, 0), NETWORK), "the network must be a Relu"),  # type: ignore[arg-type]
    "a pruning's name": (
        lambda: place("magnitude"),
        "surrogate must be a ReluNetwork, a Pruning",
    ),
    "no exclusion": (
        lambda: SurrogateAttack(exclusion=WRONG and None),
        r"exclusion must be a Exclusion, such as Exclusion\(\)",
    ),
    "no gradient": (lambda: BranchAndBoundAttack(gradient=WRONG and None), "gradient must be a GradientAttack, such as Grad"),
    "no gradient again": (lambda: RestrictionAttack(gradient=WRONG and None), "gradient must be a GradientAttack"),
    "no gradient once more": (lambda: PortfolioAttack(gradient=WRONG and None), "gradient must be a GradientAttack"),
    "a search's name": (lambda: BranchAndBoundAttack(search=WRONG), "search must be a BranchAndBound, such as BranchAndBound"),
    "no search": (lambda: RestrictionAttack(search=WRONG and None), "search must be a BranchAndBound"),
    "an empty batch": (lambda: BranchAndBound(batch=0), "must be at least 1 and whole, got batch=0"),
    "steps backward": (lambda: BranchAndBound(steps=-1), "steps=-1 is not allowed: expected an integer of at least 0"),
    "a rate": (lambda: BranchAndBound(rates=WRONG and 0.1), "rates must be a Rates"),
    "a list of bounds": (lambda: RestrictionAttack(bounds=WRONG and []), r"bounds=\[\] is not one of box, interval"),
    "a vector of names": (
        lambda: SurrogateAttack(start=WRONG and np.arange(2)),
        r"start=array\(\[0, 1\]\) is not allowed: expected one of none",
    ),
    "no conditions": (lambda: Conditions(WRONG and None), r"disjuncts must be a list of pairs \(a, c\)"),
    "ragged conditions": (
        lambda: Conditions([([[1, 2], [3]], [0, 0])]),
        "a disjunct's matrix must be numbers, in rows of equal",
    ),
    "conditions in words": (lambda: Conditions([([[1.0]], ["a"])]), "a disjunct's vector must be numbers"),
    "a text of conditions": (lambda: Conditions(WRONG), "disjuncts must be a list"),
    "half a disjunct": (lambda: Conditions([WRONG and (1,)]), r"a disjunct must be a pair \(a, c\)"),
    "a class of problems": (
        lambda: Instance(REGION, problem=WRONG and Output),
        r"such as Output\(0\), got the class Output itself",
    ),
    "no region": (lambda: Instance(WRONG and None, 0), "region must be a Region, such as"),
    "rows for outputs in words": (lambda: Margin(0).rows(WRONG), "outputs='a' is not allowed"),
    "an output's row for two numbers": (lambda: Output(0).rows(WRONG and np.ones(2)), r"outputs=array\(.* is not allowed"),
    "conditions' rows for none": (lambda: Conditions([([[1.0]], [0.0])]).rows(WRONG and None), "outputs=None is not allowed"),
    "more classes than memory": (lambda: Margin(0).rows(2**31), "2147483648 outputs are more than the 268435456 numbers"),
    "more outputs than memory": (lambda: Output(0).rows(2**40), "are more than the 268435456 numbers allowed"),
    "values in words": (lambda: Margin(0).combine(WRONG), "values of the rows must be numbers"),
    "one row of values": (
        lambda: Margin(0).combine(WRONG and [1.0]),
        r"values of the rows must be a batch \(n, k\), got shape",
    ),
    "values of other conditions": (
        lambda: Conditions([([[1.0]], [0.0])]).combine(np.ones((1, 2))),
        "the conditions have 1 rows, got values of 2",
    ),
    "pre-activations in words": (lambda: BOUNDED.require(WRONG), "pre_activations must be a list of batches"),
    "a number for pre-activations": (lambda: BOUNDED.require(WRONG and 1.0), "pre_activations must be a list of batches"),
    "ragged pre-activations": (lambda: BOUNDED.require([WRONG and [[1.0], [2.0, 3.0]]]), "pre-activations must be numbers"),
    "too few pre-activations": (lambda: BOUNDED.require([]), r"layers of widths \[\(3,\)\], the pre-activations have \[\]"),
    "narrow pre-activations": (lambda: BOUNDED.require([np.ones((1, 2))]), r"the pre-activations have \[\(2,\)\]"),
    "a point in words": (lambda: check(NETWORK, REGION, Margin(0), WRONG), "the point must be numbers"),
    "a ragged point": (lambda: check(NETWORK, REGION, Margin(0), WRONG and [[1], [2, 3]]), "the point must be numbers"),
    "a sparsity for sparsities": (lambda: SearchSettings(sparsities=WRONG and 0.5), "sparsities=0.5 is not allowed"),
    "sparsities in words": (lambda: SearchSettings(sparsities=[WRONG]), r"sparsities=\['a'\] is not allowed"),
    "a target in words too": (lambda: SearchSettings(target=WRONG), "target='a' is not allowed: expected a finite number"),
    "no network to prune": (lambda: prune(Pruning("magnitude", amount=0.5), WRONG and None), "the network must be a ReluNet"),
    "nothing to prune": (lambda: prune(Pruning(), WRONG and None), "the network must be a ReluNetwork"),
    "how to prune, by name": (lambda: prune(WRONG, NETWORK), "pruning must be a Pruning, such as"),
    "data by name": (lambda: prune(Pruning("activation"), NETWORK, WRONG), "data must be a Dataset"),
    "a pruning's region": (lambda: prune_for(Pruning("stable"), NETWORK, WRONG, Margin(0)), "the region must be a Region"),
    "a pruning's problem": (lambda: prune_for(Pruning("stable"), NETWORK, REGION, WRONG), "problem must be a Problem"),
    "sparsity of nothing": (lambda: sparsity(NETWORK, WRONG), "surrogate must be a ReluNetwork"),
    "no bounds": (lambda: stabilise(NETWORK, REGION, WRONG and None, 0.5), "bounds must be a Bounds, such as Crown"),
    "bounds of single numbers": (lambda: Bounds((np.zeros(3),), (np.zeros(2),)), "a vector for each layer, equal ones on both"),
    "a deadline in words": (lambda: Crown().compute(NETWORK, REGION, WRONG), r"deadline must be a time.perf_counter\(\) value"),
    "a training's name": (lambda: fit(WRONG, [4], np.eye(3), [0, 1, 0]), "training must be a Training, such as Training"),
    "one size for all": (lambda: fit(Training(), WRONG and 4, np.eye(3), [0, 1, 0]), "hidden_sizes must be a list of integers"),
    "accuracy of nothing": (lambda: accuracy(WRONG, np.eye(3), [0, 1, 0]), "the network must be a ReluNetwork"),
    "a list of functions": (lambda: sample(WRONG and [], 2), r"function=\[\] is not one of "),
    "points in words": (lambda: evaluate("levy", WRONG), "points must be numbers"),
    "a folded region": (lambda: Margin(0).fold(NETWORK, WRONG), "the region must be a Region"),
    "a region that is none": (lambda: constrain(WRONG, pyo.Block(), []), "the region must be a Region"),
    "a region in no block": (lambda: constrain(REGION, WRONG, []), "a region goes into a Pyomo Block, got str"),
    "a file that is none": (
        lambda: ReluNetwork.from_onnx(WRONG and None),
        "path must be a text such as 'network.onnx', or a P",
    ),
    "a file to write": (lambda: NETWORK.to_onnx(WRONG and None), "path must be a text"),
    "a stored file": (lambda: ReluNetwork.load(WRONG and 3), "path must be a text"),
    "a property's file": (lambda: vnnlib.read(WRONG and None), "path must be a text"),
    "a solver without a model": (
        lambda: HighsSolver().solve(WRONG and None, [], warm_start=False, on_incumbent=lambda *_: False, deadline=1e9),
        r"expected a constructed Pyomo model \(ConcreteModel\), got NoneType",
    ),
    "a model without places": (
        lambda: optimise(pyo.ConcreteModel(), WRONG and None),
        "places must be a list of Place objects, got NoneType None",
    ),
    "a model with something else": (
        lambda: optimise(pyo.ConcreteModel(), [WRONG]),
        "each of places must be a Place",
    ),
}


@pytest.mark.parametrize(
    "attack", [SurrogateAttack(), ClosestAttack(), PortfolioAttack()], ids=lambda attack: type(attack).__name__
)
def test_a_surrogate_that_is_no_network(attack: Any) -> None:
    wrong = ["net", Pruning("magnitude", amount=0.5), np.eye(3), ReluNetwork]
    for surrogate in wrong if isinstance(attack, PortfolioAttack) else [*wrong, None]:  # the portfolio does without one
        refuse_surrogate(attack, surrogate)


def refuse_surrogate(attack: Any, surrogate: Any) -> None:
    with pytest.raises(InvalidSetting, match=r"surrogate must be a ReluNetwork, such as prune\(") as refused:
        attack.run(NETWORK, surrogate, Instance(REGION, 0))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_of_what_is_no_network_over_what_is_no_region(name: str) -> None:
    method: Any = BOUNDS[name]()
    for network in (None, "net", Pruning()):
        with pytest.raises(InvalidSetting, match="the network must be a ReluNetwork"):
            method.compute(network, REGION)
    for region in (None, [0.0, 1.0], Instance(REGION, 0)):
        with pytest.raises(InvalidSetting, match="the region must be a Region"):
            method.compute(NETWORK, region)
    with pytest.raises(InvalidSetting, match="the region has 4 coordinates but the network takes 3 inputs"):
        method.compute(NETWORK, Region(0.0, 1.0, [0.5] * 4, 0.3, "l1"))


EMBEDDINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a method's name for bounds": (
        {"bounds": "crown"},
        r"bounds must be a Bounds, such as Crown\(\).compute\(network, region\), got",
    ),
    "a method for bounds": ({"bounds": Crown()}, "bounds must be a Bounds"),
    "an object for a name": ({"formulation": []}, r"formulation=\[\] is not one of big_m"),
    "no network": ({"network": None}, "the network must be a ReluNetwork"),
    "no inputs": ({"inputs": None}, "inputs must be a list of Pyomo variables, got NoneType"),
}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_an_embedding_of_the_wrong_kind(name: str) -> None:
    wrong, message = EMBEDDINGS[name]
    model = pyo.ConcreteModel()
    model.x, model.f = pyo.Var(range(3), bounds=(0, 1)), pyo.Block()
    with pytest.raises(InvalidSetting, match=message):
        embed(**{"block": model.f, "network": NETWORK, "inputs": list(model.x.values()), **wrong})


def test_an_abstract_model_takes_no_network() -> None:
    model = pyo.AbstractModel()
    model.x, model.f = pyo.Var(bounds=(0, 1)), pyo.Block()
    concrete = pyo.ConcreteModel()
    concrete.x = pyo.Var(bounds=(0, 1))
    line = ReluNetwork([[[1.0]]], [[0.0]])
    for bounds in (None, Crown().compute(line, Region([0.0], [1.0]))):
        with pytest.raises(InvalidSetting, match="of a ConcreteModel, but x belongs to an AbstractModel, which has no values"):
            embed(model.f, line, [model.x], bounds)
    with pytest.raises(InvalidSetting, match="the block belongs to an AbstractModel, which has no values yet"):
        embed(model.f, line, [concrete.x])
    with pytest.raises(InvalidSetting, match="outputs must be variables of a ConcreteModel, but x belongs to an AbstractModel"):
        Place([concrete.x], [model.x], line)


@pytest.mark.parametrize("method", ["support", "project", "inside", "distance"])
@pytest.mark.parametrize("points", ["a", [["a"]], [[1.0, 2.0, 3.0], [1.0]], [1.0, 2.0]])
def test_a_region_asked_about_what_are_no_points(method: str, points: Any) -> None:
    with pytest.raises(InvalidRegion, match=r"must be numbers, in rows of equal length|expected rows of shape \(k, 3\)"):
        getattr(REGION, method)(points)


def test_a_region_asked_in_a_norm_or_to_a_tolerance_of_the_wrong_kind() -> None:
    for norm in (np.ones(2), "l3", "none", 1):
        with pytest.raises(InvalidRegion, match=r"norm=.* is not one of l1, l2, linf"):
            REGION.distance([0.5] * 3, norm)  # type: ignore[arg-type]
    for tolerance in ("x", None, [], float("nan")):
        with pytest.raises(InvalidRegion, match="tolerance must be a number, got"):
            REGION.contains([0.5] * 3, tolerance)  # type: ignore[arg-type]


def test_a_network_composed_with_what_does_not_fit() -> None:
    wrong: Any
    for wrong in (None, [[1, 2], [3]], np.eye(2)):
        with pytest.raises(InvalidNetwork, match=r"must be numbers|expected a matrix \(k, 3\)"):
            NETWORK.compose(wrong)
    with pytest.raises(InvalidNetwork, match="a stored network must be bytes"):
        ReluNetwork.from_bytes(WRONG)
    for wrong in (None, [1.0, 2.0]):
        with pytest.raises(SurrogateError, match=r"outputs must be a batch \(n, o\)"):
            Margin(0).value(wrong)


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
        (lambda: ReluNetwork([[[1], [2, 3]]], [[0.0]]), "must be arrays of numbers"),
        (lambda: ReluNetwork([[[1.0]]], [[[1], [2, 3]]]), "must be arrays of numbers"),
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
