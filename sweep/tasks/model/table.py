"""The user's table as the samples of a model's network, if the model's module has no samples."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

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


class _TableSamples:
    """The samples of a problem that are rows of a table, whatever the seed."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __call__(self, seed: int) -> dict[str, Samples]:
        return {NETWORK: self._samples}


@functools.lru_cache(maxsize=16)
def _fitted_to(problem: ModelProblem, data: Dataset) -> ModelProblem:
    return dataclasses.replace(problem, samples=_TableSamples(table_samples(data)))


def in_table_words(problem: ModelProblem, sentence: str) -> str:
    """Return a sentence on the samples of a problem in the words of the table that they are rows of."""
    if not isinstance(problem.samples, _TableSamples):
        return sentence
    named = sentence.replace("that samples returns", f"of the table's network, {NETWORK}")
    return named.replace(f"model.function={problem.name}:", f"model.function={problem.name} with dataset=table:")
