"""Values of the configuration that are allowed one by one but not together, and the files that it names."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from sweep.config import own_networks, rules
from sweep.config.canonical import counts_of, has_own, made_of, makers, together
from sweep.config.families import FAMILIES, name_key
from sweep.config.input_sizes import check_fit, use_by_pruning
from sweep.config.schema import ClusterSettings, DatasetSettings, Settings
from sweep.config.sections import each_setting, key_at, source_of
from sweep.config.tasks import TaskRules, task_of
from sweep.config.watched import look_at, remembered
from sweep.errors import ConfigError
from sweep.terminal.wording import count


def checked(task: TaskRules) -> tuple[str, ...]:
    """Return the sections that choose among several classes. Of a single class all rules are checked when it is read."""
    return tuple(name for name in makers(task) if FAMILIES[name].name_key)


def check_made(name: str, settings: Settings) -> None:
    """Check the object that a section makes (one of :func:`checked`) by the rules of its class.

    Raises:
        ConfigError: a value that another method allows and this one does not, or values that do not go together.
    """
    if has_own(name, settings):
        for network in task_of(settings).network_names(settings):
            told = functools.partial(own_networks.key_in_use, settings, network)
            _check_methods(name, own_networks.settings_of(settings, network), told)
    else:
        _check_methods(name, settings)
    if name in (task_of(settings).answerer, "solver"):
        _check_solver(name, settings)


def _check_methods(name: str, settings: Settings, told: Callable[[str], str] = str) -> None:
    """Check the object that a section makes, and what that is made of; ``told`` returns what people call a network's key."""
    refused = _refused(name, settings)
    if refused is not None:
        (keys, why), source = refused, source_of(settings)
        raise ConfigError(f"{' with '.join(f'{told(key)}={source(key)}' for key in keys)}: {why}")


@remembered
def _refused(name: str, settings: Settings) -> tuple[list[str], str] | None:
    """Return the keys of values that are not allowed together, and why; None if all are."""
    task = task_of(settings)
    look_at(settings, together(name, task))
    made = made_of(name, task, source_of(settings))
    if made is None:
        return None
    for key, setting, value in each_setting(made, f"{name}."):
        refused = setting.rule(value)
        if refused is not None:
            allowed = f"one of {', '.join(setting.words)}" if setting.words else refused
            return [key, name_key(name)], f"there it must be {allowed}"
    for names, why in made.conflicts():
        return [key_at(made, one, f"{name}.") for one in names], why
    return None


def check_rest(settings: Settings) -> None:
    """Check what concerns several sections, and the files that are named.

    Raises:
        ConfigError: values that do not go together, or a file that cannot be used.
    """
    cluster, task = settings.cluster, task_of(settings)
    task.values(settings)
    _check_data(settings)
    task.check(settings)
    check_fit(settings)
    _check_cluster(cluster)
    if settings.solver.threads > cluster.cpus_per_trial:
        raise ConfigError(
            f"solver.threads={settings.solver.threads} is more than cluster.cpus_per_trial={cluster.cpus_per_trial}, "
            f"the CPUs that a trial reserves; raise cluster.cpus_per_trial or lower solver.threads"
        )


def _check_solver(name: str, settings: Settings) -> None:
    """Check that the solver's package is there, where this machine's trials use it; a cluster's nodes are checked there."""
    if settings.cluster.name == "attach":
        return
    if "solver.name" not in counts_of(name, task_of(settings), source_of(settings)).values:
        return
    from surrogate.errors import InvalidSetting

    try:
        FAMILIES["solver"].methods()[settings.solver.name]()
    except InvalidSetting as error:
        raise ConfigError(str(error)) from error


def _check_cluster(cluster: ClusterSettings) -> None:
    """Check the CPUs against this machine, where the sweep runs on it; what a cluster has is seen when it is joined."""
    if cluster.name == "attach":
        if cluster.cpus is not None and cluster.cpus_per_trial > cluster.cpus:
            raise ConfigError(f"cluster.cpus_per_trial={cluster.cpus_per_trial} is more than cluster.cpus={cluster.cpus}")
        return
    if cluster.address is not None:
        raise ConfigError(
            f"cluster.address={cluster.address} with cluster.name=local: a running Ray cluster is joined with cluster=attach"
        )
    available = available_cpus()
    if cluster.cpus is not None and cluster.cpus > available:
        raise ConfigError(f"cluster.cpus={cluster.cpus} is more than the {count(available, 'CPU')} that this process may use")
    total = cluster.cpus or available
    if cluster.cpus_per_trial > total:
        raise ConfigError(
            f"cluster.cpus_per_trial={cluster.cpus_per_trial} is more than the {count(total, 'CPU')} of the sweep"
        )


def _check_data(settings: Settings) -> None:
    """Check that there are data for what trains and prunes."""
    _check_own_keys(settings.dataset)
    if settings.dataset.name == rules.NO_DATASET and task_of(settings).trains(settings):
        if settings.network.file is None:
            raise ConfigError("dataset=none without network.file: there is nothing to train a network on; choose a data set")
        use = use_by_pruning(settings)
        if use is not None:
            key, value = use
            why = "finetuning needs a data set"
            if key == "pruning.method":
                why = "this pruning looks at training images; choose a data set or another pruning"
            raise ConfigError(f"dataset=none with {key}={value}: {why}")


def _check_own_keys(data: DatasetSettings) -> None:
    """Check that a data set has none of the keys that only others have, and its own in the form that it takes."""
    for key, unset in _of_others(data.name).items():
        value = getattr(data, key)
        if value != unset:
            having = [f"dataset={name}" for name, keys in rules.own_keys().items() if key in keys]
            raise ConfigError(
                f"dataset.{key}={value} with dataset.name={data.name}: only {' and '.join(having)} "
                f"{'has' if len(having) == 1 else 'have'} it; set {'null' if unset is None else unset}"
            )
    if isinstance(data.side, list) and data.name != rules.IMAGES:
        raise ConfigError(
            f"dataset.side={data.side} with dataset.name={data.name}: only dataset=images has a height and a width; set one "
            f"number"
        )
    if data.name == rules.FUNCTION:
        _check_function(data)
    if data.name == rules.TABLE and isinstance(data.inputs, int):
        raise ConfigError(
            f"dataset.inputs={data.inputs} with dataset.name=table: a table has columns; name those that a network takes, in "
            f"the shell as in 'dataset.inputs=[size,rooms]', or set null for all that are no outputs"
        )


@functools.cache
def _of_others(name: str) -> dict[str, Any]:
    """Return the keys that a data set does not have and others do, each with the value that asks for nothing."""
    own = rules.own_keys()
    return {key: rules.unset(key) for keys in own.values() for key in keys if key not in ("side", *own.get(name, ()))}


def _check_function(data: DatasetSettings) -> None:
    if data.function is None or not isinstance(data.inputs, int):
        raise ConfigError(
            "dataset=function needs dataset.function and dataset.inputs: name a function and how many inputs it has"
        )
    from surrogate.data.functions import FUNCTIONS

    counts = FUNCTIONS[data.function].input_counts
    if data.inputs not in counts:
        raise ConfigError(f"dataset.inputs={data.inputs} is not allowed: {data.function} takes {counts[0]} to {counts[-1]}")


def available_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
