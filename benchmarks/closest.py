"""How short is the shortest adversarial perturbation? 18x18 4x32 networks, the protocol's instances, l1, proven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median

from benchmarks.runs import failures, measured
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import PEER_PAIRS, network, protocol_instance
from benchmarks.tables import markdown, number
from surrogate.attack import AttackResult, ClosestAttack, Instance
from surrogate.region import Region
from surrogate.solvers import HighsSolver

TIME_LIMIT_SECONDS = 60.0
PROVERS = {"branch-and-bound": "branch_and_bound", "dense-milp": "milp"}
RADIUS = 10.0
"""The longest perturbation that is looked for."""

SHORT = 8.0
"""Perturbations shorter than this are to be proven optimal within the limit."""


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each instance and prover."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    for index, (data_seed, training_seed) in enumerate(PEER_PAIRS):
        wanted = [name for name in options.chosen(PROVERS) if options.wants(index, name)]
        if not wanted:
            continue
        dense = network(18, 4, 32, training_seed)
        image, drawn = protocol_instance(dense, 18, data_seed)
        region = Region(drawn.region.lower, drawn.region.upper, drawn.region.center, RADIUS, "l1")
        for name in wanted:
            attack = ClosestAttack(PROVERS[name], solver=HighsSolver(time_limit_seconds=limit))
            yield {
                "instance": index,
                "method": name,
                "limit_seconds": limit,
                "data_seed": data_seed,
                "image": image,
                **measured(partial(attack.run, dense, dense, Instance(region, drawn.label, drawn.target)), also=_lengths),
            }


def _lengths(result: AttackResult) -> Row:
    return {"norm": result.norms.get("l1"), "gap": result.gap, "norm_by_gradient": _by_gradient(result)}


def _by_gradient(result: AttackResult) -> float | None:
    """The norm that the gradient reached before the first search met anything."""
    norms = []
    for event in result.timeline:
        if event.source in ("incumbent", "relaxation"):
            break
        if event.margin > 0.0 and event.norm is not None:
            norms.append(event.norm)
    return min(norms, default=None)


def report(rows: Sequence[Row]) -> str:
    cells = [
        [
            f"{row['data_seed']} (image {row['image']})",
            row["method"],
            row["status"],
            row["solver_status"] or "-",
            number(row.get("norm"), 4),
            number(row["dual_bound"], 4),
            number(None if row.get("gap") is None else 100.0 * row["gap"]),
            number(row.get("norm_by_gradient"), 4),
            number(row["first_adversarial_seconds"], 3),
            "-" if row["binaries"] is None else str(row["binaries"]),
            number(row["total_seconds"]),
            number(row["cpu_seconds"]),
            "-" if row["nodes"] is None else str(row["nodes"]),
        ]
        for row in rows
    ]
    header = ["data seed", "prover", "verdict", "ended", "norm", "lower bound", "gap %", "by gradient", "first s", "binaries"]
    header += ["wall s", "CPU s", "nodes"]
    limit = rows[0]["limit_seconds"]
    parts = [
        f"## Closest perturbation, MNIST 18x18, 4x32, l1 up to {RADIUS:g}, dense network, limit {limit:g} s",
        markdown(header, cells),
    ]
    for name in PROVERS:
        mine = [row for row in rows if row["method"] == name]
        if mine:
            parts.append(_summary(name, mine))
    return "\n\n".join([*parts, *failures(rows)])


def _summary(name: str, rows: Sequence[Row]) -> str:
    proven = [row for row in rows if _is_proven(row)]
    text = f"{name}: proven optimal: {len(proven)} of {len(rows)}."
    if proven:
        wall, cpu = ([row[name] for row in proven] for name in ("total_seconds", "cpu_seconds"))
        text += f" Of these: median {median(wall):.1f} s (CPU {median(cpu):.1f} s),"
        text += f" longest {max(wall):.1f} s (CPU {max(cpu):.1f} s)."
    short = [row for row in rows if row.get("norm") is not None and row["norm"] < SHORT]
    text += f"\nOf a norm below {SHORT:g}: proven optimal {sum(map(_is_proven, short))} of {len(short)}"
    unknown = sum(_may_be_short(row) for row in rows)
    return text + (f"; {unknown} more found none below {SHORT:g} and did not prove that there is none." if unknown else ".")


def _is_proven(row: Row) -> bool:
    return bool(row["solver_status"] == "optimal" and row.get("norm") is not None)


def _may_be_short(row: Row) -> bool:
    norm, bound = row.get("norm"), row["dual_bound"]
    return (norm is None or norm >= SHORT) and (bound is None or bound < SHORT)


SECTION = Section(("instance", "method"), TIME_LIMIT_SECONDS, measure, report, tuple(PROVERS))
