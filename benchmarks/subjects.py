"""The networks and questions that are measured: trained and drawn here, by the protocol, so that anyone can repeat it."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from surrogate.attack import Instance
from surrogate.data import Dataset, load
from surrogate.networks import ReluNetwork
from surrogate.region import Region
from surrogate.training import Training, fit
from sweep.tasks.attacking import AttackInstance
from sweep.tasks.image.drawing import draw_instances

SEED_PAIRS = ((0, 0), (1, 3), (8, 12), (90, 99))
"""The authors' pairs (data seed, training seed)."""

PEER_PAIRS = (*SEED_PAIRS, (2, 0), (3, 3), (4, 12), (5, 99), (6, 0), (7, 3))
"""Those that tools are compared on: the authors' four, then the next data seeds on the same four networks, in turn."""

VNNCOMP = Path(__file__).resolve().parents[2] / "shared" / "data" / "vnncomp_mnist_fc"
"""The ``mnist_fc`` networks and properties of VNN-COMP 2022 lie beside the repository, not in it."""


@functools.cache
def mnist(side: int) -> Dataset:
    return load("mnist", side)


@functools.cache
def network(side: int, depth: int, width: int, seed: int) -> ReluNetwork:
    """Train by the protocol."""
    data = mnist(side)
    return fit(Training(seed=seed), [width] * depth, data.train_images, data.train_labels)


def protocol_instance(dense: ReluNetwork, side: int, data_seed: int) -> tuple[int, Instance]:
    """The protocol's first correctly classified draw from the training set, against the runner-up, p = 1."""
    (drawn,) = _drawn(dense, side, data_seed, 1)
    assert drawn.image is not None
    return drawn.image, drawn.attacked


def _drawn(dense: ReluNetwork, side: int, data_seed: int, count: int) -> Sequence[AttackInstance]:
    data = mnist(side)
    drawn, _ = draw_instances(
        dense,
        data.train_images,
        data.train_labels,
        seed=data_seed,
        count=count,
        norm="l1",
        radius=None,
        targeted=True,
        source=f"mnist {side}",
    )
    return drawn


def fresh_instances(dense: ReluNetwork, side: int, data_seed: int, count: int) -> list[Instance]:
    """The protocol's first ``count`` correctly classified draws from the training set, against the runner-up, p = 1."""
    return [drawn.attacked for drawn in _drawn(dense, side, data_seed, count)]


def missing_vnncomp() -> str | None:
    """Say where the files of VNN-COMP belong if they are not there."""
    if (VNNCOMP / "verdicts.csv").exists():
        return None
    return (
        f"needs the mnist_fc networks (onnx/), properties (vnnlib/) and verdicts.csv of VNN-COMP 2022 in {VNNCOMP}; networks "
        f"and properties are in the public repository vnncomp2022_benchmarks"
    )


@functools.cache
def vnncomp_network(name: str) -> ReluNetwork:
    """Read one of the competition's networks, such as ``mnist-net_256x2.onnx``."""
    return ReluNetwork.from_onnx(VNNCOMP / "onnx" / name)


def test_instances(dense: ReluNetwork, side: int, radius: float, count: int, first: int) -> list[tuple[int, Instance]]:
    """The ``count`` test images from ``first`` on that the dense network classifies correctly, against the runner-up, p = 1."""
    data = mnist(side)
    found: list[tuple[int, Instance]] = []
    tested = zip(data.test_images[first:], data.test_labels[first:], strict=True)
    for image, (pixels, label) in enumerate(tested, first):
        order = np.argsort(-dense(pixels[None])[0])
        if order[0] == label:
            region = Region(0.0, 1.0, pixels.astype(np.float64), radius, "l1")
            found.append((image, Instance(region, int(order[0]), int(order[1]))))
        if len(found) == count:
            break
    return found


def machine() -> str:
    """Say what the numbers were measured on."""
    models = [line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores ({models[0] if models else 'unknown processor'}), one thread and one solve at a time a process"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
