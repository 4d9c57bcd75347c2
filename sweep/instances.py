"""Which images are attacked, with which budget: the authors' drawing, continued to further images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surrogate.attack.result import Instance
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region
from sweep.errors import SweepError

INDEX_BOUND = 30_000
"""Images are drawn below this index (or below the size of a smaller split), as the authors did."""

RADIUS_RANGE = (4.5, 5.5)
"""The budget of an image is uniform in this range."""

DRAWS_PER_INSTANCE = 50
"""A network that misclassifies all but one image in this many is not worth attacking."""


@dataclass(frozen=True)
class DrawnInstance:
    """An image to attack: its index in the split, the question, and the key that the same question has in every trial."""

    image: int
    question: Instance
    key: str


def draw_instances(
    network: ReluNetwork,
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    seed: int,
    count: int,
    norm: str,
    radius: float | None,
    targeted: bool,
    source: str,
) -> tuple[list[DrawnInstance], int]:
    """Draw ``count`` images that the dense network classifies correctly, and the number of those skipped.

    One ``RandomState(seed)`` gives an index below ``INDEX_BOUND`` and a radius in ``RADIUS_RANGE`` per draw; draws that the
    network misclassifies and images drawn before are skipped, and the stream goes on. A given ``radius`` replaces the drawn
    one and leaves the indices as they are. Label and runner-up (the target) come from the dense network.

    Args:
        network: the dense network, on inputs of ``d`` pixels.
        images: shape ``(n, d)`` in [0, 1].
        labels: shape ``(n,)``.
        source: what the images are, such as ``mnist 28 train``; part of the keys.

    Raises:
        SweepError: too few of the images drawn are classified correctly.
    """
    stream = np.random.RandomState(seed)
    bound = min(INDEX_BOUND, len(images))
    drawn: list[DrawnInstance] = []
    met: set[int] = set()
    skipped = 0
    for _ in range(DRAWS_PER_INSTANCE * count):
        image, budget = int(stream.randint(0, bound)), float(stream.uniform(*RADIUS_RANGE))
        if image in met:
            continue
        met.add(image)
        center = images[image].astype(np.float64)
        logits = network(center[None])[0]
        label = int(np.argmax(logits))
        if label != int(labels[image]):
            skipped += 1
            continue
        target = _runner_up(logits) if targeted else None
        region = Region(0.0, 1.0, center, budget if radius is None else radius, norm)
        key = _key(source, network.key, image, label, target, norm, region.radius)
        drawn.append(DrawnInstance(image, Instance(region, label, target), key))
        if len(drawn) == count:
            return drawn, skipped
    raise SweepError(
        f"only {len(drawn)} of the {count} images asked for were found in {DRAWS_PER_INSTANCE * count} draws from {source}: "
        f"the dense network misclassified {skipped} of the {len(met)} different images drawn; "
        f"train it longer or lower instances.count"
    )


def _runner_up(logits: FloatArray) -> int:
    return int(np.argsort(logits, kind="stable")[-2])


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
