"""Which task the settings of a trial mean: ``task.name``, or what the other settings say where that is null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.config.rules import TABLE
from sweep.config.watched import Fact

if TYPE_CHECKING:
    from sweep.config.schema import Settings

IMAGE, ROW, PROPERTY, OUTPUT, MODEL = "image", "row", "property", "output", "model"

SAYING_THE_TASK = ("task", "task.name")
"""The keys that name the task, even if other settings tell the task already."""

NAMING = ("task.name", "instances.properties", "attack.objective", "dataset.name")
"""The keys whose values say which task a trial has (:func:`task_meant`)."""


@Fact
def task_name(settings: Settings) -> str:
    """Return the name of a trial's task; where ``task.name`` is null, the one that the other settings mean."""
    return task_meant(settings.task.name, settings.instances.properties, settings.attack.objective, settings.dataset.name)


def task_name_in(config: Mapping[str, Any]) -> str:
    """Return the name of the task of a recorded configuration, of any version."""
    parts = (key.split(".") for key in NAMING)
    return task_meant(*((config.get(section) or {}).get(leaf) for section, leaf in parts))


def task_meant(name: str | None, properties: str | None, objective: str | None, dataset: str | None) -> str:
    """Return the name of the task that the settings of these sections mean; the images of a table are its rows."""
    if name is None:
        name = PROPERTY if properties is not None else OUTPUT if objective == OUTPUT else IMAGE
    return ROW if name == IMAGE and dataset == TABLE else name


def task_meant_by(flat: Mapping[str, Any]) -> str:
    """Return the name of the task of a recorded configuration by dotted keys, of any version."""
    return task_meant(*map(flat.get, NAMING))
