"""Test functions: values known by hand, their minima, and networks that learn them."""

from __future__ import annotations

import numpy as np
import pytest

from surrogate.data.functions import FUNCTIONS, LARGEST_INPUTS, TEST_POINTS, TRAIN_POINTS, evaluate, sample
from surrogate.errors import InvalidSetting, TrainingDiverged
from surrogate.networks import ReluNetwork
from surrogate.training import Training, accuracy, finetune, fit


def in_unit_box(name: str, x: list[float]) -> np.ndarray:
    function = FUNCTIONS[name]
    return ((np.array(x) - function.lower) / (function.upper - function.lower))[None]


@pytest.mark.parametrize(
    ("name", "x", "value"),
    [
        ("ackley", [0.0, 0.0], 0.0),
        ("ackley", [1.0, 1.0], 20.0 - 20.0 * np.exp(-0.2)),
        ("griewank", [0.0, 0.0], 0.0),
        ("griewank", [np.pi, 0.0], np.pi**2 / 4000.0 + 2.0),
        ("levy", [1.0, 1.0], 0.0),
        ("levy", [5.0, 1.0], 1.0 + 10.0 * np.sin(2.0 * np.pi + 1.0) ** 2),
        ("rastrigin", [0.5, 1.0], 0.25 + 20.0 + 1.0),
        ("rosenbrock", [1.0, 1.0, 1.0], 0.0),
        ("rosenbrock", [0.0, 2.0, 1.0], 401.0 + 900.0 + 1.0),
        ("styblinski_tang", [1.0, -1.0], -15.0),
    ],
)
def test_values_by_hand(name: str, x: list[float], value: float) -> None:
    assert evaluate(name, in_unit_box(name, x))[0] == pytest.approx(value, abs=1e-9)


MINIMA = {
    "ackley": (0.0, 0.0),
    "griewank": (0.0, 0.0),
    "levy": (1.0, 0.0),
    "rastrigin": (0.0, 0.0),
    "rosenbrock": (1.0, 0.0),
    "styblinski_tang": (-2.903534027771177, -39.16616570377142),
}
"""Every coordinate of a function's global minimum as its source gives it, and the least value by the number of inputs."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_minimum_is_where_its_source_says(name: str) -> None:
    coordinate, minimum = MINIMA[name]
    for inputs in (2, 5):
        best = in_unit_box(name, [coordinate] * inputs)
        assert evaluate(name, best)[0] == pytest.approx(inputs * minimum, abs=1e-9)
        near = np.clip(best + np.random.default_rng(0).normal(scale=0.02, size=(2000, inputs)), 0.0, 1.0)
        everywhere = np.random.default_rng(1).uniform(size=(20_000, inputs))
        assert evaluate(name, np.vstack([near, everywhere])).min() >= inputs * minimum - 1e-9


def test_a_sample_is_standardised_negated_and_always_the_same() -> None:
    data, again = sample("griewank", 3), sample("griewank", 3)
    assert data.train_images.shape == (TRAIN_POINTS, 3)
    assert data.test_images.shape == (TEST_POINTS, 3)
    assert (data.train_images.min(), data.train_images.max()) == pytest.approx((0.0, 1.0), abs=1e-3)
    assert (data.train_labels.mean(), data.train_labels.std()) == pytest.approx((0.0, 1.0), abs=1e-9)
    values = evaluate("griewank", data.test_images)
    assert np.corrcoef(values, data.test_labels)[0, 1] == pytest.approx(-1.0)
    assert data.checksum == again.checksum != sample("levy", 3).checksum
    assert not data.train_images.flags.writeable
    assert not data.train_labels.flags.writeable


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("rastrign", 2, "function='rastrign' is not one of ackley, griewank"),
        ("rosenbrock", 1, "rosenbrock takes an integer from 2"),
        ("levy", 0, "levy takes an integer from 1"),
        ("levy", LARGEST_INPUTS + 1, "to 1000 as its number of inputs, got 1001"),
        ("levy", 2.5, "got 2.5"),
    ],
)
def test_what_is_refused(name: str, inputs: int, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        sample(name, inputs)


def test_points_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"shape \(n, d\), got \(2,\)"):
        evaluate("levy", [0.5, 0.5])


def test_a_network_learns_values_and_is_finetuned_on_them() -> None:
    data = sample("styblinski_tang", 2)
    network = fit(Training(epochs=5), [16, 16], data.train_images, data.train_labels, outputs=1)

    def error(one: ReluNetwork) -> float:
        return float(((one(data.test_images)[:, 0] - data.test_labels) ** 2).mean())

    assert error(network) < 0.3  # of a variance of 1
    masks = [np.abs(weight) > np.quantile(np.abs(weight), 0.5) for weight in network.weights]
    before = finetune(network, masks, Training(epochs=0), data.train_images, data.train_labels)
    after = finetune(network, masks, Training(epochs=2), data.train_images, data.train_labels)
    assert error(after) < 0.7 * error(before)
    assert all((weight[~mask] == 0.0).all() for weight, mask in zip(after.weights, masks, strict=True))


def test_values_that_do_not_fit_a_network_are_refused() -> None:
    points, values = np.zeros((3, 2)), np.zeros(3)
    with pytest.raises(InvalidSetting, match="floats where a network has one output, got floats and 10"):
        fit(Training(), [2], points, values)
    with pytest.raises(InvalidSetting, match="values must be finite"):
        fit(Training(), [2], points, values + np.nan, outputs=1)
    with pytest.raises(InvalidSetting, match="accuracy is of classes"):
        accuracy(ReluNetwork([np.ones((1, 2))], [np.zeros(1)]), points, values)
    with pytest.raises(TrainingDiverged):
        fit(Training(learning_rate=1e30), [2], np.ones((3, 2)), values + 1.0, outputs=1)
