"""What each bound method costs and gives: seconds, neurons left unstable, and the bound on what is asked, without a MILP.

The trained networks are asked the protocol's question; those of VNN-COMP 2022, where they are at hand, a property of theirs,
whose value is the largest over its disjuncts. Both are the folded networks that attacks bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import VNNCOMP, network, protocol_instance, vnncomp_network
from benchmarks.tables import markdown, number
from surrogate.attack import Instance
from surrogate.bounds import METHODS, BoundMethod, Lp, method
from surrogate.networks import ReluNetwork
from surrogate.problems import vnnlib

REPEATS, ENOUGH_SECONDS = 7, 6.0
"""A method is repeated so often, or until its repeats have taken so long."""

Subject = tuple[ReluNetwork, Instance]


def _trained(side: int, depth: int, width: int) -> Subject:
    dense = network(side, depth, width, 0)
    return dense, protocol_instance(dense, side, 0)[1]


def _vnncomp(depth: int, name: str) -> Subject | None:
    place = VNNCOMP / "vnnlib" / f"{name}.vnnlib.gz"
    if not place.exists():
        return None
    return vnncomp_network(f"mnist-net_256x{depth}.onnx"), vnnlib.read(place)[0]


SUBJECTS: dict[str, Callable[[], Subject | None]] = {
    "18x18 4x32, l1": lambda: _trained(18, 4, 32),
    "28x28 4x64, l1": lambda: _trained(28, 4, 64),
    "VNN-COMP 256x2, linf 0.05": lambda: _vnncomp(2, "prop_0_0.05"),
    "VNN-COMP 256x4, linf 0.03": lambda: _vnncomp(4, "prop_0_0.03"),
    "VNN-COMP 256x4, linf 0.05": lambda: _vnncomp(4, "prop_0_0.05"),
    "VNN-COMP 256x6, linf 0.03": lambda: _vnncomp(6, "prop_0_0.03"),
    "VNN-COMP 256x6, linf 0.05": lambda: _vnncomp(6, "prop_0_0.05"),
}
"""The networks and questions; None where the files are not at hand."""


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each subject and method."""
    budget = options.limit(Lp.seconds)
    for index, (name, make) in enumerate(SUBJECTS.items()):
        wanted = [bounds for bounds in METHODS if options.wants(index, bounds)]
        subject = make() if wanted else None
        if subject is None:
            continue
        dense, instance = subject
        folded = instance.problem.fold(dense)
        for bounds in wanted:
            chosen: BoundMethod = Lp(seconds=budget) if bounds == Lp.name else method(bounds)
            wall: list[float] = []
            cpu: list[float] = []
            while len(wall) < REPEATS and sum(wall) < ENOUGH_SECONDS:
                begin, begin_cpu = time.perf_counter(), time.process_time()
                found = chosen.compute(folded, instance.region)
                wall.append(time.perf_counter() - begin)
                cpu.append(time.process_time() - begin_cpu)
            yield {
                "instance": index,
                "method": bounds,
                "limit_seconds": budget,
                "subject": name,
                "repeats": len(wall),
                "seconds": median(wall),
                "cpu_seconds": median(cpu),
                "unstable": [int(layer.sum()) for layer in found.unstable],
                "upper_bound": instance.problem.bound(found.upper[-1]),
            }


def report(rows: Sequence[Row]) -> str:
    header = ["network and region", "bounds", "s", "CPU s", "repeats", "unstable a layer", "in all", "bound on the margin"]
    cells = [
        [
            row["subject"],
            row["method"],
            number(row["seconds"], 4),
            number(row["cpu_seconds"], 4),
            str(row["repeats"]),
            " ".join(map(str, row["unstable"])),
            str(sum(row["unstable"])),
            number(row["upper_bound"], 4),
        ]
        for row in sorted(rows, key=lambda row: row["instance"])
    ]
    budget = rows[0]["limit_seconds"]
    return f"## Bounds, medians; lp has {budget:g} s for its programmes\n\n{markdown(header, cells)}"


SECTION = Section(("instance", "method"), Lp.seconds, measure, report)
