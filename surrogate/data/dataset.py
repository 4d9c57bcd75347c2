"""A data set as arrays, and the function that loads one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.data.cache import read_cache, read_folder
from surrogate.data.columns import Columns
from surrogate.data.fetch import Contents
from surrogate.data.resizing import resized
from surrogate.data.sources import IMAGES_HEADER, LABELS_HEADER, SOURCES, ImageSource
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.files import file_path
from surrogate.networks import ReluNetwork
from surrogate.networks.scales import Scales, in_units

NAMES = (*SOURCES, "digits")
"""Accepted values of ``load``'s ``name``."""

SIDE_LIMITS = (2, 64)
"""Smallest and largest number of pixels a side that images are resized to."""

CLASSES = 10
"""Number of classes of every data set in NAMES."""

CLASS_NAMES = tuple(map(str, range(CLASSES)))

DIGITS_FILE = "sklearn/datasets/data/digits.csv.gz"
"""Among the files of the package scikit-learn: a row an image, its pixels from 0 to 16 and its class."""

DIGITS_SIDE, DIGITS_IMAGES, DIGITS_TEST_IMAGES = 8, 1797, 360
"""The last 360 of scikit-learn's 1,797 digits are the test set, as in its own examples an unshuffled fifth: the images are
ordered by writer, so that the test set holds hands that the training set lacks."""

Bytes = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images ``(n, height, width)`` and their labels ``(n,)``, as files have them."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their classes, one row an image, pixels row by row; or points and their values or classes.

    Attributes:
        name: one of NAMES, or the test function (:mod:`surrogate.data.functions`), or what the points are samples of, or
            ``table`` or ``images`` of the user's.
        shape: height and width of images, and 3 behind them where they have colour; ``d`` is the product. None for points.
        train_images: ``(n, d)`` float32, read-only; of images in [0, 1].
        train_labels: ``(n,)`` int64, the place of the class among ``classes``, read-only; or values, float64, ``(n,)`` or, of
            several, ``(n, o)``.
        test_images: likewise.
        test_labels: likewise.
        checksum: the first 16 hex digits of a SHA-256 over the source files, whatever the size; of data of the user's, and of
            points, over these.
        classes: the name of each class; None for values, and where they have none.
        scales: what leads from points to the user's units; None where points are in these.
        columns: what inputs and outputs of a table stand for; None for other data.
    """

    name: str
    shape: tuple[int, ...] | None
    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64] | NDArray[np.float64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64] | NDArray[np.float64]
    checksum: str
    classes: tuple[str, ...] | None = None
    scales: Scales | None = None
    columns: Columns | None = None

    @property
    def side(self) -> int | None:
        """Pixels a side of square grey images; None for all other data."""
        is_square = self.shape is not None and len(self.shape) == 2 and self.shape[0] == self.shape[1]
        return self.shape[0] if is_square and self.shape is not None else None

    @property
    def is_regression(self) -> bool:
        """Whether labels are values and no classes."""
        return self.train_labels.dtype.kind == "f"

    @property
    def inputs(self) -> int:
        """Number of inputs of a network for these data."""
        return int(self.train_images.shape[1])

    @property
    def outputs(self) -> int:
        """Number of outputs of a network for these data: one a value, or one a class."""
        if self.is_regression:
            return 1 if self.train_labels.ndim == 1 else int(self.train_labels.shape[1])
        return len(self.classes) if self.classes is not None else int(self.train_labels.max()) + 1

    @property
    def description(self) -> str:
        """One sentence for a plan: what a network takes and gives, and how many rows train and test it."""
        return f"{self.what_it_maps}; {len(self.train_images)} to train and {len(self.test_images)} to test"

    @property
    def what_it_maps(self) -> str:
        """What a network takes and gives."""
        if self.columns is not None:
            return self.columns.expansion
        if self.shape is not None:
            colour = "colour" if len(self.shape) == 3 else "grey"
            return f"{self.shape[0]} x {self.shape[1]} {colour} pixels; {self.outputs} classes"
        values = "value" if self.outputs == 1 else "values"
        return f"{self.inputs} inputs; {self.outputs} {values if self.is_regression else 'classes'}"

    def in_units(self, network: ReluNetwork) -> ReluNetwork:
        """Return a network that was fitted to these data as one that takes and gives the user's units."""
        return network if self.scales is None else in_units(network, *self.scales)


def content_checksum(arrays: Iterable[NDArray[Any]], names: Iterable[str]) -> str:
    """Return the first 16 hex digits of a SHA-256 over arrays, with their shapes and types, and names."""
    digest = hashlib.sha256(json.dumps(list(names)).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def read_only(*arrays: NDArray[Any]) -> None:
    """Leave nobody a way to write to arrays that a data set has made."""
    for array in arrays:
        array.flags.writeable = False


def native_side(name: str) -> int:
    """Return how many pixels a side the images of a data set, one of NAMES, have as they are."""
    return SOURCES[name].side if name in SOURCES else DIGITS_SIDE


def image_count(name: str, split: str) -> int:
    """Return how many images a data set, one of NAMES, has to train (``split="train"``) or to test."""
    if name in SOURCES:
        return SOURCES[name].count(split)
    return DIGITS_TEST_IMAGES if split == "test" else DIGITS_IMAGES - DIGITS_TEST_IMAGES


def load(name: str, side: int | None = None, folder: Path | str | None = None) -> Dataset:
    """Return a data set with images of ``side`` x ``side`` pixels (None: as they are, 28, or 8 for digits).

    Resizing is bilinear with antialiasing on pixels in [0, 1]. Without ``folder``, MNIST and Fashion-MNIST come from the cache
    or are fetched into it; a given folder is only read. Digits need no files.

    Raises:
        InvalidSetting: an unknown name, a side outside SIDE_LIMITS, or a folder below the home of an unknown user.
        DataUnavailable: files that are missing and cannot be fetched, or are corrupt; says where to put which files.
    """
    if name not in NAMES:
        raise InvalidSetting(f"dataset name={name!r} is not one of {', '.join(NAMES)}")
    smallest, largest = SIDE_LIMITS
    if side is not None and (isinstance(side, bool) or not isinstance(side, int) or not smallest <= side <= largest):
        raise InvalidSetting(
            f"dataset side={side!r} is not allowed: expected an integer from {smallest} to {largest}, or None to leave the "
            f"images as they are"
        )
    if name == "digits":
        return _digits(side)
    source = SOURCES[name]
    contents = read_cache(source) if folder is None else read_folder(source, file_path(folder))
    return _from_idx(source, contents, side)


def _from_idx(source: ImageSource, contents: Contents, side: int | None) -> Dataset:
    # The checksum has settled what is in each file.
    headers = (IMAGES_HEADER, LABELS_HEADER, IMAGES_HEADER, LABELS_HEADER)
    train_images, train_labels, test_images, test_labels = (
        np.frombuffer(contents[file.name], dtype=np.uint8, offset=header)
        for file, header in zip(source.files, headers, strict=True)
    )
    checksum = hashlib.sha256("".join(file.sha256 for file in source.files).encode()).hexdigest()[:16]
    square = (-1, source.side, source.side)
    train, test = (train_images.reshape(square), train_labels), (test_images.reshape(square), test_labels)
    return _of_images(source.name, side, 255, train, test, checksum)


def _digits(side: int | None) -> Dataset:
    try:  # not by scikit-learn's own reader: scikit-learn takes two seconds to import
        table = np.loadtxt(str(distribution("scikit-learn").locate_file(DIGITS_FILE)), np.uint8, delimiter=",")
    except (OSError, PackageNotFoundError) as error:
        raise DataUnavailable(f"digits could not be read from scikit-learn ({error}): reinstall scikit-learn") from error
    pixels, labels = table[:, :-1].reshape(-1, DIGITS_SIDE, DIGITS_SIDE), table[:, -1]
    train, test = ((pixels[rows], labels[rows]) for rows in (slice(-DIGITS_TEST_IMAGES), slice(-DIGITS_TEST_IMAGES, None)))
    checksum = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()[:16]
    return _of_images("digits", side, 16, train, test, checksum)


def _of_images(name: str, side: int | None, white: int, train: Bytes, test: Bytes, checksum: str) -> Dataset:
    """Return a data set of NAMES; ``white`` is the value of a white pixel, and None for ``side`` leaves images as they are."""
    size = (side or train[0].shape[1],) * 2
    images, test_images = (resized(pixels, white, size) for pixels, _ in (train, test))
    labels, test_labels = (labels.astype(np.int64) for _, labels in (train, test))
    arrays = images, labels, test_images, test_labels
    read_only(*arrays)
    return Dataset(name, size, *arrays, checksum, CLASS_NAMES)
