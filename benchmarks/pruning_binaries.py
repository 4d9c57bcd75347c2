"""Does pruning save binaries? Unstable neurons over one region after each kind of pruning, and what ``stabilise`` may be off by.

The dense margin's own range over the region, as CROWN bounds it, stands beside the error: an error as wide proves nothing.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.subjects import mnist, network, protocol_instance, test_instances
from benchmarks.tables import markdown, number, report_progress
from surrogate.attack import Instance
from surrogate.bounds import Crown
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Margin
from surrogate.pruning import METHODS, Pruning, prune, sparsity, stabilise

AMOUNTS = (0.2, 0.5, 0.8)
OTHERS = ("magnitude", "activation", "structured", "activation_structured")
SAMPLES = 2000


def run() -> None:
    print("## Unstable neurons after pruning, CROWN, and the error of region-aware pruning\n")
    dense = network(18, 4, 32, 0)
    _, drawn = protocol_instance(dense, 18, 0)
    _section(f"18x18, 4x32, data seed 0, l1 radius {drawn.region.radius:.3f}", dense, drawn, 18)
    wide = network(28, 2, 256, 0)
    for radius in (1.0, 5.0):
        ((image, instance),) = test_instances(wide, 28, radius, 1)
        _section(f"28x28, 2x256, test image {image}, l1 radius {radius:g}", wide, instance, 28)


def _section(title: str, dense: ReluNetwork, instance: Instance, side: int) -> None:
    region = instance.region
    assert isinstance(instance.problem, Margin)
    rows, _ = instance.problem.rows(dense.output_size)
    bounds, margin = Crown().compute(dense, region), Crown().compute(dense.compose(rows), region)
    points = _corners(dense, rows, instance)
    table = [["none", "-", str(bounds.unstable_count), "0.000", "-", "-", "-"]]
    for amount in AMOUNTS:
        for name in OTHERS:
            begin = time.perf_counter()
            pruned = prune(Pruning(name, amount), dense, mnist(side) if METHODS[name].needs_data else None)
            seconds = time.perf_counter() - begin
            unstable = Crown().compute(pruned, region).unstable_count
            off = float(np.abs((dense(points) - pruned(points)) @ rows.T).max())
            table.append([name, f"{amount:g}", str(unstable), number(sparsity(dense, pruned), 3), "-", number(off, 4)])
            table[-1].append(number(seconds, 3))
            report_progress([title, *table[-1]])
        begin = time.perf_counter()
        found = stabilise(dense, region, bounds, amount, rows)
        seconds = time.perf_counter() - begin
        unstable = Crown().compute(found.network, region).unstable_count
        off = float(np.abs((dense(points) - found.network(points)) @ rows.T).max())
        table.append(["stable", f"{amount:g}", str(unstable), number(sparsity(dense, found.network), 3)])
        table[-1] += [number(float(found.error.max()), 4), number(off, 4), number(seconds, 3)]
        report_progress([title, *table[-1]])
    low, high = float(margin.lower[-1][0]), float(margin.upper[-1][0])
    print(f"{title}: the dense margin lies in [{low:.3f}, {high:.3f}] by CROWN\n")
    print(markdown(["pruning", "amount", "unstable", "sparsity", "error bound", "largest error met", "seconds"], table) + "\n")


def _corners(dense: ReluNetwork, rows: FloatArray, instance: Instance) -> FloatArray:
    """Points of the region where errors are likely: maximisers of random directions and of the margin's gradient."""
    region, rng = instance.region, np.random.default_rng(0)
    corners = region.support(rng.normal(size=(SAMPLES, region.size)))[1]
    inside = region.center + rng.uniform(size=(SAMPLES, 1)) * (corners - region.center)
    gradients = dense.gradient(inside, np.repeat(rows[:1], SAMPLES, axis=0))
    return np.concatenate([inside, corners, region.support(gradients)[1], region.support(-gradients)[1]])
