"""Rows of the user's table, each with a ball around it: are there values in the ball that the network gives another class?

Points and radii are in standard deviations of the columns, as the network is trained. The box is that of all rows: no column
leaves the range that it has in the table. Categories of a row stay as they are, and only numbers change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sweep.config.rules import TABLE
from sweep.config.schema import Settings
from sweep.config.users_data import read_data
from sweep.config.words import Words
from sweep.errors import ConfigError
from sweep.records import InstanceRecord
from sweep.tasks.attacking import AttackedNetwork, AttackInstance
from sweep.tasks.base import Improved, TaskInstance, TaskWork
from sweep.tasks.image.task import ImageTask, class_facts, drawn_as_set, source_name

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.networks import FloatArray, ReluNetwork

MOVED = 1e-6
"""A number counts as changed if it moved by more deviations than this: the tolerance of a MILP solver moves many by less."""


DIGITS = 7
"""Digits of a number that agree with the table: the rows of a data set are float32."""


class RowTask(ImageTask):
    """The rows that ``instances`` draws, ``instances.count`` of them."""

    def words(self, objective: str) -> Words:
        return dataclasses.replace(super().words(objective), instance="row")

    def check(self, settings: Settings) -> None:
        if settings.dataset.name != TABLE:
            raise ConfigError(f"task=row with dataset.name={settings.dataset.name}: rows are those of dataset=table")
        super().check(settings)
        data = read_data(settings.dataset)
        assert data.columns is not None, "a table has columns"
        if data.is_regression:
            name = data.columns.outputs[0]
            raise ConfigError(
                f"dataset=table has values of {name} and no classes to attack: set task=output for the largest value, or name "
                f"{name} in dataset.categories if it holds classes"
            )
        if not free_inputs(data).any():
            raise ConfigError(
                "dataset=table has no inputs but categories, which stay as they are: add a column of numbers to dataset.inputs"
            )

    def prepare(self, work: TaskWork) -> AttackedNetwork:
        return AttackedRows(self, work)

    def in_units(self, network: ReluNetwork, data: Dataset | None) -> ReluNetwork:
        return network  # the radius is in deviations, so that one ball is fair to all columns

    def drawn(self, work: TaskWork, dense: ReluNetwork) -> tuple[Sequence[AttackInstance], int]:
        data = work.inputs.data
        assert data is not None, "a table is loaded before its rows are drawn"
        both = np.concatenate([data.train_images, data.test_images]).astype(np.float64)
        low, high, free = both.min(axis=0), both.max(axis=0), free_inputs(data)
        drawn, skipped = drawn_as_set(
            work.settings,
            data,
            dense,
            source_name(data),
            box=lambda center: (np.where(free, low, center), np.where(free, high, center)),
            kind="row",
        )
        return [_with_facts(one, data) for one in drawn], skipped

    def _check_ball(self, settings: Settings) -> None:
        if settings.attack.radius is None:
            raise ConfigError(
                "attack.radius is null with dataset=table: set the size of the ball around a row, in standard deviations of "
                "the columns, as in attack.radius=0.5 attack.norm=linf"
            )
        super()._check_ball(settings)


class AttackedRows(AttackedNetwork):
    """A network attacked at rows of a table. Of each answer it is kept which numbers changed, in the table's units."""

    def answer(self, instance: TaskInstance, record: InstanceRecord, improved: Improved) -> InstanceRecord:
        found, data = super().answer(instance, record, improved), self.work.inputs.data
        if found.perturbed is None or data is None:
            return found
        before, after = np.asarray(found.clean), np.asarray(found.perturbed)
        moved = free_inputs(data) & (np.abs(after - before) > MOVED)
        old, new = in_table_units(data, before), in_table_units(data, after)
        assert data.columns is not None, "a table has columns"
        names = [name for name, changed in zip(data.columns.inputs, moved, strict=True) if changed]
        return dataclasses.replace(found, facts={**found.facts, "changed": {name: [old[name], new[name]] for name in names}})


def free_inputs(data: Dataset) -> Any:
    """Return which inputs of a network for a table are numbers, and so may change: booleans ``(d,)``."""
    assert data.columns is not None, "a table has columns"
    free = np.ones(data.inputs, dtype=np.bool_)
    for places in data.columns.places.values():
        free[list(places)] = False
    return free


def in_table_units(data: Dataset, point: FloatArray) -> dict[str, float | str]:
    """Return a point ``(d,)`` in deviations as a row of the table, by column: numbers in its units, and categories."""
    assert data.columns is not None, "a table has columns"
    assert data.scales is not None, "a table has scales"
    values = point * data.scales.x_deviation + data.scales.x_mean
    found: dict[str, float | str] = {
        name: float(f"{value:.{DIGITS}g}") for name, value in zip(data.columns.inputs, values.tolist(), strict=True)
    }
    for column, places in data.columns.places.items():
        for place in places:
            del found[data.columns.inputs[place]]
        found[column] = data.columns.categories[column][int(np.argmax(point[list(places)]))]
    return found


def _with_facts(instance: AttackInstance, data: Dataset) -> AttackInstance:
    attacked = instance.attacked
    facts = {"shape": [], "row": in_table_units(data, attacked.region.center), **class_facts(data, attacked)}
    return dataclasses.replace(instance, facts=facts)
