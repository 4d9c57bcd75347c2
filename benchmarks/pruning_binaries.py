"""Does pruning save binaries? Unstable neurons over one region after each kind of pruning, and what ``stabilise`` proves.

The proven bound is on the dense margin: the MILP's dual bound, plus the error bound where the MILP is a surrogate's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import mnist, network, protocol_instance, test_instances
from benchmarks.tables import markdown, number
from surrogate.attack import Instance, SurrogateAttack
from surrogate.bounds import Crown
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Margin
from surrogate.pruning import METHODS, Pruning, prune, sparsity, stabilise
from surrogate.solvers import HighsSolver

TIME_LIMIT_SECONDS = 10.0
AMOUNTS = (0.2, 0.5, 0.8)
OTHERS = ("magnitude", "activation", "structured", "activation_structured")
SAMPLES = 1000


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each question, pruning and amount."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    solver = HighsSolver(time_limit_seconds=limit)
    for index, (title, side, dense, instance) in enumerate(_questions()):
        rows = _margin_rows(dense, instance)
        bounds = Crown().compute(dense, instance.region)
        points = _points(dense, rows, instance)
        kinds = [(name, amount) for amount in AMOUNTS for name in (*OTHERS, "stable")]
        for name, amount in [("none", 0.0), *kinds]:
            if not options.wants(index, name, amount):
                continue
            error = proven = None
            begin = time.perf_counter()
            if name == "stable":
                found = stabilise(dense, instance.region, bounds, amount, rows)
                surrogate, error = found.network, float(found.error.max())
            else:
                surrogate = prune(Pruning(name, amount), dense, mnist(side) if METHODS[name].needs_data else None)
            seconds = time.perf_counter() - begin
            if name in ("none", "stable"):
                result = SurrogateAttack(solver=solver).run(surrogate, surrogate, instance)
                assert result.dual_bound is not None
                proven = result.dual_bound + (error or 0.0)
            yield {
                "instance": index,
                "pruning": name,
                "amount": amount,
                "limit_seconds": limit,
                "question": title,
                "hidden_sizes": list(surrogate.hidden_sizes),
                "unstable": Crown().compute(surrogate, instance.region).unstable_count,
                "sparsity": sparsity(dense, surrogate),
                "error_bound": error,
                "error_met": float(np.abs((dense(points) - surrogate(points)) @ rows.T).max()),
                "prune_seconds": seconds,
                "proven_bound": proven,
                "solver_status": None if proven is None else result.solver_status,
                "solve_seconds": None if proven is None else result.timings["total_seconds"],
            }


def _questions() -> Iterator[tuple[str, int, ReluNetwork, Instance]]:
    dense = network(18, 4, 32, 0)
    _, instance = protocol_instance(dense, 18, 0)
    yield f"18x18, 4x32, data seed 0, l1 radius {instance.region.radius:.3f}", 18, dense, instance
    wide = network(28, 2, 256, 0)
    for radius in (1.0, 2.0, 5.0):
        ((image, instance),) = test_instances(wide, 28, radius, count=1, first=0)
        yield f"28x28, 2x256, test image {image}, l1 radius {radius:g}", 28, wide, instance


def _margin_rows(dense: ReluNetwork, instance: Instance) -> FloatArray:
    assert isinstance(instance.problem, Margin)
    rows, _ = instance.problem.rows(dense.output_size)
    return rows


def _points(dense: ReluNetwork, rows: FloatArray, instance: Instance) -> FloatArray:
    """Points of the region where errors are likely: maximisers of random directions and of the margin's gradient."""
    region, rng = instance.region, np.random.default_rng(0)
    corners = region.support(rng.normal(size=(SAMPLES, region.size)))[1]
    inside = region.center + rng.uniform(size=(SAMPLES, 1)) * (corners - region.center)
    gradients = dense.gradient(inside, np.repeat(rows[:1], SAMPLES, axis=0))
    return np.concatenate([inside, corners, region.support(gradients)[1], region.support(-gradients)[1]])


def report(rows: Sequence[Row]) -> str:
    header = [
        *("pruning", "amount", "hidden", "unstable", "sparsity", "error bound", "error met", "prune s"),
        *("dense margin below", "solver", "attack s"),
    ]
    texts = ["## Unstable neurons after pruning (CROWN), and the error of region-aware pruning"]
    for question in dict.fromkeys(row["question"] for row in rows):
        cells = [
            [
                row["pruning"],
                f"{row['amount']:g}",
                "-".join(map(str, row["hidden_sizes"])),
                str(row["unstable"]),
                number(row["sparsity"], 3),
                number(row["error_bound"], 4),
                number(row["error_met"], 4),
                number(row["prune_seconds"], 3),
                number(row["proven_bound"], 4),
                row["solver_status"] or "-",
                number(row["solve_seconds"]),
            ]
            for row in rows
            if row["question"] == question
        ]
        texts.append(f"{question}, {rows[0]['limit_seconds']:g} s:\n\n{markdown(header, cells)}")
    return "\n\n".join(texts)


SECTION = Section(("instance", "pruning", "amount"), TIME_LIMIT_SECONDS, measure, report)
