"""What a trial starts from: the data set, properties from files, and the dense network, trained or read."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweep.config.rules import FUNCTION, NO_DATASET
from sweep.config.schema import DatasetSettings, Settings
from sweep.config.users_data import USERS, made, read_data

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.networks import ReluNetwork
    from sweep.config.files import PropertyFile


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a trial takes from outside of its configuration.

    Attributes:
        data: the data set, if it has one.
        properties: from files.
        networks: from files, by these as the configuration names them (:meth:`sweep.config.tasks.TaskRules.network_files`).
    """

    data: Dataset | None
    properties: tuple[PropertyFile, ...] = ()
    networks: Mapping[str, ReluNetwork] = field(default_factory=dict)


def load_properties(settings: Settings) -> tuple[PropertyFile, ...]:
    """Read the properties of a trial, the first ``instances.count`` of them; none if it attacks images.

    Raises:
        ConfigError: see :func:`sweep.config.files.read_properties`.
    """
    if settings.instances.properties is None:
        return ()
    from sweep.config.files import read_properties

    return read_properties(settings.instances.properties, settings.network.file)[: settings.instances.count]


def load_networks(settings: Settings) -> dict[str, ReluNetwork]:
    """Read the networks that a trial's task takes from files, by these (:meth:`sweep.config.tasks.TaskRules.network_files`).

    Raises:
        ConfigError: one cannot be read.
    """
    from sweep.config.files import read_network
    from sweep.config.tasks import task_of

    return {file: read_network(file) for file in task_of(settings).network_files(settings)}


def load_inputs(settings: Settings, data: Dataset | None) -> Inputs:
    """Return what a trial takes from outside of its configuration, whose data set is loaded already.

    Raises:
        ConfigError: a file cannot be read.
    """
    return Inputs(data, load_properties(settings), load_networks(settings))


def load_data(settings: Settings) -> Dataset | None:
    """Load the data set of a trial; None with ``dataset=none``.

    Raises:
        DataUnavailable, InvalidSetting: see :func:`surrogate.data.load`.
        ConfigError: see :func:`sweep.config.users_data.read_data`.
    """
    if settings.dataset.name == NO_DATASET:
        return None
    if settings.dataset.name == FUNCTION:
        return made(settings.dataset)
    if settings.dataset.name in USERS:
        return read_data(settings.dataset)
    from surrogate.data import load

    dataset = settings.dataset
    assert not isinstance(dataset.side, list), "refused when the configuration is checked"
    return load(dataset.name, dataset.side, dataset.folder)


def data_checksum(dataset: DatasetSettings) -> str | None:
    """Return the checksum of a data set (:attr:`surrogate.data.Dataset.checksum`); None without data.

    Files that are downloaded have a published one, and others are not used: they need not be there for it. A data set that
    comes with a package or is drawn from a function is loaded, and so are files of the user's, whose contents may change.

    Raises:
        DataUnavailable: the package's data cannot be read.
        ConfigError: a file of the user's cannot be read.
    """
    return read_data(dataset).checksum if dataset.name in USERS else _fixed_checksum(dataset)


@functools.cache
def _fixed_checksum(dataset: DatasetSettings) -> str | None:
    from surrogate.data.sources import SOURCES

    if dataset.name == NO_DATASET:
        return None
    source = SOURCES.get(dataset.name)
    if source is not None:
        return hashlib.sha256("".join(file.sha256 for file in source.files).encode()).hexdigest()[:16]
    if dataset.name == FUNCTION:
        if dataset.function is None or not isinstance(dataset.inputs, int):  # refused when the configuration is checked
            return None
        return made(dataset).checksum
    from surrogate.data import load

    return load(dataset.name).checksum
