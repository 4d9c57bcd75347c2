"""The networks that a ``build`` is given: which it asks for, and those that are there before any is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network

from surrogate.errors import InvalidSetting
from surrogate.models import Place
from surrogate.models.problems import MissingNetwork, ModelInstance, ModelProblem, Samples, rehearse
from surrogate.models.problems.given_networks import GivenNetworks
from surrogate.networks import ReluNetwork


def network(inputs: int = 1, seed: int = 0) -> ReluNetwork:
    return random_network(np.random.default_rng(seed), (inputs, 4, 1))


def given() -> GivenNetworks:
    return GivenNetworks("mine:build", {"f": network(), "g": network(2)})


@pytest.mark.parametrize(
    ("use", "asked"),
    [
        (lambda networks: networks["f"], {"f"}),
        (lambda networks: networks.get("f"), {"f"}),
        (lambda networks: "f" in networks, {"f"}),
        (len, set()),
        (list, {"f", "g"}),
        (dict, {"f", "g"}),
        (lambda networks: {**networks}, {"f", "g"}),
        (lambda networks: networks.keys(), {"f", "g"}),
        (lambda networks: networks.values(), {"f", "g"}),
        (lambda networks: networks.items(), {"f", "g"}),
    ],
)
def test_they_know_which_were_asked_for(use: Any, asked: set[str]) -> None:
    networks = given()
    use(networks)
    assert networks.asked == asked


def test_asking_for_another_says_which_there_are() -> None:
    with pytest.raises(
        MissingNetwork, match="mine:build asks for a network named 'h', and there is f, g: the names in"
    ) as refused:
        given()["h"]
    assert refused.value.name == "h"
    assert given().get("h") is None


def build(networks: Any, seed: int, inputs: int = 1, name: str = "g") -> ModelInstance:
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(range(inputs), bounds=(0, 1)), pyo.Var(range(2))
    model.total = pyo.Objective(expr=model.y[0] + model.y[1])
    x = list(model.x.values())
    return ModelInstance(model, [Place(x, [model.y[at]], networks[one]) for at, one in enumerate(("f", name))])


def samples(seed: int, inputs: int = 1) -> dict[str, Samples]:
    x = np.random.default_rng(seed).uniform(size=(20, inputs))
    return {"f": Samples(x, x.sum(axis=1))}


def test_a_model_is_built_with_networks_that_are_there_and_random_ones_for_the_rest() -> None:
    problem = ModelProblem("mine:build", build, samples)
    rehearse(problem, 0, {}, {"g": network()})
    assert set(problem.networks(0, {}, ["g"])) == {"f"}
    with pytest.raises(InvalidSetting, match="asks for a network named 'g', and there is f"):
        rehearse(problem, 0, {})
    with pytest.raises(InvalidSetting, match=r"does not ask for a network named gg .did you mean g..: it asks for f and g"):
        rehearse(problem, 0, {}, {"g": network(), "gg": network()})
    with pytest.raises(InvalidSetting, match="the dense network has 3 inputs, got 1"):
        rehearse(problem, 0, {}, {"g": network(3)})


def test_without_samples_all_networks_are_there() -> None:
    problem = ModelProblem("mine:build", build, None)
    rehearse(problem, 0, {}, {"f": network(), "g": network()})
    assert problem.draw(0, {}, ["f"]) == {}
    with pytest.raises(InvalidSetting, match="mine:build has no samples to fit networks to"):
        rehearse(problem, 0, {})


def test_samples_may_leave_all_names_out_where_networks_are_there() -> None:
    problem = ModelProblem("mine:build", build, lambda seed: {})
    assert problem.draw(0, {}, ["f"]) == {}
    with pytest.raises(InvalidSetting, match="samples of mine:build must return Samples"):
        problem.draw(0, {})


def test_one_network_under_two_names_is_pruned_for_each() -> None:
    problem = ModelProblem("mine:build", build, None)
    dense = {"f": network(), "g": network()}
    pruned = {"f": network(seed=1), "g": network(seed=2)}
    instance = problem.instance(dense, 0, {})
    places = problem.with_surrogates(instance, dense, pruned, 0, {})
    assert [place.surrogate.key for place in places] == [pruned["f"].key, pruned["g"].key]
    assert [place.dense for place in places] == [dense["f"], dense["g"]]
