"""Where the dense MILP does not close: 2x256, l1 radius 5, test images, every method with the same seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import network, test_instances
from benchmarks.tables import markdown, number
from surrogate.attack import AttackResult, GradientAttack, Instance, SurrogateAttack
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.solvers import HighsSolver

TIME_LIMIT_SECONDS = 20.0
RADIUS = 5.0
IMAGES = 8
POLISHED = ", polished"
PRUNINGS = (Pruning("magnitude", 0.8), Pruning("magnitude", 0.95), Pruning("structured", 0.5))


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each image and method."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    dense = network(28, 2, 256, 0)
    methods = _methods(dense, limit)
    for index, (image, instance) in enumerate(test_instances(dense, 28, RADIUS, IMAGES)):
        for name, method in methods.items():
            if not options.wants(index, name):
                continue
            begin = time.perf_counter()
            result = method(instance)
            wall = time.perf_counter() - begin
            yield {
                "instance": index,
                "method": name,
                "limit_seconds": limit,
                "image": image,
                "status": str(result.status),
                "margin": result.margin,
                "dual_bound": result.dual_bound if name.startswith("dense") else None,
                "first_adversarial_seconds": result.first_adversarial_seconds,
                "binaries": result.size.get("binaries"),
                "total_seconds": wall,
                "cpu_seconds": result.timings["cpu_seconds"],
            }


def report(rows: Sequence[Row]) -> str:
    cells = [
        [
            str(row["image"]),
            row["method"],
            row["status"],
            number(row["margin"], 4),
            number(row["dual_bound"], 4),
            number(row["first_adversarial_seconds"], 3),
            "-" if row["binaries"] is None else str(row["binaries"]),
            number(row["total_seconds"]),
            number(row["cpu_seconds"]),
        ]
        for row in rows
    ]
    header = ["image", "method", "verdict", "margin", "dual bound", "first s", "binaries", "wall s", "CPU s"]
    images = sorted({row["instance"] for row in rows})
    limit = rows[0]["limit_seconds"]
    parts = [
        f"## MNIST 28x28, 2x256, l1 radius {RADIUS:g}, {len(images)} test images, {limit:g} s each",
        markdown(header, cells),
    ]
    found = {(row["instance"], row["method"]): row["margin"] for row in rows}
    names = list(dict.fromkeys(row["method"] for row in rows))
    if all((image, name) in found for image in images for name in names):
        # Every method meets the clean image, so there is always a margin.
        margins = {name: [float(found[image, name]) for image in images] for name in names}
        surrogates = [name for name in names if "surrogate" in name]
        # Like with like: polishing helps whatever it is put on.
        raw = _best([name for name in surrogates if not name.endswith(POLISHED)], margins)
        polished = _best([name for name in surrogates if name.endswith(POLISHED)], margins)
        gradient = "multi-start gradient"
        pairs = [("dense MILP", raw), (f"dense MILP{POLISHED}", polished), (gradient, raw), (gradient, polished)]
        parts.append("\n".join(_compare(baseline, name, margins) for baseline, name in pairs))
    return "\n\n".join(parts)


def _best(names: list[str], margins: dict[str, list[float]]) -> str:
    return max(names, key=lambda name: median(margins[name]))


def _methods(dense: ReluNetwork, limit: float) -> dict[str, Callable[[Instance], AttackResult]]:
    """Every method by name. One-shot pruning is part of each run's wall seconds, and of no limit: it takes milliseconds."""
    solver = HighsSolver(time_limit_seconds=limit)
    methods: dict[str, Callable[[Instance], AttackResult]] = {}

    def milp(pruning: Pruning, polish: bool) -> Callable[[Instance], AttackResult]:
        attack = SurrogateAttack(solver=solver, polish=polish)
        return lambda instance: attack.run(dense, prune(pruning, dense, None), instance)

    for polish in (False, True):
        suffix = POLISHED if polish else ""
        methods[f"dense MILP{suffix}"] = milp(Pruning(), polish)
        for pruning in PRUNINGS:
            methods[f"surrogate {pruning.method} {pruning.amount:g}{suffix}"] = milp(pruning, polish)
    gradient = GradientAttack(starts=10**9, time_limit_seconds=limit)
    methods["multi-start gradient"] = lambda instance: gradient.run(dense, instance)
    return methods


def _compare(baseline: str, name: str, margins: dict[str, list[float]]) -> str:
    pairs = list(zip(margins[name], margins[baseline], strict=True))
    tolerance = 1e-6
    better = sum(ours > theirs + tolerance for ours, theirs in pairs)
    equal = sum(abs(ours - theirs) <= tolerance for ours, theirs in pairs)
    return f"* {name} against {baseline}: larger margin {better}/{len(pairs)}, equal {equal}/{len(pairs)}."


SECTION = Section(("instance", "method"), TIME_LIMIT_SECONDS, measure, report)
