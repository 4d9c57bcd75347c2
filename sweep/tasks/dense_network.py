"""The dense network of a trial: trained, or read from its file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from surrogate.networks import ReluNetwork
from surrogate.networks.scales import in_units
from sweep.config.schema import Settings
from sweep.config.sections import method_of
from sweep.store.networks import TrainedNetwork

if TYPE_CHECKING:
    from surrogate.data import Dataset


def train_network(
    settings: Settings, data: Dataset | None, watch: Callable[[int], object] = lambda epoch: None
) -> TrainedNetwork:
    """Train the dense network of a trial, or read it from its file.

    ``watch`` is called after each epoch with the number of epochs that are done.

    Raises:
        TrainingDiverged: the loss or the weights are no longer finite.
        ConfigError: the file cannot be read.
    """
    if settings.network.file is not None:
        from sweep.config.files import read_network

        network = read_network(settings.network.file)
        if data is not None and data.scales is not None:  # it takes a table's own units, and all that is trained deviations
            network = in_units(network, *data.scales.undone())
        return TrainedNetwork(network, None, None, *fit_on(network, data))
    from surrogate.training import fit

    assert data is not None, "a configuration without data and without a network's file is refused"

    hidden = [settings.network.width] * settings.network.depth
    wall, cpu = time.perf_counter(), time.process_time()
    box = None if data.shape is None else (0.0, 1.0)  # that of images, all of whose pixels an attack may change
    training = method_of("training", settings)
    network = fit(training, hidden, data.train_images, data.train_labels, data.outputs, watch, box)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return TrainedNetwork(network, seconds, cpu_seconds, *fit_on(network, data))


def fit_on(network: ReluNetwork, data: Dataset | None) -> tuple[float | None, float | None]:
    """Return the share of correct test images, and R² on test points; None where the network is not made for them."""
    from surrogate.training import accuracy, r_squared

    if data is None or not len(data.test_images) or network.input_size != data.test_images.shape[1]:
        return None, None
    if data.is_regression:
        if network.output_size != data.outputs:
            return None, None
        r2 = r_squared(network, data.test_images, data.test_labels)
        return None, r2 if math.isfinite(r2) else None
    if network.output_size <= data.test_labels.max():
        return None, None
    return accuracy(network, data.test_images, data.test_labels), None


def in_words(accuracy: float | None, r2: float | None) -> str:
    """Return how well a network fits as the end of a sentence; nothing where that is not known."""
    if r2 is not None:
        return f", R² {r2:.4f}"
    return "" if accuracy is None else f", accuracy {accuracy:.4f}"
