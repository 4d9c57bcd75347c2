"""What of a configuration can change a result, section by section, and the hashes of it that are keys.

Of the sections that set methods it is what the objects say that they make (:mod:`sweep.config.sections`). A part of a section
is a function of few sections, so that it need not be made again for each trial of a large plan
(:mod:`sweep.config.shared_sections`).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sweep.config import key_versions, rules
from sweep.config.attack_facts import kind_of, needs_surrogate
from sweep.config.dotted_keys import is_in
from sweep.config.families import FAMILIES
from sweep.config.inputs import data_checksum
from sweep.config.reading import keys
from sweep.config.rules import FUNCTION
from sweep.config.schema import QUESTION, Settings
from sweep.config.sections import MISSING, Counted, Source, build, counted, source_of

if TYPE_CHECKING:
    from surrogate.settings import Configurable

Part = dict[str, Any]

HOW = ("attack", "bounds", "formulation", "solver")
"""The sections that make the attack together; what counts in one of them depends on the others."""

SECTIONS = ("dataset", "network", "training", "pruning", "instances", *HOW)
"""The sections that can change a result. The others say where and how, not what."""

MAKERS = ("training", "pruning", "attack")
"""The sections that make an object; that of the attack has in it what the others of :data:`HOW` make."""

TRAINING = ("dataset", "network", "training")
"""The sections that make the dense network, by name."""


def context(settings: Settings) -> tuple[Any, ...]:
    """Return all that decides what counts in a section other than itself, those of :data:`HOW` aside."""
    attack = settings.attack
    return attack.method, attack.objective, settings.network.file, settings.instances.properties


def canonical(settings: Settings) -> dict[str, Part]:
    """Return the part of the settings that can change a trial's result, by section."""
    return parts(settings, SECTIONS)


def parts(settings: Settings, names: Iterable[str]) -> dict[str, Part]:
    """Return what counts of some sections; those of which nothing does are left out."""
    found: dict[str, Part] = {}
    made: dict[str, dict[str, Part]] = {}
    for name in names:
        if name in _FIXED:
            found[name] = _FIXED[name](settings)
            continue
        maker = "attack" if name in HOW else name
        if maker not in made:
            made[maker] = nested(counts_of(maker, settings).values)
        if name in made[maker]:
            found[name] = made[maker][name]
    return found


def part(name: str, settings: Settings) -> Part | None:
    """Return what counts of one section; None if nothing of it does."""
    return parts(settings, (name,)).get(name)


def counts_of(name: str, settings: Settings) -> Counted:
    """Return what counts because of the object that a section makes (:data:`MAKERS`), by dotted key."""
    attack = settings.attack
    made = made_of(name, attack.method, attack.objective, settings.network.file, source_of(settings))
    found = Counted({}, set()) if made is None else counted(made, f"{name}.")
    if name == "attack":
        found.values.update({f"attack.{key}": value for key, value in _asked(settings).items()})
    return found


def made_of(name: str, method: str | None, objective: str | None, file: str | None, source: Source) -> Configurable | None:
    """Return the object that a section makes, unchecked; None where it would change nothing.

    Args:
        name: one of :data:`MAKERS`.
        method: the attack.
        objective: of the attack.
        file: of the network.
        source: of the values.
    """
    kind: type[Configurable] | None = None
    if name == "attack":
        kind = kind_of(method, objective)
    elif name == "pruning" and needs_surrogate(method, objective):
        from surrogate.pruning import Pruning

        kind = Pruning
    elif name == "training" and file is None:
        from surrogate.training import Training

        kind = Training
    return None if kind is None else build(kind, f"{name}.", source, check=False)


def nested(values: Mapping[str, Any]) -> dict[str, Part]:
    """Return dotted keys as sections."""
    found: dict[str, Part] = {}
    for key, value in values.items():
        *parents, leaf = key.split(".")
        node: Any = found
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return found


def with_effect(keys: Iterable[str], flat: Mapping[str, Any]) -> list[str]:
    """Return those of some dotted keys that can change the result of a trial, by its configuration as dotted keys.

    As :func:`canonical`, but for people: of any version's configuration, and without reading data or files. Keys that this
    version does not know are kept.
    """
    deciding = {key: value for key, value in flat.items() if key in _known_keys() and isinstance(value, _PLAIN)}
    without, sections = _without_effect(tuple(deciding.items()), tuple(map(type, deciding.values())), flat.get("network.file"))
    return [key for key in keys if key not in without and not is_in(key, sections)]


_PLAIN = (bool, int, float, str, type(None))


def _known_keys() -> frozenset[str]:
    return _keys_of_methods(tuple(tuple(family.methods()) for family in FAMILIES.values()))


@functools.lru_cache(maxsize=16)
def _keys_of_methods(names: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    """Return the keys of the sections that set methods; ``names`` are all methods, which may be more than before."""
    return frozenset(key for key in keys() if "." in key and key.partition(".")[0] in FAMILIES)


@functools.lru_cache(maxsize=4096)
def _without_effect(
    deciding: tuple[tuple[str, Any], ...], types: tuple[type, ...], file: str | None
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the known keys without an effect, and the sections of which nothing has one.

    The report of ten thousand trials asks for each of them several times, and they are of a few kinds: the answers are kept.
    ``types`` are those of the values: 1 is equal to 1.0 and to true.
    """
    values = dict(deciding)
    method, objective = values.get("attack.method"), values.get("attack.objective")
    if kind_of(method, objective) is None:  # of another version: all that it has may count
        return frozenset(), ()
    found: set[str] = {f"attack.{name}" for name in ("method", *QUESTION)}
    sections = []
    for name in MAKERS:
        made = made_of(name, method, objective, file, lambda key: values.get(key, MISSING))
        if made is not None:
            one = counted(made, f"{name}.")
            found.update(one.values.keys() - one.idle)
    for name in FAMILIES:
        if not any(key.startswith(f"{name}.") for key in found):
            sections.append(name)
    return _known_keys() - found, tuple(sections)


def key_of(relevant: dict[str, Any]) -> str:
    """Return the key of a trial by its canonical settings: 16 hex digits of SHA-256 over their JSON and versions."""
    return joined_key((text_of(name, relevant[name]) for name in sorted(relevant)), versions(relevant.get("pruning")))


def versions(pruning: Part | None) -> tuple[int, ...]:
    """Return the versions of what a trial is made with, by the part of its pruning that counts."""
    prunes = pruning is not None and pruning["method"] != rules.NO_PRUNING
    return (key_versions.INSTANCES_VERSION, *([key_versions.SURROGATES_VERSION] if prunes else []))


def text_of(name: str, found: Part) -> str:
    """Return the part of a section as the member of a JSON object, in the one form that is hashed."""
    return f'"{name}":{json.dumps(found, sort_keys=True, separators=(",", ":"))}'


def joined_key(texts: Iterable[str], versions: Iterable[int] = ()) -> str:
    """Return the hash of the parts whose :func:`text_of` is given, in the order of their names, and of versions."""
    numbers = ",".join(str(version) for version in (key_versions.FORMAT_VERSION, *versions))
    return hashlib.sha256(f"[{numbers},{{{','.join(texts)}}}]".encode()).hexdigest()[:16]


def training_recipe(settings: Settings) -> dict[str, Part]:
    """Return the part of the settings that makes the dense network."""
    return parts(settings, TRAINING)


def _dataset(settings: Settings) -> Part:
    """Keep the checksum of the data, which is the same whatever folder they are read from."""
    found = dataclasses.asdict(settings.dataset)
    del found["folder"]
    checksum = data_checksum(settings.dataset)
    if checksum is not None:
        found["checksum"] = checksum
    if settings.dataset.name != FUNCTION:
        del found["function"], found["inputs"]
    return found


def _network(settings: Settings) -> Part:
    """Keep of a network from a file its contents, whatever it is called, and of others nothing of files."""
    found = dataclasses.asdict(settings.network)
    if settings.network.file is None:
        del found["file"]
        return found
    from sweep.config.files import read_network

    return {"file": read_network(settings.network.file).key}


def _instances(settings: Settings) -> Part:
    """Keep what settles the questions: how images are drawn, or the contents of the properties, or nothing more."""
    if settings.asks_about_images:
        found = dataclasses.asdict(settings.instances)
        del found["properties"]
        return {**found, "count": settings.instances.count or 1}
    if settings.instances.properties is None:
        return {}
    from sweep.config.inputs import load_properties

    return {"properties": [[one.name, one.key, one.expected] for one in load_properties(settings)]}


def _asked(settings: Settings) -> Part:
    """Keep of the attack's section what is asked: of questions that are not about images, what the attack optimises."""
    names = QUESTION if settings.asks_about_images else ("objective",)
    return {"method": settings.attack.method, **{name: getattr(settings.attack, name) for name in names}}


_FIXED: dict[str, Callable[[Settings], Part]] = {"dataset": _dataset, "network": _network, "instances": _instances}
"""What counts of the sections that set no method."""
