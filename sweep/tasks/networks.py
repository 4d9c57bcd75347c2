"""The networks of a trial: trained and pruned, or taken from the store, each made once however many trials want it."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sweep.config import key_versions
from sweep.config.canonical import part, parts, training_recipe
from sweep.config.inputs import Inputs
from sweep.config.schema import Settings
from sweep.config.sections import method_of
from sweep.config.stage_keys import data_part, digest, surrogate_key
from sweep.records import TrialRecord
from sweep.store.networks import TrainedNetwork, network_entry, network_of, stored_weights
from sweep.store.stage_results import Entry, NoStages, Stages, once
from sweep.tasks.clock import TrialClock
from sweep.tasks.dense_network import fit_on, in_words, train_network
from sweep.terminal.wording import count

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Pruning


class Networks:
    """Trains and prunes for a task; what it makes is counted in the record of the trial.

    Args:
        settings: of the trial.
        inputs: whose data the trial's own network is trained on.
        training_key: key of the training of the trial's own network.
        stages: results of before, and of others.
        record: of the trial.
        clock: of the trial; training is not on it, and pruning is, also where it was done before.
        say: writes a line into the log of the trial.
        trained: the trial's own network, if somebody has it already.
        beside: other networks of the same trial; the record counts them and these together.
    """

    def __init__(
        self,
        settings: Settings,
        inputs: Inputs,
        training_key: str,
        stages: Stages,
        record: TrialRecord,
        clock: TrialClock,
        say: Callable[[str], None],
        trained: TrainedNetwork | None = None,
        beside: Networks | None = None,
    ) -> None:
        self._settings, self._inputs, self._training_key, self._stages = settings, inputs, training_key, stages
        self._record, self._clock, self._say, self._trained = record, clock, say, trained
        self._dense_keys: list[str] = [] if beside is None else beside._dense_keys
        self._pruned: dict[str, tuple[int, float]] = {} if beside is None else beside._pruned

    def of_settings(self, settings: Settings) -> Networks:
        """Return what makes networks by other settings, without a data set of the trial's, counted in the same record."""
        key, record, clock = self._training_key, self._record, self._clock
        return Networks(settings, Inputs(None), key, self._stages, record, clock, self._say, beside=self)

    @classmethod
    def of(cls, settings: Settings, inputs: Inputs, trained: TrainedNetwork | None) -> Networks:
        """Return the networks of a trial that is looked at and not run: its own is known, and nothing is kept."""
        record = TrialRecord(key="", name="", config={}, swept={}, status="finished")
        return cls(settings, inputs, "", NoStages(), record, TrialClock(), lambda text: None, trained)

    def dense(self) -> TrainedNetwork:
        """Return the trial's own network, made by ``network``, ``training`` and ``dataset``, or read from its file.

        Raises:
            TrainingDiverged, ConfigError: see :func:`sweep.tasks.dense_network.train_network`.
        """
        if self._trained is None:
            self._trained = self._made(self._training_key, self._settings, self._inputs.data)
        self._count(self._trained)
        return self._trained

    def given(self, network: ReluNetwork) -> None:
        """Count a dense network that comes from a file."""
        self._count(TrainedNetwork(network, None, None, None))

    def fitted(self, data: Dataset, *, seed: int | None = None) -> TrainedNetwork:
        """Return a network of the sections ``network`` and ``training`` that is fitted to data of the task's own.

        Args:
            data: what it is fitted to; its name, inputs and checksum are in the key.
            seed: of the training; None: ``training.seed``.

        Raises:
            TrainingDiverged: the loss or the weights are no longer finite.
        """
        settings = self._settings
        if seed is not None:
            settings = dataclasses.replace(settings, training=settings.training.changed(seed=seed))
        recipe = parts(settings, ("network", "training"))
        found = self._made(digest("fitted", key_versions.FORMAT_VERSION, recipe, data_part(data)), settings, data)
        self._count(found)
        return found

    def pruned(self, dense: ReluNetwork, data: Dataset | None = None) -> ReluNetwork:
        """Return a copy of a dense network, pruned as the section ``pruning`` says, finetuning included.

        Args:
            dense: the network, which is returned itself where nothing is pruned.
            data: what pruning and finetuning look at; by default the data set of the trial.
        """
        from surrogate.pruning import sparsity

        pruning, data, record = self.pruning(), self._inputs.data if data is None else data, self._record
        if not pruning.prunes:
            record.prune_seconds = record.prune_seconds or 0.0
            record.sparsity = self._all_sparsity(dense, sparsity(dense, dense))
            record.accuracy_surrogate, record.r2_surrogate = fit_on(dense, data)
            return dense
        finetuned = f", {count(pruning.finetuning.rounds, 'round')} of finetuning" if pruning.finetuning.rounds else ""
        self._say(f"pruning begins: {pruning.way.name} {pruning.amount:g}{finetuned}")
        make = functools.partial(_pruned_entry, self._settings, pruning, dense, data)
        entry, reused = once(self._stages, "surrogates", surrogate_key(self._settings, dense.key, data), make)
        facts = entry.facts
        taken = "taken from the store, made" if reused else "pruned"
        reached = f"sparsity {facts['sparsity']:.3f}{in_words(facts['accuracy'], facts.get('r2'))}"
        self._say(f"surrogate {facts['network_key']} {taken} in {facts['prune_seconds']:.1f} s: {reached}")
        record.prune_seconds = (record.prune_seconds or 0.0) + facts["prune_seconds"]
        record.sparsity, record.accuracy_surrogate = self._all_sparsity(dense, facts["sparsity"]), facts["accuracy"]
        if len(self._dense_keys) == 1:
            record.r2_surrogate = facts.get("r2")  # entries of before do not have it
        if reused:
            self._clock.add(facts["prune_seconds"], facts["prune_cpu_seconds"])
        return stored_weights(entry)

    def pruning(self) -> Pruning:
        """Return the pruning of the trial: of a method that needs a region, to make a surrogate of each instance's."""
        pruning: Pruning = method_of("pruning", self._settings)
        return pruning

    def _made(self, key: str, settings: Settings, data: Dataset | None) -> TrainedNetwork:
        def train() -> Entry:
            return network_entry(train_network(settings, data), training_recipe(settings, data))

        self._say(f"needs the dense network {settings.network.name}: trained here, or by another trial")
        with self._clock.left_out():  # training has its own time, and is done once for many trials
            entry, reused = once(self._stages, "networks", key, train)
        trained = network_of(entry)
        self._say("it was in the store" if reused else f"trained in {trained.train_seconds or 0.0:.1f} s")
        return trained

    def _all_sparsity(self, dense: ReluNetwork, sparsity: float) -> float:
        """Return the share of the weights that all pruned networks of the trial lack, this one included."""
        self._pruned[dense.key] = sum(weight.size for weight in dense.weights), sparsity
        if len(self._pruned) == 1:
            return sparsity
        return sum(size * share for size, share in self._pruned.values()) / sum(size for size, _ in self._pruned.values())

    def _count(self, trained: TrainedNetwork) -> None:
        """Count a dense network in the record of the trial: with several, their seconds are added and their keys hashed."""
        record, key = self._record, trained.network.key
        if key in self._dense_keys:
            return
        self._dense_keys.append(key)
        if len(self._dense_keys) == 1:
            record.network_key, record.train_seconds = key, trained.train_seconds
            record.accuracy_dense, record.r2_dense = trained.accuracy, trained.r2
            return
        record.network_key, record.accuracy_dense, record.r2_dense = digest(*self._dense_keys), None, None
        if trained.train_seconds is not None:
            record.train_seconds = (record.train_seconds or 0.0) + trained.train_seconds


def _pruned_entry(settings: Settings, pruning: Pruning, dense: ReluNetwork, data: Dataset | None) -> Entry:
    """Prune a dense network and return what the store keeps of its copy, which serves all instances."""
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
        "recipe": part("pruning", settings),
        **({} if r2 is None else {"r2": r2}),
    }
    return Entry(facts, surrogate.to_bytes())
