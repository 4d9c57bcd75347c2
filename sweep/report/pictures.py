"""An attacked image as a picture: clean, perturbed, and the difference between them."""

from __future__ import annotations

import io
import math
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweep.records import InstanceRecord

PANEL, GAP, TITLE, BAR = 2.4, 0.1, 0.45, 0.6
"""Inches: side of an image, distance between images, height of the titles, width of the color bar with its numbers."""

SMALLEST_SIDE = 4
"""Fewer pixels a side are no image worth a picture."""

DRAWING = threading.Lock()
"""Held while matplotlib draws, which it cannot do in two threads: the tracker's draws pictures, the main one the report."""

CHANGED_PIXEL = 1e-6
"""A pixel counts as changed if it moved by more than this: the tolerance of a MILP solver moves many by less."""


def picture(instance: InstanceRecord) -> bytes:
    """Return a PNG of clean image, best point met, and difference (perturbed minus clean), with labels and margin as titles.

    The image must be square; where the attack met no point, the clean image stands alone.

    Raises:
        ValueError: the record has no clean image, or one that is not square.
    """
    clean = _square(instance.clean)
    panels: list[tuple[str, NDArray[np.float64], dict[str, Any]]] = [(_clean_title(instance), clean, _GREY)]
    limit = CHANGED_PIXEL
    if instance.perturbed is not None:
        perturbed = _square(instance.perturbed)
        difference = perturbed - clean
        limit = max(float(np.abs(difference).max()), limit)
        panels.append((_perturbed_title(instance), perturbed, _GREY))
        panels.append((_difference_title(instance, difference), difference, {"cmap": "PuOr", "vmin": -limit, "vmax": limit}))
    with DRAWING:
        return _drawn(panels, limit)


def _drawn(panels: Sequence[tuple[str, NDArray[np.float64], dict[str, Any]]], limit: float) -> bytes:
    # Places are given in inches and not laid out by matplotlib, which takes several times as long as the drawing.
    width, height = (PANEL + GAP) * len(panels) + GAP + (BAR if len(panels) > 1 else 0.0), PANEL + TITLE + GAP
    figure = Figure(figsize=(width, height))
    for index, (title, image, colors) in enumerate(panels):
        left = GAP + index * (PANEL + GAP)
        ax = figure.add_axes((left / width, GAP / height, PANEL / width, PANEL / height), xticks=[], yticks=[])
        shown = ax.imshow(image, interpolation="nearest", **colors)
        ax.set_title(title, fontsize=9)
        if colors is not _GREY:
            bar = figure.add_axes(((left + PANEL + 0.08) / width, GAP / height, 0.1 / width, PANEL / height))
            colors_shown = figure.colorbar(shown, cax=bar, ticks=[-limit, 0.0, limit])
            colors_shown.ax.set_yticklabels([f"{-limit:.2g}", "0", f"{limit:+.2g}"], fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def write_pictures(instances: list[InstanceRecord], folder: Path, most: int = 8) -> list[Path]:
    """Write ``image_<index>.png``, or the name of the property, for the first ``most`` instances; return the paths.

    Instances whose inputs make no square of at least ``SMALLEST_SIDE`` pixels are left out: they are no images.
    """
    paths: list[Path] = []
    for instance in [i for i in instances if is_image(i.clean)][:most]:
        path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', instance.name)}.png"
        path.write_bytes(picture(instance))
        paths.append(path)
    return paths


_GREY: dict[str, Any] = {"cmap": "gray", "vmin": 0.0, "vmax": 1.0}


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
    if instance.length is not None:
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
    closest = instance.objective == "closest"
    limit = f", at least {instance.norm_bound or 0.0:.3f}" if closest else f" of {instance.radius:.3f}"
    return f"{changed} pixels changed\n{instance.norm} {size:.3f}{limit}"
