"""The configuration as dataclasses: unknown keys, wrong types and impossible values are refused here.

Defaults live in ``conf/``; what is allowed lives here, the names of methods in the registries of :mod:`surrogate`, and the
rules that join two values in :mod:`sweep.config.consistency`.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from sweep.config import attack_facts, rules
from sweep.errors import ConfigError


@dataclass(frozen=True)
class DatasetSettings:
    name: Annotated[str, rules.one_of(rules.datasets)]
    side: Annotated[int | None, rules.side]
    folder: Annotated[str | None, rules.path]
    function: Annotated[str | None, rules.one_of(rules.functions)]
    inputs: Annotated[int | None, rules.at_least(1)]

    @property
    def title(self) -> str:
        """What people call it: the name, or the function that it is drawn from."""
        return self.name if self.function is None else self.function


@dataclass(frozen=True)
class NetworkSettings:
    depth: Annotated[int, rules.at_least(1)]
    width: Annotated[int, rules.at_least(1)]
    bias: bool
    file: Annotated[str | None, rules.not_empty]

    @property
    def name(self) -> str:
        return network_name(self.depth, self.width, self.file)


@dataclass(frozen=True)
class TrainingSettings:
    epochs: Annotated[int, rules.at_least(0)]
    seed: Annotated[int, rules.at_least(0)]
    batch_size: Annotated[int, rules.at_least(1)]
    learning_rate: Annotated[float, rules.positive]
    weight_decay: Annotated[float, rules.not_negative]
    optimizer: Annotated[str, rules.one_of(rules.optimizers)]


@dataclass(frozen=True)
class FinetuneSettings:
    rounds: Annotated[int, rules.at_least(0)]
    epochs: Annotated[int, rules.at_least(0)]
    optimizer: Annotated[str, rules.one_of(rules.optimizers)]
    learning_rate: Annotated[float, rules.positive]
    weight_decay: Annotated[float, rules.not_negative]
    batch_size: Annotated[int, rules.at_least(1)]
    rewind: bool


@dataclass(frozen=True)
class PruningSettings:
    method: Annotated[str, rules.one_of(rules.prunings)]
    amount: Annotated[float, rules.share]
    seed: Annotated[int, rules.at_least(0)]
    finetune: FinetuneSettings


@dataclass(frozen=True)
class InstancesSettings:
    seed: Annotated[int, rules.at_least(0)]
    count: Annotated[int | None, rules.at_least(1)]
    split: Annotated[str, rules.one_of(lambda: ("train", "test"))]
    properties: Annotated[str | None, rules.not_empty]


@dataclass(frozen=True)
class BoundsSettings:
    method: Annotated[str, rules.one_of(rules.bounds)]
    lp_seconds: Annotated[float, rules.not_negative]


@dataclass(frozen=True)
class FormulationSettings:
    method: Annotated[str, rules.one_of(rules.formulations)]
    partitions: Annotated[int, rules.at_least(1)]


@dataclass(frozen=True)
class SolverSettings:
    name: Annotated[str, rules.one_of(rules.solvers)]
    time_limit_seconds: Annotated[float, rules.positive]
    threads: Annotated[int, rules.at_least(1)]
    seed: Annotated[int, rules.at_least(0)]
    relative_gap: Annotated[float | None, rules.inner_share]


@dataclass(frozen=True)
class ExclusionSettings:
    interrupt: bool
    solve_seconds: Annotated[float, rules.positive]
    subproblem_seconds: Annotated[float, rules.positive]
    seeds: Annotated[int, rules.at_least(0)]


@dataclass(frozen=True)
class AttackSettings:
    method: Annotated[str, rules.one_of(rules.attacks)]
    norm: Annotated[str, rules.one_of(rules.norms)]
    radius: Annotated[float | None, rules.positive]
    objective: Annotated[str, rules.one_of(rules.objectives)]
    target: Annotated[str, rules.one_of(lambda: ("runner_up", "untargeted"))]
    on_incumbent: Annotated[str, rules.one_of(rules.on_incumbent)]
    start: Annotated[str, rules.one_of(rules.starts)]
    polish: bool
    polish_steps: Annotated[int, rules.at_least(1)]
    exclusion: ExclusionSettings
    gradient_starts: Annotated[int, rules.at_least(1)]
    gradient_steps: Annotated[int, rules.at_least(1)]
    free: Annotated[int, rules.at_least(1)]
    round_seconds: Annotated[float, rules.positive]


@dataclass(frozen=True)
class SearchSettings:
    method: Annotated[str, rules.one_of(rules.searches)]
    where: list[str]
    samples: Annotated[int, rules.at_least(1)]
    seed: Annotated[int, rules.at_least(0)]
    objectives: list[str]
    scheduler: Annotated[str, rules.one_of(lambda: ("none", "asha"))]
    grace: Annotated[int, rules.at_least(1)]
    reduction: Annotated[int, rules.at_least(2)]
    together: list[list[str]] = dataclasses.field(default_factory=list)  # records of before do not have this key


@dataclass(frozen=True)
class ClusterSettings:
    name: Annotated[str, rules.one_of(lambda: ("local", "attach"))]
    address: Annotated[str | None, rules.not_empty]
    cpus: Annotated[int | None, rules.at_least(1)]
    cpus_per_trial: Annotated[int, rules.at_least(1)]


@dataclass(frozen=True)
class TrackingSettings:
    uri: Annotated[str | None, rules.not_empty]
    patience_seconds: Annotated[float, rules.not_negative]


@dataclass(frozen=True)
class DeadlineSettings:
    instance_seconds: Annotated[float | None, rules.duration]
    trial_seconds: Annotated[float | None, rules.duration]
    sweep_seconds: Annotated[float | None, rules.duration]


@dataclass(frozen=True)
class SweepSettings:
    name: Annotated[str, rules.experiment_name]
    resume: bool
    dry_run: Annotated[bool | str, rules.dry_run]
    retries: Annotated[int, rules.at_least(0)]
    store: Annotated[str, rules.outlives_a_process]


@dataclass(frozen=True)
class Settings:
    """The whole configuration, checked value by value; :func:`sweep.config.consistency.check` the rules that join two."""

    dataset: DatasetSettings
    network: NetworkSettings
    training: TrainingSettings
    pruning: PruningSettings
    instances: InstancesSettings
    bounds: BoundsSettings
    formulation: FormulationSettings
    cluster: ClusterSettings  # before the solver, whose threads are by default those of a trial
    solver: SolverSettings
    attack: AttackSettings
    search: SearchSettings
    deadlines: DeadlineSettings
    tracking: TrackingSettings
    sweep: SweepSettings

    @property
    def asks_about_images(self) -> bool:
        """Whether the questions are drawn from a data set: neither read from files nor about the whole box of inputs."""
        return self.instances.properties is None and self.attack.objective != attack_facts.OUTPUT


def network_name(depth: Any, width: Any, file: str | None) -> str:
    """Return the short name of a network: ``4x64``, depth times width, or the name of its file without the ending."""
    return f"{depth}x{width}" if file is None else Path(file.removesuffix(".gz")).stem


def read(config: Mapping[str, Any]) -> Settings:
    """Return the checked settings of a composed configuration (plain dictionaries, interpolations resolved).

    Raises:
        ConfigError: an unknown or missing key, a wrong type, or a value that is not allowed.
    """
    settings: Settings = _read(Settings, config, "")
    return settings


def read_section(name: str, data: Any) -> Any:
    """Return the checked settings of one section, as :func:`read` does of all.

    Raises:
        ConfigError: as :func:`read` does.
    """
    return _read(_hints(Settings)[name][0], data, name)


def keys(cls: type = Settings, prefix: str = "") -> list[str]:
    """Return every dotted key of the configuration, sections included."""
    found = []
    for name, hint in typing.get_type_hints(cls).items():
        found.append(prefix + name)
        if dataclasses.is_dataclass(hint):
            found.extend(keys(typing.cast(type, hint), f"{prefix}{name}."))
    return found


def kinds_of(key: str) -> tuple[set[Any], rules.Rule | None]:
    """Return the types that a value of a key may have and the rule for it; no types of sections and of unknown keys."""
    hint: Any = Settings
    rule = None
    for name in key.split("."):
        if not dataclasses.is_dataclass(hint) or name not in _hints(typing.cast(type, hint)):
            return set(), None
        hint, rule = _hints(typing.cast(type, hint))[name]
    if dataclasses.is_dataclass(hint):
        return set(), None
    return set(typing.get_args(hint)) if isinstance(hint, types.UnionType) else {hint}, rule


def impossible(key: str, value: Any) -> str | None:
    """Return what a key's values are, in words, if ``value`` can't be one; else, and for sections and unknown keys, None.

    Of numbers only the type counts, and 32.0 may stand for 32, to which it is equal.
    """
    kinds, rule = kinds_of(key)
    number = type(value) in (int, float) and (float in kinds or (int in kinds and value % 1 == 0))
    if kinds and type(value) not in kinds and not number:
        return " or ".join(words for kind, words in _WORDS.items() if kind in kinds)
    return rule(value) if rule is not None and kinds and isinstance(value, str) else None


def section(key: str) -> list[str]:
    """Return the keys in a section, without those of sections in it; nothing if there is no section of this name."""
    return [name for name in keys() if name.rpartition(".")[0] == key and kinds_of(name)[0]] if key else []


def is_key(key: str) -> bool:
    """Whether the configuration has a dotted key, or a section of this name."""
    return key in keys()


def unknown_key(key: str) -> ConfigError:
    """Return the error for a key that the configuration does not have, with near and available ones."""
    known = keys()
    parent, _, leaf = key.rpartition(".")
    same_leaf = [name for name in known if name.endswith(f".{leaf}")]
    if parent in known:
        alike = [parent + "." + near for near in difflib.get_close_matches(leaf, _children(parent, known), n=1)]
    else:
        alike = difflib.get_close_matches(key, [name for name in known if name.count(".") == key.count(".")], n=1)
    near = same_leaf or alike
    while parent and parent not in known:
        parent = parent.rpartition(".")[0]
    beside = _children(parent, known)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return ConfigError(f"unknown key {key}{hint}; available{f' in {parent}' if parent else ''}: {', '.join(beside)}")


def _children(parent: str, known: list[str]) -> list[str]:
    return [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == parent]


def _read(cls: Any, data: Any, prefix: str) -> Any:
    if not isinstance(data, Mapping):
        inside = ", ".join(f.name for f in dataclasses.fields(cls))
        raise ConfigError(f"{prefix}={data!r} must be a section with the keys {inside}")
    dot = f"{prefix}." if prefix else ""
    fields = dataclasses.fields(cls)
    for key in data:
        if key not in {f.name for f in fields}:
            raise unknown_key(f"{dot}{key}")
    hints = _hints(cls)
    values = {}
    for f in fields:
        key, (hint, rule) = dot + f.name, hints[f.name]
        if f.name not in data:
            if f.default_factory is not dataclasses.MISSING:
                values[f.name] = f.default_factory()
                continue
            raise ConfigError(f"{key} is missing from the configuration; every key needs a value")
        if dataclasses.is_dataclass(hint):
            values[f.name] = _read(hint, data[f.name], key)
            continue
        value = _typed(hint, data[f.name], key)
        allowed = rule(value) if rule and value is not None else None
        if allowed is not None:
            raise ConfigError(f"{key}={_shown(value)} is not allowed: it must be {allowed}")
        values[f.name] = value
    return cls(**values)


@functools.cache
def _hints(cls: type) -> dict[str, tuple[Any, rules.Rule | None]]:
    """Return type and rule of every field."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        name: (getattr(h, "__origin__", h), h.__metadata__[0]) if hasattr(h, "__metadata__") else (h, None)
        for name, h in hints.items()
    }


_IN_THE_SHELL: dict[Any, str] = {list[str]: '["..."]', list[list[str]]: "[[training.seed,instances.seed]]"}
"""How lists are written there, where they need quotes around them."""

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a finite number",
    str: "a text",
    list[str]: "a list of texts",
    list[list[str]]: "a list of lists of keys",
    type(None): "null",
}


def _typed(hint: Any, value: Any, key: str) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for option in options:
        if option is float and type(value) in (int, float) and math.isfinite(value):
            return float(value)
        if option == list[str] and _is_list_of_texts(value):
            return value
        if option == list[list[str]] and isinstance(value, list) and all(map(_is_list_of_texts, value)):
            return value
        if option in (bool, int, str, type(None)) and type(value) is option:
            return value
    allowed = " or ".join(_WORDS[option] for option in options)
    example = "".join(f", in the shell as in '{key}={_IN_THE_SHELL[option]}'" for option in options if option in _IN_THE_SHELL)
    found = "" if isinstance(value, list) else f", not {type(value).__name__}"
    raise ConfigError(f"{key}={_shown(value)} is not allowed: it must be {allowed}{example}{found}")


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else repr(value)
