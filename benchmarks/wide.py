"""Where the dense MILP does not close: 2x256, l1 radius 5, test images, every method with the same seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from benchmarks.subjects import network, test_instances
from benchmarks.tables import markdown, number, report_progress
from surrogate.attack import AttackResult, GradientAttack, Instance, SurrogateAttack
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.solvers import HighsSolver

TIME_LIMIT_SECONDS = 20.0
RADIUS = 5.0
IMAGES = 8
POLISHED = ", polished"
PRUNINGS = (Pruning("magnitude", 0.8), Pruning("magnitude", 0.95), Pruning("structured", 0.5))


def run() -> None:
    print(f"## MNIST 28x28, 2x256, l1 radius {RADIUS:g}, {IMAGES} test images, {TIME_LIMIT_SECONDS:.0f} s each\n")
    dense = network(28, 2, 256, 0)
    methods = _methods(dense)
    surrogates = [name for name in methods if "surrogate" in name]
    rows: list[list[str]] = []
    margins: dict[str, list[float]] = {name: [] for name in methods}
    for image, instance in test_instances(dense, 28, RADIUS, IMAGES):
        for name, method in methods.items():
            begin = time.perf_counter()
            result = method(instance)
            wall = time.perf_counter() - begin
            assert result.margin is not None  # the clean image is met by every method
            margins[name].append(result.margin)
            rows.append(
                [
                    str(image),
                    name,
                    str(result.status),
                    number(result.margin, 4),
                    number(result.dual_bound if name.startswith("dense") else None, 4),
                    number(result.first_adversarial_seconds, 3),
                    str(result.size.get("binaries", "-")),
                    number(wall),
                    number(result.timings["cpu_seconds"]),
                ]
            )
            report_progress(rows[-1])
    header = ["image", "method", "verdict", "margin", "dual bound", "first s", "binaries", "wall s", "CPU s"]
    print(markdown(header, rows) + "\n")
    # Like with like: polishing helps whatever it is put on.
    raw = _best([name for name in surrogates if not name.endswith(POLISHED)], margins)
    polished = _best([name for name in surrogates if name.endswith(POLISHED)], margins)
    _compare("dense MILP", raw, margins)
    _compare(f"dense MILP{POLISHED}", polished, margins)
    _compare("multi-start gradient", raw, margins)
    _compare("multi-start gradient", polished, margins)


def _best(names: list[str], margins: dict[str, list[float]]) -> str:
    return max(names, key=lambda name: median(margins[name]))


def _methods(dense: ReluNetwork) -> dict[str, Callable[[Instance], AttackResult]]:
    """Every method by name. One-shot pruning is part of each run's wall seconds, and of no limit: it takes milliseconds."""
    solver = HighsSolver(time_limit_seconds=TIME_LIMIT_SECONDS)
    methods: dict[str, Callable[[Instance], AttackResult]] = {}

    def milp(pruning: Pruning, polish: bool) -> Callable[[Instance], AttackResult]:
        attack = SurrogateAttack(solver=solver, polish=polish)
        return lambda instance: attack.run(dense, prune(pruning, dense, None), instance)

    for polish in (False, True):
        suffix = POLISHED if polish else ""
        methods[f"dense MILP{suffix}"] = milp(Pruning(), polish)
        for pruning in PRUNINGS:
            methods[f"surrogate {pruning.method} {pruning.amount:g}{suffix}"] = milp(pruning, polish)
    gradient = GradientAttack(starts=10**9, time_limit_seconds=TIME_LIMIT_SECONDS)
    methods["multi-start gradient"] = lambda instance: gradient.run(dense, instance)
    return methods


def _compare(baseline: str, name: str, margins: dict[str, list[float]]) -> None:
    pairs = list(zip(margins[name], margins[baseline], strict=True))
    tolerance = 1e-6
    better = sum(ours > theirs + tolerance for ours, theirs in pairs)
    equal = sum(abs(ours - theirs) <= tolerance for ours, theirs in pairs)
    print(f"{name} against {baseline}: larger margin {better}/{len(pairs)}, equal {equal}/{len(pairs)}.")
