"""Data sets from the user's images: a folder with one folder for each class, or a NumPy file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from surrogate.checks import is_integer
from surrogate.data.dataset import Dataset, content_checksum, read_only
from surrogate.data.image_files import RawImages, read_folder, read_numpy
from surrogate.data.recipe import UsersRecipe
from surrogate.data.resizing import resized
from surrogate.data.splitting import split_rows
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.files import file_path
from surrogate.rules import Rule
from surrogate.settings import setting

Size = int | tuple[int, int] | None
"""Pixels a side, or height and width; None for images as they are."""


def _refused_size(size: Any) -> str | None:
    if size is None:
        return None
    given = (size, size) if is_integer(size) else size
    if isinstance(given, tuple | list) and len(given) == 2 and all(is_integer(side) and side >= 1 for side in given):
        return None
    return "pixels a side, such as 16, or (height, width), or None"


@dataclass(frozen=True, kw_only=True)
class Images(UsersRecipe):
    """Images: the arguments of :func:`load_images`, by their names, but for ``file``, which is its ``path``.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    name: ClassVar[str] = "images"

    size: Size = setting(None, Rule(int, _refused_size), key="side")

    def load(self) -> Dataset:
        sides = _sides(self.size)
        place = file_path(self.file)
        if place.is_dir():
            parts = read_folder(place, sides)
        elif place.suffix.lower() == ".npz":
            parts = read_numpy(place)
        else:
            raise DataUnavailable(
                f"{place} is no folder and no .npz file: expected one folder for each class, or arrays of images and labels"
            )
        classes, labels = _classes(place, parts)
        pixels = [resized(part.pixels, part.white, sides) for part in parts]
        if len(parts) == 1:
            train, test = split_rows(labels[0], self.test_share, self.seed)
            pixels, labels = [pixels[0][train], pixels[0][test]], [labels[0][train], labels[0][test]]
        if pixels[0].shape[1] != pixels[1].shape[1]:
            raise DataUnavailable(
                f"{place}: images to train and to test have different sizes: give one as size=(height, width)"
            )
        shape = parts[0].pixels.shape[1:]
        arrays = pixels[0], labels[0], pixels[1], labels[1]
        read_only(*arrays)
        checksum = content_checksum(arrays, classes)
        return Dataset(self.name, shape if sides is None else (*sides, *shape[2:]), *arrays, checksum, classes)


def load_images(
    path: str | Path, *, size: Size = Images.size, test_share: float = Images.test_share, seed: int = Images.seed
) -> Dataset:
    """Return a data set of images of any size and number of classes, grey or with colour, with pixels in [0, 1].

    Rows hold an image row by row, the red, green and blue of a pixel one after another. Classes are in the order of their
    names, of numbers where all are.

    Args:
        path: a folder with a folder of image files for each class, or with such folders under ``train`` and ``test``; or an
            ``.npz`` file with ``x_train``, ``y_train``, ``x_test``, ``y_test`` or ``train_images``, ``train_labels``, ... or
            ``images`` and ``labels``, or ``x`` and ``y``. Images there are bytes, or floats in [0, 1], of shape ``(n, h, w)``,
            ``(n, h, w, 3)`` or ``(n, 3, h, w)``; other arrays are not read.
        size: pixels a side, or height and width, to which images are resized (bilinear, with antialiasing); None leaves them.
        test_share: share of the images that is held out to test, drawn by ``seed``, where they are not split already.
        seed: of the split.

    Raises:
        InvalidSetting: an argument that is not allowed, fewer than two classes, or a class or a split without images.
        DataUnavailable: a file or folder that is missing, unreadable or of another kind, or images of several sizes while
            ``size`` is None.
    """
    return Images(file=path, size=size, test_share=test_share, seed=seed).load()


def _sides(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    height, width = (size, size) if is_integer(size) else size
    return int(height), int(width)


def _classes(place: Path, parts: list[RawImages]) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Return the names of the classes in their order, and the labels of each part as their places in it."""
    names = {name for part in parts for name in part.labels}
    try:
        ordered = sorted(names, key=int)
    except ValueError:
        ordered = sorted(names)
    if len(ordered) < 2:
        raise InvalidSetting(f"{place} has images of {len(ordered)} class: expected at least 2")
    places = {name: index for index, name in enumerate(ordered)}
    return tuple(ordered), [np.array([places[name] for name in part.labels], dtype=np.int64) for part in parts]
