"""How well networks fit: by hand-made numbers, on samples that were held out."""

from __future__ import annotations

import numpy as np
import pytest

from surrogate.errors import InvalidSetting
from surrogate.models.problems import Samples, fit_measure, fit_quality, in_units, split, standard_dataset
from surrogate.networks import ReluNetwork

IDENTITY = ReluNetwork([[[1.0]], [[1.0]]], [[0.0], [0.0]])
TELLS_APART = ReluNetwork([[[1.0]], [[0.0], [1.0]]], [[0.0], [1.5, 0.0]])
"""Class 1 from 1.5 on."""


def test_the_measure_of_values() -> None:
    x = np.array([[1.0], [2.0], [3.0], [6.0]])
    samples = Samples(x, np.array([1.0, 2.0, 3.0, 4.0]))
    assert fit_measure(samples) == "r2"
    assert fit_quality(IDENTITY, samples) == pytest.approx(1.0 - 4.0 / 5.0)
    assert fit_quality(IDENTITY, Samples(x, x[:, 0])) == 1.0
    assert fit_quality(IDENTITY, Samples(x[:2] * 0.0, np.zeros(2))) == 1.0
    assert fit_quality(IDENTITY, Samples(x, np.ones(4))) == 0.0
    with pytest.raises(InvalidSetting, match="the samples are for 2 inputs and 1 output"):
        fit_quality(IDENTITY, Samples(np.zeros((3, 2)), np.zeros(3)))


def test_the_measure_of_classes() -> None:
    samples = Samples(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0, 1, 1, 0]))
    assert fit_measure(samples) == "accuracy"
    assert fit_quality(TELLS_APART, samples) == 0.75


def test_the_split_is_a_partition_by_the_seed() -> None:
    samples = Samples(np.arange(20.0)[:, None], np.arange(20.0), truth=lambda x: x[:, 0])
    fitted, held = split(samples, 0.25, seed=3)
    assert (len(fitted.x), len(held.x)) == (15, 5)
    assert sorted([*fitted.y, *held.y]) == list(range(20))
    assert held.truth is samples.truth
    again, other = split(samples, 0.25, seed=3)[1], split(samples, 0.25, seed=4)[1]
    np.testing.assert_array_equal(again.x, held.x)
    assert not np.array_equal(other.x, held.x)


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_class_stays_among_those_to_fit_to(seed: int) -> None:
    y = np.zeros(10, dtype=np.int64)
    y[4] = 2
    samples = Samples(np.arange(10.0)[:, None], y)
    fitted, held = split(samples, 0.5, seed)
    assert fitted.outputs == 3
    assert (len(fitted.x), len(held.x)) == (5, 5)


def test_shares_that_leave_nothing_are_refused() -> None:
    samples = Samples(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(InvalidSetting, match=r"share=1\.0 is not allowed: expected a number between 0 and 1"):
        split(samples, 1.0)
    with pytest.raises(InvalidSetting, match=r"share=0.1 is not allowed for 3 samples: it holds out 0"):
        split(samples, 0.1)


def test_samples_as_a_data_set_are_standardised_by_those_to_fit_to() -> None:
    samples = Samples(np.array([[0.0, 5.0], [4.0, 5.0]]), np.array([10.0, 30.0]))
    held = Samples(np.array([[2.0, 5.0]]), np.array([50.0]))
    data, scales = standard_dataset("price", samples, held)
    np.testing.assert_array_equal(data.train_images, [[-1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(data.train_labels, [-1.0, 1.0])
    np.testing.assert_array_equal(data.test_images, [[0.0, 0.0]])
    np.testing.assert_array_equal(data.test_labels, [3.0])
    assert (data.name, data.side, data.outputs) == ("price", None, 1)
    assert data.checksum != standard_dataset("price", samples)[0].checksum
    network = ReluNetwork([[[1.0, 0.0]], [[1.0]]], [[1.0], [0.0]])  # relu(x0 + 1) in standard units
    back = in_units(in_units(network, *scales), *scales.undone())
    np.testing.assert_allclose(back(data.train_images), network(data.train_images))


def test_classes_as_a_data_set_stay_classes() -> None:
    data, _ = standard_dataset("sort", Samples(np.array([[0.0], [1.0]]), np.array([0, 3])))
    assert data.outputs == 4
    np.testing.assert_array_equal(data.train_labels, [0, 3])
