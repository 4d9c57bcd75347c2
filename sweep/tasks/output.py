"""The largest output of a network over all its inputs (function maximisation, the authors' second study)."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from surrogate.problems.objectives import CLOSEST, OUTPUT
from sweep.config.rules import TABLE
from sweep.config.schema import Settings
from sweep.config.users_data import read_data
from sweep.config.words import Words
from sweep.errors import ConfigError
from sweep.tasks.attacking import BALL, AttackInstance, AttackTask, hashed
from sweep.tasks.base import TaskWork

if TYPE_CHECKING:
    from surrogate.data import Columns
    from surrogate.networks import ReluNetwork


MOST_COMBINATIONS = 200
"""The most combinations of a table's categories that are asked about, one after the other."""


class OutputTask(AttackTask):
    """The largest first output: each input in [0, 1], or in the range that it has in a table, one instance a combination of
    the table's categories."""

    def check(self, settings: Settings) -> None:
        if settings.attack.objective == CLOSEST:
            raise ConfigError("task=output with attack.objective=closest: an output has no distance; change one of them")
        if settings.instances.properties is not None:
            raise ConfigError(
                f"instances.properties with attack.objective={OUTPUT}: a property file already states the goal; set "
                f"instances.properties=null or attack.objective=margin"
            )
        if settings.dataset.name == TABLE:
            _check_table(settings)

    def counted(self, section: str, settings: Settings, found: dict[str, Any]) -> dict[str, Any] | None:
        if section == "instances":
            return {}
        if section == "attack":
            kept = {name: value for name, value in found.items() if name not in BALL}
            return {**kept, "objective": OUTPUT}
        return found

    def count(self, settings: Settings) -> int | None:
        return None if settings.dataset.name == TABLE and settings.dataset.categories else 1

    def count_in_files(self, settings: Settings) -> int:
        return 1 if self.count(settings) == 1 else combinations(_columns(settings))

    def data_use(self, settings: Settings) -> str | None:
        return "task=output" if settings.dataset.name == TABLE else None

    def words(self, objective: str) -> Words:
        return dataclasses.replace(
            super().words(objective),
            instance="instance",
            value="value",
            find="optimal",
            found=("optimal",),
            none=(),
            asks=False,
            zero_is_found=False,
        )

    rates = MappingProxyType({"attack/optimal_rate": "optimal"})

    def objective(self, settings: Settings) -> str:
        return OUTPUT

    def drawn(self, work: TaskWork, dense: ReluNetwork) -> tuple[Sequence[AttackInstance], int]:
        data = work.inputs.data
        if data is not None and data.columns is not None:
            return table_instances(dense, data.columns), 0
        return [output_instance(dense)], 0


def table_instances(network: ReluNetwork, columns: Columns) -> list[AttackInstance]:
    """Return an instance for each combination of categories: the largest first output over the ranges of the table's numbers.

    ``network`` is in the table's units, and so are the box and the value.
    """
    import numpy as np

    from surrogate.attack import Instance
    from surrogate.problems import Output
    from surrogate.region import Region

    found = []
    for chosen in itertools.product(*columns.places.values()):
        low, high = np.array(columns.lower), np.array(columns.upper)
        for places, one in zip(columns.places.values(), chosen, strict=True):
            low[list(places)] = high[list(places)] = 0.0
            low[one] = high[one] = 1.0
        name = " ".join([columns.outputs[0], *(columns.inputs[place] for place in chosen)])
        key = hashed("output", network.key, 0, low.tolist(), high.tolist())
        facts = {"shape": [], "inputs": list(columns.inputs)}
        found.append(AttackInstance(key, name, Instance(Region(low, high), problem=Output(0)), facts=facts))
    return found


def combinations(columns: Columns) -> int:
    """Return how many combinations of categories the inputs of a table have."""
    return math.prod(len(places) for places in columns.places.values())


def _columns(settings: Settings) -> Columns:
    columns = read_data(settings.dataset).columns
    assert columns is not None, "a table has columns"
    return columns


def _check_table(settings: Settings) -> None:
    data, columns = read_data(settings.dataset), _columns(settings)
    if not data.is_regression:
        raise ConfigError(
            f"task=output with dataset=table whose output {columns.outputs[0]} is a category: classes have no largest value; "
            f"set task=row to attack its rows, or name columns of numbers in dataset.outputs"
        )
    if len(columns.inputs) == sum(map(len, columns.places.values())):
        raise ConfigError(
            "task=output with dataset=table whose inputs are all categories: add a column of numbers to dataset.inputs"
        )
    if combinations(columns) > MOST_COMBINATIONS:
        raise ConfigError(
            f"task=output with dataset=table: its categories have {combinations(columns)} combinations, each of them an "
            f"instance, and at most {MOST_COMBINATIONS} are allowed; leave a category out, or set task=model, where categories "
            f"are variables"
        )


def output_instance(network: ReluNetwork) -> AttackInstance:
    """Return the instance for the largest first output over all inputs, each in [0, 1] as in every data set here."""
    import numpy as np

    from surrogate.attack import Instance
    from surrogate.problems import Output
    from surrogate.region import Region

    region = Region(np.zeros(network.input_size), np.ones(network.input_size))
    return AttackInstance(hashed("output", network.key, 0), "output 0", Instance(region, problem=Output(0)))
