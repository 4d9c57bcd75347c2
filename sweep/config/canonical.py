"""What of a configuration can change a result, section by section, and the hashes of it that are keys.

A part of a section is a function of that section and of :func:`context` alone, so that it need not be made again for each trial
of a large plan (:mod:`sweep.config.shared_sections`).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sweep.config import key_versions, rules
from sweep.config.attack_defaults import bounds_method, relative_gap
from sweep.config.attack_facts import unused_keys
from sweep.config.dotted_keys import is_in
from sweep.config.inputs import data_checksum
from sweep.config.rules import FUNCTION
from sweep.config.schema import Settings
from sweep.config.tasks import task_name, task_named, task_of
from sweep.errors import ConfigError

Part = dict[str, Any]


def context(settings: Settings) -> tuple[Any, ...]:
    """Return all that decides what counts in a section other than itself."""
    attack, files = settings.attack, (settings.network.file, settings.instances.properties)
    return task_name(settings), attack.method, attack.objective, attack.start, *files, settings.method.name


def canonical(settings: Settings) -> dict[str, Part]:
    """Return the part of the settings that can change a trial's result, by section."""
    parts = {name: part(name, settings) for name in PARTS}
    return {name: found for name, found in parts.items() if found is not None}


def part(name: str, settings: Settings) -> Part | None:
    """Return what counts of one section; None if nothing of it does."""
    task = task_of(settings)
    if name == "task":
        return task.identity(settings)
    if name not in task.sections:
        return None
    attack, unused = settings.attack, tuple[str, ...]()
    if "attack" in task.sections:
        unused = unused_keys(attack.method, attack.objective, attack.start, attack.on_incumbent, attack.polish)
    found = None if name in unused else PARTS[name](settings)
    counted = None if found is None else task.counted(name, settings, found)
    return None if counted is None else _without(counted, name, unused)


def _without(found: Part, prefix: str, unused: Collection[str]) -> Part:
    """Return what is left of a section, or of one inside it, without the keys that are unused."""
    return {
        key: _without(value, f"{prefix}.{key}", unused) if isinstance(value, dict) else value
        for key, value in found.items()
        if f"{prefix}.{key}" not in unused
    }


def with_effect(keys: Iterable[str], flat: Mapping[str, Any]) -> list[str]:
    """Return those of some dotted keys that can change the result of a trial, by its configuration as dotted keys.

    As :func:`canonical`, but for people: of any version's configuration, and without reading data or files.
    """
    attack = tuple(str(flat.get(f"attack.{name}")) for name in ("method", "objective", "start", "on_incumbent"))
    said = None
    if flat.get("pruning.method") == rules.NO_PRUNING:
        said = "pruning.method"
    elif flat.get("pruning.finetune.rounds") == 0:
        said = "pruning.finetune.rounds"
    is_read = flat.get("network.file") is not None
    found = _with_effect(tuple(keys), attack, bool(flat.get("attack.polish")), is_read, said)
    named = flat.get("task.name")
    if named is None:
        return list(found)
    method = str(flat.get("method.name"))
    return [key for key in found if is_of_task(named, key.partition(".")[0]) and has_effect(named, key, method)]


@functools.cache
def is_of_task(name: str, section: str) -> bool:
    """Whether a section can change the answers of the task of that name, as far as the task is there to say so."""
    try:
        return section not in PARTS or section == "task" or section in task_named(name).sections
    except ConfigError:
        return True


@functools.lru_cache(maxsize=4096)
def has_effect(name: str, key: str, method: str) -> bool:
    """Whether a key can change the answers of a method of the task of that name, as far as the task is there to say so."""
    try:
        return task_named(name).has_effect(key, method)
    except ConfigError:
        return True


@functools.lru_cache(maxsize=4096)
def _with_effect(
    keys: tuple[str, ...], attack: tuple[str, ...], polishes: bool, is_read: bool, said: str | None
) -> tuple[str, ...]:
    """Return the keys with an effect; ``said`` is the one of its section that says that the others have none.

    The report of ten thousand trials asks for each of them several times, and they are of a few kinds: the answers are kept.
    """
    method, objective, start, policy = attack
    unused = (*unused_keys(method, objective, start, policy, polishes), *(("training",) if is_read else ()))
    silent = () if said is None else (f"{said.rpartition('.')[0]}.",)
    return tuple(key for key in keys if not is_in(key, unused) and (key == said or not key.startswith(silent)))


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


TRAINING = ("dataset", "network", "training")
"""The sections that make the dense network, by name."""


def training_recipe(settings: Settings) -> dict[str, Part]:
    """Return the part of the settings that makes the dense network."""
    parts = {name: part(name, settings) for name in TRAINING}
    return {name: found for name, found in parts.items() if found is not None}


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


def _training(settings: Settings) -> Part | None:
    return dataclasses.asdict(settings.training) if settings.network.file is None else None


def _pruning(settings: Settings) -> Part:
    if settings.pruning.method == rules.NO_PRUNING:
        return {"method": rules.NO_PRUNING}
    found = dataclasses.asdict(settings.pruning)
    if settings.pruning.finetune.rounds == 0:
        found["finetune"] = {"rounds": 0}
    return found


def _bounds(settings: Settings) -> Part:
    method = bounds_method(settings)
    found = {**dataclasses.asdict(settings.bounds), "method": method}
    if method != rules.LP:
        del found["lp_seconds"]
    return found


def _formulation(settings: Settings) -> Part:
    found = dataclasses.asdict(settings.formulation)
    if settings.formulation.method != rules.PARTITION:
        del found["partitions"]
    return found


def _solver(settings: Settings) -> Part:
    return {**dataclasses.asdict(settings.solver), "relative_gap": relative_gap(settings)}


def _whole(section: str) -> Callable[[Settings], Part]:
    """Return that all of a section counts, until the task says otherwise (:meth:`sweep.config.tasks.TaskRules.counted`)."""
    return lambda settings: dataclasses.asdict(getattr(settings, section))


PARTS: dict[str, Callable[[Settings], Part | None]] = {
    "dataset": _dataset,
    "network": _network,
    "training": _training,
    "pruning": _pruning,
    "instances": _whole("instances"),
    "bounds": _bounds,
    "formulation": _formulation,
    "solver": _solver,
    "attack": _whole("attack"),
    "task": _whole("task"),
    "model": _whole("model"),
    "method": _whole("method"),
}
"""What counts of each section, before the attack's unused keys are left out. The other sections say where and how, not what."""
