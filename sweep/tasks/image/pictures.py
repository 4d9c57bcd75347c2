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

PANEL, GAP, TITLE, BAR = 264, 11, 50, 66
"""Pixels: side of an image, distance between images, height of the titles, width of the color bar with its numbers."""

Indices = NDArray[np.uint8]
"""Places in the palette, a pixel each."""

TITLE_POINTS, BAR_POINTS = 13, 11
"""Heights of the letters, in pixels."""

SMALLEST_SIDE = 4
"""Fewer pixels a side are no image worth a picture."""

CHANGED_PIXEL = 1e-6
"""A pixel counts as changed if it moved by more than this: the tolerance of a MILP solver moves many by less."""


def picture(instance: InstanceRecord) -> bytes:
    """Return a PNG of clean image, best point met, and difference (perturbed minus clean), with labels and margin as titles.

    The image must be square; where the attack met no point, the clean image stands alone.

    Raises:
        ValueError: the record has no clean image, or one that is not square.
    """
    clean = _square(instance.clean)
    panels = [(_clean_title(instance), _grey(clean))]
    limit = None
    if instance.perturbed is not None:
        perturbed = _square(instance.perturbed)
        difference = perturbed - clean
        limit = max(float(np.abs(difference).max()), CHANGED_PIXEL)
        panels.append((_perturbed_title(instance), _grey(perturbed)))
        panels.append((_difference_title(instance, difference), _signed(difference / limit)))
    return _drawn(panels, limit)


def _drawn(panels: list[tuple[str, Indices]], limit: float | None) -> bytes:
    """Return the panels side by side as PNG, right of them the color bar from ``-limit`` to ``limit``, unless that is None."""
    # By Pillow and with a palette: matplotlib takes 0.1 s a picture, which adds up to as long as many a trial.
    width = GAP + len(panels) * (PANEL + GAP) + (0 if limit is None else BAR)
    canvas = Image.new("L", (width, TITLE + PANEL + GAP), 255)
    draw = ImageDraw.Draw(canvas)
    for place, (title, _) in enumerate(panels):
        left = GAP + place * (PANEL + GAP)
        middle = left + PANEL / 2
        shown = "\n".join(_fitting(line) for line in title.split("\n"))
        draw.multiline_text((middle, TITLE - 6), shown, 0, _font(TITLE_POINTS), anchor="md", align="center", spacing=3)
        draw.rectangle((left - 1, TITLE - 1, left + PANEL, TITLE + PANEL), outline=0)
    beside = GAP + len(panels) * (PANEL + GAP)
    if limit is not None:
        for text, share in ((f"{limit:+.2g}", 0.02), ("0", 0.5), (f"{-limit:.2g}", 0.98)):
            draw.text((beside + GAP + 4, TITLE + share * PANEL), text, 0, _font(BAR_POINTS), anchor="lm")
    indices = np.asarray(canvas) // 2
    for place, (_, image) in enumerate(panels):
        _put(indices, image, GAP + place * (PANEL + GAP), PANEL)
    if limit is not None:
        _put(indices, _signed(np.linspace(1.0, -1.0, PANEL).reshape(-1, 1)), beside, GAP)
    drawn = Image.fromarray(indices)
    drawn.putpalette(_palette())
    buffer = io.BytesIO()
    drawn.save(buffer, format="png", compress_level=1)
    return buffer.getvalue()


def _put(indices: Indices, image: Indices, left: int, width: int) -> None:
    """Put an image, its pixels enlarged, into the panel that begins at ``left``."""
    rows, columns = (np.arange(size) * count // size for size, count in zip((PANEL, width), image.shape, strict=True))
    indices[TITLE : TITLE + PANEL, left : left + width] = image[np.ix_(rows, columns)]


def _fitting(line: str) -> str:
    """Return a line of a title, of a long one the beginning and the end, as much as its panel is wide."""
    font, kept = _font(TITLE_POINTS), len(line)
    text = line
    while font.getlength(text) > PANEL + GAP and kept > 2:
        kept -= 1
        text = f"{line[: (kept + 1) // 2]}…{line[len(line) - kept // 2 :]}"
    return text


def _grey(pixels: NDArray[np.float64]) -> Indices:
    return np.rint(127.0 * np.clip(np.nan_to_num(pixels), 0.0, 1.0)).astype(np.uint8)


def _signed(values: NDArray[np.float64]) -> Indices:
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


def is_image(pixels: list[float]) -> bool:
    side = math.isqrt(len(pixels))
    return side * side == len(pixels) and side >= SMALLEST_SIDE


def _square(pixels: list[float]) -> NDArray[np.float64]:
    side = math.isqrt(len(pixels))
    if side == 0 or side * side != len(pixels):
        raise ValueError(f"a picture needs a square image, got {len(pixels)} pixels")
    return np.asarray(pixels, dtype=np.float64).reshape(side, side)


def _clean_title(instance: InstanceRecord) -> str:
    if instance.label is None:
        return f"{instance.name}\nmiddle of the box"
    return f"{instance.name}\nlabel {instance.label}"


def _perturbed_title(instance: InstanceRecord) -> str:
    if instance.label is None:
        value = "no value" if instance.margin is None else f"value {instance.margin:+.3f}"
        return f"{instance.status}\n{value}"
    against = "any other label" if instance.target is None else f"label {instance.target}"
    margin = "no margin" if instance.margin is None else f"margin {instance.margin:+.3f}"
    if instance.is_minimized and instance.value is not None:
        margin = "closest found"  # its margin is 0 for all that can be seen
    return f"{instance.status}, against {against}\n{margin}"


def _difference_title(instance: InstanceRecord, difference: NDArray[np.float64]) -> str:
    size = {
        "l1": float(np.abs(difference).sum()),
        "l2": float(np.sqrt((difference**2).sum())),
        "linf": float(np.abs(difference).max()),
    }.get(instance.norm)
    changed = int((np.abs(difference) > CHANGED_PIXEL).sum())
    if size is None:
        return f"{changed} pixels changed\n"
    closest = instance.is_minimized
    limit = f", at least {instance.norm_bound or 0.0:.3f}" if closest else f" of {instance.radius:.3f}"
    return f"{changed} pixels changed\n{instance.norm} {size:.3f}{limit}"
