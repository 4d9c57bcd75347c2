"""Attacked images at their own resolution, for the report: clean, and perturbed by each setting."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sweep.records import InstanceRecord
from sweep.tasks.attack_records import class_name
from sweep.tasks.image.pictures import CHANGED_PIXEL, is_image, most_changed, pixels_changed, pixels_of
from sweep.terminal.wording import count


def small_pictures(answers: Sequence[tuple[str, InstanceRecord]]) -> list[tuple[bytes, str]]:
    """Return PNGs of the answers about one image, each with what is on it; none where it is no image.

    Args:
        answers: of each the name of the setting that gave it, and its record.
    """
    images = [(setting, one) for setting, one in answers if is_image(one)]
    if not images:
        return []
    first = images[0][1]
    said = "clean" if first.label is None else f"clean: label {class_name(first, 'label')}"
    found = [(_png(pixels_of(first, first.clean), _as_it_is), said)]
    for setting, one in images:
        if one.perturbed is None:
            continue
        perturbed = pixels_of(one, one.perturbed)
        difference = perturbed - pixels_of(one, one.clean)
        changed = count(pixels_changed(difference), "pixel")
        found.append((_png(perturbed, _as_it_is), f"{setting}: perturbed, {one.status}"))
        found.append((_png(most_changed(difference), _signed), f"difference: {changed}"))
    return found


def _png(pixels: NDArray[np.float64], colors: Callable[[NDArray[np.float64]], Image.Image]) -> bytes:
    """Return a PNG with a pixel for each of the image's; the browser enlarges it."""
    buffer = io.BytesIO()
    colors(np.nan_to_num(pixels)).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _as_it_is(pixels: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.rint(255.0 * np.clip(pixels, 0.0, 1.0)).astype(np.uint8))


def _signed(difference: NDArray[np.float64]) -> Image.Image:
    """Draw orange where it became darker, purple where brighter."""
    limit = max(float(np.abs(difference).max()), CHANGED_PIXEL)
    return Image.fromarray(matplotlib.colormaps["PuOr"](0.5 + 0.5 * difference / limit, bytes=True)[:, :, :3])
