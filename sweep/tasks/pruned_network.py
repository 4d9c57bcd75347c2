"""The pruned network that serves all instances of a trial: its pruning, from the settings, and what the store keeps of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sweep.config.schema import Settings
from sweep.config.stage_keys import pruning_part
from sweep.store.stage_results import Entry
from sweep.tasks.dense_network import accuracy_on

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Pruning


def pruning_of(settings: Settings) -> Pruning:
    """Return the pruning of a trial, finetuning included."""
    from surrogate.pruning import Finetuning, Pruning

    p, f = settings.pruning, settings.pruning.finetune
    finetuning = Finetuning(
        rounds=f.rounds,
        epochs=f.epochs,
        optimizer=f.optimizer,
        learning_rate=f.learning_rate,
        weight_decay=f.weight_decay,
        batch_size=f.batch_size,
        rewind=f.rewind,
        seed=p.seed,
    )
    return Pruning(p.method, p.amount, p.seed, finetuning)


def pruned_entry(settings: Settings, pruning: Pruning, dense: ReluNetwork, data: Dataset | None) -> Entry:
    """Prune the dense network and return what the store keeps of the surrogate."""
    from surrogate.pruning import prune, sparsity

    begin, begin_cpu = time.perf_counter(), time.process_time()
    surrogate = prune(pruning, dense, data)
    facts = {
        "network_key": surrogate.key,
        "dense_key": dense.key,
        "prune_seconds": time.perf_counter() - begin,
        "prune_cpu_seconds": time.process_time() - begin_cpu,
        "sparsity": sparsity(dense, surrogate),
        "accuracy": accuracy_on(surrogate, data),
        "recipe": pruning_part(settings),
    }
    return Entry(facts, surrogate.to_bytes())
