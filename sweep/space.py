"""The combinations of swept values, composed as Hydra composes them."""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError

from sweep.dimensions import Choices, Dimension, dimension_of
from sweep.errors import ConfigError
from sweep.schema import Settings, read, unknown_key
from sweep.where import Condition

Compose = Callable[[list[str]], DictConfig]
"""Composes one configuration from overrides, as Hydra does for one job."""

_Value = tuple[str, Any]
"""A value of an override: the line that sets it, and the value itself (None for overrides that are not swept)."""

WHOLE = ("sweep", "tracking", "cluster", "search", "deadlines")
"""Sections that concern the sweep as a whole and cannot differ between its trials."""


class Space:
    """The combinations of a set of overrides.

    Composition by Hydra is the slow part, so it is done for each value on its own: the sections of groups that do not touch
    each other are then put together, and swept plain values set on the result. Whatever does not allow that is composed by
    Hydra combination by combination.
    """

    def __init__(self, loader: ConfigLoader, compose: Compose, lines: Sequence[str]) -> None:
        self._compose = compose
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._parser = OverridesParser.create(config_loader=loader)
        by_key: dict[str, Override] = {}
        for override in self._parser.parse_overrides(list(lines)):
            # The place of the first, the value of the last: an override of the command line replaces one of the experiment.
            by_key[override.get_key_element().lstrip("+~")] = override
        self._overrides = list(by_key.values())
        groups = {o.key_or_group for o in self._overrides if loader.get_group_options(o.key_or_group)}
        changes = [o for o in self._overrides if o.is_sweep_override() and o.type is OverrideType.CHANGE and o.package is None]
        self._plain = [o for o in changes if o.key_or_group not in groups]
        others = [o.key_or_group for o in self._overrides if o not in self._plain and o.key_or_group not in groups]
        if any(_overlap(o.key_or_group, other) for o in self._plain for other in others):
            self._plain = []  # the order of the overrides matters then: leave it all to Hydra
        self._sections = [o for o in changes if o.key_or_group in groups]

    @functools.cached_property
    def dimensions(self) -> dict[str, Dimension]:
        """The swept keys in their order, with what each may be."""
        swept = [override for override in self._overrides if override.is_sweep_override()]
        return {
            override.key_or_group: dimension_of(override, {} if override.is_interval_sweep() else dict(self._values(override)))
            for override in swept
        }

    def config(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the resolved configuration of one value for each swept key.

        Raises:
            ConfigError, HydraException: it cannot be composed.
        """
        lines = []
        for override in self._overrides:
            key = override.key_or_group
            dimension = self.dimensions.get(key)
            if dimension is None:
                lines.append(override.input_line or "")
            elif isinstance(dimension, Choices):
                lines.append(dimension.lines[dimension.place(values[key])])
            else:
                lines.append(f"{override.get_key_element()}={values[key]!r}")
        return plain_config(_without_hydra(self._compose(lines)))

    def combinations(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return every combination as its resolved configuration and the values of the swept keys, the last key fastest."""
        values = [self._values(override) for override in self._overrides]
        if not all(values):
            return []
        first = tuple(options[0] for options in values)
        alone = [
            (*first[:place], option, *first[place + 1 :]) for place, options in enumerate(values) for option in options[1:]
        ]
        # Each value alone first: a typo is found after a few compositions, however large the space.
        for choice in (first, *alone):
            settings = read(config := plain_config(self._config(choice)))
            satisfies(settings, config)
        self._keep_independent(first, alone)
        return [(plain_config(self._config(choice, first)), self._swept(choice)) for choice in itertools.product(*values)]

    def _keep_independent(self, first: Sequence[_Value], alone: Sequence[Sequence[_Value]]) -> None:
        """Leave in ``_sections`` the groups whose options change nothing but their own section."""
        names = [override.key_or_group for override in self._sections]
        base = _unresolved(self._hydras(first))
        for choice in alone:
            (place,) = (i for i, pair in enumerate(zip(first, choice, strict=True)) if pair[0] is not pair[1])
            group = self._overrides[place].key_or_group
            if group in names:
                other = _unresolved(self._hydras(choice))
                if {name for name in {*base, *other} if base.get(name) != other.get(name)} - {group}:
                    self._sections = []  # one that reaches into others may do so differently beside their other options
                    return

    def _config(self, choice: Sequence[_Value], first: Sequence[_Value] | None = None) -> DictConfig:
        """Return the configuration of a choice; with ``first``, put together from those that differ from it in one value."""
        pairs = list(zip(self._overrides, choice, strict=True))
        if first is None:
            config = copy.deepcopy(self._hydras(choice))
        else:
            kept = tuple(f if o in self._sections else c for o, c, f in zip(self._overrides, choice, first, strict=True))
            config = copy.deepcopy(self._hydras(kept))
            for place, (override, value) in enumerate(pairs):
                if override in self._sections and value is not first[place]:
                    source = self._hydras((*kept[:place], value, *kept[place + 1 :]))
                    config[override.key_or_group] = copy.deepcopy(source[override.key_or_group])
        for override, (_, value) in pairs:
            if override in self._plain:
                _set(config, override.key_or_group, value)
        return config

    def _hydras(self, choice: Sequence[_Value]) -> DictConfig:
        """Return what Hydra composes for a choice, swept plain values left out."""
        lines = tuple(line for override, (line, _) in zip(self._overrides, choice, strict=True) if override not in self._plain)
        if lines not in self._composed:
            self._composed[lines] = _without_hydra(self._compose(list(lines)))
        return self._composed[lines]

    def _swept(self, choice: Sequence[_Value]) -> dict[str, Any]:
        pairs = zip(self._overrides, choice, strict=True)
        return {override.key_or_group: value for override, (_, value) in pairs if override.is_sweep_override()}

    def _values(self, override: Override) -> list[_Value]:
        """Return every value of an override."""
        if not override.is_sweep_override():
            assert override.input_line is not None
            return [(override.input_line, None)]
        if override.key_or_group.split(".")[0] in (*WHOLE, "hydra"):
            raise ConfigError(
                f"{override.input_line}: {override.key_or_group} concerns the sweep as a whole and cannot be swept"
            )
        if not override.is_discrete_sweep():
            raise ConfigError(
                f"{override.input_line}: a grid needs single values and an interval has none; list them, as in choice(0.5,0.8)"
            )
        key = override.get_key_element()
        lines = [f"{key}={value}" for value in override.sweep_string_iterator()]
        return [(line, self._parser.parse_override(line).value()) for line in lines]


def _set(config: DictConfig, key: str, value: Any) -> None:
    try:
        OmegaConf.update(config, key, value, merge=True)
    except (ConfigAttributeError, ConfigKeyError) as error:
        raise unknown_key(key) from error


def _overlap(key: str, other: str) -> bool:
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


def plain_config(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    plain.pop("hydra", None)
    return {str(key): value for key, value in plain.items()}


def satisfies(settings: Settings, config: dict[str, Any]) -> bool:
    return False not in [_condition(expression).holds(config) for expression in settings.search.where]


@functools.cache
def _condition(expression: str) -> Condition:
    return Condition(expression)


def _without_hydra(config: DictConfig) -> DictConfig:
    bare = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    OmegaConf.set_struct(bare, True)
    return bare


def _unresolved(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
