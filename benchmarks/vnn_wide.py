"""The portfolio against the dense MILP and the gradient: VNN-COMP's 2x256 network, l1 radius 5, untouched test images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median

from benchmarks.runs import contradictions, failures, is_closed, margin_by, measured
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import missing_vnncomp, test_instances, vnncomp_network
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
FIRST = 100
"""Images before this one served for tuning, or as centers of the properties that served for it."""

PRUNING = Pruning("magnitude", 0.8)
STARTS = 200

OURS, MILP, GRADIENT = "portfolio", "dense-milp", "gradient"
MEMBERS = ("branch-and-bound", "restriction", "surrogate-milp")
BOUND_DENSE = (OURS, MILP, "branch-and-bound")
METHODS = (OURS, MILP, GRADIENT, *MEMBERS)

EQUAL, LARGER = 1e-6, 1e-4
"""A margin is at least another's if it is less by no more than the first, and strictly larger if by more than the second."""

Method = Callable[[Instance], AttackResult]


def _methods(dense: ReluNetwork, seconds: float) -> dict[str, Method]:
    """Every method by name; one-shot pruning is part of each run's wall seconds."""
    half, gradient = seconds / 2.0, GradientAttack(starts=STARTS)
    milp = SurrogateAttack(solver=HighsSolver(time_limit_seconds=seconds), start="gradient", gradient=gradient)
    pruned = SurrogateAttack(solver=HighsSolver(time_limit_seconds=half), start="gradient", gradient=gradient, polish=True)
    portfolio = PortfolioAttack(time_limit_seconds=half, relative_gap=milp.solver.relative_gap)  # no member may end early
    return {
        OURS: lambda instance: portfolio.run(dense, prune(PRUNING, dense), instance),
        MILP: lambda instance: milp.run(dense, dense, instance),
        GRADIENT: lambda instance: GradientAttack(starts=10**9, time_limit_seconds=seconds).run(dense, instance),
        "branch-and-bound": lambda instance: BranchAndBoundAttack(
            time_limit_seconds=half, relative_gap=milp.solver.relative_gap
        ).run(dense, instance),
        "restriction": lambda instance: RestrictionAttack(time_limit_seconds=half).run(dense, instance),
        "surrogate-milp": lambda instance: pruned.run(dense, prune(PRUNING, dense), instance),
    }


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each image and method."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    dense = vnncomp_network("mnist-net_256x2.onnx")
    methods = _methods(dense, limit)
    for index, (image, instance) in enumerate(test_instances(dense, 28, RADIUS, count=IMAGES, first=FIRST)):
        for name in options.chosen(METHODS):
            if not options.wants(index, name):
                continue
            yield {
                "instance": index,
                "method": name,
                "limit_seconds": limit,
                "image": image,
                **measured(
                    partial(methods[name], instance),
                    also=lambda result: {"margin_half": margin_by(result, limit / 2.0)},
                    bounds_dense=name in BOUND_DENSE,
                ),
            }


def report(rows: Sequence[Row]) -> str:
    limit = rows[0]["limit_seconds"]
    by_image: dict[int, dict[str, Row]] = {}
    for row in rows:
        by_image.setdefault(row["image"], {})[row["method"]] = row
    parts = [
        f"## VNN-COMP 2x256, l1 radius {RADIUS:g}, {len(by_image)} test images from {FIRST} on",
        f"Best dense margins. {MILP} and {GRADIENT} have {limit:g} s, the portfolio and its members alone "
        f"{limit / 2:g} s; what they met later is left out.",
        _margins(by_image, limit),
        _methods_table(rows),
    ]
    for name in (MILP, GRADIENT):
        found = [(m[OURS], m[name]) for m in by_image.values() if OURS in m and name in m]
        if found:
            pairs = [(_early(ours), _margin(theirs)) for ours, theirs in found]
            parts.append(f"Portfolio at {limit / 2:g} s against {name} at {limit:g} s: {_compare(pairs)}")
    threes = [
        (_early(m[OURS]), _margin(m[MILP]), _margin(m[GRADIENT])) for m in by_image.values() if _has(m, OURS, MILP, GRADIENT)
    ]
    if threes:
        strict = sum(ours > max(milp, gradient) + LARGER for ours, milp, gradient in threes)
        parts.append(f"Portfolio larger than both by over {LARGER:g}: {strict} of {len(threes)}.")
    whole = [m for m in by_image.values() if _has(m, OURS, GRADIENT, *MEMBERS)]
    if whole:
        best = [max(_early(m[name]) for name in (GRADIENT, *MEMBERS)) for m in whole]
        pairs = [(_early(m[OURS]), members) for m, members in zip(whole, best, strict=True)]
        parts.append(
            f"Portfolio against its best member ({', '.join(MEMBERS)}, gradient) at {limit / 2:g} s: {_compare(pairs)}"
        )
    wrong = [f"{line} (image {image})" for image, m in by_image.items() for line in contradictions(list(m.values()))]
    if wrong:
        parts.append("**Contradictions**, a bound below a margin that was reached:\n\n" + "\n".join(wrong))
    return "\n\n".join([*parts, *failures(rows)])


def _margins(by_image: dict[int, dict[str, Row]], limit: float) -> str:
    names = [name for name in METHODS if any(name in m for m in by_image.values())]
    halves = [name for name in (MILP, GRADIENT) if name in names]
    cells = []
    for image, m in sorted(by_image.items()):
        full = [number(m[name].get("margin" if name in halves else "margin_half"), 4) if name in m else "-" for name in names]
        cells.append([str(image), *full, *(number(m[name].get("margin_half"), 4) if name in m else "-" for name in halves)])
    return markdown(["image", *names, *(f"{name} at {limit / 2:g} s" for name in halves)], cells)


def _methods_table(rows: Sequence[Row]) -> str:
    header = ["method", "runs", "witnesses", "proven robust", "closed", "median s", "median CPU s", "median first s"]
    cells = []
    for name in METHODS:
        own = [row for row in rows if row["method"] == name]
        if own:
            first = [row["first_adversarial_seconds"] for row in own if row["first_adversarial_seconds"] is not None]
            cells.append(
                [
                    name,
                    str(len(own)),
                    str(len(first)),
                    str(sum(row["status"] == "robust" for row in own)),
                    str(sum(map(is_closed, own))),
                    number(median(row["total_seconds"] for row in own), 1),
                    number(median(row["cpu_seconds"] for row in own), 1),
                    number(median(first), 3) if first else "-",
                ]
            )
    return "First seconds are of the runs that found a witness.\n\n" + markdown(header, cells)


def _compare(pairs: Sequence[tuple[float, float]]) -> str:
    at_least = sum(ours >= theirs - EQUAL for ours, theirs in pairs)
    larger = sum(ours > theirs + LARGER for ours, theirs in pairs)
    worst = max(0.0, *(theirs - ours if theirs > ours else 0.0 for ours, theirs in pairs))
    return f"at least as large {at_least} of {len(pairs)}, larger {larger}, worst shortfall {worst:.4f}."


def _has(methods: dict[str, Row], *names: str) -> bool:
    return all(name in methods for name in names)


def _margin(row: Row) -> float:
    """The best margin; a run that failed found nothing."""
    return float("-inf") if row["margin"] is None else float(row["margin"])


def _early(row: Row) -> float:
    """The best margin met by half of the limit: the last step of a method may end a little later."""
    margin = row.get("margin_half")
    return float("-inf") if margin is None else float(margin)


SECTION = Section(("instance", "method"), TIME_LIMIT_SECONDS, measure, report, METHODS, missing_vnncomp)
