"""Reading of images from folders and NumPy files."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.checks import first_line
from surrogate.data.resizing import resized
from surrogate.errors import DataUnavailable, InvalidSetting, SurrogateError

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of the files that are read in a class's folder. Hidden files and those in LEFT_BEHIND are passed over, all others are
refused."""

LEFT_BEHIND = ("desktop.ini", "thumbs.db")
"""Files that operating systems leave in folders, in lower case."""

SPLITS = ("train", "test")
"""Folders that split images already."""

ARRAYS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images", "labels"),
    ("x", "y"),
)
"""Names of images and labels in a NumPy file; the first of these that it has count."""

GREY_MODES, WIDE_MODES = ("1", "L", "LA"), ("I", "I;16", "I;16B", "I;16L", "F")
"""Pillow's modes without colour, and those of more than 8 bits, which it would clip."""

MOST_VALUES = 2**30
"""Most pixels, times channels, of a data set: 4 GiB as float32."""


@dataclass(frozen=True, eq=False)
class RawImages:
    """Images ``(n, height, width)`` or ``(n, height, width, 3)``, the value of white, and the name of each one's class."""

    pixels: NDArray[Any]
    white: float
    labels: list[str]


def read_folder(folder: Path, size: tuple[int, int] | None) -> list[RawImages]:
    """Return the images of a folder: those to train on and those to test, or all where it does not split them.

    Images of several sizes are brought to ``size``.

    Raises:
        InvalidSetting: no class, or a class without images.
        DataUnavailable: a file that is no image, or has another size than the others while ``size`` is None.
    """
    roots = [folder / split for split in SPLITS if (folder / split).is_dir()]
    if len(roots) == 1:
        raise InvalidSetting(f"{folder} has a folder {roots[0].name} and not both of {' and '.join(SPLITS)}: add the other one")
    found = [[(file, label) for label, file in _files(root)] for root in roots or [folder]]
    has_colour = any(_mode(file) not in GREY_MODES for part in found for file, _ in part)
    return [_read_files(part, "RGB" if has_colour else "L", size) for part in found]


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    classes = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise InvalidSetting(f"{root} has no folders: expected one for each class, with its images in it")
    for folder in classes:
        files = sorted(
            path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in LEFT_BEHIND
        )
        if not files:
            raise InvalidSetting(f"{folder} holds no images: remove the folder, or put the images of that class there")
        for file in files:
            if file.suffix.lower() not in ENDINGS:
                raise DataUnavailable(f"{file} is no image by its name: expected one that ends in {', '.join(ENDINGS)}")
            yield folder.name, file


def _mode(file: Path) -> str:
    with _opened(file) as image:
        mode = str(image.mode)
    if mode in WIDE_MODES:
        raise DataUnavailable(f"{file} has pixels of more than 8 bits (mode {mode}): store it with 8 bits a channel")
    return mode


def _read_files(part: list[tuple[Path, str]], mode: str, size: tuple[int, int] | None) -> RawImages:
    first = part[0][0]
    with _opened(first) as image:
        expected = (image.height, image.width) if size is None else size
    values = len(part) * expected[0] * expected[1] * (3 if mode == "RGB" else 1)
    if values > MOST_VALUES:
        raise InvalidSetting(
            f"{first.parent.parent} has {len(part)} images of {expected[0]} x {expected[1]} pixels, {values} values, more than "
            f"the {MOST_VALUES} allowed: give a smaller size=(height, width)"
        )
    return RawImages(np.stack([_pixels(file, mode, expected, size) for file, _ in part]), 1.0, [label for _, label in part])


def _pixels(file: Path, mode: str, expected: tuple[int, int], size: tuple[int, int] | None) -> NDArray[np.float32]:
    with _opened(file) as image:
        pixels = np.asarray(image.convert(mode))
    if size is None and pixels.shape[:2] != expected:
        raise DataUnavailable(
            f"{file} has {pixels.shape[0]} x {pixels.shape[1]} pixels and the first image {expected[0]} x {expected[1]}: give "
            f"the size that all are brought to, as size=(height, width)"
        )
    return resized(pixels[None], 255.0, size).reshape(*expected, *pixels.shape[2:])


def _opened(file: Path) -> Any:
    from PIL import Image  # takes a tenth of a second to import, and other data sets do without

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(file.read_bytes()))
            image.load()
            return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataUnavailable(f"{file} cannot be read as an image: {first_line(error):.200}") from error


def read_numpy(file: Path) -> list[RawImages]:
    """Return the images of an ``.npz`` file: those to train on and those to test, or all where it does not split them.

    Raises:
        InvalidSetting: it has more than MOST_VALUES.
        DataUnavailable: it cannot be read, or lacks arrays of images and their labels; nothing in it is unpickled.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 8 * MOST_VALUES:
                raise InvalidSetting(f"{file} has more than {8 * MOST_VALUES // 2**30} GiB of images, the most that is read")
        with np.load(file, allow_pickle=False) as arrays:
            names = next((names for names in ARRAYS if set(names) <= set(arrays.files)), None)
            if names is None:
                expected = " or ".join(", ".join(names) for names in ARRAYS)
                raise DataUnavailable(f"{file} holds {', '.join(arrays.files) or 'no arrays'}: expected {expected}")
            read = {name: arrays[name] for name in names}
    except SurrogateError:  # some are OSErrors and ValueErrors too
        raise
    except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        why = getattr(error, "strerror", None) or first_line(error)
        raise DataUnavailable(f"{file} cannot be read as arrays of NumPy: {why:.200}") from error
    pairs = zip(names[::2], names[1::2], strict=True)
    return [_of_arrays(file, images, read[images], labels, read[labels]) for images, labels in pairs]


def _of_arrays(file: Path, name: str, images: NDArray[Any], label_name: str, labels: NDArray[Any]) -> RawImages:
    pixels, white = _stacked(f"{file}, {name}", images), 1.0
    if pixels.dtype == np.uint8:
        white = 255.0
    elif pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8)
    elif pixels.dtype.kind != "f" or not ((pixels >= 0.0) & (pixels <= 1.0)).all():
        raise DataUnavailable(
            f"{file}, {name}: expected bytes (uint8), or floats from 0 to 1, got {pixels.dtype} outside of that"
        )
    flat = labels.reshape(-1) if labels.shape in ((len(pixels),), (len(pixels), 1)) else None
    if flat is None or flat.dtype.kind not in "iuU":
        raise DataUnavailable(
            f"{file}, {label_name}: expected {len(pixels)} whole numbers or texts, one an image, got {labels.dtype} of shape "
            f"{labels.shape}"
        )
    return RawImages(pixels, white, [str(label) for label in flat])


def _stacked(where: str, images: NDArray[Any]) -> NDArray[Any]:
    """Return images with the channels of colour last, and without an axis for the only one of grey."""
    if images.ndim == 4 and images.shape[3] not in (1, 3) and images.shape[1] in (1, 3):
        images = np.moveaxis(images, 1, 3)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or 0 in images.shape or (images.ndim == 4 and images.shape[3] != 3):
        raise DataUnavailable(f"{where}: expected images of shape (n, h, w), (n, h, w, 3) or (n, 3, h, w), got {images.shape}")
    return images
