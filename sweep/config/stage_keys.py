"""The keys of stage results: hashes of all that can change them. A changed setting changes only the keys that it affects.

The versions in these keys (:mod:`sweep.config.key_versions`) are also in the keys of trials (:mod:`sweep.config.canonical`): a
record is not used where its answers would not be.

A trained network has the key of its recipe (:func:`sweep.config.canonical.training_recipe`). What is made from networks has a
key by the contents of these networks: two recipes that give the same weights share all later results.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sweep.config import key_versions
from sweep.config.canonical import part, parts
from sweep.config.schema import USED, Settings
from sweep.config.tasks import task_of

if TYPE_CHECKING:
    from surrogate.data import Dataset


def surrogate_key(settings: Settings, dense_key: str, data: Dataset | None) -> str:
    """Return the key of a surrogate that serves all instances: dense network, pruning, and the data.

    The data count for every pruning: also where it does not look at them, they give the surrogate's accuracy.
    """
    return digest("surrogate", key_versions.SURROGATES_VERSION, dense_key, part("pruning", settings), data_part(data))


def instance_key(
    settings: Settings,
    dense_key: str | None,
    surrogate_key: str | None,
    instance_key: str,
    data: Dataset | None,
    *,
    any_limit: bool = False,
) -> str:
    """Return the key of an answer.

    Args:
        settings: of the trial, whose bounds, formulation, solver and attack count.
        dense_key: content key of the dense network; None where the key of the instance holds those of its networks.
        surrogate_key: content key of the surrogate; None where the method takes none, or one for each region.
        instance_key: key of the instance (:class:`sweep.tasks.base.TaskInstance`).
        data: the data set that the instance is drawn from.
        any_limit: the key that answers with other time limits share, under which the store says which of them had the longest.
    """
    task = task_of(settings)
    relevant = parts(settings, (*((task.answerer,) if task.answerer else ()), *USED, "task"))
    answerer = relevant.get(task.answerer, {})
    method = {name: value for name, value in answerer.items() if f"{task.answerer}.{name}" not in task.of_the_instance}
    how = {name: relevant[name] for name in USED if name in relevant}
    if any_limit and "solver" in how:
        how["solver"] = {name: value for name, value in how["solver"].items() if name != "time_limit_seconds"}
    pruning = part("pruning", settings) if surrogate_key is None else None
    versions = (key_versions.INSTANCES_VERSION, None if pruning is None else key_versions.SURROGATES_VERSION)
    hashed = [versions, dense_key, surrogate_key, pruning, instance_key, data_part(data), method, how]
    return digest("instance", *hashed, *([relevant["task"]] if "task" in relevant else []))


def data_part(data: Dataset | None) -> list[Any] | None:
    """Return what tells one data set from another."""
    return None if data is None else [data.name, data.train_images.shape[1], data.checksum]


def digest(*parts: Any) -> str:
    """Return 16 hex digits of SHA-256 over the JSON of some parts."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
