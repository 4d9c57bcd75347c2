"""Dense and pruned networks as entries of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from surrogate.errors import InvalidNetwork
from surrogate.networks import ReluNetwork
from sweep.store.stage_results import Entry


@dataclass(frozen=True)
class TrainedNetwork:
    """A dense network with what its training cost, and its share of correct test images (0 to 1) or its R² on test points.

    A network from a file has no training time, and none of these where the data set has other images or is missing.
    """

    network: ReluNetwork
    train_seconds: float | None
    train_cpu_seconds: float | None
    accuracy: float | None
    r2: float | None = None


def network_entry(trained: TrainedNetwork, recipe: dict[str, Any]) -> Entry:
    """Return what the store keeps of a trained network; ``recipe`` is what made it, for whoever reads the file."""
    facts = {
        "network_key": trained.network.key,
        "train_seconds": trained.train_seconds,
        "train_cpu_seconds": trained.train_cpu_seconds,
        "accuracy": trained.accuracy,
        "recipe": recipe,
        **({} if trained.r2 is None else {"r2": trained.r2}),
    }
    return Entry(facts, trained.network.to_bytes())


def network_of(entry: Entry) -> TrainedNetwork:
    """Return the trained network that :func:`network_entry` made an entry of.

    Raises:
        InvalidNetwork, KeyError: it holds none, or another one than its facts say.
    """
    network, facts = stored_weights(entry), entry.facts
    seconds = facts["train_seconds"], facts["train_cpu_seconds"]
    return TrainedNetwork(network, *seconds, facts["accuracy"], facts.get("r2"))  # entries of before do not have that


def stored_weights(entry: Entry) -> ReluNetwork:
    """Return the network of an entry with weights, whose ``network_key`` is that network's key.

    Raises:
        InvalidNetwork, KeyError: it holds none, or another one than its facts say.
    """
    if entry.weights is None:
        raise InvalidNetwork("it has no weights")
    network = ReluNetwork.from_bytes(entry.weights)
    if network.key != entry.facts["network_key"]:
        raise InvalidNetwork("its weights are not those of the network that it describes")
    return network
