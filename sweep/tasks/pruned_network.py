"""The pruned network that serves all instances of a trial: how it is made, and what the store keeps of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sweep.config.schema import Settings
from sweep.config.stage_keys import pruning_part
from sweep.store.stage_results import Entry
from sweep.tasks.dense_network import fit_on

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Pruning


def pruned_entry(settings: Settings, pruning: Pruning, dense: ReluNetwork, data: Dataset | None) -> Entry:
    """Prune the dense network and return what the store keeps of the surrogate."""
    from surrogate.pruning import prune, sparsity

    begin, begin_cpu = time.perf_counter(), time.process_time()
    surrogate = prune(pruning, dense, data)
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
    accuracy, r2 = fit_on(surrogate, data)
    facts = {
        "network_key": surrogate.key,
        "dense_key": dense.key,
        "prune_seconds": seconds,
        "prune_cpu_seconds": cpu_seconds,
        "sparsity": sparsity(dense, surrogate),
        "accuracy": accuracy,
        "recipe": pruning_part(settings),
        **({} if r2 is None else {"r2": r2}),
    }
    return Entry(facts, surrogate.to_bytes())
