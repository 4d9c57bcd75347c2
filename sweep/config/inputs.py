"""What a trial starts from: the data set, properties from files, and the dense network, trained or read."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from surrogate.errors import InvalidNetwork
from surrogate.networks import ReluNetwork
from sweep.config.rules import FUNCTION, NO_DATASET
from sweep.config.schema import DatasetSettings, Settings
from sweep.store.stage_results import Entry

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from sweep.config.files import Property


@dataclass(frozen=True)
class TrainedNetwork:
    """A dense network with what its training cost and its share of correct test images (0 to 1).

    A network from a file has no training time, and no accuracy where the data set has other images or is missing.
    """

    network: ReluNetwork
    train_seconds: float | None
    train_cpu_seconds: float | None
    accuracy: float | None


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a trial takes from outside of its configuration: the data set, if it has one, and properties from files."""

    data: Dataset | None
    properties: tuple[Property, ...] = ()


def load_properties(settings: Settings) -> tuple[Property, ...]:
    """Read the properties of a trial, the first ``instances.count`` of them; none if it attacks images.

    Raises:
        ConfigError: see :func:`sweep.config.files.read_properties`.
    """
    if settings.instances.properties is None:
        return ()
    from sweep.config.files import read_properties

    return read_properties(settings.instances.properties, settings.network.file)[: settings.instances.count]


def load_data(settings: Settings) -> Dataset | None:
    """Load the data set of a trial; None with ``dataset=none``.

    Raises:
        DataUnavailable, InvalidSetting: see :func:`surrogate.data.load`.
    """
    if settings.dataset.name == NO_DATASET:
        return None
    if settings.dataset.name == FUNCTION:
        from surrogate.data.functions import sample

        assert settings.dataset.function is not None
        assert settings.dataset.inputs is not None
        return sample(settings.dataset.function, settings.dataset.inputs)
    from surrogate.data import load

    dataset = settings.dataset
    return load(dataset.name, dataset.side, dataset.folder)


@functools.cache
def data_checksum(dataset: DatasetSettings) -> str | None:
    """Return the checksum of a data set (:attr:`surrogate.data.Dataset.checksum`); None without data.

    Files that are downloaded have a published one, and others are not used: they need not be there for it. A data set that
    comes with a package or is drawn from a function is loaded.

    Raises:
        DataUnavailable: the package's data cannot be read.
    """
    from surrogate.data.sources import SOURCES

    if dataset.name == NO_DATASET:
        return None
    source = SOURCES.get(dataset.name)
    if source is not None:
        return hashlib.sha256("".join(file.sha256 for file in source.files).encode()).hexdigest()[:16]
    if dataset.name == FUNCTION:
        from surrogate.data.functions import sample

        if dataset.function is None or dataset.inputs is None:  # refused when the configuration is checked
            return None
        return sample(dataset.function, dataset.inputs).checksum
    from surrogate.data import load

    return load(dataset.name).checksum


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
        return TrainedNetwork(network, None, None, accuracy_on(network, data))
    from surrogate.data import CLASSES
    from surrogate.training import Training, fit

    assert data is not None, "a configuration without data and without a network's file is refused"

    t, hidden = settings.training, [settings.network.width] * settings.network.depth
    training = Training(
        epochs=t.epochs,
        seed=t.seed,
        batch_size=t.batch_size,
        learning_rate=t.learning_rate,
        weight_decay=t.weight_decay,
        optimizer=t.optimizer,
        bias=settings.network.bias,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    outputs = CLASSES if data.train_labels.dtype.kind == "i" else 1
    network = fit(training, hidden, data.train_images, data.train_labels, outputs, watch)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return TrainedNetwork(network, seconds, cpu_seconds, accuracy_on(network, data))


def accuracy_on(network: ReluNetwork, data: Dataset | None) -> float | None:
    """Return the share of correct test images, or None where the network is not made for them."""
    from surrogate.training import accuracy

    if data is None or data.test_labels.dtype.kind != "i" or network.input_size != data.test_images.shape[1]:
        return None
    if network.output_size <= data.test_labels.max():
        return None
    return accuracy(network, data.test_images, data.test_labels)


def network_entry(trained: TrainedNetwork, recipe: dict[str, Any]) -> Entry:
    """Return what the store keeps of a trained network; ``recipe`` is what made it, for whoever reads the file."""
    facts = {
        "network_key": trained.network.key,
        "train_seconds": trained.train_seconds,
        "train_cpu_seconds": trained.train_cpu_seconds,
        "accuracy": trained.accuracy,
        "recipe": recipe,
    }
    return Entry(facts, trained.network.to_bytes())


def network_of(entry: Entry) -> TrainedNetwork:
    """Return the trained network that :func:`network_entry` made an entry of.

    Raises:
        InvalidNetwork, KeyError: it holds none, or another one than its facts say.
    """
    network, facts = stored_weights(entry), entry.facts
    return TrainedNetwork(network, facts["train_seconds"], facts["train_cpu_seconds"], facts["accuracy"])


def stored_weights(entry: Entry) -> ReluNetwork:
    """Return the network of an entry with weights, whose ``network_key`` is that network's key.

    Raises:
        InvalidNetwork, KeyError: it holds none, or another one than its facts say.
    """
    if entry.weights is None:
        raise InvalidNetwork("it has no weights")
    network = ReluNetwork.from_bytes(entry.weights)
    if network.key != entry.facts["network_key"]:
        raise InvalidNetwork("its weights are not those of the network that it describes")
    return network
