"""Why a surrogate's MILP is easier than the dense one, or is not: its size, its relaxation, and what its points are worth.

The networks, prunings and images are those of ``conf/experiment/paper_fresh.yaml``, the formulation is the authors': bounds by
interval arithmetic from the box. Only relaxations are solved: HiGHS solves each MILP as if its binaries were continuous. A
gradient attack on the surrogate, from many starts, finds a large surrogate margin, and the dense network is evaluated there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from benchmarks.relaxation import relaxation
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import fresh_instances, mnist, network
from benchmarks.tables import markdown, number
from surrogate.attack import GradientAttack, Instance
from surrogate.bounds import Bounds, method
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.pruning import Finetuning, Pruning, prune
from surrogate.training import accuracy

SIDE = 18
NETWORKS = ((2, 64), (4, 32), (4, 64))
"""Hidden layers and neurons of each."""

SEEDS = ((0, 100), (3, 101), (12, 102))
"""Seeds of the training, and of the drawing of images."""

PRUNINGS = ((0.0, 0), *((amount, rounds) for amount in (0.8, 0.9, 0.95) for rounds in (0, 5)))
"""Share of the weights that magnitude pruning removes, and rounds of finetuning."""

IMAGES = 10
STARTS = 200
LIMIT_SECONDS = 60.0


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each trained network and pruning: medians over its images."""
    subjects = [(depth, width, *seeds) for depth, width in NETWORKS for seeds in SEEDS]
    for index, (depth, width, training_seed, data_seed) in enumerate(subjects):
        dense = network(SIDE, depth, width, training_seed)
        instances = fresh_instances(dense, SIDE, data_seed, IMAGES)
        reached = [_best(dense, instance)[1] for instance in instances]
        for amount, rounds in PRUNINGS:
            if not options.wants(index, amount, rounds):
                continue
            surrogate = _pruned(dense, amount, rounds)
            data = mnist(SIDE)
            rows = [_of_image(dense, surrogate, instance, best) for instance, best in zip(instances, reached, strict=True)]
            yield {
                "instance": index,
                "amount": amount,
                "rounds": rounds,
                "network": f"{depth}x{width}",
                "training_seed": training_seed,
                "accuracy": accuracy(surrogate, data.test_images, data.test_labels),
                **{name: median(row[name] for row in rows) for name in rows[0]},
            }


def _pruned(dense: ReluNetwork, amount: float, rounds: int) -> ReluNetwork:
    if amount == 0.0:
        return dense
    return prune(Pruning("magnitude", amount, finetuning=Finetuning(rounds=rounds)), dense, mnist(SIDE))


def _of_image(dense: ReluNetwork, surrogate: ReluNetwork, instance: Instance, dense_best: float) -> dict[str, float]:
    folded = instance.problem.fold(surrogate, instance.region)
    bounds = method("box").compute(folded, instance.region)
    point, best = _best(surrogate, instance)
    relaxed = relaxation(folded, instance, bounds, "big_m", LIMIT_SECONDS)
    assert relaxed is not None, "a linear programme of this size takes HiGHS milliseconds"
    return {
        "unstable": bounds.unstable_count,
        "big_m": _big_m(bounds),
        "relaxation": relaxed,
        "surrogate_best": best,
        "root_gap": relaxed - best,
        "dense_at_best": instance.problem.value_at(dense, point),
        "dense_best": dense_best,
    }


def _best(attacked: ReluNetwork, instance: Instance) -> tuple[FloatArray, float]:
    """Return the best point of a gradient attack on a network, and its margin there."""
    result = GradientAttack(starts=STARTS).run(attacked, instance)
    assert result.best_point is not None
    assert result.margin is not None
    return result.best_point, result.margin


def _big_m(bounds: Bounds) -> float:
    """Return the median over all unstable neurons of the distance between their bounds: the sum of both big-M constants."""
    layers = list(zip(bounds.lower[:-1], bounds.upper[:-1], strict=True))
    widths = [high[(low < 0.0) & (high > 0.0)] - low[(low < 0.0) & (high > 0.0)] for low, high in layers]
    return float(np.median(np.concatenate(widths)))


def report(rows: Sequence[Row]) -> str:
    return (
        f"## Why a surrogate's MILP is easier, or is not\n\n{SIDE}x{SIDE}, medians over {IMAGES} images of each trained "
        f"network, then over the networks\n\n{table(rows)}"
    )


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table with a row for each size and pruning."""
    header = [
        *("network", "pruning", "accuracy, %", "unstable neurons", "big-M", "relaxation", "best surrogate margin"),
        *("root gap", "dense margin there", "best dense margin"),
    ]
    cells = []
    for name in dict.fromkeys(row["network"] for row in rows):
        for amount, rounds in PRUNINGS:
            part = [row for row in rows if (row["network"], row["amount"], row["rounds"]) == (name, amount, rounds)]
            if not part:
                continue
            typical = {key: median(row[key] for row in part) for key in part[0] if isinstance(part[0][key], int | float)}
            pruning = "none" if amount == 0.0 else f"{amount:g}{' finetuned' if rounds else ''}"
            cells.append(
                [
                    *(name, pruning, number(100.0 * typical["accuracy"], 1), number(typical["unstable"], 0)),
                    *(number(typical[key], 1) for key in ("big_m", "relaxation", "surrogate_best", "root_gap")),
                    *(number(typical[key]) for key in ("dense_at_best", "dense_best")),
                ]
            )
    return markdown(header, cells)


SECTION = Section(("instance", "amount", "rounds"), 0.0, measure, report)
