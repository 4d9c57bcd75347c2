"""What is checked on a connected cluster before the first trial: room for the trials, and the same versions everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.config.schema import ClusterSettings
from sweep.errors import SweepError
from sweep.terminal.wording import count

PACKAGES = ("ray", "torch", "numpy", "scipy", "pyomo", "highspy")
"""What workers need and what can move a result: the versions on all nodes with CPUs must be the driver's."""

OPTIONAL_PACKAGES = ("gurobipy", "pyscipopt")
"""Solvers that only some studies use: where the driver and a node have one, the versions must agree."""

ANSWER_SECONDS = 60.0
"""How long the nodes may take to name their versions, all at once; each starts a Python process, maybe from a slow disk."""

NAMED = 5
"""How many nodes one sentence names."""


@dataclass(frozen=True)
class AliveNode:
    """A node that is alive: Ray's id of it, ``address (hostname)`` for people, and its CPUs."""

    id: str
    name: str
    cpus: float


@dataclass(frozen=True)
class Capacity:
    """What a cluster offers to a sweep.

    Attributes:
        cpus: CPUs that the sweep uses at most.
        slots: trials that run at the same time.
        nodes: the nodes that are alive, those without CPUs included.
    """

    cpus: int
    slots: int
    nodes: tuple[AliveNode, ...]


def preflight(cluster: ClusterSettings) -> Capacity:
    """Check the connected cluster and return what it offers.

    Args:
        cluster: a trial reserves ``cluster.cpus_per_trial`` CPUs of one node; all together use at most ``cluster.cpus``.

    Raises:
        SweepError: a trial fits no node, the cluster has fewer CPUs than ``cluster.cpus``, or a node lacks a package that
            workers need, has another version than the driver, or does not answer.
    """
    nodes = alive_nodes()
    capacity = capacity_of(cluster, nodes)
    found, silent = _versions(tuple(node for node in nodes if node.cpus))  # the others run no work of ours
    check_versions(installed(), found, silent)
    return capacity


def alive_nodes() -> tuple[AliveNode, ...]:
    """Return the nodes of the connected cluster that are alive, by address."""
    found = []
    for node in ray.nodes():
        if node["Alive"]:
            name = f"{node['NodeManagerAddress']} ({node['NodeManagerHostname']})"
            found.append(AliveNode(node["NodeID"], name, node["Resources"].get("CPU", 0.0)))
    return tuple(sorted(found, key=lambda node: node.name))


def capacity_of(cluster: ClusterSettings, nodes: tuple[AliveNode, ...]) -> Capacity:
    """Return what these nodes offer; raise SweepError if that is too little."""
    total = int(sum(node.cpus for node in nodes))
    largest = max(nodes, key=lambda node: node.cpus)
    if not total:
        raise SweepError(
            f"none of the {len(nodes)} nodes of the Ray cluster has CPUs for trials: join nodes with "
            f"`ray start --address=HOST:PORT` before the sweep starts"
        )
    if cluster.cpus_per_trial > largest.cpus:
        raise SweepError(
            f"cluster.cpus_per_trial={cluster.cpus_per_trial} fits no node of the Ray cluster: the largest, {largest.name}, "
            f"has {count(int(largest.cpus), 'CPU')}; lower it, or join a larger node"
        )
    if cluster.cpus is not None and cluster.cpus > total:
        raise SweepError(
            f"cluster.cpus={cluster.cpus} is more than the {count(total, 'CPU')} of the Ray cluster's "
            f"{count(len(nodes), 'node')}: lower it, or join more nodes"
        )
    slots = sum(int(node.cpus) // cluster.cpus_per_trial for node in nodes)
    if cluster.cpus is not None:
        slots = min(slots, cluster.cpus // cluster.cpus_per_trial)
        total = cluster.cpus
    return Capacity(total, slots, nodes)


def installed() -> dict[str, str | None]:
    """Return the versions of Python and of the packages that matter, as this process sees them; None for what is absent."""
    return _finder()()


def check_versions(
    driver: dict[str, str | None], nodes: dict[str, dict[str, str | None]], silent: dict[str, str] | None = None
) -> None:
    """Raise SweepError unless all nodes have what the driver has.

    Args:
        driver: version by package, ``python`` among them.
        nodes: the same for each node that answered, by its name.
        silent: the nodes that did not, with the reason.
    """
    lacking = {
        node: [name for name in PACKAGES if found[name] is None]
        for node, found in nodes.items()
        if any(found[name] is None for name in PACKAGES)
    }
    remedy = "install the driver's versions there (docs/cluster.md), or take the node out of the cluster"
    if lacking:
        told = [f"{node} lacks {', '.join(names)}" for node, names in lacking.items()]
        raise SweepError(f"{_some(told)}: {remedy}")
    differing = []
    for node, found in nodes.items():
        other = [name for name, version in driver.items() if None not in (version, found[name]) and version != found[name]]
        if other:
            theirs, ours = (", ".join(f"{name} {versions[name]}" for name in other) for versions in (found, driver))
            differing.append(f"{node} has {theirs} and the driver {ours}")
    if differing:
        raise SweepError(f"{_some(differing)}: {remedy}")
    if silent:
        told = [f"{node} {reason}" for node, reason in silent.items()]
        raise SweepError(f"{_some(told)}: repair the node, or stop Ray on it")


def _finder() -> Callable[[], dict[str, str | None]]:
    """Return a function that does what :func:`installed` does, here or on another node."""
    names = (*PACKAGES, *OPTIONAL_PACKAGES)

    def versions() -> dict[str, str | None]:  # local, so that it travels by value: a node that lacks torch answers too
        import importlib.metadata
        import platform

        found: dict[str, str | None] = {"python": platform.python_version()}
        for name in names:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                found[name] = None
        return found

    return versions


def _versions(nodes: tuple[AliveNode, ...]) -> tuple[dict[str, dict[str, str | None]], dict[str, str]]:
    """Ask all nodes at once; return their versions by name, and why the others did not answer."""
    asked: dict[Any, str] = {}
    task = ray.remote(num_cpus=0, max_retries=0)(_finder())
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node.id, soft=False)
        asked[task.options(scheduling_strategy=there).remote()] = node.name
    ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS)
    found, silent = {}, {asked[reference]: f"does not answer within {ANSWER_SECONDS:.0f} s" for reference in late}
    for reference in ready:
        try:
            found[asked[reference]] = ray.get(reference)
        except ray.exceptions.RayError as error:
            text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            silent[asked[reference]] = f"cannot run a task ({text})"
    for reference in late:
        ray.cancel(reference, force=True)
    return found, silent


def _some(texts: list[str]) -> str:
    more = f", and {len(texts) - NAMED} more nodes" if len(texts) > NAMED else ""
    return "; ".join(texts[:NAMED]) + more
