"""The portfolio against the dense MILP and the gradient: VNN-COMP's 2x256 network, l1 radius 5, untouched test images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks import mnist_fc
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import test_instances
from benchmarks.tables import markdown, number
from surrogate.attack import (
    AttackResult,
    BranchAndBoundAttack,
    GradientAttack,
    Instance,
    PortfolioAttack,
    RestrictionAttack,
    SurrogateAttack,
)
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.solvers import HighsSolver

TIME_LIMIT_SECONDS = 60.0
"""Of the dense MILP and the gradient; the portfolio and its members get half."""

RADIUS = 5.0
IMAGES = 16
TUNED = 8
"""Correctly classified test images at the front that served for tuning, and are left out."""

METHODS = ("portfolio", "dense-milp", "gradient", "branch-and-bound", "restriction")

Method = Callable[[Instance], AttackResult]


def _methods(dense: ReluNetwork, seconds: float) -> dict[str, Method]:
    half, gradient = seconds / 2.0, GradientAttack(starts=200)
    pruned = prune(Pruning("magnitude", 0.8), dense)
    milp = SurrogateAttack(solver=HighsSolver(time_limit_seconds=seconds), start="gradient", gradient=gradient)
    portfolio = PortfolioAttack(time_limit_seconds=half)
    return {
        "portfolio": lambda instance: portfolio.run(dense, pruned, instance),
        "dense-milp": lambda instance: milp.run(dense, dense, instance),
        "gradient": lambda instance: GradientAttack(starts=10**9, time_limit_seconds=seconds).run(dense, instance),
        "branch-and-bound": lambda instance: BranchAndBoundAttack(time_limit_seconds=half).run(dense, instance),
        "restriction": lambda instance: RestrictionAttack(time_limit_seconds=half).run(dense, instance),
    }


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each image and method."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    dense = mnist_fc.network("mnist-net_256x2.onnx")
    for index, (image, instance) in enumerate(test_instances(dense, 28, RADIUS, TUNED + IMAGES)[TUNED:]):
        for name, method in _methods(dense, limit).items():
            if not options.wants(index, name) or (options.tools is not None and name not in options.tools):
                continue
            result = method(instance)
            yield {
                "instance": index,
                "method": name,
                "limit_seconds": limit,
                "image": image,
                "status": str(result.status),
                "margin": result.margin,
                "dual_bound": result.dual_bound,
                "first_adversarial_seconds": result.first_adversarial_seconds,
                "total_seconds": result.timings["total_seconds"],
                "cpu_seconds": result.timings["cpu_seconds"],
            }


def report(rows: Sequence[Row]) -> str:
    limit = rows[0]["limit_seconds"]
    header = ["image", "method", "verdict", "margin", "dual bound", "first s", "wall s", "CPU s"]
    cells = [
        [
            str(row["image"]),
            row["method"],
            row["status"],
            number(row["margin"], 4),
            number(row["dual_bound"], 4),
            number(row["first_adversarial_seconds"], 3),
            number(row["total_seconds"]),
            number(row["cpu_seconds"]),
        ]
        for row in rows
    ]
    parts = [
        f"## VNN-COMP 2x256, l1 radius {RADIUS:g}, {limit:g} s (portfolio and its members {limit / 2:g} s)",
        markdown(header, cells),
    ]
    margins: dict[int, dict[str, float]] = {}
    for row in rows:
        margins.setdefault(row["image"], {})[row["method"]] = row["margin"]
    for name in ("dense-milp", "gradient", "branch-and-bound", "restriction"):
        pairs = [(m["portfolio"], m[name]) for m in margins.values() if "portfolio" in m and name in m]
        if pairs:
            at_least = sum(ours >= theirs - 1e-6 for ours, theirs in pairs)
            better = sum(ours > theirs + 1e-4 for ours, theirs in pairs)
            worst = max(theirs - ours for ours, theirs in pairs)
            parts.append(
                f"portfolio against {name}: at least as large {at_least} of {len(pairs)}, larger by over 1e-4 {better}, "
                f"worst shortfall {max(worst, 0.0):.4f}."
            )
    both = [m for m in margins.values() if {"portfolio", "dense-milp", "gradient"} <= m.keys()]
    strict = sum(m["portfolio"] > max(m["dense-milp"], m["gradient"]) + 1e-4 for m in both)
    parts.append(f"portfolio larger than both dense MILP and gradient: {strict} of {len(both)}.")
    return "\n\n".join(parts)


SECTION = Section(("instance", "method"), TIME_LIMIT_SECONDS, measure, report)
