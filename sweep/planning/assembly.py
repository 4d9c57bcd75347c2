"""Configurations put together from parts that were composed apart: sections of groups, and plain values set on the result.

A section depends on the option of its own group and on the plain values that are set in it. It also depends on the options of
the sections that its interpolations (``${cluster.cpus_per_trial}``) lead to. So it is resolved once for each combination of
these, and then shared by all configurations.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweep.config.reading import may_be_absent, unknown_key
from sweep.planning.swept_keys import Dimension

_INTERPOLATION = re.compile(r"\$\{\s*([^}]*?)\s*(?:\}|$)")
_KEY = re.compile(r"(\.*)([A-Za-z_][\w-]*(?:\.[\w-]+)*)")
_ELSEWHERE = ("oc.env:", "hydra:", "now:")
"""Resolvers that look at nothing of the configuration."""

_ANYTHING = ""
"""The key of an interpolation that may lead anywhere."""

_NOTHING: dict[str, Any] = {}
"""A section that is not there yet."""

GroupOptions = tuple[str, Sequence[Any]]
"""A section, and what it is with each option of its group."""


class Frame:
    """The configurations at all points that differ in independent groups and plain values alone.

    Args:
        base: the composed configuration with the first option of each group, interpolations as they are.
        groups: by the place of their dimension.
        plain: the dimensions whose values replace one value of a section, by their place.
    """

    def __init__(self, base: DictConfig, groups: Mapping[int, GroupOptions], plain: Mapping[int, Dimension]) -> None:
        self._base, self._groups = base, dict(groups)
        references = {name: set(_targets(section, name)) for name, section in unresolved(base).items()}
        for name, options in groups.values():
            for option in options:
                references[name] |= set(_targets(_container(option), name))
        led_to = set().union(*references.values())
        # A value that an interpolation leads to is set before the sections are resolved, all others on what is resolved.
        self._early = {place: one for place, one in plain.items() if any(overlap(one.key, key) for key in led_to)}
        self._set_up: tuple[Any, DictConfig] = None, base
        self._sections = []
        for name in references:
            seen = _closure(name, references)
            before = [place for place, (section, _) in groups.items() if section in seen]
            before += [place for place, one in self._early.items() if _section_of(one) in seen]
            after = {place: one for place, one in plain.items() if _section_of(one) == name and place not in self._early}
            self._sections.append(_Section(self, name, before, after))
        self._varying = [section for section in self._sections if section.places]
        self._start: dict[str, Any] = {}

    def config(self, point: Sequence[Any]) -> dict[str, Any]:
        """Return the resolved configuration at a point; its sections are shared and must not be changed."""
        if not self._start:
            self._start = {section.name: section.at(point) for section in self._sections}
        config = dict(self._start)
        for section in self._varying:
            config[section.name] = section.at(point)
        return config

    def resolved(self, name: str, point: Sequence[Any]) -> Any:
        """Return a section as it is at a point, but for the plain values that no interpolation leads to."""
        options = [point[place] for place in (*self._groups, *self._early)]
        if self._set_up[0] != options:
            config = copy.deepcopy(self._base)
            for place, (section, sections) in self._groups.items():
                config[section] = copy.deepcopy(sections[point[place]])
            for place, dimension in self._early.items():
                OmegaConf.update(config, dimension.key, dimension.at(point[place]), merge=True, force_add=True)
            self._set_up = options, config
        return _container(self._set_up[1][name], resolve=True)


class _Section:
    """One section of a frame; ``before`` and ``after`` are the places of what changes it before and after it is resolved."""

    def __init__(self, frame: Frame, name: str, before: Sequence[int], after: Mapping[int, Dimension]) -> None:
        self.name, self.places = name, (*before, *after)
        self._frame, self._before = frame, before
        self._after = {place: (one, may_be_absent(one.key)) for place, one in after.items()}
        self._inside: dict[tuple[Any, ...], tuple[Any, dict[str, Any]]] = {}
        self._resolved: dict[tuple[Any, ...], Any] = {}
        self._known: dict[tuple[Any, ...], Any] = {}

    def at(self, point: Sequence[Any]) -> Any:
        options = tuple([point[place] for place in self.places])
        section = self._known.get(options)
        if section is None:
            section = self._known[options] = self._made(point)
        return section

    def _made(self, point: Sequence[Any]) -> Any:
        options = tuple([point[place] for place in self._before])
        section = self._resolved.get(options)
        if section is None:
            section = self._resolved[options] = self._frame.resolved(self.name, point)
        for place, (dimension, may_add) in self._after.items():
            _, *inside, leaf = dimension.key.split(".")
            section = self._replaced(section, inside, leaf, dimension, point[place], may_add)
        return section

    def _replaced(
        self, section: Any, inside: Sequence[str], leaf: str, dimension: Dimension, option: Any, may_add: bool
    ) -> dict[str, Any]:
        """Return a section with one value replaced: the rest is shared, and so is what is replaced inside."""
        result = dict(section)
        if not inside:
            if leaf not in result and not may_add:
                raise unknown_key(dimension.key)
            result[leaf] = dimension.at(option)
            return result
        name, *further = inside
        if not isinstance(result.get(name), dict) and not (may_add and name not in result):
            raise unknown_key(dimension.key)
        before = result.get(name, _NOTHING)
        place = id(before), dimension.key, len(further), option
        known = self._inside.get(place)
        if known is None:
            made = self._replaced(before, further, leaf, dimension, option, may_add)
            known = self._inside[place] = before, made
        result[name] = known[1]
        return result


def unresolved(config: DictConfig) -> dict[str, Any]:
    """Return a configuration as plain dictionaries, interpolations as they are."""
    return {str(key): value for key, value in _container(config).items()}


def _container(value: Any, *, resolve: bool = False) -> Any:
    if not OmegaConf.is_config(value):
        return value
    return OmegaConf.to_container(value, resolve=resolve, throw_on_missing=resolve)


def _section_of(dimension: Dimension) -> str:
    return dimension.key.partition(".")[0]


def _targets(value: Any, key: str) -> Iterator[str]:
    """Yield the keys that the interpolations in the value of a key lead to."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _targets(inner, f"{key}.{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _targets(inner, f"{key}.{place}")
    elif isinstance(value, str):
        for found in _INTERPOLATION.findall(value):
            if found.startswith(_ELSEWHERE) and "${" not in found:
                continue
            known = _KEY.fullmatch(found)
            yield _absolute(key, len(known[1]), known[2]) if known else _ANYTHING


def _absolute(key: str, dots: int, target: str) -> str:
    """Return what ``target``, seen from the value of ``key``, is called from the top: one dot is the section around it."""
    around = key.split(".")[:-dots] if dots else []
    return ".".join([*around, target])


def _closure(name: str, references: Mapping[str, set[str]]) -> set[str]:
    """Return the sections that a section depends on, itself included."""
    seen, todo = set(), [name]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            for key in references.get(current, ()):
                todo += references if key == _ANYTHING else [key.partition(".")[0]]
    return seen


def overlap(key: str, target: str) -> bool:
    """Return whether two keys are equal, or one is a section that holds the other. :data:`_ANYTHING` holds all keys."""
    return target == _ANYTHING or f"{key}.".startswith(f"{target}.") or f"{target}.".startswith(f"{key}.")
