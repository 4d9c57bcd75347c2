"""Whether the sizes of a trial's network and data set fit together.

This is checked before anything starts. Files are read for it, which the driver reads for the workers anyway.
"""

from __future__ import annotations

import functools
from typing import Any

from surrogate.errors import DataUnavailable
from surrogate.files import file_path
from sweep.config import rules
from sweep.config.canonical import made_of
from sweep.config.files import read_network
from sweep.config.schema import DatasetSettings, Settings
from sweep.config.sections import source_of
from sweep.config.tasks import task_of
from sweep.config.users_data import USERS, read_data
from sweep.config.watched import look_at
from sweep.errors import ConfigError

Sizes = tuple[int, int]
"""Inputs and outputs of a network."""


def check_fit(settings: Settings) -> None:
    """Read the files that the settings name, and check that what comes from them fits the rest.

    Raises:
        ConfigError: a file that is missing or malformed, or sizes that do not fit each other.
    """
    dataset = settings.dataset
    if dataset.folder is not None and reads_files(dataset):
        _check_folder(dataset.name, dataset.folder)
    if dataset.name in USERS:
        read_data(dataset)
    if not task_of(settings).trains(settings):
        return
    network, use = network_sizes(settings), use_of_data(settings)
    if settings.network.file is not None and use is not None:
        _check_data(settings, network, use)


def reads_files(dataset: DatasetSettings) -> bool:
    """Return whether a data set is read from files, which may lie in a folder of the user's."""
    from surrogate.data.sources import SOURCES

    return dataset.name in SOURCES


def data_sizes(dataset: DatasetSettings) -> Sizes | None:
    """Return the sizes of a network that is trained on a data set; None without data."""
    from surrogate.data import CLASSES, native_side

    if dataset.name == rules.NO_DATASET:
        return None
    if dataset.name == rules.FUNCTION:
        assert isinstance(dataset.inputs, int), "dataset=function without inputs is refused"
        return dataset.inputs, 1
    if dataset.name in USERS:
        data = read_data(dataset)
        return data.inputs, data.outputs
    assert not isinstance(dataset.side, list), "refused when the configuration is checked"
    return (dataset.side or native_side(dataset.name)) ** 2, CLASSES


def network_sizes(settings: Settings) -> Sizes:
    """Return the sizes of a trial's dense network.

    Raises:
        ConfigError: its file cannot be read.
    """
    if settings.network.file is None:
        sizes = data_sizes(settings.dataset)
        assert sizes is not None, "a configuration without data and without a network's file is refused"
        return sizes
    network = read_network(settings.network.file)
    return network.input_size, network.output_size


def use_of_data(settings: Settings) -> str | None:
    """Return which setting makes a trial look at its data set beside training; None if nothing does."""
    own = task_of(settings).data_use(settings)
    pruning = use_by_pruning(settings) if own is None else None
    return own if pruning is None else f"{pruning[0]}={pruning[1]}"


def use_by_pruning(settings: Settings) -> tuple[str, Any] | None:
    """Return the key that makes the pruning of a trial look at a data set, with its value; None if nothing does."""
    look_at(settings, ("pruning",))
    pruning: Any = made_of("pruning", task_of(settings), source_of(settings))
    if pruning is None or not pruning.needs_data:
        return None
    if pruning.way.needs_data:
        return "pruning.method", pruning.way.name
    return "pruning.finetune.rounds", pruning.finetuning.rounds


@functools.cache
def _check_folder(name: str, folder: str) -> None:
    from surrogate.data.cache import read_folder
    from surrogate.data.sources import SOURCES

    try:
        read_folder(SOURCES[name], file_path(folder))
    except DataUnavailable as error:
        raise ConfigError(f"dataset.folder={folder} cannot be used: {error}") from error


def _check_data(settings: Settings, network: Sizes, use: str) -> None:
    """Check a network from a file against the data set that a trial looks at."""
    data = data_sizes(settings.dataset)
    assert data is not None, "a configuration that looks at data without a data set is refused"
    (inputs, outputs), name = network, settings.dataset.name
    where = f"network.file={settings.network.file} with dataset.name={name}, which {use} looks at"
    if inputs != data[0]:
        points = settings.dataset.points
        key, numbers = ("dataset.side", "pixels") if points == "images" else ("dataset.inputs", "numbers")
        raise ConfigError(
            f"{where}: the network takes {inputs} inputs and the {points} of {name} have {data[0]} {numbers}; choose another "
            f"dataset or {key}"
        )
    if name == rules.FUNCTION and outputs != 1:
        raise ConfigError(f"{where}: the network has {outputs} outputs and a function has one value; choose another dataset")
    if name == rules.TABLE and read_data(settings.dataset).is_regression:
        if outputs != data[1]:
            raise ConfigError(
                f"{where}: the network has {outputs} outputs and the table {data[1]} (dataset.outputs); choose another network"
            )
        return
    if outputs < data[1]:
        raise ConfigError(
            f"{where}: the network has {outputs} outputs and {name} has {data[1]} classes; choose another dataset or network"
        )
