"""A data set of five images in MNIST's files, and the ways to lay them down."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from surrogate.data.sources import SourceFile

MIRRORS = ("https://first.example/mnist", "https://second.example/mnist")


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


def described(name: str, content: bytes) -> SourceFile:
    return SourceFile(name, hashlib.sha256(content).hexdigest(), len(content))


def five_images() -> dict[str, bytes]:
    """Return 3 + 2 images in the real format, by the names of their files."""
    rng = np.random.default_rng(0)
    return {
        "train-images-idx3-ubyte": idx(rng.integers(0, 256, (3, 28, 28))),
        "train-labels-idx1-ubyte": idx(np.array([7, 0, 9])),
        "t10k-images-idx3-ubyte": idx(rng.integers(0, 256, (2, 28, 28))),
        "t10k-labels-idx1-ubyte": idx(np.array([1, 2])),
    }


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def assert_one_sentence(text: str) -> None:
    assert "\n" not in text
    assert "Traceback" not in text
