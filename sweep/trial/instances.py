"""What is asked of a network: images drawn with a budget as the authors did, properties from files, or its largest output."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.attack import Instance
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Output
from surrogate.region import Region
from sweep.config.files import Property
from sweep.errors import SweepError

INDEX_BOUND = 30_000
"""Images are drawn below this index (or below the size of a smaller split), as the authors did."""

RADIUS_RANGE = (4.5, 5.5)
"""The budget of an image is uniform in this range."""

DRAWS_PER_INSTANCE = 50
"""A network that misclassifies all but one image in this many is not worth attacking."""


@dataclass(frozen=True)
class DrawnInstance:
    """A question, and the key that it has in every trial.

    Attributes:
        image: index of the attacked image in its split; None where the question is about no image.
        question: region and problem.
        key: hash of network and question.
        name: name of a question about no image, such as that of its property.
        expected: the property's known verdict, ``sat`` or ``unsat``.
    """

    image: int | None
    question: Instance
    key: str
    name: str | None = None
    expected: str | None = None

    @property
    def title(self) -> str:
        """What people call the question, such as ``image 2732``."""
        return f"image {self.image}" if self.name is None else self.name


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
) -> tuple[list[DrawnInstance], int]:
    """Draw ``count`` images that the dense network classifies correctly, and the number of those skipped.

    One ``RandomState(seed)`` gives an index below ``INDEX_BOUND`` and a radius in ``RADIUS_RANGE`` per draw; draws that the
    network misclassifies and images drawn before are skipped, and the stream goes on. A given ``radius`` replaces the drawn
    one and leaves the indices as they are; where the closest perturbation is looked for, no radius is a ball that holds every
    input. Label and runner-up (the target) come from the dense network.

    Args:
        network: the dense network, on inputs of ``d`` pixels.
        images: shape ``(n, d)`` in [0, 1].
        labels: integers, shape ``(n,)``.
        source: what the images are, such as ``mnist 28 train``; part of the keys.
        closest: the question is how near the nearest adversarial input is, within the radius.

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
        if radius is not None:
            budget = radius
        elif closest:
            budget = _reach(center, norm)
        region = Region(0.0, 1.0, center, budget, norm)
        key = _key(source, network.key, image, label, target, norm, region.radius, *(["closest"] if closest else []))
        drawn.append(DrawnInstance(image, Instance(region, label, target), key))
        if len(drawn) == count:
            return drawn, skipped
    raise SweepError(
        f"only {len(drawn)} of the {count} images asked for were found in {DRAWS_PER_INSTANCE * count} draws from {source}: "
        f"the dense network misclassified {skipped} of the {len(met)} different images drawn; "
        f"train it longer or lower instances.count"
    )


def property_instances(network: ReluNetwork, properties: Sequence[Property]) -> list[DrawnInstance]:
    """Return the questions of properties, one per input box."""
    return [
        DrawnInstance(
            image=None,
            question=question,
            key=_key("property", network.key, found.key, box),
            name=found.name if len(found.questions) == 1 else f"{found.name} box {box}",
            expected=found.expected,
        )
        for found in properties
        for box, question in enumerate(found.questions)
    ]


def output_instance(network: ReluNetwork) -> DrawnInstance:
    """Return the question for the largest first output over all inputs, each in [0, 1] as in every data set here."""
    region = Region(np.zeros(network.input_size), np.ones(network.input_size))
    return DrawnInstance(None, Instance(region, problem=Output(0)), _key("output", network.key, 0), "output 0")


def contradictions(properties: Sequence[Property], verdicts: Sequence[Sequence[str]]) -> list[str]:
    """Return a sentence for each property whose statuses, one per input box, contradict the known verdict.

    A witness for any box is ``sat``, proofs for all of them are ``unsat``, everything else contradicts nothing.
    """
    found = []
    for one, statuses in zip(properties, verdicts, strict=True):
        verdict = "sat" if "adversarial" in statuses else "unsat" if set(statuses) == {"robust"} else None
        if one.expected is not None and verdict not in (None, one.expected):
            found.append(f"{one.name} came out as {verdict}, but the list of verdicts says {one.expected}")
    return found


def _reach(center: FloatArray, norm: str) -> float:
    """Return the largest distance from an image ``(d,)`` to an input in [0, 1]."""
    farthest = np.maximum(center, 1.0 - center)
    return float({"l1": np.sum(farthest), "l2": np.sqrt(np.sum(farthest**2)), "linf": np.max(farthest)}[norm])


def _runner_up(logits: FloatArray) -> int:
    return int(np.argsort(logits, kind="stable")[-2])


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
