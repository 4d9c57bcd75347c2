"""What a report is made of: trials, instances and the solutions they found as tables, so that no figure loops over records."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sweep.config.task_words import yardstick_of
from sweep.config.words import MAXIMIZE, MINIMIZE
from sweep.records import NUMBERS, InstanceRecord, TrialRecord
from sweep.records.time_limit import records_at_limit
from sweep.report.phrases import Phrases, kinds_of, phrases_of
from sweep.report.settings import SEEDS, RankedSetting, group
from sweep.report.settled import longest
from sweep.terminal.wording import count

ARRAYS = ("timeline", "region_visits", "clean", "perturbed", "facts")
FACTS = tuple(one.name for one in dataclasses.fields(InstanceRecord) if one.name not in ARRAYS)
"""The fields of an instance that a table holds as they are."""

EVENT = ("seconds", "dense_value", "surrogate_value", "norm")
"""The columns of a table of solutions that were met."""

Pictures = Callable[[str], TrialRecord | None]
"""Returns the record of a trial with its pictures, by its key."""


class Unfinished(NamedTuple):
    """A trial that did not finish; ``key`` is empty in tables that were published before it was kept."""

    name: str
    status: str
    error: str
    key: str = ""


def unfinished_of(records: Iterable[TrialRecord]) -> list[Unfinished]:
    """Return those of some trials that did not finish."""
    left = [record for record in records if record.status != "finished"]
    return [Unfinished(one.name, one.status, one.error or "no reason was recorded", one.key) for one in left]


class Searched(NamedTuple):
    """By what the best trial of a sweep is told, and what the sweep was made of: its overrides in Hydra's grammar."""

    objectives: tuple[str, ...]
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class SweepState:
    """One sweep as far as it came.

    Attributes:
        name: of the run, as the tracker shows it, or of the experiment where the store keeps no list of the run.
        planned: how many trials were planned; None if that is not known.
        finished: how many of them have ended well.
        unfinished: the others, as far as there is something to say about them.
        notes: sentences that whoever reads the results must know.
        experiment: the MLflow experiment.
        published: whether this was read from published tables, which hold no pictures.
        searched: for a sweep with objectives, what its answer is made of (:mod:`sweep.report.searches`).
    """

    name: str
    planned: int | None
    finished: int
    unfinished: tuple[Unfinished, ...] = ()
    notes: tuple[str, ...] = ()
    experiment: str | None = None
    published: bool = False
    searched: Searched | None = None


@dataclass(frozen=True)
class Results:
    """The finished trials of one sweep or of several, each trial once.

    Attributes:
        sweeps: where they come from.
        records: the trials, in order of their sweeps' plans.
        groups: the trials of each setting, those that differ in seeds alone (:data:`~sweep.report.settings.SEEDS`) together.
        trials: a row for each trial; ``setting`` is the label of its setting.
        instances: a row for each instance, numbered from 0; the fields of :class:`~sweep.records.InstanceRecord` without the
            arrays, what people call the ``instance``, and of its trial ``trial_key``, ``network``, ``setting``,
            ``baseline_key`` and others that figures need.
            ``length`` is the value where it is one, ``best_value`` any other value, in its own ``sense``;
            ``true_violation`` is how far a decision breaks a constraint in truth. ``unstable``, ``big_m``, ``root_gap`` and
            those that end in ``_pruned`` say how easy the networks were to optimise over.
        events: a row for each solution met: ``row`` (of the instance), and its :data:`EVENT`.
        pictures: finds the pictures of a trial.
        shorter: so many finished trials are left out, as there are longer ones of the same.
    """

    sweeps: tuple[SweepState, ...]
    records: list[TrialRecord]
    groups: dict[RankedSetting, list[TrialRecord]]
    trials: pd.DataFrame
    instances: pd.DataFrame
    events: pd.DataFrame
    pictures: Pictures = field(repr=False, default=lambda _: None)
    shorter: int = 0

    @property
    def remarks(self) -> list[str]:
        """What is worth knowing of where the results come from, and no reason for an alert."""
        found = ["Made from published tables, which hold no pictures."] if any(state.published for state in self.sweeps) else []
        if self.shorter:
            found.append(
                f"{count(self.shorter, 'trial')} with a shorter time limit left out: the run with the longest limit has their "
                f"answers too."
            )
        return found

    def at_limit(self, seconds: float) -> Results:
        """Return the results as they stood after so many seconds of each attack, where that is known."""
        named = dict(zip(self.trials["trial_key"], self.trials["sweep"], strict=True))
        cut = records_at_limit(self.records, seconds)
        return results_of(
            [(state, [one for one in cut if named[one.key] == state.name]) for state in self.sweeps], self.pictures
        )

    @cached_property
    def settings(self) -> dict[str, RankedSetting]:
        """The settings by label; equal labels on other networks are one."""
        return {setting.label: setting for setting in self.groups}

    @property
    def yardsticks(self) -> list[str]:
        """The methods without a MILP against which tasks measure all others, whether they were run or not."""
        return [name for name in dict.fromkeys(map(yardstick_of, self.instances["task"].unique())) if name]

    @property
    def networks(self) -> list[str]:
        """The networks in order of appearance."""
        return list(dict.fromkeys(self.trials["network"]))

    @cached_property
    def phrases(self) -> Phrases:
        """How people speak of all instances together."""
        return phrases_of(kinds_of(self.instances))

    def phrases_on(self, network: str) -> Phrases:
        """How people speak of the instances of a network; of all where ``network`` stands for all."""
        return self._by_network.get(network, self.phrases)

    @cached_property
    def _by_network(self) -> dict[str, Phrases]:
        parts = self.instances.groupby("network", sort=False)
        return {str(network): phrases_of(kinds_of(part)) for network, part in parts}

    @property
    def what(self) -> str:
        """What an instance is called, such as ``image``; ``instance`` where there are several kinds."""
        return self.phrases.instance


def results_of(
    sweeps: Sequence[tuple[SweepState, Sequence[TrialRecord]]],
    pictures: Pictures = lambda _: None,
    pooled: Sequence[str] = SEEDS,
) -> Results:
    """Return the results of some sweeps; trials that did not finish are left out, and of equal keys the first one counts.

    A trial of which there is a longer one, equal but for its time limit, is left out too (:func:`longest`): the longer run
    holds its answer. ``pooled`` keys make no settings of their own.
    """
    named: dict[str, str] = {}
    records: dict[str, TrialRecord] = {}
    for state, members in sweeps:
        for record in members:
            if record.status == "finished" and record.key not in records:
                records[record.key], named[record.key] = record, state.name
    ordered = longest(list(records.values()))
    grouped = group(ordered, pooled)
    setting_of = {record.key: setting for setting, members in grouped.items() for record in members}
    trials = _trials(ordered, setting_of, named)
    instances, events = _instances(ordered, trials)
    shorter = len(records) - len(ordered)
    return Results(tuple(state for state, _ in sweeps), ordered, grouped, trials, instances, events, pictures, shorter)


_TRIAL_FACTS = (
    *("status", "started_at", "ended_at", "baseline_key", "network_key", "accuracy_dense", "accuracy_surrogate", "sparsity"),
    *("r2_dense", "r2_surrogate", "skipped", "train_seconds", "prune_seconds", "total_seconds", "cpu_seconds"),
)


def _trials(records: Sequence[TrialRecord], settings: Mapping[str, RankedSetting], sweeps: Mapping[str, str]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "sweep": [sweeps[record.key] for record in records],
        "trial_key": [record.key for record in records],
        "name": [record.name for record in records],
        "network": [settings[record.key].network for record in records],
        "setting": [settings[record.key].label for record in records],
        "attack": [settings[record.key].attack for record in records],
        "method": [settings[record.key].method for record in records],
        "amount": [settings[record.key].amount for record in records],
        "finetune_rounds": [settings[record.key].finetune_rounds for record in records],
        "dataset": [_dataset(record.config.get("dataset", {})) for record in records],
        "hidden": [_hidden(record.config) for record in records],
        "instances": [len(record.instances) for record in records],
    }
    columns |= {name: [getattr(record, name) for record in records] for name in _TRIAL_FACTS}
    columns["swept"] = [json.dumps(record.swept, default=str) for record in records]
    columns["limits"] = [json.dumps([*record.limits]) for record in records]
    columns["config"] = [json.dumps(record.config, default=str) for record in records]
    return _typed(columns)


def _dataset(section: Mapping[str, Any]) -> str:
    """Return the name of a data set, with the file of one of the user's: rows of two files are no repetitions."""
    file = section.get("file")
    return str(section.get("name")) if file is None else f"{section.get('name')} {file}"


def _hidden(config: Mapping[str, Any]) -> int | None:
    """Return the number of hidden neurons of a trial's dense network, or of each of its networks.

    None for one from a file, whose size no configuration says, and where networks have sizes of their own.
    """
    network = config.get("network", {})
    depth, width = network.get("depth"), network.get("width")
    own = any(key in one for one in (config.get("networks") or {}).values() for key in ("depth", "width", "file"))
    return None if depth is None or width is None or network.get("file") is not None or own else int(depth) * int(width)


_OF_TRIAL = (
    *("sweep", "trial_key", "network", "setting", "baseline_key", "dataset", "network_key", "attack", "method", "amount"),
    *("finetune_rounds", "hidden", "accuracy_dense", "accuracy_surrogate", "r2_dense", "r2_surrogate"),
)


def _instances(records: Sequence[TrialRecord], trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    all_of_them = [instance for record in records for instance in record.instances]
    columns: dict[str, Any] = {name: [getattr(one, name) for one in all_of_them] for name in FACTS}
    frame = _typed(columns)
    repeats = np.repeat(np.arange(len(records)), [len(record.instances) for record in records]).astype(np.int64)
    for name in reversed(_OF_TRIAL):
        frame.insert(0, name, trials[name].to_numpy()[repeats])
    # One surrogate may serve all instances of a trial; then its cost is each instance's, as if that were answered alone.
    shared = trials["prune_seconds"].to_numpy(dtype=float)[repeats]
    own = frame["prune_seconds"].to_numpy(dtype=float)
    frame["prune_seconds"] = np.where(np.isnan(own), shared, own)
    own, shared = frame["sparsity"].to_numpy(dtype=float), trials["sparsity"].to_numpy(dtype=float)[repeats]
    frame["sparsity"] = np.where(np.isnan(own), shared, own)
    frame["instance"] = [one.name for one in all_of_them]
    frame["sense"] = [MINIMIZE if one.is_minimized else MAXIMIZE for one in all_of_them]
    frame["length"] = np.array([_or_nan(one.value if one.is_length else None) for one in all_of_them], dtype=float)
    frame["best_value"] = np.array([_or_nan(None if one.is_length else one.value) for one in all_of_them], dtype=float)
    for name in NUMBERS:
        frame[name] = np.array([_or_nan(one.facts.get(name)) for one in all_of_them], dtype=float)
    return frame, _events(all_of_them)


def _events(instances: Iterable[InstanceRecord]) -> pd.DataFrame:
    rows: list[int] = []
    found: dict[str, list[float]] = {name: [] for name in EVENT}
    for row, instance in enumerate(instances):
        for event in instance.timeline:
            rows.append(row)
            for name, values in found.items():
                values.append(_or_nan(event.get(name)))
    return pd.DataFrame({"row": np.array(rows, dtype=np.int64), **{n: np.array(v, dtype=float) for n, v in found.items()}})


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


_WORDS = (
    *("sweep", "trial_key", "name", "network", "setting", "attack", "method", "dataset", "status", "baseline_key", "swept"),
    *("limits", "network_key", "config", "instance_key", "norm", "question", "objective", "expected", "solver_status", "task"),
    "sense",
)
"""The columns that hold no numbers."""


def _typed(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table whose numbers are float64 with NaN for what is missing, also in columns without any number."""
    return pd.DataFrame(
        {name: pd.Series(values, dtype=object if name in _WORDS else "float64") for name, values in columns.items()}
    )
