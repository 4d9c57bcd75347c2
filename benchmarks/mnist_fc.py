"""The VNN-COMP 2022 ``mnist_fc`` properties, by branch and bound alone; the data lie beside the repository, not in it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.sections import Options, Row, Section
from benchmarks.tables import markdown, number
from surrogate import vnnlib
from surrogate.attack import BranchAndBoundAttack
from surrogate.networks import ReluNetwork

TIME_LIMIT_SECONDS = 120.0
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "vnncomp_mnist_fc"
ANSWERS = {"adversarial": "sat", "robust": "unsat", "unresolved": "unknown"}


def network(name: str) -> ReluNetwork:
    """Read one of the competition's networks.

    Raises:
        ValueError: the folder is not there.
    """
    if not DATA.is_dir():
        raise ValueError(f"the folder {DATA.name} of the VNN-COMP networks and properties is missing beside the repository")
    return ReluNetwork.from_onnx(DATA / "onnx" / name)


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each property; ``--instances`` are the lines of ``verdicts.csv``, from 0."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    network("mnist-net_256x2.onnx")
    with (DATA / "verdicts.csv").open() as file:
        known = list(csv.DictReader(file))
    for index, entry in enumerate(known):
        if not options.wants(index):
            continue
        (instance,) = vnnlib.read(DATA / "vnnlib" / f"{entry['property']}.gz")
        attack = BranchAndBoundAttack(goal="verdict", time_limit_seconds=limit)
        result = attack.run(network(entry["network"]), instance)
        yield {
            "instance": index,
            "limit_seconds": limit,
            "network": entry["network"],
            "property": entry["property"],
            "known": entry["verdict"],
            "answer": ANSWERS[str(result.status)],
            "margin": result.margin,
            "dual_bound": result.dual_bound,
            "total_seconds": result.timings["total_seconds"],
            "cpu_seconds": result.timings["cpu_seconds"],
            "nodes": result.work["nodes"],
        }


def report(rows: Sequence[Row]) -> str:
    header = ["network", "property", "known", "answer", "margin", "dual bound", "wall s", "CPU s", "domains"]
    cells = [
        [
            row["network"],
            row["property"],
            row["known"],
            row["answer"],
            number(row["margin"], 3),
            number(row["dual_bound"], 3),
            number(row["total_seconds"]),
            number(row["cpu_seconds"]),
            str(row["nodes"]),
        ]
        for row in rows
    ]
    summary = []
    for name in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == name]
        counts = [
            f"{kind} {sum(row['answer'] == row['known'] == kind for row in own)} of {sum(row['known'] == kind for row in own)}"
            for kind in ("sat", "unsat")
        ]
        seconds = [row["total_seconds"] for row in own if row["answer"] != "unknown"]
        middle = f", median {median(seconds):.2f} s where answered" if seconds else ""
        summary.append(f"{name}: {', '.join(counts)}{middle}.")
    against = [row for row in rows if {row["known"], row["answer"]} == {"sat", "unsat"}]
    summary.append(f"Against the known verdicts: {len(against)}.")
    title = f"## VNN-COMP mnist_fc, branch and bound, limit {rows[0]['limit_seconds']:g} s"
    return "\n\n".join([title, markdown(header, cells), *summary])


SECTION = Section(("instance",), TIME_LIMIT_SECONDS, measure, report)
