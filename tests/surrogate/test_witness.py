"""The independent check, and the margins it evaluates."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from oracles import exact, random_network

from surrogate.attack import BranchAndBoundAttack, ClosestAttack, GradientAttack, Instance, SurrogateAttack
from surrogate.bounds import method
from surrogate.errors import InvalidNetwork, InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.problems import Conditions, Margin, Output
from surrogate.region import Region
from surrogate.witness import WITNESS_MARGIN, check, perturbation_norms, rounding_error

identity = ReluNetwork([[[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0]])
region = Region(0.0, 1.0, [0.5, 0.25], 0.5, "l1")


def test_an_adversarial_point_of_the_region_is_a_witness() -> None:
    checked = check(identity, region, Margin(0, 1), [0.5, 0.75])
    assert checked is not None
    assert checked.is_witness
    assert checked.margin == pytest.approx(0.25)


def test_a_point_outside_is_brought_back_before_it_is_judged() -> None:
    checked = check(identity, region, Margin(0, 1), [0.5, 0.75 + 1e-6])
    assert checked is not None
    assert region.contains(checked.point)
    assert checked.margin == pytest.approx(identity(checked.point[None])[0] @ [-1.0, 1.0], abs=0.0)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf", "none"])
def test_what_is_evaluated_lies_inside_to_the_last_bit(norm: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        d = int(rng.integers(1, 9))
        radius = None if norm == "none" else float(rng.choice([1e-17, 1e-9, 0.1, 0.7]) * rng.uniform(0.5, 1.0))
        center = rng.choice([0.0, 1.0, *rng.uniform(size=3)], size=d)
        around = Region(0.0, 1.0, center, radius, norm)
        outermost = around.support(rng.normal(size=(1, d)))[1][0]
        for beyond in (0.0, 1e-16, 1e-12, 9e-10, 1e-6, 1.0):
            checked = check(ReluNetwork([np.eye(d)], [np.zeros(d)]), around, Output(0), outermost + beyond * rng.normal(size=d))
            assert checked is not None
            assert around.violation(checked.point) <= 0.0
            assert checked.margin == checked.point[0]


def test_adversarial_only_a_billionth_outside_is_no_witness() -> None:
    # The margin is 1e12 max(0, -x) - 1e-4: -1e-4 on the box, 1e3 at -1e-9.
    steep = ReluNetwork([[[-1e6]], [[0.0], [1e6]]], [[0.0], [0.0, -1e-4]])
    checked = check(steep, Region(0.0, 1.0, [0.0], 0.5, "l1"), Margin(0, 1), [-1e-9])
    assert checked is not None
    assert (checked.point.tolist(), checked.margin, checked.is_witness) == ([0.0], -1e-4, False)
    # The same beyond the ball: 1e12 (x - 0.5), and the ball ends at 0.5.
    beyond = ReluNetwork([[[1e6]], [[0.0], [1e6]]], [[-0.5e6], [0.0, -1e-4]])
    for norm in ("l1", "l2", "linf"):
        checked = check(beyond, Region(0.0, 1.0, [0.0], 0.5, norm), Margin(0, 1), [0.5 + 9e-10])
        assert checked is not None
        assert not checked.is_witness


def test_a_margin_that_rounding_can_make_is_none() -> None:
    # In float64 0.1 * 3 is above 0.3: the difference of two equal sums, times 1e9, looks like a margin.
    false = ReluNetwork([[[0.1, 0.1, 0.1], [0.3, 0.0, 0.0]], [[0.0, 0.0], [1e9, -1e9]]], [[0.0, 0.0], [0.0, 0.0]])
    region = Region(0.0, 1.0, [1.0, 1.0, 1.0], 0.5, "l1")
    checked = check(false, region, Margin(0, 1), [1.0, 1.0, 1.0])
    assert checked is not None
    assert checked.margin > 1e-8
    assert not checked.is_witness


@pytest.mark.parametrize(("scale", "last"), [(1e-3, 1.0), (1.0, 1.0), (1e6, 1.0), (1.0, 1e-315)])
def test_the_rounding_error_bounds_the_difference_from_exact_arithmetic(scale: float, last: float) -> None:
    worst = 0.0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        network = random_network(rng, (5, 6, 6, 3))
        scales = (scale, scale, scale * last)
        network = ReluNetwork(
            [w * s for w, s in zip(network.weights, scales, strict=True)],
            [b * s for b, s in zip(network.biases, scales, strict=True)],
        )
        x, problem = rng.uniform(size=5), Margin(0)
        right, *wrong = exact(network, x)[-1]
        off = abs(Fraction(float(problem.value(network(x[None]))[0])) - (max(wrong) - right))
        allowed = rounding_error(network, problem, x)
        assert off <= Fraction(allowed)
        worst = max(worst, float(off) / allowed)
    assert worst > 1e-4 or last < 1.0  # and not by orders of magnitude too much, but where numbers lose their digits


def test_values_that_overflow_are_refused_in_one_sentence() -> None:
    huge = ReluNetwork([np.full((3, 3), 1e200), np.full((3, 3), 1e200)], [np.zeros(3), np.zeros(3)])
    region = Region(0.0, 1.0, [0.5] * 3, 0.3, "l1")
    with pytest.raises(InvalidNetwork, match="overflow float64"):
        check(huge, region, Margin(0), [0.5] * 3)
    for attack in (
        lambda: SurrogateAttack().run(huge, huge, Instance(region, 0)),
        lambda: ClosestAttack().run(huge, huge, Instance(region, 0)),
        lambda: BranchAndBoundAttack().run(huge, Instance(region, 0)),
        lambda: GradientAttack().run(huge, Instance(region, 0)),
        lambda: method("crown").compute(huge, region),
    ):
        with pytest.raises(InvalidNetwork, match="layer 0: values or slopes of the network may reach 3e"):
            attack()


def test_far_outside_is_no_witness_even_if_adversarial_there() -> None:
    tight = Region(0.0, 1.0, [0.5, 0.25], 0.1, "l1")
    checked = check(identity, tight, Margin(0, 1), [0.0, 1.0])
    assert checked is not None
    assert not checked.is_witness
    assert checked.margin < 0.0


@pytest.mark.parametrize("point", [[np.nan, 0.0], [np.inf, 0.0], [0.5]])
def test_what_is_no_point_is_none(point: list) -> None:
    assert check(identity, region, Margin(0, 1), point) is None


def test_a_tie_is_no_witness() -> None:
    checked = check(identity, Region(0.0, 1.0, [0.5, 0.5], 0.5, "l1"), Margin(0, 1), [0.5, 0.5 + WITNESS_MARGIN / 2])
    assert checked is not None
    assert not checked.is_witness


def test_norms() -> None:
    assert perturbation_norms(region, [0.2, 0.65]) == pytest.approx({"l0": 2.0, "l1": 0.7, "l2": 0.5, "linf": 0.4})
    assert perturbation_norms(region, region.center)["l0"] == 0.0


class TestMargin:
    def test_untargeted_is_the_best_wrong_class(self) -> None:
        assert Margin(1).value([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0]]).tolist() == [2.0, -4.0]

    def test_targeted(self) -> None:
        assert Margin(1, 2).value([[3.0, 1.0, 2.0]]).tolist() == [1.0]
        assert Margin(1, 2).rows(3)[0].tolist() == [[0.0, -1.0, 1.0]]

    @pytest.mark.parametrize(("label", "target"), [(3, 0), (0, 3), (3, None)])
    def test_a_class_that_the_network_lacks(self, label: int, target: int | None) -> None:
        with pytest.raises(InvalidSetting, match="classes run from 0 to 2"):
            Margin(label, target).rows(3)

    @pytest.mark.parametrize(("label", "target"), [(1, 1), (-1, 0), (0, -1)])
    def test_classes_that_make_no_sense(self, label: int, target: int) -> None:
        with pytest.raises(InvalidSetting):
            Margin(label, target)


class TestConditions:
    def test_value_is_the_largest_of_the_smallest_rows(self) -> None:
        problem = Conditions([([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.5]), ([[1.0, 1.0]], [-3.0])])
        outputs = [[1.0, 2.0], [3.0, -4.0], [0.0, 4.0]]
        assert problem.value(outputs).tolist() == [1.0, -3.5, 1.0]
        assert problem.deciding(outputs).tolist() == [0, 1, 2]

    def test_what_does_not_fit_is_refused(self) -> None:
        for disjuncts, text in (
            ([], "at least one disjunct"),
            ([([[1.0]], [0.0, 1.0])], "a matrix"),
            ([([[1.0]], [0.0]), ([[1.0, 2.0]], [0.0])], "same number of outputs"),
            ([([[float("nan")]], [0.0])], "finite"),
        ):
            with pytest.raises(InvalidSetting, match=text):
                Conditions(disjuncts)
        with pytest.raises(InvalidSetting, match="the network has 3"):
            Conditions([([[1.0, 2.0]], [0.0])]).rows(3)


def test_an_output_is_no_question_and_has_no_witness() -> None:
    identity = ReluNetwork([[[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0]])
    checked = check(identity, Region(0.0, 1.0, [0.5, 0.5]), Output(1), [0.5, 0.75])
    assert checked is not None
    assert (checked.margin, checked.is_witness) == (0.75, False)
