"""What the perturbations look like: clean image, perturbed image and the difference, for some of the witnesses."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.report.figures.base import WIDTH, Kind, Look, Nothing, wrapped
from sweep.report.pictures import CHANGED_PIXEL, is_image
from sweep.report.results import Results

MOST = 4
"""Images shown."""


def gallery_data(results: Results, _look: Look) -> pd.DataFrame | Nothing:
    """Return a row an image: ``network``, ``setting``, ``name``, ``label``, ``target``, ``margin``, ``clean``, ``perturbed``.

    Of each network and image the witness with the largest margin, one image of each network after the other.
    """
    found = results.instances[results.instances["status"] == "adversarial"]
    if found.empty:
        return Nothing("no adversarial input was found")
    best = found.sort_values("margin", ascending=False, kind="stable").drop_duplicates(["network", "instance_key"])
    turn = best.groupby("network", sort=False).cumcount()
    rows = []
    for _, row in best.assign(turn=turn).sort_values("turn", kind="stable").head(4 * MOST).iterrows():
        record = results.pictures(row["trial_key"])
        match = [i for i in record.instances if i.instance_key == row["instance_key"]] if record is not None else []
        if match and match[0].perturbed is not None and is_image(match[0].clean):
            one = match[0]
            rows.append(
                {
                    "network": row["network"],
                    "setting": row["setting"],
                    "name": one.name,
                    "label": one.label,
                    "target": one.target,
                    "margin": one.margin,
                    "clean": np.array(one.clean),
                    "perturbed": np.array(one.perturbed),
                }
            )
        if len(rows) == MOST:
            break
    return pd.DataFrame(rows) if rows else Nothing("no witness's picture is in the store, or its inputs are no square image")


def draw_gallery(data: pd.DataFrame, _look: Look) -> Figure:
    figure = Figure(figsize=(WIDTH, 0.35 + 2.15 * len(data)), layout="constrained")
    axes = figure.subplots(len(data), 3, squeeze=False)
    for row, one in enumerate(data.itertuples()):
        side = int(len(one.clean) ** 0.5)
        clean, perturbed = (np.asarray(image).reshape(side, side) for image in (one.clean, one.perturbed))
        difference = perturbed - clean
        limit = max(float(np.abs(difference).max()), CHANGED_PIXEL)
        changed = int((np.abs(difference) > CHANGED_PIXEL).sum())
        against = "another label" if pd.isna(one.target) else f"{one.target:.0f}"
        titles = (
            f"{one.name}" + ("" if pd.isna(one.label) else f": {_a(int(one.label))}"),
            f"taken for {against}, {one.margin:+.2f}",
            f"{changed} pixels, up to {limit:.2f}",
        )
        pictures = ((clean, "gray", 0.0, 1.0), (perturbed, "gray", 0.0, 1.0), (difference, "PuOr", -limit, limit))
        for ax, title, (image, colors, low, high) in zip(axes[row], titles, pictures, strict=True):
            ax.imshow(image, cmap=colors, vmin=low, vmax=high, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.set_title(title, fontsize=9.5, fontweight="normal", loc="center")
            for spine in ax.spines.values():
                spine.set_visible(False)
        axes[row][0].set_ylabel(f"{wrapped(one.network)}\n{wrapped(one.setting)}", fontsize=9)
    return figure


def _a(label: int) -> str:
    return f"{'an' if str(label).startswith('8') or label in (11, 18) else 'a'} {label}"


GALLERY = Kind(
    "gallery",
    "What the perturbations look like",
    gallery_data,
    draw_gallery,
    lambda data, _look: (
        f"{len(data)} of the witnesses, those with the largest margins: clean, perturbed, and the difference (brown: darker, "
        "purple: brighter)."
    ),
)
