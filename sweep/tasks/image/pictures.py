"""An attacked image as a picture: clean, perturbed, and the difference between them."""

from __future__ import annotations

import io
import math
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sweep.records import InstanceRecord
from sweep.tasks.attack_records import class_name

PANEL, GAP, TITLE, BAR = 264, 11, 50, 66
"""Pixels: side of an image, distance between images, height of the titles, width of the color bar with its numbers."""

PaletteIndices = NDArray[np.uint8]
"""Places in the palette, a pixel each; of an image with colour red, green and blue of each pixel."""

TITLE_POINTS, BAR_POINTS = 13, 11
"""Heights of the letters, in pixels."""

SMALLEST_SIDE = 4
"""The fewest pixels a side of a picture, if no record says that the values are an image."""

CHANGED_PIXEL = 1e-6
"""A pixel counts as changed if it moved by more than this: the tolerance of a MILP solver moves many by less."""


def picture(instance: InstanceRecord) -> bytes:
    """Return a PNG of clean image, best point met, and difference (perturbed minus clean), with labels and margin as titles.

    An image is square unless the record says otherwise; where the attack met no point, the clean image stands alone. Of colours
    the difference is that of the one that changed most.

    Raises:
        ValueError: the record has no clean image, or one that is not square.
    """
    clean = pixels_of(instance, instance.clean)
    panels = [(_clean_title(instance), _shown(clean))]
    limit = None
    if instance.perturbed is not None:
        perturbed = pixels_of(instance, instance.perturbed)
        difference = perturbed - clean
        limit = max(float(np.abs(difference).max()), CHANGED_PIXEL)
        panels.append((_perturbed_title(instance), _shown(perturbed)))
        panels.append((_difference_title(instance, difference), _signed(most_changed(difference) / limit)))
    return _drawn(panels, limit)


def _drawn(panels: list[tuple[str, PaletteIndices]], limit: float | None) -> bytes:
    """Return the panels side by side as PNG, right of them the color bar from ``-limit`` to ``limit``, unless that is None."""
    # By Pillow and with a palette: matplotlib takes 0.1 s a picture, which adds up to as long as many a trial.
    width = GAP + len(panels) * (PANEL + GAP) + (0 if limit is None else BAR)
    canvas = Image.new("L", (width, TITLE + PANEL + GAP), 255)
    draw = ImageDraw.Draw(canvas)
    for place, (title, image) in enumerate(panels):
        left = GAP + place * (PANEL + GAP)
        middle = left + PANEL / 2
        shown = "\n".join(_fitting(line) for line in title.split("\n"))
        draw.multiline_text((middle, TITLE - 6), shown, 0, _font(TITLE_POINTS), anchor="md", align="center", spacing=3)
        across, down, width_shown, height_shown = _fitted(image)
        first = left + across - 1, TITLE + down - 1
        draw.rectangle((*first, left + across + width_shown, TITLE + down + height_shown), outline=0)
    beside = GAP + len(panels) * (PANEL + GAP)
    if limit is not None:
        for text, share in ((f"{limit:+.2g}", 0.02), ("0", 0.5), (f"{-limit:.2g}", 0.98)):
            draw.text((beside + GAP + 4, TITLE + share * PANEL), text, 0, _font(BAR_POINTS), anchor="lm")
    indices = np.asarray(canvas) // 2
    if limit is not None:
        _put(indices, _signed(np.linspace(1.0, -1.0, PANEL).reshape(-1, 1)), beside, (0, 0, GAP, PANEL))
    for place, (_, image) in enumerate(panels):
        if image.ndim == 2:
            _put(indices, image, GAP + place * (PANEL + GAP), _fitted(image))
    colour = any(image.ndim == 3 for _, image in panels)
    if colour:
        indices = np.frombuffer(_palette(), dtype=np.uint8).reshape(256, 3)[indices]
        for place, (_, image) in enumerate(panels):
            if image.ndim == 3:
                _put(indices, image, GAP + place * (PANEL + GAP), _fitted(image))
    drawn = Image.fromarray(indices)
    if not colour:
        drawn.putpalette(_palette())
    buffer = io.BytesIO()
    drawn.save(buffer, format="png", compress_level=1)
    return buffer.getvalue()


def _fitted(image: PaletteIndices) -> tuple[int, int, int, int]:
    """Return where an image stands in its panel, from the left and from the top, and its width and height there."""
    height, width = (max(PANEL * size // max(image.shape[:2]), 1) for size in image.shape[:2])
    return (PANEL - width) // 2, (PANEL - height) // 2, width, height


def _put(indices: PaletteIndices, image: PaletteIndices, left: int, place: tuple[int, int, int, int]) -> None:
    """Put an image, its pixels enlarged or left out, into its place in the panel that begins at ``left``."""
    across, down, width, height = place
    rows, columns = (np.arange(size) * count // size for size, count in zip((height, width), image.shape[:2], strict=True))
    top, start = TITLE + down, left + across
    indices[top : top + height, start : start + width] = image[np.ix_(rows, columns)]


def _fitting(line: str) -> str:
    """Return a line of a title, of a long one the beginning and the end, as much as its panel is wide."""
    font, kept = _font(TITLE_POINTS), len(line)
    text = line
    while font.getlength(text) > PANEL + GAP and kept > 2:
        kept -= 1
        text = f"{line[: (kept + 1) // 2]}…{line[len(line) - kept // 2 :]}"
    return text


def _shown(pixels: NDArray[np.float64]) -> PaletteIndices:
    if pixels.ndim == 3:
        return np.rint(255.0 * np.clip(np.nan_to_num(pixels), 0.0, 1.0)).astype(np.uint8)
    return np.rint(127.0 * np.clip(np.nan_to_num(pixels), 0.0, 1.0)).astype(np.uint8)


def _signed(values: NDArray[np.float64]) -> PaletteIndices:
    """Color values from -1 to 1: orange, nearly white at 0, purple."""
    return (128 + np.rint(63.5 * (np.clip(np.nan_to_num(values), -1.0, 1.0) + 1.0))).astype(np.uint8)


@cache
def _palette() -> bytes:
    """Return 128 levels of grey, then 128 from orange to purple, as red, green and blue."""
    greys = np.repeat(np.rint(np.linspace(0.0, 255.0, 128)), 3).astype(np.uint8)
    signed = matplotlib.colormaps["PuOr"](np.linspace(0.0, 1.0, 128), bytes=True)[:, :3]
    return bytes(greys.tobytes() + signed.tobytes())


@cache
def _font(points: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), points)


def is_image(record: InstanceRecord) -> bool:
    """Whether an instance is about an image that is worth a picture."""
    shape = _shape(record, len(record.clean))
    if shape is None or math.prod(shape) != len(record.clean):
        return False
    return "shape" in record.facts or min(shape) >= SMALLEST_SIDE


def pixels_of(record: InstanceRecord, pixels: list[float]) -> NDArray[np.float64]:
    """Return the pixels of an image ``(height, width)``, or ``(height, width, 3)`` of one with colour.

    Raises:
        ValueError: they are no image of the record's shape; where it has none, no square image.
    """
    shape = _shape(record, len(pixels))
    if shape is None or not pixels or math.prod(shape) != len(pixels):
        what = "a square image" if shape is None else f"an image of {' x '.join(map(str, shape))}"
        raise ValueError(f"a picture needs {what}, got {len(pixels)} pixels")
    return np.asarray(pixels, dtype=np.float64).reshape(shape)


def most_changed(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return differences ``(height, width)``: of colours that of the one that changed most."""
    if difference.ndim == 2:
        return difference
    most: NDArray[np.float64] = np.take_along_axis(difference, np.abs(difference).argmax(axis=2)[..., None], axis=2)[..., 0]
    return most


def pixels_changed(difference: NDArray[np.float64]) -> int:
    """Return how many pixels changed, whatever their colours did."""
    return int((np.abs(most_changed(difference)) > CHANGED_PIXEL).sum())


def _shape(record: InstanceRecord, count: int) -> tuple[int, ...] | None:
    """Return the shape of an image; None where it has none. Without a word in the record it is square and grey."""
    if (known := record.facts.get("shape")) is not None:
        return tuple(known) or None
    side = math.isqrt(count)
    return (side, side) if side > 0 and side * side == count else None


def _clean_title(instance: InstanceRecord) -> str:
    if instance.label is None:
        return f"{instance.name}\nmiddle of the box"
    return f"{instance.name}\nlabel {class_name(instance, 'label')}"


def _perturbed_title(instance: InstanceRecord) -> str:
    if instance.label is None:
        value = "no value" if instance.dense_value is None else f"value {instance.dense_value:+.3f}"
        return f"{instance.status}\n{value}"
    against = "any other label" if instance.target is None else f"label {class_name(instance, 'target')}"
    margin = "no margin" if instance.dense_value is None else f"margin {instance.dense_value:+.3f}"
    if instance.is_minimized and instance.value is not None:
        margin = "closest found"  # its margin is 0 for all that can be seen
    return f"{instance.status}, against {against}\n{margin}"


def _difference_title(instance: InstanceRecord, difference: NDArray[np.float64]) -> str:
    size = {
        "l1": float(np.abs(difference).sum()),
        "l2": float(np.sqrt((difference**2).sum())),
        "linf": float(np.abs(difference).max()),
    }.get(instance.norm)
    changed = pixels_changed(difference)
    if size is None:
        return f"{changed} pixels changed\n"
    closest = instance.is_minimized
    limit = f", at least {instance.norm_bound or 0.0:.3f}" if closest else f" of {instance.radius:.3f}"
    return f"{changed} pixels changed\n{instance.norm} {size:.3f}{limit}"
