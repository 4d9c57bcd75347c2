"""The independent check, and the margins it evaluates."""

from __future__ import annotations

import numpy as np
import pytest

from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.problems import Conditions, Margin, Output
from surrogate.region import Region
from surrogate.witness import WITNESS_MARGIN, check, perturbation_norms

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
