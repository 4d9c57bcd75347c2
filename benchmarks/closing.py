"""Does the dense problem close? The protocol's instances on the paper's network sizes, by branch and bound and by MILP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import PEER_PAIRS, network, protocol_instance
from benchmarks.tables import markdown, number
from surrogate.attack import AttackResult, BranchAndBoundAttack, GradientAttack, Instance, SurrogateAttack
from surrogate.networks import ReluNetwork
from surrogate.solvers import HighsSolver

TIME_LIMIT_SECONDS = 60.0
SIZES = ((18, 4, 32), (22, 4, 32), (28, 4, 64))
STARTS = 200
CLOSED = 1.01e-4
"""Relative gap at which an instance counts as closed."""

METHODS = ("branch-and-bound", "dense-milp")

Method = Callable[[ReluNetwork, Instance], AttackResult]


def _methods(seconds: float) -> dict[str, Method]:
    gradient = GradientAttack(starts=STARTS)
    solver = HighsSolver(time_limit_seconds=seconds, relative_gap=1e-4)
    search = BranchAndBoundAttack(time_limit_seconds=seconds, gradient=gradient)
    milp = SurrogateAttack(bounds="alpha_crown", solver=solver, start="gradient", gradient=gradient)
    return {"branch-and-bound": search.run, "dense-milp": lambda dense, instance: milp.run(dense, dense, instance)}


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each instance, size and method."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    for side, depth, width in SIZES:
        for index, (data_seed, training_seed) in enumerate(PEER_PAIRS):
            size = f"{side}x{side} {depth}x{width}"
            for name, method in _methods(limit).items():
                if not options.wants(index, size, name) or (options.tools is not None and name not in options.tools):
                    continue
                dense = network(side, depth, width, training_seed)
                image, instance = protocol_instance(dense, side, data_seed)
                result = method(dense, instance)
                yield {
                    "instance": index,
                    "size": size,
                    "method": name,
                    "limit_seconds": limit,
                    "data_seed": data_seed,
                    "image": image,
                    "status": str(result.status),
                    "margin": result.margin,
                    "dual_bound": result.dual_bound,
                    "gap": result.gap,
                    "first_adversarial_seconds": result.first_adversarial_seconds,
                    "total_seconds": result.timings["total_seconds"],
                    "cpu_seconds": result.timings["cpu_seconds"],
                    "nodes": result.work["nodes"],
                }


def report(rows: Sequence[Row]) -> str:
    header = ["size", "data seed", "method", "verdict", "margin", "dual bound", "closed", "wall s", "CPU s", "nodes"]
    cells = [
        [
            row["size"],
            f"{row['data_seed']} (image {row['image']})",
            row["method"],
            row["status"],
            number(row["margin"], 4),
            number(row["dual_bound"], 4),
            "yes" if _closed(row) else "no",
            number(row["total_seconds"]),
            number(row["cpu_seconds"]),
            str(row["nodes"]),
        ]
        for row in rows
    ]
    parts = [f"## Dense problem to a gap of 1e-4, MNIST, l1, limit {rows[0]['limit_seconds']:g} s", markdown(header, cells)]
    for size in dict.fromkeys(row["size"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            own = [row for row in rows if (row["size"], row["method"]) == (size, method)]
            if own:
                seconds = median(row["total_seconds"] for row in own)
                parts.append(f"{size}, {method}: closed {sum(map(_closed, own))} of {len(own)}, median {seconds:.1f} s.")
    return "\n\n".join(parts)


def _closed(row: Row) -> bool:
    return row["gap"] is not None and row["gap"] <= CLOSED


SECTION = Section(("instance", "size", "method"), TIME_LIMIT_SECONDS, measure, report)
