"""The part of a configuration that can change a result, section by section, and its hashes, which are keys.

For the sections that set methods, the objects that they make say which settings count (:mod:`sweep.config.sections`). The part
of a section depends on few sections, so it is not made again for each trial of a large plan (:mod:`sweep.config.watched`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sweep.config import key_versions, own_networks, rules
from sweep.config.dotted_keys import flatten
from sweep.config.families import ABSENT, FAMILIES, ValueSource, class_of
from sweep.config.inputs import data_checksum
from sweep.config.own_networks import NETWORKS, keys_in_use, settings_of, without_own
from sweep.config.rules import FUNCTION
from sweep.config.schema import USED, DatasetSettings, Settings
from sweep.config.sections import Counted, build, counted, fact_of, source_of
from sweep.config.task_names import task_name
from sweep.config.tasks import TaskRules, task_of
from sweep.config.users_data import USERS
from sweep.config.watched import look_at, once, remembered

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.settings import Configurable

SectionPart = dict[str, Any]

BOOKKEEPING = ("sweep", "tracking", "cluster", "search", "deadlines", "hydra")
"""The others, which say where and how a sweep runs."""

TRAINING = ("dataset", "network", "training")
"""The sections that make the dense network, by name."""


DECIDING = (task_name, *map(fact_of, ("network.file", "network.bias", "attack.method", "attack.objective", "method.name")))
"""The facts that decide, nearly everywhere, which keys can change a result."""


def makers(task: TaskRules) -> tuple[str, ...]:
    """Return the sections of a task that make an object; that of the answerer has in it what :data:`USED` make."""
    methods = (task.answerer,) if task.answerer else USED
    return tuple(name for name in ("training", "pruning", *methods) if name in task.sections)


def known_with(name: str, settings: Settings) -> str:
    """Return the section with which it is known what of another one counts.

    It is the answerer of a method that it uses, and :data:`NETWORKS` of what single networks have values of their own of.
    """
    if has_own(name, settings):
        return NETWORKS
    answerer = task_of(settings).answerer
    return answerer if answerer and name in USED else name


def together(name: str, task: TaskRules) -> tuple[str, ...]:
    """Return the sections of which it is known together what of them counts, by the one of :func:`known_with`."""
    return (name, *USED) if name == task.answerer else (name,)


def has_own(name: str, settings: Settings) -> bool:
    """Whether single networks may have values of their own of a section, and some have any."""
    of_networks = name in own_networks.OWN_SECTIONS or name == NETWORKS
    return of_networks and NETWORKS in task_of(settings).sections and bool(settings.networks)


def parts(settings: Settings, names: Iterable[str]) -> dict[str, SectionPart]:
    """Return what counts of some sections; those of which nothing does are left out.

    No other section of single networks is looked at: where answers are given, the files that ``network`` names need not be.
    """
    wanted = list(names)
    of_networks = [name for name in own_networks.OWN_SECTIONS if name in wanted and has_own(name, settings)]
    found: dict[str, SectionPart] = {}
    for name in dict.fromkeys(known_with(name, settings) for name in wanted):
        found |= _of_networks(settings, of_networks)[0] if name == NETWORKS and of_networks else counting(name, settings)[0]
    return {name: found[name] for name in wanted if name in found}


def part(name: str, settings: Settings) -> SectionPart | None:
    """Return what counts of one section; None if nothing of it does."""
    return parts(settings, (name,)).get(name)


@remembered
def counting(name: str, settings: Settings) -> tuple[dict[str, SectionPart], frozenset[str]]:
    """Return what counts of a section, and of those that are known with it, and the dotted keys that can change a result.

    These are not all keys of the first: some stand in keys of results with a default, whatever their value
    (:meth:`surrogate.settings.Configurable.at_default`).
    """
    task = task_of(settings)
    if has_own(name, settings):
        return _of_networks(settings)
    look_at(settings, together(name, task))
    is_made = name in makers(task)
    made = Counted()
    found: dict[str, SectionPart | None] = {}
    if name == "task":
        found[name] = task.identity(settings)
    elif is_made:
        made = counts_of(name, task, source_of(settings))
        found = dict(nested(made.values))
    elif name in task.sections and name not in (*FAMILIES, NETWORKS):
        found[name] = _written(name, settings)
    if name != "task":
        wanted = [one for one in together(name, task) if one in task.sections and found.get(one) is not None]
        found = {one: task.counted(one, settings, found[one] or {}) for one in wanted}
    counts = {one: value for one, value in found.items() if value is not None}
    off = {key for key in made.off if key.partition(".")[0] in counts}
    known = frozenset({*flatten(counts).keys() - made.idle, *off}) | (frozenset() if is_made else counts.keys())
    if name == "dataset" and settings.dataset.name in USERS and task.takes_data(settings):  # a checksum is over what they make
        known |= {f"dataset.{key}" for key in rules.own_keys()[settings.dataset.name]}
    return counts, known


def _of_networks(
    settings: Settings, sections: Iterable[str] = own_networks.OWN_SECTIONS
) -> tuple[dict[str, SectionPart], frozenset[str]]:
    """Return what :func:`counting` does of sections of which some networks have values of their own.

    Where the same counts of all networks, that is what counts, whoever said it: as if the section had. Else it is by name.
    """
    each = {name: settings_of(settings, name) for name in task_of(settings).network_names(settings)}
    counts: dict[str, SectionPart] = {}
    keys: list[frozenset[str]] = []
    for section in sections:
        found: dict[str, SectionPart | None] = {}
        for name, one in (each or {"": without_own(settings)}).items():
            parts, known = counting(section, one)
            found[name] = parts.get(section)
            keys.append(once(settings, keys_in_use, name, settings.networks.get(name), known) if each else known)
        first, *others = found.values()
        if any(one != first for one in others):
            counts[section] = {NETWORKS: found}
        elif first is not None:
            counts[section] = first
    return counts, frozenset().union(*keys)


def counts_of(name: str, task: TaskRules, source: ValueSource) -> Counted:
    """Return what counts because of the object that a section makes for a task (:func:`made_of`), by dotted key."""
    made = made_of(name, task, source)
    if made is None:
        return Counted()
    found = counted(made, f"{name}.")
    keys = [f"{name}.{one}" for one in FAMILIES[name].undeclared]
    found.values.update({key: source(key) for key in keys})
    return found


def made_of(name: str, task: TaskRules, source: ValueSource) -> Configurable | None:
    """Return the object that a section makes for a task, unchecked; None where it would change nothing.

    Args:
        name: one of :func:`makers`.
        task: of the trial.
        source: of the values.
    """
    if name == "pruning" and not takes_pruned(task, source):
        return None
    if name == "training" and source("network.file") not in (None, ABSENT):
        return None
    kind = class_of(name, source) if name in makers(task) else None
    return None if kind is None else build(kind, f"{name}.", source, check=False)


def takes_pruned(task: TaskRules, source: ValueSource) -> bool:
    """Whether a pruned copy of a network can change the answers of a task."""
    if "pruning" not in task.sections:
        return False
    method = task.method_class(source)
    return method is None or bool(method.takes_surrogate)


def nested(values: Mapping[str, Any]) -> dict[str, SectionPart]:
    """Return dotted keys as sections."""
    found: dict[str, SectionPart] = {}
    for key, value in values.items():
        *parents, leaf = key.split(".")
        node: Any = found
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return found


def versions(pruning: SectionPart | None) -> tuple[int, ...]:
    """Return the versions of what a trial is made with, by the part of its pruning that counts."""
    each = [] if pruning is None else pruning[NETWORKS].values() if NETWORKS in pruning else [pruning]
    prunes = any(one is not None and one["method"] != rules.NO_PRUNING for one in each)
    return (key_versions.INSTANCES_VERSION, *([key_versions.SURROGATES_VERSION] if prunes else []))


def text_of(name: str, found: SectionPart) -> str:
    """Return the part of a section as the member of a JSON object, in the one form that is hashed."""
    return f'"{name}":{json.dumps(found, sort_keys=True, separators=(",", ":"))}'


def joined_key(texts: Iterable[str], versions: Iterable[int] = ()) -> str:
    """Return the hash of the parts whose :func:`text_of` is given, in the order of their names, and of versions."""
    numbers = ",".join(str(version) for version in (key_versions.FORMAT_VERSION, *versions))
    return hashlib.sha256(f"[{numbers},{{{','.join(texts)}}}]".encode()).hexdigest()[:16]


def training_recipe(settings: Settings, data: Dataset | None = None) -> dict[str, SectionPart]:
    """Return the part of the settings that makes the dense network.

    ``data`` is what it is trained on, where that is loaded already: a worker has no files of the user's.
    """
    if settings.dataset.name not in USERS or data is None or "dataset" not in task_of(settings).sections:
        return parts(settings, TRAINING)
    found = parts(settings, [name for name in TRAINING if name != "dataset"])
    return {"dataset": {"name": data.name, "checksum": data.checksum}, **found}


def _written(name: str, settings: Settings) -> SectionPart:
    """Return what counts of a section that sets no method, until the task says what of it does."""
    if name == "dataset":
        return _dataset(settings.dataset)
    if name == "network":
        return _network(settings)
    return dataclasses.asdict(getattr(settings, name))


def _dataset(data: DatasetSettings) -> SectionPart:
    """Keep the checksum of the data, which is the same whatever folder or file they are read from."""
    checksum = data_checksum(data)
    if data.name in USERS:
        return {"name": data.name, "checksum": checksum}  # it is over all that the other keys make of the file
    found: SectionPart = {"name": data.name, "side": data.side}
    if checksum is not None:
        found["checksum"] = checksum
    if data.name == FUNCTION:
        found |= {"function": data.function, "inputs": data.inputs}
    return found


def _network(settings: Settings) -> SectionPart:
    """Keep of a network from a file its contents, whatever it is called, and of others nothing of files."""
    found = dataclasses.asdict(settings.network)
    if settings.network.file is None:
        del found["file"]
        return found
    from sweep.config.files import read_network

    return {"file": read_network(settings.network.file).key}
