"""The VNN-COMP 2022 ``mnist_fc`` properties, by branch and bound alone; a hard one can be run again with another limit."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median

from benchmarks.runs import failures, measured
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import VNNCOMP, missing_vnncomp, vnncomp_network
from benchmarks.tables import markdown, number
from surrogate.attack import BranchAndBoundAttack
from surrogate.problems import vnnlib

TIME_LIMIT_SECONDS = 120.0
ANSWERS = {"adversarial": "sat", "robust": "unsat"}


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each property; ``--instances`` are the lines of ``verdicts.csv``, from 0."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    attack = BranchAndBoundAttack(goal="verdict", time_limit_seconds=limit)
    with (VNNCOMP / "verdicts.csv").open() as file:
        known = list(csv.DictReader(file))
    for index, entry in enumerate(known):
        if not options.wants(index, limit):
            continue
        (instance,) = vnnlib.read(VNNCOMP / "vnnlib" / f"{entry['property']}.gz")
        row = measured(partial(attack.run, vnncomp_network(entry["network"]), instance))
        yield {
            "instance": index,
            "limit_seconds": limit,
            "network": entry["network"],
            "property": entry["property"],
            "known": entry["verdict"],
            "answer": ANSWERS.get(row["status"], "unknown"),
            **row,
        }


def report(rows: Sequence[Row]) -> str:
    limits = sorted({row["limit_seconds"] for row in rows})
    return "\n\n".join(_report(limit, [row for row in rows if row["limit_seconds"] == limit]) for limit in limits)


def _report(limit: float, rows: Sequence[Row]) -> str:
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
            "-" if row["nodes"] is None else str(row["nodes"]),
        ]
        for row in rows
    ]
    networks = list(dict.fromkeys(row["network"] for row in rows))
    summary = [_summary(name, [row for row in rows if row["network"] == name]) for name in networks]
    if len(networks) > 1:
        summary.append(_summary("all", rows))
    columns = ["network", "properties", "sat found", "unsat proven", "unknown answered", "against the known", "median s"]
    columns += ["median s answered", "total s", "total CPU s"]
    parts = [
        f"## VNN-COMP mnist_fc, branch and bound, limit {limit:g} s",
        "Sat and unsat of those whose verdict is known. A margin is of a point that was met, adversarial from 0 on; a dual "
        "bound below 0 is a proof.",
        markdown(columns, summary),
        markdown(header, cells),
    ]
    against = [f"* {row['network']}, {row['property']}: {row['answer']}, known {row['known']}" for row in rows if _against(row)]
    if against:
        parts.append("**Contradictions** of the known verdicts:\n\n" + "\n".join(against))
    return "\n\n".join([*parts, *failures(rows)])


def _summary(name: str, rows: Sequence[Row]) -> list[str]:
    seconds = [row["total_seconds"] for row in rows]
    answered = [row["total_seconds"] for row in rows if row["answer"] != "unknown"]
    counts = [
        f"{sum(row['answer'] == row['known'] == kind for row in rows)} of {sum(row['known'] == kind for row in rows)}"
        for kind in ("sat", "unsat")
    ]
    open_until_now = [row for row in rows if row["known"] == "unknown"]
    return [
        name,
        str(len(rows)),
        *counts,
        f"{sum(row['answer'] != 'unknown' for row in open_until_now)} of {len(open_until_now)}",
        str(sum(map(_against, rows))),
        number(median(seconds)),
        number(median(answered)) if answered else "-",
        number(sum(seconds), 0),
        number(sum(row["cpu_seconds"] for row in rows), 0),
    ]


def _against(row: Row) -> bool:
    return {row["known"], row["answer"]} == {"sat", "unsat"}


SECTION = Section(("instance", "limit_seconds"), TIME_LIMIT_SECONDS, measure, report, missing=missing_vnncomp)
