"""The combinations of swept values, composed as Hydra composes them."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, Transformer
from omegaconf import DictConfig, OmegaConf

from sweep.config.overrides import as_written
from sweep.config.reading import may_be_absent, unknown_key
from sweep.config.schema import Settings
from sweep.errors import ConfigError
from sweep.planning.assembly import Frame, overlap, unresolved
from sweep.planning.conditions import WhereCondition
from sweep.planning.swept_keys import OF_THE_SWEEP, Choices, Dimension, concerns_the_sweep, dimension_of
from sweep.planning.together import BRACKETS, KEY

Compose = Callable[[list[str]], DictConfig]
"""Composes one configuration from overrides, as Hydra does for one job."""

Point = tuple[Any, ...]
"""An option for each dimension, in their order: the place of a listed value, or a number of an interval."""


class Space:
    """The combinations of a set of overrides; the last override of a key wins.

    Composition by Hydra is the slow part, so it is done for each option on its own: the sections of groups that do not touch
    each other are then put together, and swept plain values set on the result (:mod:`sweep.planning.assembly`). Whatever does
    not allow that is composed by Hydra, combination by combination.

    Attributes:
        overrides: one a key, in their order.
        replaced: the first override of each key that has several: the experiment's, where the command line replaces it.
        dimensions: the swept keys in their order, with what each may be.

    Raises:
        ConfigError: a key that cannot be swept, or not over what is written.
    """

    def __init__(self, loader: ConfigLoader, compose: Compose, lines: Sequence[str]) -> None:
        self._compose = compose
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._frames: dict[Point, Frame] = {}
        self.replaced: dict[str, Override] = {}
        by_key: dict[str, Override] = {}
        for override in OverridesParser.create(config_loader=loader).parse_overrides(list(lines)):
            # The place of the first, the value of the last: an override of the command line replaces one of the experiment.
            name = override.get_key_element().lstrip("+~")
            if name in by_key:
                self.replaced.setdefault(override.key_or_group, by_key[name])
            by_key[name] = override
        self.overrides = list(by_key.values())
        self._groups = {o.key_or_group for o in self.overrides if loader.get_group_options(o.key_or_group)}
        self._swept = [override for override in self.overrides if override.is_sweep_override()]
        for override in self._swept:
            if concerns_the_sweep(override.key_or_group):
                hint = f"; {BRACKETS}" if override.key_or_group == KEY else ""
                raise ConfigError(
                    f"{override.input_line}: {override.key_or_group} concerns the sweep as a whole and cannot be swept{hint}"
                )
        self._elements = [[] if o.is_interval_sweep() else list(o.sweep_iterator()) for o in self._swept]
        self.dimensions: dict[str, Dimension] = {
            override.key_or_group: dimension_of(override, elements, self._default)
            for override, elements in zip(self._swept, self._elements, strict=True)
        }
        self._all = list(self.dimensions.values())

    def point(self, values: Mapping[str, Any]) -> Point:
        """Return the point with these values of the swept keys.

        Raises:
            ValueError: a value that is not among those listed.
            KeyError: a key without a value.
        """
        return tuple(one.place(values[one.key]) for one in self._all)

    def values(self, point: Point) -> dict[str, Any]:
        """Return the values of the swept keys at a point."""
        return {one.key: one.at(option) for one, option in zip(self._all, point, strict=True)}

    @property
    def first(self) -> Point:
        """The point of first values; every dimension has one."""
        return tuple(one.ends[0] for one in self._all)

    def config(self, point: Point) -> dict[str, Any]:
        """Return the resolved configuration at a point. Points share the sections that are equal: they must not be changed.

        Raises:
            ConfigError, HydraException, OmegaConfBaseException: it cannot be composed.
        """
        key = tuple([point[place] for place in self._layout.composed])
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = self._frame(point)
        return frame.config(point)

    def _default(self, key: str) -> Any:
        """Return the value of a key where no interval gives it one, with the first of all listed values; None without one."""
        return OmegaConf.select(self._without_intervals, key)

    @functools.cached_property
    def _without_intervals(self) -> DictConfig:
        firsts = {id(one): values for one, values in zip(self._swept, self._elements, strict=True)}
        lines = []
        for one in self.overrides:
            if id(one) not in firsts:
                lines.append(one.input_line or "")
            elif firsts[id(one)]:
                lines.append(f"{one.get_key_element()}={Transformer.str(firsts[id(one)][0])}")
        return self._compose(lines)

    @functools.cached_property
    def _layout(self) -> _Layout:
        """How configurations are put together, from the compositions of each option on its own."""
        swept = self._swept
        plain: set[int] = set()
        groups: set[int] = set()
        others = [o for o in self.overrides if o not in swept and o.key_or_group not in self._groups]
        for place, override in enumerate(swept):
            adds = override.type is OverrideType.FORCE_ADD and may_be_absent(override.key_or_group)
            changes = override.type is OverrideType.CHANGE or adds
            if not changes or override.package is not None:
                others.append(override)
            elif override.key_or_group in self._groups:
                groups.add(place)
            else:
                plain.add(place)
        overlapping = any(overlap(swept[place].key_or_group, other.key_or_group) for place in plain for other in others)
        base = unresolved(self._hydras(self.first, plain))
        # Where overrides overlap, their order matters: leave it all to Hydra.
        plain = set() if overlapping else {place for place in plain if _is_direct(base, self._all[place])}
        if not all(self._is_independent(place, base, plain) for place in groups):
            groups = set()  # one that reaches into others may do so differently beside their other options
        return _Layout(plain, groups, [place for place in range(len(swept)) if place not in plain and place not in groups])

    def _is_independent(self, place: int, base: dict[str, Any], plain: set[int]) -> bool:
        """Whether the options of a group change nothing but its own section."""
        for option in range(1, len(self._elements[place])):
            other = unresolved(self._hydras(_moved(self.first, place, option), plain))
            if {name for name in {*base, *other} if base.get(name) != other.get(name)} - {self._swept[place].key_or_group}:
                return False
        return True

    def _frame(self, point: Point) -> Frame:
        """Return the frame of all points with the same options of what only Hydra can compose."""
        layout, first = self._layout, self.first
        start = tuple(option if place in layout.composed else first[place] for place, option in enumerate(point))
        groups = {}
        for place in layout.groups:
            name = self._swept[place].key_or_group
            options = range(len(self._elements[place]))
            groups[place] = name, [self._hydras(_moved(start, place, option), layout.plain)[name] for option in options]
        plain = {place: self._all[place] for place in layout.plain}
        return Frame(self._hydras(start, layout.plain), groups, plain)

    def _hydras(self, point: Point, left_out: set[int]) -> DictConfig:
        """Return what Hydra composes at a point, without the dimensions that are left out."""
        places = iter(range(len(self._swept)))
        lines = []
        for override in self.overrides:
            place = next(places) if override.is_sweep_override() else None
            if place is None:
                lines.append(override.input_line or "")
            elif place not in left_out:
                lines.append(self._line(place, point[place]))
        composed = self._composed.get(key := tuple(lines))
        if composed is None:
            config = self._compose(lines)
            if self._of_all is not None and _of_the_whole(config) != self._of_all:
                raise self._several_sweeps()
            composed = self._composed[key] = _without_hydra(config)
        return composed

    @functools.cached_property
    def _of_all(self) -> dict[str, Any] | None:
        """What concerns the sweep as a whole, as Hydra composes it: without what is swept. None if only values are swept."""
        if not self._groups.intersection(self.dimensions):
            return None
        return _of_the_whole(self._compose([one.input_line or "" for one in self.overrides if not one.is_sweep_override()]))

    def _several_sweeps(self) -> ConfigError:
        """Return the refusal of a swept group, such as ``experiment``, whose options differ in what trials of a sweep share."""
        fixed = [one.input_line or "" for one in self.overrides if not one.is_sweep_override()]
        for place, override in enumerate(self._swept):
            if override.key_or_group not in self._groups:
                continue
            lines = [self._line(place, option) for option in range(len(self._elements[place]))]
            found = [_of_the_whole(self._compose([*fixed, line])) for line in lines]
            assert self._of_all is not None
            changed = [key for key, value in self._of_all.items() if any(one[key] != value for one in found)]
            if changed:
                rest = [as_written(one.input_line) for one in self.overrides if one is not override]
                commands = "; ".join(shlex.join(["python", "-m", "sweep", "-m", line, *rest]) for line in lines)
                return ConfigError(
                    f"{override.input_line}: {override.key_or_group} cannot be swept, because its options set "
                    f"{', '.join(changed)}, which all trials of a sweep share; run one sweep after the other: {commands}"
                )
        swept = " ".join(str(one.input_line) for one in self._swept if one.key_or_group in self._groups)
        shared = ", ".join(OF_THE_SWEEP)
        return ConfigError(f"{swept}: these options together change {shared}, which all trials of a sweep share")

    def _line(self, place: int, option: Any) -> str:
        value = Transformer.str(self._elements[place][option] if isinstance(self._all[place], Choices) else option)
        return f"{self._swept[place].get_key_element()}={value}"


class _Layout:
    """Which dimensions are set on the result, which are sections of their own, and which only Hydra can compose."""

    def __init__(self, plain: set[int], groups: set[int], composed: list[int]) -> None:
        self.plain, self.groups, self.composed = plain, groups, composed


def _of_the_whole(config: DictConfig) -> dict[str, Any]:
    """Return what concerns a sweep as a whole, by dotted key, with what Hydra is told to sweep over."""
    found = unresolved(config)
    params = {"hydra.sweeper.params": found["hydra"]["sweeper"].get("params")}
    return params | {f"{name}.{key}": value for name in OF_THE_SWEEP for key, value in found[name].items()}


def _without_hydra(config: DictConfig) -> DictConfig:
    bare = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    OmegaConf.set_struct(bare, True)
    return bare


def plain_config(config: DictConfig) -> dict[str, Any]:
    """Return a composed configuration as plain dictionaries, interpolations resolved, without Hydra's own part."""
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    plain.pop("hydra", None)
    return {str(key): value for key, value in plain.items()}


def satisfies(settings: Settings, config: dict[str, Any]) -> bool:
    """Whether a configuration satisfies all conditions of ``search.where``."""
    return False not in [_condition(expression).holds(config) for expression in settings.search.where]


@functools.cache
def _condition(expression: str) -> WhereCondition:
    return WhereCondition(expression)


def _moved(point: Point, place: int, option: Any) -> Point:
    return (*point[:place], option, *point[place + 1 :])


def _is_direct(base: Mapping[str, Any], dimension: Dimension) -> bool:
    """Whether setting the values of a key is no more than replacing one value in a section.

    Raises:
        ConfigError: the configuration has no such key.
    """
    value: Any = base
    for name in dimension.key.split("."):
        if not isinstance(value, dict):
            return False  # below an interpolation, or below a plain value
        if name not in value:
            if may_be_absent(dimension.key):
                break
            raise unknown_key(dimension.key)
        value = value[name]
    if (isinstance(value, dict) and not may_be_absent(dimension.key)) or "." not in dimension.key:
        return False
    return not isinstance(dimension, Choices) or all(_is_literal(option) for option in dimension.values)


def _is_literal(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_literal(item) for item in value)
    return not isinstance(value, dict) and not (isinstance(value, str) and ("${" in value or value == "???"))
