"""The partition formulation: its counts, how strong it is between big-M and the hull, and what it doesn't split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import brute_force_maximum, linear_maximum, random_network, random_region, sample
from solving import solve

from surrogate.attack import Instance, SurrogateAttack
from surrogate.bounds import Bounds, method
from surrogate.errors import InvalidSetting, UnsoundBounds
from surrogate.formulation import BigM, Embedding, Formulation, Partition, constrain, embed
from surrogate.models import Place, optimise
from surrogate.networks import ReluNetwork
from surrogate.problems import Output
from surrogate.region import Region
from surrogate.solvers import HighsSolver


def stated(network: ReluNetwork, region: Region, formulation: Formulation, bounds: str = "crown") -> tuple[Any, Embedding]:
    model: Any = pyo.ConcreteModel()
    model.x = pyo.Var(range(network.input_size))
    model.r, model.f = pyo.Block(), pyo.Block()
    inputs = list(model.x.values())
    constrain(region, model.r, inputs)
    return model, embed(model.f, network, inputs, method(bounds).compute(network, region), formulation)


def optimum(
    network: ReluNetwork,
    region: Region,
    formulation: Formulation,
    slope: Any = 0.0,
    relaxed: bool = True,
    bounds: str = "crown",
) -> float:
    """The largest first output, plus ``slope @ x``, of the model or of its relaxation."""
    model, embedding = stated(network, region, formulation, bounds)
    tilt = np.broadcast_to(slope, network.input_size).tolist()
    model.goal = pyo.Objective(
        expr=embedding.outputs[0] + sum(a * x for a, x in zip(tilt, model.x.values(), strict=True)), sense=pyo.maximize
    )
    if relaxed:
        pyo.TransformationFactory("core.relax_integer_vars").apply_to(model)
    found = solve(HighsSolver(), model).objective
    assert found is not None
    return found


class TestCounts:
    """By hand: x in [0, 1]^2; of four neurons one is always on, one always off, one switches with two weights, one with one."""

    network = ReluNetwork(
        [[[1.0, 1.0], [-1.0, 0.0], [1.0, -1.0], [0.0, 2.0]], [[1.0, 5.0, 1.0, 0.0], [0.0, 0.0, 2.0, -1.0]]],
        [[1.0, -1.0, 0.0, -1.0], [0.0, 0.5]],
    )

    def test_only_a_switching_neuron_with_two_weights_is_split(self) -> None:
        model, _ = stated(self.network, Region(0.0, 1.0, [0.5, 0.5]), Partition(2))
        assert sorted(model.f.s) == [(0, 2), (0, 3)]  # as in big-M: stable neurons have no binary
        assert list(model.f.v) == list(model.f.d) == [(0, 2, 1)]
        for rows in ("least_on", "most_on", "least_off", "most_off"):
            assert list(getattr(model.f, rows)) == [(0, 2)]

    def test_rows_and_nonzeros(self) -> None:
        model, _ = stated(self.network, Region(0.0, 1.0, [0.5, 0.5]), Partition(2))
        model.goal = pyo.Objective(expr=model.f.output[0], sense=pyo.maximize)
        size = solve(HighsSolver(), model).size
        assert size["binaries"] == 2
        assert size["columns"] == 11 + 2  # big-M's, v, d
        assert size["rows"] == 9 + 7  # big-M's; part, on, off, and four for what is left
        # The part has one of the two weights; part 0, from -1 to 0, ends at a + R = 0, so two of the four rows have no s.
        assert size["nonzeros"] == 24 + 3 + 2 + 2 + 2 * 3 + 2 * 2

    def test_one_part_writes_nothing(self) -> None:
        model, _ = stated(self.network, Region(0.0, 1.0, [0.5, 0.5]), Partition(1))
        assert not any(getattr(model.f, name) for name in set(Partition.components) - set(BigM.components))

    def test_more_parts_than_weights_are_as_many_as_weights(self) -> None:
        model, _ = stated(self.network, Region(0.0, 1.0, [0.5, 0.5]), Partition(9))
        assert list(model.f.v) == [(0, 2, 1)]


class TestStrength:
    @pytest.mark.parametrize("seed", range(3))
    def test_one_part_is_big_m(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        network, region = random_network(rng, (4, 6, 5, 1)), random_region(rng, 4, "none")
        for bounds in ("box", "crown"):
            one, whole = (optimum(network, region, chosen, bounds=bounds) for chosen in (Partition(1), BigM()))
            assert one == pytest.approx(whole, abs=1e-6)

    @pytest.mark.parametrize("seed", range(6))
    def test_a_part_for_each_weight_is_the_hull_of_a_neuron(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        w, b = rng.normal(size=4), float(rng.normal() * 0.2)
        w[seed % 4] = 0.0 if seed < 3 else w[seed % 4]  # pruned
        network, region = ReluNetwork([w[None], [[1.0]]], [[b], [0.0]]), Region(-1.0, 1.0, np.zeros(4))
        gaps = []
        for slope in rng.normal(size=(8, 4)):
            # A linear function is largest over the hull where it is over the graph of the neuron, piece by piece.
            on = linear_maximum(region, slope + w, -w[None], np.array([b]))
            off = linear_maximum(region, slope, w[None], np.array([-b]))
            assert on is not None
            assert off is not None
            hull = max(on + b, off)
            assert optimum(network, region, Partition(4), slope) == pytest.approx(hull, abs=1e-6)
            loose, between = optimum(network, region, BigM(), slope), optimum(network, region, Partition(2), slope)
            assert hull - 1e-6 <= between <= loose + 1e-6
            gaps.append(loose - hull)
        assert max(gaps) > 1e-3  # else this test can't tell it from big-M

    def test_loose_bounds_of_a_deep_network_get_much_tighter(self) -> None:
        rng = np.random.default_rng(0)
        network, region = random_network(rng, (6, 10, 10, 1)), random_region(rng, 6, "none")
        loose, split, hull = (
            optimum(network, region, chosen, bounds="box") for chosen in (BigM(), Partition(2), Partition(10))
        )
        assert hull < split < 0.95 * loose


class TestSoundness:
    @pytest.mark.parametrize("norm", ["l1", "linf", "none"])
    @pytest.mark.parametrize("partitions", [2, 3, 7])
    def test_no_point_is_cut_off_and_the_optimum_is_the_network_s(self, norm: str, partitions: int) -> None:
        rng = np.random.default_rng(partitions)
        network, region = random_network(rng, (4, 5, 4, 1)), random_region(rng, 4, norm)
        network = ReluNetwork([w * (rng.random(w.shape) < 0.8) for w in network.weights], network.biases)
        model, embedding = stated(network, region, Partition(partitions), "box")
        assert model.f.v
        for x in sample(rng, region, 20):
            embedding.set_values(x)
            for row in model.f.component_data_objects(pyo.Constraint):
                assert row.slack() >= -1e-9, row.name
            for variable in (*model.f.v.values(), *model.f.d.values()):
                assert variable.lb - 1e-9 <= variable.value <= variable.ub + 1e-9, variable.name
        largest = brute_force_maximum(network, region)
        assert optimum(network, region, Partition(partitions), relaxed=False) == pytest.approx(largest, abs=1e-5)

    def test_extreme_neurons_are_rescaled_as_in_big_m(self) -> None:
        rng = np.random.default_rng(4)
        network, region = random_network(rng, (4, 5, 4, 1)), random_region(rng, 4, "none")
        factors = 10.0 ** rng.uniform(-9, 9, size=5)
        first, second, third = network.weights
        skewed = ReluNetwork(
            [first * factors[:, None], second / factors, third], [network.biases[0] * factors, *network.biases[1:]]
        )
        largest = brute_force_maximum(network, region)
        assert optimum(skewed, region, Partition(3), relaxed=False) == pytest.approx(largest, abs=1e-5)

    def test_a_neuron_of_large_parts_that_cancel_is_not_split(self) -> None:
        network = ReluNetwork([[[1.0], [1.0], [1.0]], [[1e5, -1e5, 1.0]], [[1.0]]], [[0.0] * 3, [-1.5], [0.0]])
        model, _ = stated(network, Region(1.0, 2.0, [1.5]), Partition(2))
        assert list(model.f.s) == [(1, 0)]
        assert model.f.n[1, 0].ub < 1.0
        assert not model.f.v


class TestInputs:
    """What is relied on of the variables themselves."""

    network = ReluNetwork([[[1.0, -1.0], [1.0, 1.0]], [[1.0, -1.0]], [[1.0]]], [[0.0, -1.0], [0.0], [0.0]])

    def embedded(self, **of_variables: Any) -> tuple[Any, Embedding]:
        model: Any = pyo.ConcreteModel()
        model.x = pyo.Var([0, 1], **of_variables)
        bounds: Bounds = method("interval").compute(self.network, Region(0.0, 1.0, [0.5, 0.5]))
        model.f = pyo.Block()
        return model, embed(model.f, self.network, list(model.x.values()), bounds, Partition(2))

    def test_without_finite_bounds_the_first_layer_is_not_split(self) -> None:
        model, embedding = self.embedded()
        assert sorted(model.f.s) == [(0, 0), (0, 1), (1, 0)]
        assert list(model.f.v) == [(1, 0, 1)]
        embedding.set_values([1.0, 0.0])

    def test_a_point_outside_the_bounds_that_the_parts_rely_on_is_refused(self) -> None:
        _, embedding = self.embedded(bounds=(0.25, 0.75))
        embedding.set_values([0.25, 0.75])
        with pytest.raises(UnsoundBounds, match=r"input 1 is 0.9, outside the bounds \[0.25, 0.75\] that its variable had"):
            embedding.set_values([0.5, 0.9])

    def test_a_fixed_input_may_be_unfixed_within_its_bounds(self) -> None:
        model: Any = pyo.ConcreteModel()
        model.x = pyo.Var([0, 1], bounds=(0.0, 1.0))
        model.x[0].fix(0.5)
        bounds = method("interval").compute(self.network, Region(0.0, 1.0, [0.5, 0.5]))
        model.f = pyo.Block()
        embedding = embed(model.f, self.network, list(model.x.values()), bounds, Partition(2))
        model.x[0].unfix()
        for x in ([0.0, 1.0], [1.0, 0.0], [1.0, 1.0]):
            embedding.set_values(x)
            assert all(row.slack() >= -1e-9 for row in model.f.component_data_objects(pyo.Constraint))


def test_the_class_itself_is_no_formulation() -> None:
    with pytest.raises(InvalidSetting, match=r"formulation=<class .*Partition'> is not one of big_m, partition"):
        SurrogateAttack(formulation=Partition)  # type: ignore[arg-type]


@pytest.mark.parametrize("on_incumbent", ["check", "exclude_region", "dense_subproblem"])
def test_an_attack_takes_a_formulation_and_its_binaries(on_incumbent: str) -> None:
    rng = np.random.default_rng(8)
    network, region = random_network(rng, (4, 5, 4, 1)), random_region(rng, 4, "l1")
    attack = SurrogateAttack(formulation=Partition(3), bounds="box", on_incumbent=on_incumbent)
    result = attack.run(network, network, Instance(region, problem=Output()))
    assert result.margin == pytest.approx(brute_force_maximum(network, region), abs=1e-5)
    assert (
        result.size["columns"]
        > SurrogateAttack(bounds="box").run(network, network, Instance(region, problem=Output())).size["columns"]
    )


def test_a_model_is_optimised_with_it() -> None:
    rng = np.random.default_rng(9)
    network = random_network(rng, (3, 4, 4, 1))
    model: Any = pyo.ConcreteModel()
    model.x = pyo.Var(range(3), bounds=(0.0, 1.0))
    model.y = pyo.Var()
    model.goal = pyo.Objective(expr=model.y, sense=pyo.maximize)
    place = Place(list(model.x.values()), [model.y], network)
    result = optimise(model, place, 30.0, members=("dense",), formulation=Partition(2))
    assert (str(result.status), result.failures) == ("optimal", {})
    assert result.value == pytest.approx(brute_force_maximum(network, Region(0.0, 1.0, [0.5] * 3)), abs=1e-3)
