"""What planning costs: a hundred thousand trials composed, validated, keyed and without duplicates."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from benchmarks.sections import Options, Row, Section
from benchmarks.tables import markdown, number

CASES = {
    "one key": ("training.seed=range(0,100000)",),
    "groups and a condition": (
        *("network=2x16,2x32,4x32,4x64,5x32,5x64,2x256", "pruning=magnitude,layerwise_magnitude,random,structured"),
        *("pruning.amount=range(0.05,1.0,0.05)", "training.seed=range(0,10)", "solver.seed=range(0,19)"),
        'search.where=["pruning.method != \\"structured\\" or pruning.amount > 0.1"]',
    ),
    "random, with intervals": (
        *("search=random", "search.samples=100000", "pruning.amount=interval(0.1,0.95)", "network=2x16,4x32"),
        "training.learning_rate=tag(log,interval(1e-5,1e-1))",
    ),
    "three time limits": ("network=2x16,4x32", "training.seed=range(0,50000)", "solver.time_limit_seconds=5,30,10"),
}


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each space."""
    for index, (name, overrides) in enumerate(CASES.items()):
        if options.wants(index):
            yield {"instance": index, "space": name, **planned(overrides)}


def planned(overrides: Sequence[str]) -> dict[str, float]:
    """Return what planning some overrides costs, in a process of its own."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_plan, overrides).result()


def _plan(overrides: Sequence[str]) -> dict[str, float]:
    plan_of(["training.seed=1,2"])  # imports and Hydra's first composition are not the plan's
    begin, begin_cpu = time.perf_counter(), time.process_time()
    plan = plan_of(overrides)
    return {
        "trials": len(plan.trials),
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - begin_cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }


def plan_of(overrides: Sequence[str]) -> Any:
    """Return the plan of overrides, as the program makes it."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.types import RunMode

    from sweep.__main__ import conf_folder
    from sweep.planning.search import plan_sweep

    Plugins.instance()
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3", job_name="sweep"):
        loader: Any = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", [], RunMode.MULTIRUN)
        return plan_sweep(loader, lambda lines: loader.load_sweep_config(master, lines), overrides)


def report(rows: Sequence[Row]) -> str:
    cells = [
        [
            row["space"],
            f"{row['trials']:,}",
            number(row["seconds"], 1),
            number(row["cpu_seconds"], 1),
            number(row["peak_mib"], 0),
        ]
        for row in rows
    ]
    return "## Planning\n\n" + markdown(["space", "trials", "wall s", "CPU s", "peak MiB"], cells)


SECTION = Section(key=("instance",), limit_seconds=0.0, measure=measure, report=report)
