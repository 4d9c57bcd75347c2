"""Which keys of a configuration, also of an earlier version, can change a result: for programs that show a configuration."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from sweep.config import rules
from sweep.config.canonical import counts_of, makers
from sweep.config.dotted_keys import is_in
from sweep.config.families import ABSENT, FAMILIES
from sweep.config.own_networks import NETWORKS, names_in, section_key
from sweep.config.reading import keys
from sweep.config.schema import SECTIONS
from sweep.config.task_names import task_meant_by
from sweep.config.tasks import task_named
from sweep.errors import ConfigError


def with_effect(keys: Iterable[str], flat: Mapping[str, Any]) -> list[str]:
    """Return those of some dotted keys that can change the result of a trial, by its configuration as dotted keys.

    It reads neither data nor files. Keys that this version does not know are kept.
    """
    without, sections = _idle(flat)
    left = [key for key in keys if key not in without and not is_in(key, sections)]
    names = names_in(left)
    if not names:
        return left
    idle = {name: _idle({**flat, **_of_the_network(name, flat)}) for name in names}

    def counts(key: str) -> bool:
        meant = section_key(key)
        gone, of_sections = idle[key.split(".")[1]] if meant != key else ((), ())
        return meant not in gone and not is_in(meant, of_sections)

    return [key for key in left if counts(key)]


def _of_the_network(name: str, flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a configuration says for a network alone, by the keys in whose place that stands."""
    return {section_key(key): value for key, value in flat.items() if key.startswith(f"{NETWORKS}.{name}.")}


def _idle(flat: Mapping[str, Any]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the known keys of a configuration without an effect, and the sections of which nothing has one."""
    deciding = {key: value for key, value in flat.items() if key in _known_keys() and isinstance(value, _PLAIN)}
    deciding["network.file"] = flat.get("network.file")
    task = task_meant_by(flat)
    without, sections = _without_effect(tuple(deciding.items()), tuple(map(type, deciding.values())), task)
    if flat.get("dataset.name") == rules.TABLE and "dataset" in sections and task_named(task).fed_by_table:
        sections = tuple(name for name in sections if name != "dataset")
    return without, sections


_PLAIN = (bool, int, float, str, type(None))


def _known_keys() -> frozenset[str]:
    return _keys_of_methods(tuple(tuple(family.methods()) for family in FAMILIES.values()))


@functools.lru_cache(maxsize=16)
def _keys_of_methods(names: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    """Return the keys of the sections that set methods; ``names`` are all methods, which may be more than before."""
    return frozenset(key for key in keys() if "." in key and key.partition(".")[0] in FAMILIES)


@functools.lru_cache(maxsize=4096)
def _without_effect(
    deciding: tuple[tuple[str, Any], ...], types: tuple[type, ...], task_name: str
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the known keys without an effect, and the sections of which nothing has one.

    The report of ten thousand trials asks for each of them several times, and they are of a few kinds: the answers are kept.
    ``types`` are those of the values: 1 is equal to 1.0 and to true.
    """
    values = dict(deciding)
    try:
        task = task_named(task_name)
    except ConfigError:  # of another version, or of a user whose module is not here: all that it has may count
        return frozenset(), ()

    def source(key: str) -> Any:
        return values.get(key, ABSENT)

    if task.answerer and task.method_class(source) is None:  # of another version
        return frozenset(), ()
    found = {key for name in makers(task) for key in counts_of(name, task, source).deciding}
    sections = [name for name in FAMILIES if not any(key.startswith(f"{name}.") for key in found)]
    sections += [name for name in SECTIONS if name not in (*task.sections, *FAMILIES, "task")]
    return _known_keys() - found, tuple(sections)
