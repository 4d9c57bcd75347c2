"""The pictures of answers, as files; each task draws its own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from sweep.config.task_words import task_on_record
from sweep.records import InstanceRecord


def write_pictures(instances: Sequence[InstanceRecord], folder: Path, most: int = 8) -> list[Path]:
    """Write a PNG for the first ``most`` instances that have a picture, under their names; return the paths."""
    paths: list[Path] = []
    drawn = ((one, task_on_record(one.task).picture(one)) for one in instances)
    found = ((one, picture) for one, picture in drawn if picture is not None)
    for instance, picture in itertools.islice(found, most):
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", instance.name)
        path = folder / f"{name}.png"
        for number in itertools.count(2):  # other names may have become the same
            if path not in paths:
                break
            path = folder / f"{name}_{number}.png"
        path.write_bytes(picture)
        paths.append(path)
    return paths
