"""Settings: a network with a way to attack it, and which trials belong to the same setting.

Trials that differ only in the seed that draws the instances are one setting.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.config.canonical import takes_pruned
from sweep.config.dotted_keys import is_in
from sweep.config.effect import with_effect
from sweep.config.families import ABSENT, name_key, switches
from sweep.config.own_networks import NETWORKS, section_key
from sweep.config.rules import FUNCTION, NO_PRUNING, file_title
from sweep.config.shown_keys import IN_NAMES
from sweep.config.task_names import task_meant_by
from sweep.config.task_words import task_on_record
from sweep.config.tasks import TaskRules
from sweep.config.words import Words
from sweep.records import TrialRecord
from sweep.report.settled import UNSEEN, settled_config

SURROGATE = "surrogate"
"""The method that optimises over a pruned copy by MILP, of attacks and of models."""

_REPEATED = (*UNSEEN, "instances.seed", "instances.count")
"""Keys that do not tell settings apart: how a sweep runs, and which instances are drawn."""

PARAMETERS = "model.parameters"
"""The section whose keys are a problem's own, and are called by their last name."""

_ORIGINS = ("dataset", "training", PARAMETERS)
"""Sections that make another network, and not another way to attack it."""

REPAIR = "method.repair"
"""The key of a flag that labels have as a word."""

SEEDS = ("training.seed", "pruning.seed", "solver.seed")
"""Keys whose values are repetitions of an experiment and not settings of their own."""


@dataclass(frozen=True)
class RankedSetting:
    """A network and a way to attack it; the rows of the ranking and the lines of the figures."""

    network: str
    """Hidden layers, as ``4x64``: depth times width; with the inputs and the training where several were swept
    (``28x28 4x64 training.epochs=5``)."""
    attack: str
    """The method that answered; where a task answers by itself, the task."""
    method: str | None
    """Pruning method; None for a method that takes no pruned network."""
    amount: float | None
    finetune_rounds: int | None
    extras: tuple[tuple[str, str], ...] = ()
    """Further configuration keys, with their values, that tell apart trials which are otherwise the same setting."""
    is_without_milp: bool = False
    """Whether it is a yardstick of every MILP, the dense one too (:attr:`sweep.config.tasks.TaskRules.yardstick`)."""
    baseline: str = ""
    """The name of a setting against which others are measured, such as ``dense MILP``; empty for all other settings."""
    is_surrogate: bool = False
    """Whether it is a pruned copy that is measured against the baseline."""
    names_method: bool = False
    """Whether labels name the method of a pruned copy too: any but :data:`SURROGATE`, which most sweeps have alone."""
    task: str = ""
    """What is asked, where there are trials of several tasks; their values are never one setting's. Empty with one task."""

    @property
    def is_baseline(self) -> bool:
        return self.baseline != ""

    @property
    def is_milp(self) -> bool:
        """Whether it is the baseline or a pruned copy: MILPs, where a task does not answer by itself."""
        return self.is_baseline or self.is_surrogate

    @property
    def is_yardstick(self) -> bool:
        return self.is_baseline or self.is_without_milp

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """Yardsticks first, then attacks on the dense network, then surrogates by method, sparsity and finetuning."""
        place = 0 if self.is_baseline else 1 if self.is_without_milp else 3 if self.is_surrogate else 2
        return (place, self.task, self.attack, self.method or "", self.amount or 0.0, self.finetune_rounds or 0, self.extras)

    @property
    def family(self) -> str:
        """The label without the sparsity: what settings of one pruning method share."""
        if self.method in (None, "none") or self.amount is None:
            return self.label
        words = [self.method, "finetuned"] if self.finetune_rounds else [self.method]
        return self._joined([*self._first_words, *words])

    @property
    def label(self) -> str:
        """Readable name without the network, such as ``magnitude 0.8 finetuned``."""
        words = self._first_words
        if self.method not in (None, "none"):
            words.append(f"{self.method} {self.amount:g}" if self.amount is not None else str(self.method))
            if self.finetune_rounds:
                words.append("finetuned" if self.finetune_rounds == 1 else f"finetuned in {self.finetune_rounds} rounds")
        return self._joined(words)

    def _joined(self, words: Sequence[str | None]) -> str:
        task = [f"task={self.task}"] if self.task and self.task not in words else []  # without an answerer it is there already
        return " ".join([*map(str, words), *task, *_said(self.extras)])

    @property
    def _first_words(self) -> list[str]:
        return [] if self.is_surrogate and not self.names_method else [self.baseline or self.attack]


def _said(extras: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield further keys with their values, as labels have them."""
    for key, value in extras:
        if key != REPAIR:
            yield f"{key}={value}"
        elif value == "true":
            yield "repaired"


def group(records: Iterable[TrialRecord], pooled: Sequence[str] = ()) -> dict[RankedSetting, list[TrialRecord]]:
    """Return the finished trials by setting, in the order in which the settings first appear.

    Trials that differ only in ``pooled`` keys, such as :data:`SEEDS`, are one setting.
    """
    base: dict[RankedSetting, list[tuple[TrialRecord, dict[str, str]]]] = defaultdict(list)
    finished = [(record, *settled_config(record)) for record in records if record.status == "finished"]
    _name_files([flat for _, _, flat in finished])
    of_subject: dict[str, list[dict[str, str]]] = defaultdict(list)
    for _, _, flat in finished:
        of_subject[_subject(flat)].append(_origin(flat))
    origins = {subject: _differing(found) for subject, found in of_subject.items()}
    tasks = _told_apart([task_meant_by(flat) for _, _, flat in finished])
    for record, layers, flat in finished:
        setting = _base_setting(layers, flat, origins[_subject(flat)])
        setting = dataclasses.replace(setting, task=tasks[task_meant_by(flat)])
        counting = [key for key in with_effect(flat, flat) if section_key(key) not in pooled]
        base[setting].append((record, {key: _text(flat[key]) for key in counting if not _is_named(key, setting)}))
    # Only what tells trials apart within one base setting is worth a column; what differs between attack methods is not.
    telling = {key: None for members in base.values() for key in _differing([others for _, others in members])}
    # A key of a network is there only where it differs from that of another network, which no other trial need have.
    telling |= {key: None for members in base.values() for _, others in members for key in others if is_in(key, (NETWORKS,))}
    grouped: dict[RankedSetting, list[TrialRecord]] = defaultdict(list)
    for setting, members in base.items():
        for record, others in members:
            extras = tuple((key, others[key]) for key in telling if key in others)
            grouped[dataclasses.replace(setting, extras=extras)].append(record)
    return dict(grouped)


def _told_apart(tasks: Iterable[str]) -> dict[str, str]:
    """Return what each task is called beside others: of a class its name, with its module where two have that name."""
    short = {name: name.rpartition(":")[2] for name in tasks}
    if len(short) == 1:
        return dict.fromkeys(short, "")
    named = Counter(short.values())
    return {name: title if named[title] == 1 else name for name, title in short.items()}


def _base_setting(layers: str, flat: Mapping[str, Any], origins: Collection[str]) -> RankedSetting:
    network, task = _network(layers, flat, origins), _task(flat)
    if task is None:
        attack = str(flat.get("attack.method"))
        is_baseline = (attack, flat.get("pruning.method")) == (SURROGATE, NO_PRUNING)
        baseline = Words().baseline if is_baseline else ""
        return _with_pruning(RankedSetting(network, attack, None, None, None), flat, baseline, attack == SURROGATE)
    title = task.name.rpartition(":")[2]
    network = f"{task.subject(flat)} {network}".strip() if "network" in task.sections else title
    instead = task.answered_instead(flat)
    attack = instead or (str(flat.get(name_key(task.answerer))) if task.answerer else title)
    baseline = "" if instead else _baseline(task, flat)
    if instead is None and takes_pruned(task, lambda key: flat.get(key, ABSENT)):
        names_method = task.answerer != "" and attack != SURROGATE
        setting = RankedSetting(network, attack, None, None, None, names_method=names_method)
        return _with_pruning(setting, flat, baseline, _is_of_a_copy(task, attack, flat))
    if baseline:  # tables call the dense MILP of any task by one method
        return RankedSetting(network, SURROGATE if task.answerer else attack, NO_PRUNING, None, None, baseline=baseline)
    return RankedSetting(network, attack, None, None, None, is_without_milp=attack == task.yardstick)


def _is_of_a_copy(task: TaskRules, attack: str, flat: Mapping[str, Any]) -> bool:
    """Whether what the method of a task finds on a pruned copy says what the copy is worth; by its name without its class."""
    method = task.method_class(lambda key: flat.get(key, ABSENT))
    return (attack == SURROGATE or not task.answerer) if method is None else not method.searches_dense


def _with_pruning(setting: RankedSetting, flat: Mapping[str, Any], baseline: str, is_of_a_copy: bool) -> RankedSetting:
    """Return the setting of a method that takes a pruned copy, with the pruning of a configuration."""
    method = flat.get("pruning.method")
    setting = dataclasses.replace(setting, method=method, baseline=baseline)
    if method == NO_PRUNING:
        return setting
    return dataclasses.replace(
        setting,
        amount=flat.get("pruning.amount"),
        finetune_rounds=flat.get("pruning.finetune.rounds", 0),
        is_surrogate=is_of_a_copy and not baseline,
    )


def _baseline(task: TaskRules, flat: Mapping[str, Any]) -> str:
    """Return what a trial is called that others of its task are measured against; empty for any other trial.

    Where nothing of the task's baseline counts, each trial is its own, and is called as the task is.
    """
    counting = {name: values for name, values in task.baseline.items() if name in task.sections}
    if any(flat.get(f"{name}.{key}") != value for name, values in counting.items() for key, value in values.items()):
        return ""
    return task.words(str(flat.get("attack.objective"))).baseline if counting else task.name.rpartition(":")[2]


def _name_files(flats: Sequence[dict[str, Any]]) -> None:
    """Call each file of data by its title in the configurations, or by its whole name where two have the same title."""
    files = {str(flat["dataset.file"]) for flat in flats if flat.get("dataset.file") is not None}
    titles = Counter(map(file_title, files))
    for flat in flats:
        file = flat.get("dataset.file")
        if file is not None and titles[file_title(str(file))] == 1:
            flat["dataset.file"] = file_title(str(file))


def _subject(flat: Mapping[str, Any]) -> str:
    """Return what stands before the name of the network, such as the problem of a model; nothing where all ask the same."""
    task = _task(flat)
    return "" if task is None else task.subject(flat)


def _task(flat: Mapping[str, Any]) -> TaskRules | None:
    """Return the task of a configuration; None where it is a user's whose module is not here."""
    task = task_on_record(task_meant_by(flat))
    return task if task.name else None


def _origin(flat: Mapping[str, Any]) -> dict[str, str]:
    """Return what of a configuration decides which network is attacked, other than its hidden layers and the seed."""
    keys = with_effect((key for key in flat if is_in(section_key(key), _ORIGINS)), flat)
    return {key: _text(flat[key]) for key in keys if not is_in(section_key(key), (*_REPEATED, *SEEDS))}


def _network(layers: str, flat: Mapping[str, Any], origins: Collection[str]) -> str:
    """Return the network's name, with those of the keys ``origins`` that tell the swept networks apart.

    Keys of single networks always do: they are there only where networks of one trial differ.
    """
    off = {key: _text(value) for key, value in switches().items()}
    telling = {key: value for key, value in _origin(flat).items() if key in origins or is_in(key, (NETWORKS,))}
    origin = {key: value for key, value in telling.items() if value not in ("null", "none", "[]", off.get(key))}
    before = [origin.pop(key, "") for key in ("dataset.name", "dataset.function")]
    side, file = origin.pop("dataset.side", ""), origin.pop("dataset.file", "")
    inputs = origin.pop("dataset.inputs", "") if flat.get("dataset.name") == FUNCTION else ""
    sides = "x".join(map(str, flat["dataset.side"])) if side.startswith("[") else f"{side}x{side}"
    before += [file, f"{inputs} inputs" if inputs else "", sides if side else ""]
    after = (f"{key.removeprefix(f'{PARAMETERS}.')}={value}" for key, value in origin.items())
    return " ".join([*filter(None, before), layers, *after])


def _is_named(key: str, setting: RankedSetting) -> bool:
    """Whether a key is part of the setting's name already, or says nothing of it."""
    meant = section_key(key)
    if meant != key:
        return is_in(meant, ("network.depth", "network.width", "network.file", "training"))
    unpruned = ("pruning",) if setting.method is None else ()
    return is_in(key, (*IN_NAMES, *_REPEATED, *unpruned, *(_ORIGINS if key not in SEEDS else ())))


def _differing(configs: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys with several values. Where a key is absent it does not matter, or an older version did not have it."""
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if len({config[key] for config in configs if key in config}) > 1]


def _text(value: Any) -> str:
    """Return a value as the labels write it; 30.0 is 30."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)
