"""How short is the shortest adversarial perturbation? 18x18 4x32 networks, the protocol's instances, l1, proven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import SEED_PAIRS, network, protocol_instance
from benchmarks.tables import markdown, number
from surrogate.attack import AttackResult, ClosestAttack, Instance
from surrogate.region import Region
from surrogate.solvers import HighsSolver

TIME_LIMIT_SECONDS = 60.0
RADIUS = 10.0
"""The longest perturbation that is looked for."""

PAIRS = (*SEED_PAIRS, (2, 0), (3, 3), (4, 12), (5, 99), (6, 0), (7, 3))
"""The authors' pairs of seeds, and more data seeds on the same four networks."""


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each instance."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    attack = ClosestAttack(solver=HighsSolver(time_limit_seconds=limit))
    for index, (data_seed, training_seed) in enumerate(PAIRS):
        if not options.wants(index):
            continue
        dense = network(18, 4, 32, training_seed)
        image, drawn = protocol_instance(dense, 18, data_seed)
        region = Region(drawn.region.lower, drawn.region.upper, drawn.region.center, RADIUS, "l1")
        result = attack.run(dense, dense, Instance(region, drawn.label, drawn.target))
        yield {
            "instance": index,
            "limit_seconds": limit,
            "data_seed": data_seed,
            "image": image,
            "status": str(result.status),
            "solver_status": result.solver_status or "-",
            "norm": result.norms.get("l1"),
            "dual_bound": result.dual_bound,
            "gap": result.gap,
            "norm_by_gradient": _by_gradient(result),
            "first_adversarial_seconds": result.first_adversarial_seconds,
            "binaries": result.size.get("binaries"),
            "total_seconds": result.timings["total_seconds"],
            "cpu_seconds": result.timings["cpu_seconds"],
            "nodes": result.work["nodes"],
        }


def _by_gradient(result: AttackResult) -> float | None:
    """The norm that the gradient reached before the first MILP met anything."""
    norms = []
    for event in result.timeline:
        if event.source == "incumbent":
            break
        if event.margin > 0.0 and event.norm is not None:
            norms.append(event.norm)
    return min(norms, default=None)


def report(rows: Sequence[Row]) -> str:
    cells = [
        [
            f"{row['data_seed']} (image {row['image']})",
            row["status"],
            row["solver_status"],
            number(row["norm"], 4),
            number(row["dual_bound"], 4),
            number(None if row["gap"] is None else 100.0 * row["gap"]),
            number(row["norm_by_gradient"], 4),
            number(row["first_adversarial_seconds"], 3),
            "-" if row["binaries"] is None else str(row["binaries"]),
            number(row["total_seconds"]),
            number(row["cpu_seconds"]),
            str(row["nodes"]),
        ]
        for row in rows
    ]
    header = [
        "data seed",
        "verdict",
        "solver",
        "norm",
        "lower bound",
        "gap %",
        "by gradient",
        "first s",
        "binaries",
        "wall s",
        "CPU s",
        "nodes",
    ]
    limit = rows[0]["limit_seconds"]
    parts = [
        f"## Closest perturbation, MNIST 18x18, 4x32, l1 up to {RADIUS:g}, dense network, limit {limit:g} s",
        markdown(header, cells),
    ]
    proven = [row for row in rows if row["solver_status"] == "optimal"]
    text = f"Proven optimal: {len(proven)} of {len(rows)}."
    if proven:
        wall, cpu = ([row[name] for row in proven] for name in ("total_seconds", "cpu_seconds"))
        text += f" Of these: median {median(wall):.1f} s (CPU {median(cpu):.1f} s),"
        text += f" longest {max(wall):.1f} s (CPU {max(cpu):.1f} s)."
    return "\n\n".join([*parts, text])


SECTION = Section(("instance",), TIME_LIMIT_SECONDS, measure, report)
