"""Keys whose values go together (``search.together``): the first value of each, the second of each, and so on.

``training.seed=0,3 instances.seed=7,8 search.together=[[training.seed,instances.seed]]`` is two combinations: (0, 7), (3, 8).

Why this spelling: each key lists its values as every swept key does. Hydra's grammar has no key of several names
(``training.seed,instances.seed=...``), and no functions of a program's own (``zip(...)``). A further key with pairs as values
would need quotes. Its values could not be ranges, globs or options of a group, and a value on the command line would not
replace the experiment's value of the same key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override

from sweep.config.overrides import as_written
from sweep.config.reading import is_key, unknown_key
from sweep.errors import ConfigError
from sweep.planning.swept_keys import Dimension, SweptInterval, concerns_the_sweep, listed
from sweep.terminal.wording import count

KEY = "search.together"

BRACKETS = "each group of keys has brackets of its own, in the shell as in 'search.together=[[training.seed,instances.seed]]'"

SHOWN = 6
"""The most combinations of values that a sentence names."""

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Group:
    """Keys whose values go together.

    Attributes:
        values: of each key, all equally many.
    """

    values: Mapping[str, Values]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, in the order in which ``search.together`` names them."""
        return tuple(self.values)

    @property
    def sentence(self) -> str:
        """Say which values go together."""
        return f"{_and(self.keys)} go together: {_named(_combinations(self.values))}."


def groups_of(
    together: Sequence[Sequence[str]],
    swept: Mapping[str, Dimension],
    overrides: Iterable[Override],
    replaced: Mapping[str, Override],
) -> list[Group]:
    """Return the groups of ``search.together`` of which a key is swept.

    Where the command line gives values for every key of an experiment's group, they replace those of the experiment. Where it
    gives values for some keys of the group, they choose: the combinations of the experiment that have these values are left.

    Args:
        together: the keys of each group.
        swept: the swept keys.
        overrides: one a key.
        replaced: the override of a key that another one of ``overrides`` has replaced.

    Raises:
        ConfigError: an unknown key, a key that is named twice, a group of one key, an interval, keys with unequally many
            values, or a choice that no combination has.
    """
    given = {one.key_or_group: one for one in overrides if not one.is_delete()}
    named: set[str] = set()
    for keys in together:
        _check(keys, given, named)
        named.update(keys)
    return [_group(keys, swept, given, replaced) for keys in together if any(key in swept for key in keys)]


def sentences_on_unswept(together: Iterable[Sequence[str]], swept: Container[str]) -> tuple[str, ...]:
    """Return a sentence for each group of ``search.together`` of which no key is swept."""
    unswept = [keys for keys in together if not any(key in swept for key in keys)]
    return tuple(f"{KEY}: [{', '.join(keys)}] has no effect: none of these keys is swept." for keys in unswept)


def _check(keys: Sequence[str], given: Mapping[str, Override], named: set[str]) -> None:
    """Refuse a group that cannot be meant, ``named`` being the keys of the groups before it."""
    for key in keys:
        if key not in given and not is_key(key):
            raise ConfigError(f"{KEY}: {unknown_key(key)}")
        if concerns_the_sweep(key):
            raise ConfigError(
                f"{KEY} names {key}, which concerns the sweep as a whole and cannot be swept; leave {key} out of it"
            )
        if key in named or keys.count(key) > 1:
            raise ConfigError(f"{KEY} names {key} twice; write all keys that go together with {key} into one group")
    if len(keys) < 2:
        raise ConfigError(f"{KEY}: [{', '.join(keys)}] has {count(len(keys), 'key')}, but a group has at least two keys")


def _group(
    keys: Sequence[str], swept: Mapping[str, Dimension], given: Mapping[str, Override], replaced: Mapping[str, Override]
) -> Group:
    """Return the group of some keys, of which at least one is swept."""
    values: dict[str, Values] = {}
    for key in keys:
        if key not in given:
            other = next(name for name in keys if name in swept)
            raise ConfigError(f"{KEY}: {key} goes together with {other}, but has no values; list as many as {other} has")
        one = swept.get(key)
        if isinstance(one, SweptInterval):
            raise ConfigError(
                f"{as_written(given[key].input_line)}: {KEY} names {key}, so list its values; an interval has no single ones"
            )
        values[key] = listed(given[key]) if one is None else one.values
    experiments = KEY not in given  # a group of the command line is about the values that the command line leaves
    before = {key: listed(replaced[key]) for key in keys if key in replaced and experiments}
    if not before or len(before) == len(keys):
        return Group(_equally_many(values))
    return _chosen({key: values[key] for key in before}, Group(_equally_many({**values, **before})))


def _equally_many(values: Mapping[str, Values]) -> Mapping[str, Values]:
    """Return the values, if all keys have equally many."""
    if len({len(several) for several in values.values()}) > 1:
        numbers = _and([f"{key} has {count(len(several), 'value')}" for key, several in values.items()])
        raise ConfigError(
            f"{KEY}: {numbers}, but keys that go together need the same number; for all combinations write {KEY}=[]"
        )
    return values


def _chosen(wanted: Mapping[str, Values], group: Group) -> Group:
    """Return the combinations of a group that have the wanted values of some of its keys, in the order of the wanted values."""
    places = [group.keys.index(key) for key in wanted]
    known: defaultdict[str, list[Values]] = defaultdict(list)
    for combination in _combinations(group.values):
        known[repr([combination[place] for place in places])].append(combination)
    found: list[Values] = []
    for values in _combinations(_equally_many(wanted)):
        if repr(list(values)) not in known:
            chosen = " ".join(f"{key}={value}" for key, value in zip(wanted, values, strict=True))
            raise ConfigError(
                f"{chosen} is in no combination of the experiment, where {_and(group.keys)} go together: "
                f"{_named(_combinations(group.values))}; choose one of these, or give values for all of these keys"
            )
        found += known[repr(list(values))]
    return Group(dict(zip(group.keys, zip(*found, strict=True), strict=True)))


def _combinations(values: Mapping[str, Values]) -> list[Values]:
    return list(zip(*values.values(), strict=True))


def _named(combinations: Sequence[Values]) -> str:
    """Return combinations as ``(0, 7), (3, 8)``, those after the first few as a number."""
    named = ", ".join(f"({', '.join(map(str, values))})" for values in combinations[:SHOWN])
    return named if len(combinations) <= SHOWN else f"{named} and {len(combinations) - SHOWN:,} more"


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
