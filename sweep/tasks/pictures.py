"""The pictures of answers, as files; each task draws its own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweep.config.tasks import task_named
from sweep.errors import ConfigError
from sweep.records import InstanceRecord


def write_pictures(instances: Sequence[InstanceRecord], folder: Path, most: int = 8) -> list[Path]:
    """Write a PNG for the first ``most`` instances that have a picture, under their names; return the paths."""
    paths: list[Path] = []
    for instance, picture in itertools.islice(_pictures(instances), most):
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", instance.name)
        path = folder / f"{name}.png"
        for number in itertools.count(2):  # other names may have become the same
            if path not in paths:
                break
            path = folder / f"{name}_{number}.png"
        path.write_bytes(picture)
        paths.append(path)
    return paths


def _pictures(instances: Sequence[InstanceRecord]) -> Iterator[tuple[InstanceRecord, bytes]]:
    for instance in instances:
        try:
            picture = task_named(instance.task).picture(instance)
        except ConfigError:  # a task of the user's that is not there
            continue
        if picture is not None:
            yield instance, picture
