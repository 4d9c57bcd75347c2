"""Do other formulations pay? Dense MILPs of attacks and of models, with big-M and with each neuron's sum split into parts."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Iterator, Sequence

from benchmarks.relaxation import relaxation
from benchmarks.runs import contradictions, failures, is_closed, measured
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import PEER_PAIRS, network, protocol_instance
from benchmarks.tables import markdown, number
from surrogate.attack import Instance, SurrogateAttack
from surrogate.bounds import method
from surrogate.formulation import BigM, Formulation, Partition
from surrogate.models import optimise
from surrogate.models.problems import PROBLEMS
from surrogate.networks import ReluNetwork
from surrogate.solvers import HighsSolver
from surrogate.training import Training, fit

TIME_LIMIT_SECONDS = 20.0
RELATIVE_GAP = 1e-4
FORMULATIONS: dict[str, Formulation] = {"big_m": BigM(), "partition-2": Partition(2), "partition-4": Partition(4)}

SIDE = 14
ATTACKS = ((32, 0, "crown"), (32, 2, "crown"), (32, 0, "box"), (64, 0, "crown"), (64, 1, "crown"))
"""Width of the two layers, which of the pairs of seeds, bounds."""

MODELS = ((16, 0), (16, 1))
"""Width of the two layers, seed of the problem ``constrained``."""


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each question and formulation; the formulations take turns, so that a busy spell meets all of them."""
    limit = options.limit(TIME_LIMIT_SECONDS)
    for index in range(len(ATTACKS) + len(MODELS)):
        for name, formulation in FORMULATIONS.items():
            if name not in options.chosen(FORMULATIONS) or not options.wants(index, name):
                continue
            common = {"instance": index, "method": name, "limit_seconds": limit, "load": round(os.getloadavg()[0], 1)}
            if index < len(ATTACKS):
                width, pair, bounds = ATTACKS[index]
                data_seed, training_seed = PEER_PAIRS[pair]
                dense = network(SIDE, 2, width, training_seed)
                _, instance = protocol_instance(dense, SIDE, data_seed)
                title = f"attack, {SIDE}x{SIDE} 2x{width}, data seed {data_seed}, {bounds}"
                yield {**common, "question": title, **_attack(dense, instance, bounds, formulation, limit)}
            else:
                width, seed = MODELS[index - len(ATTACKS)]
                title = f"model, constrained 2x{width}, seed {seed}"
                yield {**common, "question": title, **_model(width, seed, formulation, limit)}


def _attack(dense: ReluNetwork, instance: Instance, bounds: str, formulation: Formulation, limit: float) -> Row:
    solver = HighsSolver(time_limit_seconds=limit, relative_gap=RELATIVE_GAP)
    attack = SurrogateAttack(bounds=bounds, formulation=formulation, solver=solver, start="gradient")
    row = measured(lambda: attack.run(dense, dense, instance), lambda result: {"nonzeros": result.size.get("nonzeros")})
    folded = instance.problem.fold(dense, instance.region)
    computed = method(bounds).compute(folded, instance.region)
    return {**row, "relaxation": relaxation(folded, instance, computed, formulation, limit)}


def _model(width: int, seed: int, formulation: Formulation, limit: float) -> Row:
    instance = PROBLEMS["constrained"].build(_networks(width, seed), seed)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    result = optimise(
        instance.model, instance.places, limit, members=("dense",), formulation=formulation, relative_gap=RELATIVE_GAP
    )
    return {
        "status": str(result.status),
        "solver_status": str(result.status),
        "margin": None if result.value is None else -result.value,  # as of an attack: larger is better
        "dual_bound": None if result.bound is None else -result.bound,
        "nodes": result.work.get("nodes"),
        "total_seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - begin_cpu,
    }


@functools.cache
def _networks(width: int, seed: int) -> dict[str, ReluNetwork]:
    """Fit the networks of the problem."""
    return {
        name: fit(Training(epochs=30, seed=seed), [width, width], data.x, data.y, data.outputs)
        for name, data in PROBLEMS["constrained"].samples(seed).items()
    }


def report(rows: Sequence[Row]) -> str:
    header = ["question", "formulation", "nonzeros", "relaxation", "best", "bound", "ended", "nodes", "wall s", "CPU s"]
    header += ["CPU over big-M's", "load"]
    whole = {row["question"]: row["cpu_seconds"] for row in rows if row["method"] == "big_m"}
    cells = [
        [
            row["question"],
            row["method"],
            str(row.get("nonzeros") or "-"),
            number(row.get("relaxation"), 3),
            number(row["margin"], 4),
            number(row["dual_bound"], 4),
            "closed" if is_closed(row) else row["solver_status"] or row["status"],
            "-" if row["nodes"] is None else str(row["nodes"]),
            number(row["total_seconds"], 1),
            number(row["cpu_seconds"], 1),
            number(row["cpu_seconds"] / whole.get(row["question"], math.nan), 2),
            number(row["load"], 1),
        ]
        for row in rows
    ]
    title = f"## Formulations: dense MILPs with HiGHS to a gap of {RELATIVE_GAP:g}, limit {rows[0]['limit_seconds']:g} s"
    parts = [title, f"Models are minimised; their values have the other sign here.\n\n{markdown(header, cells)}"]
    for question in whole:
        wrong = contradictions([row for row in rows if row["question"] == question])
        if wrong:
            parts.append(f"**Contradictions**, {question}: a bound below a value that was reached:\n\n" + "\n".join(wrong))
    return "\n\n".join([*parts, *failures(rows)])


SECTION = Section(("instance", "method"), TIME_LIMIT_SECONDS, measure, report, tuple(FORMULATIONS))
