"""Values of the configuration that are allowed one by one but not together, and the files that it names."""

from __future__ import annotations

import os

from sweep.config import rules
from sweep.config.attack_facts import CLOSEST, CLOSEST_ATTACKS, GOAL_OF, GOALS_BY_POLICY, unused_keys
from sweep.config.input_sizes import check_fit
from sweep.config.schema import ClusterSettings, Settings
from sweep.config.tasks import task_of
from sweep.errors import ConfigError
from sweep.terminal.wording import count


def check(settings: Settings) -> None:
    """Raise ConfigError for values that are allowed one by one but not together."""
    cluster, task = settings.cluster, task_of(settings)
    task.values(settings)
    _check_data(settings)
    task.check(settings)
    check_fit(settings)
    if "attack" in task.sections:
        _check_attack(settings)
    if "solver" in task.sections:
        _check_solver(settings)
    _check_cluster(cluster)
    if settings.pruning.finetune.rounds > 0 and rules.pruning_needs(settings.pruning.method, "region"):
        raise ConfigError(
            f"pruning.finetune.rounds={settings.pruning.finetune.rounds} with pruning.method={settings.pruning.method}: its "
            f"surrogate is for one region, which training would undo; set the rounds to 0"
        )
    if settings.solver.threads > cluster.cpus_per_trial:
        raise ConfigError(
            f"solver.threads={settings.solver.threads} is more than cluster.cpus_per_trial={cluster.cpus_per_trial}, "
            f"the CPUs that a trial reserves; raise that or lower the threads"
        )


def _check_attack(settings: Settings) -> None:
    """Check what an attack can do, and how far it may go."""
    attack = settings.attack
    if attack.objective == CLOSEST and attack.method not in CLOSEST_ATTACKS:
        raise ConfigError(
            f"attack.objective=closest with attack.method={attack.method}: only {' and '.join(CLOSEST_ATTACKS)} look for the "
            f"closest perturbation; choose one of these or attack.objective=margin"
        )
    if attack.method in GOALS_BY_POLICY and attack.on_incumbent not in GOAL_OF:
        raise ConfigError(
            f"attack.on_incumbent={attack.on_incumbent} with attack.method={attack.method}: only attack=surrogate excludes "
            f"regions; choose {' or '.join(GOAL_OF)}"
        )


def _check_solver(settings: Settings) -> None:
    """Check that the solver's package is there, where this machine's trials use it; a cluster's nodes are checked there."""
    if settings.cluster.name == "attach":
        return
    attack = settings.attack
    unused = unused_keys(attack.method, attack.objective, attack.start, attack.on_incumbent, attack.polish)
    if "attack" in task_of(settings).sections and "solver.name" in unused:
        return
    from surrogate.errors import InvalidSetting
    from surrogate.solvers import SOLVERS

    try:
        SOLVERS[settings.solver.name]()
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
    _check_function(settings)
    if settings.dataset.name == rules.NO_DATASET and task_of(settings).trains(settings):
        if settings.network.file is None:
            raise ConfigError("dataset=none without network.file: there is nothing to train a network on; choose a data set")
        if settings.pruning.method != "none" and settings.pruning.finetune.rounds > 0:
            raise ConfigError(
                f"dataset=none with pruning.finetune.rounds={settings.pruning.finetune.rounds}: finetuning needs a data set"
            )
        if rules.pruning_needs(settings.pruning.method, "data"):
            raise ConfigError(
                f"dataset=none with pruning.method={settings.pruning.method}: this pruning looks at training images; choose a "
                f"data set or another pruning"
            )


def _check_function(settings: Settings) -> None:
    data = settings.dataset
    if data.name != rules.FUNCTION:
        for key, value in (("function", data.function), ("inputs", data.inputs)):
            if value is not None:
                raise ConfigError(
                    f"dataset.{key}={value} with dataset.name={data.name}: only dataset=function has it; set null"
                )
        return
    if data.function is None or data.inputs is None:
        raise ConfigError(
            "dataset=function needs dataset.function and dataset.inputs: name a function and how many inputs it has"
        )
    from surrogate.data.functions import FUNCTIONS, LARGEST_INPUTS

    least = FUNCTIONS[data.function].least_inputs
    if not least <= data.inputs <= LARGEST_INPUTS:
        raise ConfigError(f"dataset.inputs={data.inputs} is not allowed: {data.function} takes {least} to {LARGEST_INPUTS}")


def available_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
