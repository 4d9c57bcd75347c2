"""A table of the user's as the samples of a model's network, where the model's module has none of its own."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import TYPE_CHECKING

import numpy as np

from surrogate.errors import SurrogateError
from sweep.config.rules import TABLE
from sweep.config.schema import Settings
from sweep.config.users_data import read_data
from sweep.errors import ConfigError

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.models.problems import ModelProblem, Samples

NETWORK = "network"
"""The name of the network that is fitted to a table, by which ``build`` asks for it."""


def needs_table(problem: ModelProblem, settings: Settings) -> bool:
    """Whether the table of ``dataset`` gives a problem its samples."""
    return settings.dataset.name == TABLE and problem.samples is None


def with_table(problem: ModelProblem, settings: Settings, data: Dataset | None = None) -> ModelProblem:
    """Return a problem with the rows of the table as the samples of its only network; one that needs no table as it is.

    Args:
        problem: of the trial.
        settings: of the trial.
        data: the table, where it is loaded already: a worker has no files of the user's.

    Raises:
        ConfigError: the table cannot be read, or has several outputs.
    """
    if not needs_table(problem, settings):
        return problem
    table = read_data(settings.dataset) if data is None else data
    if table.is_regression and table.outputs > 1:
        raise ConfigError(
            f"dataset.outputs={settings.dataset.outputs} with task=model: the network of a model gives one value; name one "
            f"column"
        )
    return _fitted_to(problem, table)


def table_samples(data: Dataset) -> Samples:
    """Return all rows of a table as samples, in the table's units: a category is one input of 0 or 1 for each of its values."""
    from surrogate.models.problems import Samples

    assert data.scales is not None, "a table has scales"
    x = np.concatenate([data.train_images, data.test_images]).astype(np.float64)
    y = np.concatenate([data.train_labels, data.test_labels])
    scales = data.scales
    values = y * scales.y_deviation + scales.y_mean if data.is_regression else y
    return Samples(x * scales.x_deviation + scales.x_mean, values)


@functools.lru_cache(maxsize=16)
def _fitted_to(problem: ModelProblem, data: Dataset) -> ModelProblem:
    samples = table_samples(data)
    return dataclasses.replace(problem, samples=lambda seed: {NETWORK: samples})


@functools.lru_cache(maxsize=1024)
def rehearse_on_table(problem: ModelProblem, seed: int, parameters: str) -> None:
    """Build a problem of :func:`with_table` once, with an untrained network: mistakes are told before anything starts.

    Raises:
        ConfigError: its module fails, asks for another network, or gives it other inputs than the table has.
    """
    from surrogate.models.problems import rehearse

    try:
        rehearse(problem, seed, json.loads(parameters))
    except SurrogateError as error:
        why = str(error).removeprefix(f"{problem.name}: ").replace("that samples returns", f"of the table's network, {NETWORK}")
        raise ConfigError(f"model.function={problem.name} with dataset=table: {why}") from error
