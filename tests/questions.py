"""Random questions about random networks, small enough for the oracles."""

from __future__ import annotations

import numpy as np
from oracles import random_network, random_region

from surrogate.attack import Instance
from surrogate.networks import ReluNetwork
from surrogate.region import Region


def question(
    seed: int, norm: str = "l1", targeted: bool = True, sizes: tuple[int, ...] = (4, 4, 4, 3), radius: float | None = None
) -> tuple[ReluNetwork, Instance]:
    """A network, and the class after its own at the center of a region, or any other; ``radius`` in place of the drawn one."""
    _, network, region = network_and_region(seed, norm, sizes)
    if radius is not None:
        region = Region(region.lower, region.upper, region.center, radius, norm)
    label = int(network(region.center[None]).argmax())
    return network, Instance(region, label, (label + 1) % sizes[-1] if targeted else None)


def network_and_region(
    seed: int, norm: str, sizes: tuple[int, ...] = (5, 6, 5, 4, 3)
) -> tuple[np.random.Generator, ReluNetwork, Region]:
    """A network and a region, and the generator that they were drawn from."""
    rng = np.random.default_rng(seed)
    return rng, random_network(rng, sizes), random_region(rng, sizes[0], norm)
