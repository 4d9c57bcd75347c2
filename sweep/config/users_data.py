"""The user's tables and images as data sets: each is read once, before anything starts, however many trials use it.

They are read on the driver and sent to the workers, which need no access to the files. What was read is kept for the life of
the process, under the settings and the state of the file, so that a plan of a thousand trials reads a file once.
"""

from __future__ import annotations

import functools
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from surrogate.errors import SurrogateError
from surrogate.files import file_path
from sweep.config.files import hint
from sweep.config.rules import IMAGES, TABLE
from sweep.config.sections import build
from sweep.errors import ConfigError

if TYPE_CHECKING:
    from surrogate.data import Dataset, Recipe
    from sweep.config.schema import DatasetSettings

USERS = (TABLE, IMAGES)
"""The data sets that are read here."""

_ARGUMENTS = re.compile(r"(?<![\w.'])(inputs|outputs|categories|test_share|seed)(?==| must| names)")
"""Where the library's sentences name an argument that is a key of ``dataset`` here."""


def read_data(dataset: DatasetSettings) -> Dataset:
    """Return the table or the images that ``dataset.file`` names.

    Raises:
        ConfigError: no file is named, it cannot be read, or the settings ask for what it does not have.
    """
    if dataset.file is None:
        what = "a CSV or Parquet file" if dataset.name == TABLE else "a folder with one folder for each class, or an .npz file"
        raise ConfigError(f"dataset={dataset.name} without dataset.file: set dataset.file to {what}")
    if dataset.name == TABLE and not dataset.outputs:
        raise ConfigError(
            "dataset=table without dataset.outputs: name the columns that a network is to give, in the shell as in "
            "'dataset.outputs=[price]'"
        )
    try:
        return _read(dataset, _state(file_path(dataset.file)))
    except (SurrogateError, OSError) as error:
        why = getattr(error, "strerror", None) or _keyed(str(error))
        raise ConfigError(f"dataset.file={dataset.file} cannot be used: {why}{hint(Path(dataset.file))}") from error


def _state(path: Path) -> tuple[object, ...]:
    """Return what changes with the contents of a file or a folder, as far as can be told without reading them."""
    state = path.stat()
    if not path.is_dir():
        return str(path.absolute()), state.st_mtime_ns, state.st_size
    return _folder_state(str(path.absolute()), int(time.monotonic()))


@functools.lru_cache(maxsize=8)
def _folder_state(folder: str, _second: int) -> tuple[object, ...]:
    """Return the state of all files in a folder; looked at once a second, as a plan of many trials asks many times."""
    found: list[tuple[str, int, int]] = []
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:  # which is much faster than a Path for each of a hundred thousand images
            for entry in entries:
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    state = entry.stat()
                    found.append((entry.path, state.st_mtime_ns, state.st_size))
    return folder, hash(tuple(sorted(found)))


@functools.lru_cache(maxsize=16)
def _read(dataset: DatasetSettings, _state: tuple[object, ...]) -> Dataset:
    return made(dataset)


def made(dataset: DatasetSettings) -> Dataset:
    """Return a data set with settings of its own, as the library makes it.

    Raises:
        DataUnavailable, InvalidSetting: see the recipe, one of :data:`surrogate.data.RECIPES`.
    """
    from surrogate.data import RECIPES

    recipe: Recipe = build(RECIPES[dataset.name], "", lambda key: getattr(dataset, key))
    return recipe.load()


def _keyed(text: str) -> str:
    """Return a sentence of the library with the keys of the configuration in the place of its arguments."""
    text = _ARGUMENTS.sub(r"dataset.\1", text.replace("gaps='drop'", "dataset.gaps=drop"))
    text = text.replace("name it in categories, as ", "name it in dataset.categories, as ")
    return text.replace("size=(height, width)", "dataset.side=[height,width]")
