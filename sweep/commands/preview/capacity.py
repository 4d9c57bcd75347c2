"""How many trials of a sweep would run at a time, and where."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.config.consistency import available_cpus
from sweep.config.schema import ClusterSettings
from sweep.errors import SweepError
from sweep.terminal.wording import count


@dataclass(frozen=True)
class Room:
    """Where trials would run.

    Attributes:
        slots: how many at a time; None if that cannot be known now.
        place: where, in words.
    """

    slots: int | None
    place: str


def room_for(cluster: ClusterSettings, *, parallel: bool) -> Room:
    """Return what a sweep would have; a cluster that would refuse it now is no error, for nothing is to be started."""
    if not parallel:
        return Room(1, "in this process")
    if cluster.name == "attach":
        return _on_cluster(cluster)
    cpus = cluster.cpus or available_cpus()
    return Room(max(cpus // cluster.cpus_per_trial, 1), f"on {count(cpus, 'CPU')} of this machine")


def _on_cluster(cluster: ClusterSettings) -> Room:
    from sweep.execution.cluster import ask_capacity

    try:
        capacity = ask_capacity(cluster)
    except SweepError as error:
        return Room(None, f"on a Ray cluster, where the sweep would be refused now: {error}")
    nodes = sum(node.cpus > 0 for node in capacity.nodes)
    return Room(capacity.slots, f"on {count(capacity.cpus, 'CPU')} of {count(nodes, 'node')} of the Ray cluster")
