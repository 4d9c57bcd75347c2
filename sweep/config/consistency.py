"""Values of the configuration that are allowed one by one but not together, and the files that it names."""

from __future__ import annotations

import os

from sweep.config import rules
from sweep.config.attack_facts import CLOSEST, kind_of
from sweep.config.canonical import counts_of, made_of
from sweep.config.families import FAMILIES
from sweep.config.input_sizes import check_fit
from sweep.config.schema import ClusterSettings, Settings
from sweep.config.sections import key_at, settings_of, source_of
from sweep.errors import ConfigError
from sweep.terminal.wording import count

CHECKED = ("attack", "pruning")
"""The sections that choose among several classes. Of a single class all rules are checked when its values are read."""


def check(settings: Settings) -> None:
    """Raise ConfigError for values that are allowed one by one but not together."""
    for name in CHECKED:
        check_made(name, settings)
    check_rest(settings)


def check_made(name: str, settings: Settings) -> None:
    """Check the object that a section makes (one of :data:`CHECKED`) by the rules of its class.

    Raises:
        ConfigError: a value that another method allows and this one does not, or values that do not go together.
    """
    if name == "attack":
        _check_objective(settings)
    attack, source = settings.attack, source_of(settings)
    made = made_of(name, attack.method, attack.objective, settings.network.file, source)
    if made is None:
        return
    family = FAMILIES[name]
    for key, setting, value in settings_of(made, f"{name}."):
        refused = setting.rule(value)
        if refused is not None:
            given, chosen = source(key), f"{name}.{family.name_key}"
            allowed = f"one of {', '.join(setting.words)}" if setting.words else refused
            raise ConfigError(f"{key}={given} with {chosen}={source(chosen)}: there it must be {allowed}")
    for names, why in made.conflicts():
        keys = [key_at(made, one, f"{name}.") for one in names]
        raise ConfigError(f"{' with '.join(f'{key}={source(key)}' for key in keys)}: {why}")
    if name == "attack":
        _check_solver(settings)


def check_rest(settings: Settings) -> None:
    """Check what concerns several sections, and the files that are named.

    Raises:
        ConfigError: values that do not go together, or a file that cannot be used.
    """
    cluster = settings.cluster
    _check_inputs(settings)
    _check_question(settings)
    _check_cluster(cluster)
    if settings.solver.threads > cluster.cpus_per_trial:
        raise ConfigError(
            f"solver.threads={settings.solver.threads} is more than cluster.cpus_per_trial={cluster.cpus_per_trial}, "
            f"the CPUs that a trial reserves; raise that or lower the threads"
        )


def _check_objective(settings: Settings) -> None:
    """Check that the attack can have the objective."""
    from surrogate.attack import CLOSEST_METHODS

    attack = settings.attack
    kind = kind_of(attack.method, attack.objective)
    if kind is not None and attack.objective not in kind.objectives:
        raise ConfigError(
            f"attack.objective={attack.objective} with attack.method={attack.method}: only {' and '.join(CLOSEST_METHODS)} "
            f"look for the closest perturbation; choose one of these or attack.objective=margin"
        )


def _check_question(settings: Settings) -> None:
    """Check norm and radius of the images' balls."""
    attack = settings.attack
    if not settings.asks_about_images or attack.objective == CLOSEST:
        return
    if attack.radius is None and attack.norm != "l1":
        raise ConfigError(
            f"attack.radius is null with attack.norm={attack.norm}: a radius is only drawn for l1 (uniform in 4.5 to 5.5); "
            f"set attack.radius to a number above 0"
        )
    kind = kind_of(attack.method, attack.objective)
    if attack.norm == "l2" and kind is not None and not kind.takes_l2:
        raise ConfigError(
            f"attack.norm=l2 with attack.method={attack.method}: a linear solver has no l2 ball; "
            f"choose attack.norm=l1 or linf, or an attack without a MILP such as attack=branch_and_bound"
        )


def _check_solver(settings: Settings) -> None:
    """Check that the solver's package is there, where this machine's trials use it; a cluster's nodes are checked there."""
    if settings.cluster.name == "attach" or "solver.name" not in counts_of("attack", settings).values:
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


def _check_inputs(settings: Settings) -> None:
    """Check where network, data and questions come from, and read the files among them."""
    _check_function(settings)
    if settings.instances.properties is not None and settings.attack.objective != "margin":
        raise ConfigError(
            f"instances.properties with attack.objective={settings.attack.objective}: a property says itself what is looked "
            f"for; set one of them back (instances.properties=null or attack.objective=margin)"
        )
    if settings.dataset.name == rules.NO_DATASET:
        if settings.network.file is None:
            raise ConfigError("dataset=none without network.file: there is nothing to train a network on; choose a data set")
        if settings.asks_about_images:
            raise ConfigError(
                "dataset=none without instances.properties: there are no images to attack; name VNN-LIB files, choose a data "
                "set or set attack.objective=output"
            )
        if settings.pruning.method != "none" and settings.pruning.finetune.rounds > 0:
            raise ConfigError(
                f"dataset=none with pruning.finetune.rounds={settings.pruning.finetune.rounds}: finetuning needs a data set"
            )
        if rules.pruning_needs(settings.pruning.method, "data"):
            raise ConfigError(
                f"dataset=none with pruning.method={settings.pruning.method}: this pruning looks at training images; choose a "
                f"data set or another pruning"
            )
    check_fit(settings)


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
    if settings.asks_about_images:
        raise ConfigError("dataset=function has no classes to attack: set attack.objective=output")


def available_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
