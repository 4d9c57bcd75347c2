"""Settings of single networks, where a trial has several: keys of ``networks.NAME`` replace keys of the sections.

``networks.cost.width`` is the ``network.width`` of the network that is named ``cost``, ``networks.cost.training.epochs`` its
``training.epochs``, and ``networks.cost.pruning.amount`` its ``pruning.amount``. All other settings are those of the sections.
So the settings of one network are a trial's settings with other values in three sections (:func:`settings_of`), and what holds
for a trial with one network holds for each network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweep.config.families import ABSENT
from sweep.config.schema import MethodSettings, NetworkSettings, Settings, network_name
from sweep.config.watched import once

NETWORKS = "networks"
"""The section."""

INSIDE = ("training", "pruning")
"""The sections that are sections of a network too. The keys of ``network`` stand beside them."""

OWN_SECTIONS = ("network", *INSIDE)
"""The sections that a network may have values of its own of."""


def section_key(key: str) -> str:
    """Return the key in whose place a key of a network stands; any other key as it is.

    Example:
        >>> section_key("networks.cost.width"), section_key("networks.cost.training.epochs"), section_key("solver.seed")
        ('network.width', 'training.epochs', 'solver.seed')
    """
    first, _, rest = key.partition(".")
    inside = rest.partition(".")[2]
    if first != NETWORKS or not inside:
        return key
    return inside if inside.partition(".")[0] in INSIDE else f"network.{inside}"


def network_key(name: str, key: str) -> str:
    """Return the key of a network that stands in the place of a key of :data:`OWN_SECTIONS`.

    Example:
        >>> network_key("cost", "network.width"), network_key("cost", "training.epochs")
        ('networks.cost.width', 'networks.cost.training.epochs')
    """
    return f"{NETWORKS}.{name}.{key.removeprefix('network.')}"


def names_in(keys: Iterable[str]) -> list[str]:
    """Return the names of the networks that some of these keys are about."""
    return list(dict.fromkeys(key.split(".")[1] for key in keys if section_key(key) != key))


def settings_of(settings: Settings, name: str) -> Settings:
    """Return a trial's settings as they are for the network of a name; no network has settings of its own in them."""
    own = settings.networks.get(name)
    if own is None:
        return without_own(settings)
    given = own.given()
    inside = {section: given[section] for section in INSIDE if section in given}
    return settings.changed(
        network=once(settings, _joined, settings.network, own),
        networks=_NO_NETWORKS,
        **{name: once(settings, MethodSettings.joined, getattr(settings, name), values) for name, values in inside.items()},
    )


def without_own(settings: Settings) -> Settings:
    """Return a trial's settings with none that single networks have of their own."""
    return settings.changed(networks=_NO_NETWORKS) if settings.networks else settings


_NO_NETWORKS: dict[str, MethodSettings] = {}
"""One object, so that settings of single networks share it."""


def _joined(network: NetworkSettings, own: MethodSettings) -> NetworkSettings:
    """Return the section ``network`` with the values that a network has of its own."""
    given = {name: value for name, value in own.given().items() if name not in INSIDE}
    return dataclasses.replace(network, **given) if given else network


def key_in_use(settings: Settings, name: str, key: str) -> str:
    """Return the key that gives a network its value of a key of :data:`OWN_SECTIONS`: its own, or that of the section."""
    return _in_use(name, settings.networks.get(name), key)


def keys_in_use(name: str, own: MethodSettings | None, keys: Iterable[str]) -> frozenset[str]:
    """Return those that give a network its values of some keys, by what it has of its own; sections are left out."""
    return frozenset(_in_use(name, own, key) for key in keys if key not in OWN_SECTIONS)


def _in_use(name: str, own: MethodSettings | None, key: str) -> str:
    found: Any = own
    for part in network_key(name, key).split(".")[2:]:
        found = found.get(part, ABSENT) if isinstance(found, MethodSettings) else ABSENT
    return key if found is ABSENT else network_key(name, key)


def settled(flat: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return a configuration by dotted keys in a form that tells at a glance in what the networks of a trial differ.

    A key of :data:`OWN_SECTIONS` with one value for all networks stands in its section, whoever gave it. One with several
    values stands with each network, and no longer in the section; so do all keys of the pruning where its methods are several.

    Args:
        flat: the configuration.
        names: of all networks of the trial.

    Example:
        >>> settled({"pruning.amount": 0.5, "networks.f.pruning.amount": 0.8}, ["f"])
        {'pruning.amount': 0.8}
        >>> settled({"pruning.amount": 0.5, "networks.f.pruning.amount": 0.8}, ["f", "g"])
        {'networks.f.pruning.amount': 0.8, 'networks.g.pruning.amount': 0.5}
    """
    found = {key: value for key, value in flat.items() if section_key(key) == key}
    keys = dict.fromkeys(section_key(key) for key in flat if key.partition(".")[0] in (*OWN_SECTIONS, NETWORKS))
    of_names = {key: {name: flat.get(network_key(name, key), flat.get(key)) for name in names} for key in keys}
    differing = {key for key, values in of_names.items() if len({repr(value) for value in values.values()}) > 1}
    for key, values in of_names.items():
        if key in differing or ("pruning.method" in differing and key.startswith("pruning.")):
            found.pop(key, None)
            found |= {network_key(name, key): value for name, value in values.items()}
        else:
            found[key] = next(iter(values.values()))
    return found


def layers_in_words(flat: Mapping[str, Any], names: Sequence[str] = ()) -> str:
    """Return the layers of a trial's networks as people read them, such as ``2x16``, or ``cost=4x32, others 2x16``.

    Args:
        flat: the configuration by dotted keys.
        names: of all networks; empty: they are not known, or there is one.
    """
    parts = ("network.depth", "network.width", "network.file")
    of_section = [flat.get(key) for key in parts]
    own = {
        name: [flat.get(network_key(name, key), value) for key, value in zip(parts, of_section, strict=True)]
        for name in names or names_in(flat)
    }
    return in_words({name: network_name(*values) for name, values in own.items()}, network_name(*of_section), bool(names))


def in_words(of_each: Mapping[str, str], of_section: str, are_all: bool) -> str:
    """Return words that say what holds for each network.

    Args:
        of_each: by the networks' names.
        of_section: what holds for networks of other names.
        are_all: whether there are no others.

    Example:
        >>> in_words({}, "2x16", False), in_words({"f": "4x8"}, "2x16", False), in_words({"f": "4x8"}, "2x16", True)
        ('2x16', 'f=4x8, others 2x16', '4x8')
        >>> in_words({"f": "2x8", "g": "1x8", "h": "1x8"}, "1x8", True), in_words({"f": "2x8", "g": "1x8"}, "2x16", True)
        ('f=2x8, others 1x8', 'f=2x8, g=1x8')
    """
    if are_all and len({*of_each.values()}) == 1:
        return next(iter(of_each.values()))
    others = None if are_all and of_section not in of_each.values() else of_section
    told = {name: words for name, words in sorted(of_each.items()) if words != others}
    said = [f"{name}={words}" for name, words in told.items()]
    if others is not None:
        said.append(f"others {others}" if told else others)
    return ", ".join(said)
