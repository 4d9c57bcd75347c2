"""What a model costs to build, and what memory a trial takes: 28x28 4x64."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from statistics import median
from typing import Any

import pyomo.environ as pyo
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from benchmarks import settings
from benchmarks.isolated import peak_mib
from benchmarks.sections import Options, Row, Section
from benchmarks.subjects import SEED_PAIRS, network, protocol_instance
from benchmarks.tables import markdown, number
from surrogate.attack import SurrogateAttack
from surrogate.bounds import method
from surrogate.formulation import constrain, embed
from surrogate.pruning import Pruning, prune
from surrogate.solvers import HighsSolver

SIDE, DEPTH, WIDTH = 28, 4, 64
REPEATS = 7
TRIAL_LIMIT_SECONDS = 20.0
TRIAL_MIB = "trial"
BOUNDS = ("crown", "box")


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each instance and bound method, then one for a trial's memory."""
    for index, (data_seed, training_seed) in enumerate(SEED_PAIRS):
        for bounds in BOUNDS:
            if options.wants(index, bounds):
                yield {"instance": index, "bounds": bounds, "data_seed": data_seed, **_build(data_seed, training_seed, bounds)}
    if options.wants(0, TRIAL_MIB):
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            mib = pool.submit(_trial_mib, options.limit(TRIAL_LIMIT_SECONDS)).result()
        yield {"instance": 0, "bounds": TRIAL_MIB, "limit_seconds": options.limit(TRIAL_LIMIT_SECONDS), "peak_mib": mib}


def _build(data_seed: int, training_seed: int, bounds: str) -> dict[str, Any]:
    dense = network(SIDE, DEPTH, WIDTH, training_seed)
    _, instance = protocol_instance(dense, SIDE, data_seed)
    label, target = instance.label, instance.target
    assert label is not None
    assert target is not None
    times: list[tuple[float, float, float, float]] = []
    size: dict[str, int] = {}
    for _ in range(REPEATS):
        begin = time.perf_counter()
        found = method(bounds).compute(dense, instance.region)
        bounded, bounded_cpu = time.perf_counter(), time.process_time()
        model: Any = pyo.ConcreteModel()
        model.x = pyo.Var(range(dense.input_size))
        x = list(model.x.values())
        model.region, model.network = pyo.Block(), pyo.Block()
        constrain(instance.region, model.region, x)
        embedding = embed(model.network, dense, x, found)
        logits = embedding.outputs
        model.margin = pyo.Objective(expr=logits[target] - logits[label], sense=pyo.maximize)
        embedding.set_values(instance.region.center)
        built = time.perf_counter()
        compiled = LinearStandardFormCompiler().write(model, mixed_form=True)
        done, cpu = time.perf_counter(), time.process_time() - bounded_cpu
        times.append((bounded - begin, built - bounded, done - built, cpu))
        size = {"rows": compiled.A.shape[0], "columns": compiled.A.shape[1], "nonzeros": int(compiled.A.nnz)}
        size["binaries"] = sum(column.is_binary() for column in compiled.columns)
    bounds_seconds, model_seconds, matrix_seconds, cpu_seconds = (median(column) for column in zip(*times, strict=True))
    return {
        **size,
        "bounds_seconds": bounds_seconds,
        "model_seconds": model_seconds,
        "matrix_seconds": matrix_seconds,
        "model_and_matrix_seconds": median(row[1] + row[2] for row in times),
        "model_and_matrix_cpu_seconds": cpu_seconds,
    }


def _trial_mib(limit_seconds: float) -> float:
    """Do what a trial's worker does, in this process, and return the largest resident memory that it took, in MiB."""
    import_module("sweep.execution.ray_tune")  # a worker has Ray loaded
    dense = network(SIDE, DEPTH, WIDTH, 0)  # loads the data and trains
    _, instance = protocol_instance(dense, SIDE, 0)
    surrogate = prune(Pruning("magnitude", 0.8), dense, None)
    SurrogateAttack(solver=HighsSolver(time_limit_seconds=limit_seconds)).run(dense, surrogate, instance)
    settings.best(limit_seconds)(dense, instance)
    return peak_mib()


def report(rows: Sequence[Row]) -> str:
    header = [
        "data seed",
        "bounds",
        "binaries",
        "rows",
        "columns",
        "nonzeros",
        "bounds s",
        "Pyomo s",
        "matrix s",
        "both s",
        "both CPU s",
        "with bounds s",
    ]
    cells = []
    for row in rows:
        if row["bounds"] != TRIAL_MIB:
            parts = ("bounds", "model", "matrix", "model_and_matrix", "model_and_matrix_cpu")
            seconds = [row[f"{part}_seconds"] for part in parts]
            counts = [str(row[name]) for name in ("binaries", "rows", "columns", "nonzeros")]
            cells.append(
                [str(row["data_seed"]), row["bounds"], *counts, *(number(s, 3) for s in (*seconds, seconds[0] + seconds[3]))]
            )
    texts = [
        f"## Building the model: MNIST {SIDE}x{SIDE}, {DEPTH}x{WIDTH}, warm process, medians of {REPEATS}",
        markdown(header, cells) if cells else "",
    ]
    for row in rows:
        if row["bounds"] == TRIAL_MIB:
            texts.append(
                f"Largest resident memory of a process that has Ray loaded, loads MNIST, trains, prunes, and attacks one image "
                f"through the surrogate and in the best setting, {row['limit_seconds']:g} s each: {row['peak_mib']:.0f} MiB."
            )
    return "\n\n".join(text for text in texts if text)


SECTION = Section(("instance", "bounds"), TRIAL_LIMIT_SECONDS, measure, report)
