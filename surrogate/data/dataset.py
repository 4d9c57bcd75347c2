"""A data set as arrays, and the function that loads one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from surrogate.data.cache import read_cache, read_folder
from surrogate.data.fetch import Contents
from surrogate.data.sources import SOURCES, Source
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.files import file_path

NAMES = (*SOURCES, "digits")
"""Accepted values of ``load``'s ``name``."""

SIDE_LIMITS = (2, 64)
"""Smallest and largest number of pixels a side that images are resized to."""

CLASSES = 10
"""Every data set of images has so many."""

DIGITS_SIDE, DIGITS_IMAGES, DIGITS_TEST_IMAGES = 8, 1797, 360
"""The last 360 of scikit-learn's 1,797 digits are the test set, as in its own examples an unshuffled fifth: the images are
ordered by writer, so that the test set holds hands that the training set lacks."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Grey images of ten classes, one row an image, pixels row by row; or points and their values or classes.

    Attributes:
        name: one of NAMES, or the test function (:mod:`surrogate.data.functions`), or what the points are samples of.
        side: pixels a side; ``d = side * side``. None for points, which are no images.
        train_images: ``(n, d)`` float32 in [0, 1], read-only.
        train_labels: ``(n,)`` int64, of images 0 to 9, read-only; of points their values, float64, or classes.
        test_images: likewise.
        test_labels: likewise.
        checksum: the first 16 hex digits of a SHA-256 over the source files, whatever the side; of points over these.
    """

    name: str
    side: int | None
    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64] | NDArray[np.float64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64] | NDArray[np.float64]
    checksum: str

    @property
    def outputs(self) -> int:
        """Number of outputs of a network for these data: one for values, else one a class."""
        if self.train_labels.dtype.kind == "f":
            return 1
        return CLASSES if self.side is not None else int(self.train_labels.max()) + 1


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


def _from_idx(source: Source, contents: Contents, side: int | None) -> Dataset:
    # An IDX file is a header of 4 bytes and 4 per dimension, then the bytes; the checksum has settled what is in both.
    pixels = {
        file.name: np.frombuffer(contents[file.name], dtype=np.uint8, offset=16).reshape(-1, source.side, source.side)
        for file in (source.train_images, source.test_images)
    }
    labels = {
        file.name: np.frombuffer(contents[file.name], dtype=np.uint8, offset=8)
        for file in (source.train_labels, source.test_labels)
    }
    checksum = hashlib.sha256("".join(file.sha256 for file in source.files).encode()).hexdigest()[:16]
    return Dataset(
        source.name,
        side or source.side,
        _resized(pixels[source.train_images.name], 255, side),
        _frozen(labels[source.train_labels.name]),
        _resized(pixels[source.test_images.name], 255, side),
        _frozen(labels[source.test_labels.name]),
        checksum,
    )


def _digits(side: int | None) -> Dataset:
    from sklearn.datasets import load_digits  # takes a second to import, and only this data set needs it

    try:
        bunch = load_digits()
    except OSError as error:
        raise DataUnavailable(f"digits could not be read from scikit-learn ({error}): reinstall scikit-learn") from error
    pixels, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    train, test = slice(None, -DIGITS_TEST_IMAGES), slice(-DIGITS_TEST_IMAGES, None)
    checksum = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()[:16]
    return Dataset(
        "digits",
        side or pixels.shape[1],
        _resized(pixels[train], 16, side),
        _frozen(labels[train]),
        _resized(pixels[test], 16, side),
        _frozen(labels[test]),
        checksum,
    )


def _resized(pixels: NDArray[np.uint8], white: int, side: int | None) -> NDArray[np.float32]:
    images = pixels.astype(np.float32) / np.float32(white)
    if side is not None and side != pixels.shape[1]:
        import torch  # not needed at the native side

        tensor = torch.from_numpy(images)[:, None]
        resized = torch.nn.functional.interpolate(tensor, size=(side, side), mode="bilinear", antialias=True)
        images = np.clip(resized.numpy(), 0.0, 1.0)
    images = np.ascontiguousarray(images.reshape(len(images), -1), dtype=np.float32)
    images.flags.writeable = False
    return images


def _frozen(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    copy = labels.astype(np.int64)
    copy.flags.writeable = False
    return copy
