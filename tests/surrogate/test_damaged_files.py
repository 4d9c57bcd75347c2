"""Files of the user's with bytes changed or cut off at random: one sentence, or finite data of the right kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from oracles import random_network
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from surrogate.data import Dataset, load_images, load_table
from surrogate.errors import SurrogateError
from surrogate.networks import ReluNetwork

TABLE = {"x": [float(i) for i in range(30)], "c": ["abc"[i % 3] for i in range(30)], "y": [float(i * i) for i in range(30)]}
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 5, 5, 3), dtype=np.uint8)


def state() -> dict[str, torch.Tensor]:
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    return {name: value.clone() for name, value in module.state_dict().items()}


def table(path: Path) -> Dataset:
    return load_table(path, ["x", "c"], ["y"], categories=["c"], gaps="drop")


def csv(path: Path) -> None:
    path.write_text("\n".join(["x,c,y", *(",".join(map(str, row)) for row in zip(*TABLE.values(), strict=True))]))


def onnx(path: Path) -> None:
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    random_network(np.random.default_rng(0), (6, 5, 3)).to_onnx(path)


def folder(path: Path) -> None:
    for index, image in enumerate(PIXELS):
        place = path.parents[1] / "ab"[index % 2]
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{index}.png")
    (path.parent / "0.png").rename(path)


FILES: dict[str, tuple[str, Callable[[Path], object], Callable[[Path], Any]]] = {
    "archive of torch": ("net.pt", lambda path: torch.save(state(), path), ReluNetwork.from_checkpoint),
    "older file of torch": (
        "net.pt",
        lambda path: torch.save(state(), path, _use_new_zipfile_serialization=False),
        ReluNetwork.from_checkpoint,
    ),
    "safetensors": ("net.safetensors", lambda path: save_file(state(), path), ReluNetwork.load),
    "CSV": ("table.csv", csv, table),
    "Parquet": ("table.parquet", lambda path: pyarrow.parquet.write_table(pyarrow.table(TABLE), path), table),
    "arrays": ("x.npz", lambda path: np.savez(path, x=PIXELS, y=np.arange(12) % 3), load_images),
    "packed arrays": ("x.npz", lambda path: np.savez_compressed(path, x=PIXELS, y=np.arange(12) % 3), load_images),
    "ONNX": ("net.onnx", onnx, ReluNetwork.from_onnx),
    "an image": ("a/x.png", folder, lambda path: load_images(path.parents[1])),
}


MANY = {"ONNX": (800, 200)}
"""How often a file is damaged, and how many of the times it is refused at least, where that is not 120 and 20: names that are
no text, data types that there are not and sizes that do not fit are rare."""


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_give_one_sentence_or_finite_numbers(name: str, tmp_path: Path) -> None:
    file, write, read = FILES[name]
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    write(path)
    whole = path.read_bytes()
    read(path)
    rng = np.random.default_rng(1)
    sentences = []
    count, least = MANY.get(name, (120, 20))
    for _ in range(count):
        damaged = bytearray(whole)
        for position in rng.integers(0, len(whole), size=rng.integers(1, 5)):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged[: rng.integers(0, len(whole))] if rng.random() < 0.2 else damaged)
        try:
            found = read(path)
        except SurrogateError as error:
            sentences.append(str(error))
        else:
            x = found.train_images if isinstance(found, Dataset) else found(np.zeros((1, found.input_size)))
            assert np.isfinite(x).all()
    assert least < len(sentences) < count
    assert not any("\n" in sentence for sentence in sentences)
