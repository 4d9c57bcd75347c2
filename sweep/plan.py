"""From overrides to trials: composed by Hydra, validated, reduced to what matters, keyed, without duplicates. Pure: no Ray."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from sweep.attacks import WITHOUT_SURROGATE, bounds_method, unused_keys
from sweep.consistency import check
from sweep.errors import ConfigError
from sweep.rules import FUNCTION
from sweep.schema import Settings, read
from sweep.space import WHOLE, Compose, Space, plain_config, satisfies

if TYPE_CHECKING:
    from sweep.search.base import Suggester

FORMAT_VERSION = 1
"""Part of every key: raise it when a change of the program changes what a trial or a training gives."""

_NAMED = {
    *("network", "network.depth", "network.width", "network.file", "attack", "attack.method"),
    *("pruning", "pruning.method", "pruning.amount", "pruning.finetune.rounds"),
}
"""Keys that :func:`short_name` already shows."""


@dataclass(frozen=True)
class Trial:
    """A trial that is ready to run.

    Attributes:
        key: hash of everything that can change the result, 16 hex digits.
        name: short readable name.
        config: the whole resolved configuration.
        swept: the swept keys that matter to this trial, with its values, in the order in which they were swept.
        baseline_key: key of the same settings with attack surrogate and pruning none, the dense MILP.
        training_key: hash of what makes the dense network.
    """

    key: str
    name: str
    config: dict[str, Any]
    swept: dict[str, Any]
    baseline_key: str
    training_key: str


@dataclass(frozen=True)
class Plan:
    """The trials of a sweep.

    Attributes:
        trials: those that are known beforehand; none where a suggester chooses them while the sweep runs.
        duplicates: how many combinations fell away because another gives the same trial.
        excluded: how many ``search.where`` excluded.
        suggester: chooses trials while the sweep runs.
        base: a configuration of the sweep; by default that of the first trial.
    """

    trials: list[Trial]
    duplicates: int = 0
    excluded: int = 0
    suggester: Suggester | None = None
    base: dict[str, Any] | None = None

    @property
    def config(self) -> dict[str, Any]:
        """A configuration of the sweep: what concerns it as a whole is the same in every trial."""
        return self.trials[0].config if self.base is None else self.base


class TrialSpace:
    """What a search chooses from: the trials of all combinations of overrides in Hydra's grammar.

    Attributes:
        dimensions: the swept keys in their order: :class:`~sweep.dimensions.Choices` or :class:`~sweep.dimensions.Interval`.
    """

    def __init__(self, loader: ConfigLoader, compose: Compose, overrides: Sequence[str]) -> None:
        self._space = Space(loader, compose, overrides)
        self.dimensions = self._space.dimensions

    def at(self, values: Mapping[str, Any]) -> Trial | None:
        """Return the trial with one value for each swept key, or None if ``search.where`` excludes it.

        Different values give the same trial (one key) where they differ in what cannot change its result.

        Raises:
            ConfigError: values that are not allowed.
            ValueError: a value that is not among those listed.
        """
        config = self._space.config(values)
        settings = read(config)
        if not satisfies(settings, config):
            return None
        check(settings)
        relevant = canonical(settings)
        swept = {key: value for key, value in values.items() if _select(relevant, key)[0]}
        shown = [key for key in self.dimensions if key not in _NAMED]
        return _trial(config, settings, swept, shown)


def plan_one(config: DictConfig) -> Plan:
    """Return the plan of a single trial.

    Raises:
        ConfigError: the configuration is not valid.
    """
    plain = plain_config(config)
    settings = read(plain)
    check(settings)
    return Plan([_trial(plain, settings, {}, ())])


def plan_sweep(loader: ConfigLoader, compose: Compose, overrides: Sequence[str]) -> Plan:
    """Return the plan of all combinations of overrides in Hydra's grammar; the last override of a key wins.

    Raises:
        ConfigError: an override or a value that is not allowed, wherever in the sweep, or a search space without trials.
        HydraException: Hydra's own refusals.
    """
    space = Space(loader, compose, overrides)
    combinations = [(config, read(config), swept) for config, swept in space.combinations()]
    if not combinations:
        raise ConfigError(f"the search space is empty: {' '.join(overrides)} gives no combination of values")
    kept = [(config, settings, swept) for config, settings, swept in combinations if satisfies(settings, config)]
    if not kept:
        raise ConfigError(
            f"the search space is empty: none of the {len(combinations)} combinations satisfies search.where "
            f"({'; '.join(combinations[0][1].search.where)})"
        )
    unique: dict[str, tuple[dict[str, Any], Settings, dict[str, Any]]] = {}
    for config, settings, swept in kept:
        check(settings)
        relevant = canonical(settings)
        unique.setdefault(key_of(relevant), (config, settings, {k: v for k, v in swept.items() if _select(relevant, k)[0]}))
    values: dict[str, list[Any]] = {}
    for _, _, swept in unique.values():
        for key, value in swept.items():
            seen = values.setdefault(key, [])
            if value not in seen:
                seen.append(value)
    shown = tuple(key for key, seen in values.items() if len(seen) > 1 and key not in _NAMED)
    trials = [_trial(config, settings, swept, shown) for config, settings, swept in unique.values()]
    return Plan(trials, duplicates=len(kept) - len(unique), excluded=len(combinations) - len(kept))


def canonical(settings: Settings) -> dict[str, Any]:
    """Return the part of the settings that can change a trial's result."""
    config = dataclasses.asdict(settings)
    for section in WHOLE:  # where and how, not what
        del config[section]
    del config["dataset"]["folder"]  # every source gives the same bytes, by checksum
    if settings.dataset.name != FUNCTION:
        del config["dataset"]["function"], config["dataset"]["inputs"]
    _canonical_network(config, settings)
    _canonical_questions(config, settings)
    if settings.pruning.method == "none":
        config["pruning"] = {"method": "none"}
    elif settings.pruning.finetune.rounds == 0:
        config["pruning"]["finetune"] = {"rounds": 0}
    config["bounds"]["method"] = bounds_method(settings)
    for key in unused_keys(settings.attack.method, settings.attack.objective, settings.attack.start):
        section, _, name = key.partition(".")
        if name:
            del config[section][name]
        else:
            del config[section]
    return config


def _canonical_network(config: dict[str, Any], settings: Settings) -> None:
    """Keep of a network from a file its contents, whatever it is called, and of others nothing of files."""
    if settings.network.file is None:
        del config["network"]["file"]
        return
    from sweep.files import read_network

    config["network"] = {"file": read_network(settings.network.file).key}
    del config["training"]


def _canonical_questions(config: dict[str, Any], settings: Settings) -> None:
    """Keep what settles the questions: how images are drawn, or the contents of the properties, or nothing more."""
    if settings.asks_about_images:
        del config["instances"]["properties"]
        config["instances"]["count"] = settings.instances.count or 1
        return
    for name in ("norm", "radius", "target"):
        del config["attack"][name]
    config["instances"] = {}
    if settings.instances.properties is not None:
        from sweep.trial import load_properties

        found = load_properties(settings)
        config["instances"]["properties"] = [[one.name, one.key, one.expected] for one in found]


def key_of(relevant: dict[str, Any]) -> str:
    """Return the key of canonical settings: 16 hex digits of SHA-256 over their JSON and the format version."""
    text = json.dumps([FORMAT_VERSION, relevant], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def training_recipe(settings: Settings) -> dict[str, Any]:
    """Return the part of the settings that makes the dense network."""
    relevant = canonical(settings)
    return {section: relevant[section] for section in ("dataset", "network", "training") if section in relevant}


def short_name(settings: Settings) -> str:
    """Return a name such as ``4x64 magnitude 0.8 finetuned``, ``4x64 dense`` or ``2x256 gradient``."""
    network = settings.network.name
    pruning = settings.pruning
    attack = settings.attack.method
    if attack in WITHOUT_SURROGATE:
        return f"{network} {attack}"
    if pruning.method == "none":
        return f"{network} {'dense' if attack == 'surrogate' else attack}"
    if attack != "surrogate":
        network = f"{network} {attack}"
    rounds = pruning.finetune.rounds
    finetuned = {0: "", 1: " finetuned"}.get(rounds, f" finetuned in {rounds} rounds")
    return f"{network} {pruning.method} {pruning.amount:g}{finetuned}"


def _trial(config: dict[str, Any], settings: Settings, swept: dict[str, Any], shown: Sequence[str]) -> Trial:
    dense = dataclasses.replace(
        settings,
        pruning=dataclasses.replace(settings.pruning, method="none"),
        attack=dataclasses.replace(settings.attack, method="surrogate"),
    )
    more = [f"{key}={swept[key]}" for key in shown if key in swept]
    return Trial(
        key=key_of(canonical(settings)),
        name=" ".join([short_name(settings), *more]),
        config=config,
        swept=swept,
        baseline_key=key_of(canonical(dense)),
        training_key=key_of(training_recipe(settings)),
    )


def _select(config: dict[str, Any], key: str) -> tuple[bool, Any]:
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value
