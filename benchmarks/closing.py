"""Does the dense problem close? The protocol's instances on the paper's network sizes, by branch and bound and by MILP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median

from benchmarks.runs import contradictions, failures, is_closed, measured
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import PEER_PAIRS, network, protocol_instance
from benchmarks.tables import markdown, number
from surrogate.attack import AttackResult, BranchAndBoundAttack, GradientAttack, Instance, SurrogateAttack
from surrogate.bounds import method as bound_method
from surrogate.networks import ReluNetwork
from surrogate.solvers import HighsSolver

TIME_LIMIT_SECONDS = 60.0
SIZES = ((18, 4, 32), (22, 4, 32), (28, 4, 64))
STARTS = 200
RELATIVE_GAP = 1e-4

OURS, MILP = "branch-and-bound", "dense-milp"
METHODS = (OURS, MILP)

Method = Callable[[ReluNetwork, Instance], AttackResult]


def _methods(seconds: float) -> dict[str, Method]:
    """Both start from the same gradient attack and have the same bounds."""
    gradient = GradientAttack(starts=STARTS)
    solver = HighsSolver(time_limit_seconds=seconds, relative_gap=RELATIVE_GAP)
    search = BranchAndBoundAttack(time_limit_seconds=seconds, relative_gap=RELATIVE_GAP, gradient=gradient)
    milp = SurrogateAttack(bounds="alpha_crown", solver=solver, start="gradient", gradient=gradient)
    return {OURS: search.run, MILP: lambda dense, instance: milp.run(dense, dense, instance)}


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each size, instance and method."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    methods = _methods(limit)
    for side, depth, width in SIZES:
        size = f"{side}x{side} {depth}x{width}"
        for index, (data_seed, training_seed) in enumerate(PEER_PAIRS):
            wanted = [name for name in options.chosen(METHODS) if options.wants(index, size, name)]
            if not wanted:
                continue
            dense = network(side, depth, width, training_seed)
            image, instance = protocol_instance(dense, side, data_seed)
            folded = instance.problem.fold(dense, instance.region)
            unstable = bound_method("alpha_crown").compute(folded, instance.region).unstable_count
            for name in wanted:
                yield {
                    "instance": index,
                    "size": size,
                    "method": name,
                    "limit_seconds": limit,
                    "data_seed": data_seed,
                    "image": image,
                    "unstable": unstable,
                    **measured(partial(methods[name], dense, instance)),
                }


def report(rows: Sequence[Row]) -> str:
    header = ["size", "data seed", "unstable", "method", "verdict", "margin", "dual bound", "gap", "closed"]
    header += ["wall s", "CPU s", "nodes"]
    sizes = list(dict.fromkeys(f"{side}x{side} {depth}x{width}" for side, depth, width in SIZES))
    rows = sorted(rows, key=lambda row: (sizes.index(row["size"]), row["instance"], METHODS.index(row["method"])))
    cells = [
        [
            row["size"],
            f"{row['data_seed']} (image {row['image']})",
            str(row.get("unstable", "-")),
            row["method"],
            row["status"],
            number(row["margin"], 4),
            number(row["dual_bound"], 4),
            _gap(row),
            "yes" if is_closed(row) else "no",
            number(row["total_seconds"]),
            number(row["cpu_seconds"]),
            "-" if row["nodes"] is None else str(row["nodes"]),
        ]
        for row in rows
    ]
    limit = rows[0]["limit_seconds"]
    title = f"## The dense problem to a gap of {RELATIVE_GAP:g}, MNIST, l1, limit {limit:g} s, start: gradient, {STARTS} starts"
    parts = [title, markdown(header, cells), _by_size(rows)]
    wrong = []
    for size, instance in dict.fromkeys((row["size"], row["instance"]) for row in rows):
        own = [row for row in rows if (row["size"], row["instance"]) == (size, instance)]
        wrong += [f"{line} ({size}, instance {instance})" for line in contradictions(own)]
    if wrong:
        parts.append("**Contradictions**, a bound below a margin that was reached:\n\n" + "\n".join(wrong))
    return "\n\n".join([*parts, *failures(rows)])


def _by_size(rows: Sequence[Row]) -> str:
    header = ["size", "method", "closed", "median s", "longest s", "median CPU s", "pairs", "MILP s over ours"]
    cells = []
    for size in dict.fromkeys(row["size"] for row in rows):
        for method in METHODS:
            own = {row["instance"]: row for row in rows if (row["size"], row["method"]) == (size, method)}
            if not own:
                continue
            ours = {row["instance"]: row for row in rows if (row["size"], row["method"]) == (size, OURS)}
            # A run of ours that did not close says nothing on how much sooner it would have.
            pairs = [(own[i], ours[i]) for i in own if method == MILP and i in ours and is_closed(ours[i])]
            ratios = [milp["total_seconds"] / search["total_seconds"] for milp, search in pairs]
            seconds = [row["total_seconds"] for row in own.values()]
            cells.append(
                [
                    size,
                    method,
                    f"{sum(map(is_closed, own.values()))}/{len(own)}",
                    number(median(seconds), 1),
                    number(max(seconds), 1),
                    number(median(row["cpu_seconds"] for row in own.values()), 1),
                    str(len(pairs)) if method == MILP else "-",
                    f"{median(ratios):.2g} ({min(ratios):.2g} to {max(ratios):.2g})" if ratios else "-",
                ]
            )
    return (
        "Ratios are paired by instance, over those that branch and bound closed: median (least to largest); lower bounds "
        "where the MILP met the limit.\n\n" + markdown(header, cells)
    )


def _gap(row: Row) -> str:
    if row["margin"] is None or row["dual_bound"] is None:
        return "-"
    return f"{(row['dual_bound'] - row['margin']) / max(1.0, abs(row['margin'])):.1e}"


SECTION = Section(("instance", "size", "method"), TIME_LIMIT_SECONDS, measure, report, METHODS)
