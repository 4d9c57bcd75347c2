"""The data set of a trial as MLflow shows it beside the run."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag

from surrogate.data.sources import SOURCES
from surrogate.errors import SurrogateError
from sweep.config.inputs import data_checksum
from sweep.config.rules import FUNCTION, NO_DATASET
from sweep.config.schema import DatasetSettings
from sweep.config.users_data import USERS
from sweep.errors import ConfigError

CONTEXT = "mlflow.data.context"


def dataset_of(config: Mapping[str, Any]) -> DatasetInput | None:
    """Return the data set of a trial's configuration: its name and size, the checksum of its files, and where they come from.

    None without one, or if it cannot be read here.
    """
    if "dataset" not in config:
        return None
    section = json.dumps(config["dataset"], sort_keys=True)
    return _users(section) if config["dataset"].get("name") in USERS else _known(section)


@functools.cache
def _known(section: str) -> DatasetInput | None:
    settings = _settings(section)
    if settings.name == NO_DATASET:
        return None
    try:
        digest = data_checksum(settings)
    except SurrogateError:
        return None
    if digest is None:
        return None
    source = SOURCES.get(settings.name)
    origin = "a test function" if settings.name == FUNCTION else "scikit-learn"
    where: dict[str, Any] = {"url": source.mirrors[0]} if source is not None else {"tags": {"origin": origin}}
    kind = "http" if source is not None else "code"
    name = settings.name if settings.side is None else f"{settings.name} {settings.side}x{settings.side}"
    if settings.name == FUNCTION:
        name = f"{settings.function} of {settings.inputs} inputs"
    return _input(name, digest, kind, where)


def _users(section: str) -> DatasetInput | None:
    """Return a table or images of the user's, whose file may change."""
    settings = _settings(section)
    try:
        digest = data_checksum(settings)
    except ConfigError:
        return None
    return None if digest is None else _input(settings.title, digest, "local", {"uri": settings.file})


def _settings(section: str) -> DatasetSettings:
    given = json.loads(section)
    fields = {one.name for one in dataclasses.fields(DatasetSettings)}
    before = dict.fromkeys(("side", "folder", "function", "inputs"))  # not all of which earlier records have
    return DatasetSettings(**{**before, **{name: given[name] for name in fields & given.keys()}})


def _input(name: str, digest: str, kind: str, where: Mapping[str, Any]) -> DatasetInput:
    return DatasetInput(Dataset(name, digest, kind, json.dumps(where)), [InputTag(CONTEXT, "training")])
