"""Images, or rows of a table, drawn with a budget as the authors did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surrogate.attack import Instance
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region
from sweep.errors import SweepError
from sweep.tasks.attacking import AttackInstance, hashed

INDEX_BOUND = 30_000
"""Images are drawn below this index (or below the size of a smaller split), as the authors did."""

RADIUS_RANGE = (4.5, 5.5)
"""The budget of an image is uniform in this range."""

DRAWS_PER_INSTANCE = 50
"""A network that misclassifies all but one image in this many is not worth attacking."""


def draw_instances(
    network: ReluNetwork,
    images: NDArray[np.float32],
    labels: NDArray[Any],
    *,
    seed: int,
    count: int,
    norm: str,
    radius: float | None,
    targeted: bool,
    source: str,
    closest: bool = False,
    box: Callable[[FloatArray], tuple[ArrayLike, ArrayLike]] = lambda center: (0.0, 1.0),
    kind: str = "image",
) -> tuple[list[AttackInstance], int]:
    """Draw ``count`` images that the dense network classifies correctly, and the number of those skipped.

    One ``RandomState(seed)`` gives an index below ``INDEX_BOUND`` and a radius in ``RADIUS_RANGE`` per draw; draws that the
    network misclassifies and images drawn before are skipped, and the stream goes on. A given ``radius`` replaces the drawn
    one and leaves the indices as they are; where the closest perturbation is looked for, no radius is a ball that holds every
    input. Label and runner-up (the target) come from the dense network.

    Args:
        network: the dense network, on inputs of ``d`` pixels.
        images: shape ``(n, d)``, each in its box.
        labels: integers, shape ``(n,)``.
        source: what the images are, such as ``mnist 28 train``; part of the keys.
        closest: what is looked for is the nearest adversarial input within the radius.
        box: the smallest and largest values, ``(d,)`` or numbers, that the inputs around an image may have.
        kind: what an image is called; only an ``image`` is known by its index.

    Raises:
        SweepError: too few of the images drawn are classified correctly.
    """
    stream = np.random.RandomState(seed)
    bound = min(INDEX_BOUND, len(images))
    drawn: list[AttackInstance] = []
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
        if radius is not None:
            budget = radius
        elif closest:
            budget = _reach(center, norm, *box(center))
        region = Region(*box(center), center, budget, norm)
        key = hashed(source, network.key, image, label, target, norm, region.radius, *(["closest"] if closest else []))
        index = image if kind == "image" else None
        drawn.append(AttackInstance(key, f"{kind} {image}", Instance(region, label, target), index))
        if len(drawn) == count:
            return drawn, skipped
    raise SweepError(
        f"only {len(drawn)} of the {count} {kind}s asked for were found in {DRAWS_PER_INSTANCE * count} draws from {source}: "
        f"the dense network misclassified {skipped} of the {len(met)} different {kind}s drawn; "
        f"train it longer or lower instances.count"
    )


def _reach(center: FloatArray, norm: str, lower: ArrayLike, upper: ArrayLike) -> float:
    """Return the largest distance from an image ``(d,)`` to an input in its box."""
    farthest = np.maximum(center - np.asarray(lower), np.asarray(upper) - center)
    return float({"l1": np.sum(farthest), "l2": np.sqrt(np.sum(farthest**2)), "linf": np.max(farthest)}[norm])


def _runner_up(logits: FloatArray) -> int:
    return int(np.argsort(logits, kind="stable")[-2])
