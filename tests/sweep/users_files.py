"""A table and images as a user may have them, small enough to be trained on in no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TABLE = ("dataset=table", "network.depth=1", "network.width=6", "training.epochs=60", "training.batch_size=8")
VALUES = (*TABLE, "dataset.inputs=[size,rooms,street]", "dataset.outputs=[price]", "dataset.categories=[street]")
CLASSES = (*TABLE, "dataset.inputs=[size,rooms,street]", "dataset.outputs=[sold]", "dataset.categories=[street,sold]")
FAST = ("training.learning_rate=0.01", "solver.time_limit_seconds=20")


def write_houses(file: Path, rows: int = 60, *, cheaper: float = 0.0, gap: bool = False) -> Path:
    """Write a table of houses: two numbers, a street, the price, and whether the house was sold."""
    rng = np.random.default_rng(0)
    size, rooms = rng.uniform(20.0, 200.0, rows).round(1), rng.integers(1, 6, rows)
    street = np.where(rng.uniform(size=rows) < 0.5, "busy", "quiet")
    price = 900.0 * size + 9000.0 * rooms - 30_000.0 * (street == "busy") - cheaper
    sold = np.where(size + 10.0 * rooms > 130.0, "late", "soon")
    lines = [f"{a},{b},{c},{d:.0f},{e}" for a, b, c, d, e in zip(size, rooms, street, price, sold, strict=True)]
    if gap:
        lines[3] = lines[3].replace(",quiet,", ",,").replace(",busy,", ",,")
    file.write_text("\n".join(["size,rooms,street,price,sold", *lines]) + "\n")
    return file


def write_pictures(file: Path, count: int = 45, *, brighter: float = 0.0, shape: tuple[int, ...] = (4, 6, 3)) -> Path:
    """Write images of three classes, each bright in another third of its width, and in another colour where there are some."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3
    images = rng.uniform(0.0, 0.3 + brighter, (count, *shape))
    third = shape[1] // 3
    for number in range(3):
        part = images[labels == number, :, number * third : (number + 1) * third]
        images[labels == number, :, number * third : (number + 1) * third] = np.clip(part + 0.6, 0.0, 1.0)
    np.savez(file, images=images.astype(np.float32), labels=np.array(["left", "middle", "right"])[labels])
    return file
