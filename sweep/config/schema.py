"""The configuration as dataclasses: every key with its type and what its value may be.

Defaults live in ``conf/``; what is allowed lives here, the names of methods in the registries of :mod:`surrogate`, and the
rules that join two values in :mod:`sweep.config.consistency`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from sweep.config import model_names, rules


@dataclass(frozen=True)
class TaskSettings:
    name: Annotated[str | None, rules.not_empty] = None
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)  # the task checks what is in it


@dataclass(frozen=True)
class DatasetSettings:
    name: Annotated[str, rules.one_of(rules.datasets)]
    side: Annotated[int | None, rules.side]
    folder: Annotated[str | None, rules.path]
    function: Annotated[str | None, rules.one_of(rules.functions)]
    inputs: Annotated[int | None, rules.at_least(1)]

    @property
    def title(self) -> str:
        """What people call it: the name, or the function that it is drawn from."""
        return self.name if self.function is None else self.function


@dataclass(frozen=True)
class NetworkSettings:
    depth: Annotated[int, rules.at_least(1)]
    width: Annotated[int, rules.at_least(1)]
    bias: bool
    file: Annotated[str | None, rules.not_empty]

    @property
    def name(self) -> str:
        return network_name(self.depth, self.width, self.file)


@dataclass(frozen=True)
class TrainingSettings:
    epochs: Annotated[int, rules.at_least(0)]
    seed: Annotated[int, rules.at_least(0)]
    batch_size: Annotated[int, rules.at_least(1)]
    learning_rate: Annotated[float, rules.positive]
    weight_decay: Annotated[float, rules.not_negative]
    optimizer: Annotated[str, rules.one_of(rules.optimizers)]


@dataclass(frozen=True)
class FinetuneSettings:
    rounds: Annotated[int, rules.at_least(0)]
    epochs: Annotated[int, rules.at_least(0)]
    optimizer: Annotated[str, rules.one_of(rules.optimizers)]
    learning_rate: Annotated[float, rules.positive]
    weight_decay: Annotated[float, rules.not_negative]
    batch_size: Annotated[int, rules.at_least(1)]
    rewind: bool


@dataclass(frozen=True)
class PruningSettings:
    method: Annotated[str, rules.one_of(rules.prunings)]
    amount: Annotated[float, rules.share]
    seed: Annotated[int, rules.at_least(0)]
    finetune: FinetuneSettings


@dataclass(frozen=True)
class InstancesSettings:
    seed: Annotated[int, rules.at_least(0)]
    count: Annotated[int | None, rules.at_least(1)]
    split: Annotated[str, rules.one_of(lambda: ("train", "test"))]
    properties: Annotated[str | None, rules.not_empty]


@dataclass(frozen=True)
class BoundsSettings:
    method: Annotated[str, rules.one_of(rules.bounds)]
    lp_seconds: Annotated[float, rules.not_negative]


@dataclass(frozen=True)
class FormulationSettings:
    method: Annotated[str, rules.one_of(rules.formulations)]
    partitions: Annotated[int, rules.at_least(1)]


@dataclass(frozen=True)
class SolverSettings:
    name: Annotated[str, rules.one_of(rules.solvers)]
    time_limit_seconds: Annotated[float, rules.positive]
    threads: Annotated[int, rules.at_least(1)]
    seed: Annotated[int, rules.at_least(0)]
    relative_gap: Annotated[float | None, rules.inner_share]


@dataclass(frozen=True)
class ExclusionSettings:
    interrupt: bool
    solve_seconds: Annotated[float, rules.positive]
    subproblem_seconds: Annotated[float, rules.positive]
    seeds: Annotated[int, rules.at_least(0)]


@dataclass(frozen=True)
class AttackSettings:
    method: Annotated[str, rules.one_of(rules.attacks)]
    norm: Annotated[str, rules.one_of(rules.norms)]
    radius: Annotated[float | None, rules.positive]
    objective: Annotated[str, rules.one_of(rules.objectives)]
    target: Annotated[str, rules.one_of(lambda: ("runner_up", "untargeted"))]
    on_incumbent: Annotated[str, rules.one_of(rules.on_incumbent)]
    start: Annotated[str, rules.one_of(rules.starts)]
    polish: bool
    polish_steps: Annotated[int, rules.at_least(1)]
    exclusion: ExclusionSettings
    gradient_starts: Annotated[int, rules.at_least(1)]
    gradient_steps: Annotated[int, rules.at_least(1)]
    free: Annotated[int, rules.at_least(1)]
    round_seconds: Annotated[float, rules.positive]


@dataclass(frozen=True)
class ModelSettings:
    problem: Annotated[str, rules.one_of(model_names.problems)] = "constrained"
    function: Annotated[str | None, rules.not_empty] = None
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)  # the problem's, which checks them


@dataclass(frozen=True)
class MethodSettings:
    name: Annotated[str, rules.one_of(model_names.methods)] = "surrogate"
    repair: bool = False
    sparsities: list[float] = dataclasses.field(default_factory=list)  # the method checks them
    points: Annotated[int, rules.at_least(1)] = 4096


@dataclass(frozen=True)
class SearchSettings:
    method: Annotated[str, rules.one_of(rules.searches)]
    where: list[str]
    samples: Annotated[int, rules.at_least(1)]
    seed: Annotated[int, rules.at_least(0)]
    objectives: list[str]
    scheduler: Annotated[str, rules.one_of(lambda: ("none", "asha"))]
    grace: Annotated[int, rules.at_least(1)]
    reduction: Annotated[int, rules.at_least(2)]
    together: list[list[str]] = dataclasses.field(default_factory=list)  # records of before do not have this key


@dataclass(frozen=True)
class ClusterSettings:
    name: Annotated[str, rules.one_of(lambda: ("local", "attach"))]
    address: Annotated[str | None, rules.not_empty]
    cpus: Annotated[int | None, rules.at_least(1)]
    cpus_per_trial: Annotated[int, rules.at_least(1)]


@dataclass(frozen=True)
class TrackingSettings:
    uri: Annotated[str | None, rules.not_empty]
    patience_seconds: Annotated[float, rules.not_negative]


@dataclass(frozen=True)
class DeadlineSettings:
    instance_seconds: Annotated[float | None, rules.duration]
    trial_seconds: Annotated[float | None, rules.duration]
    sweep_seconds: Annotated[float | None, rules.duration]


@dataclass(frozen=True)
class SweepSettings:
    name: Annotated[str, rules.experiment_name]
    resume: bool
    dry_run: Annotated[bool | str, rules.dry_run]
    retries: Annotated[int, rules.at_least(0)]
    store: Annotated[str, rules.outlives_a_process]


@dataclass(frozen=True)
class Settings:
    """The whole configuration, checked value by value; :func:`sweep.config.consistency.check` the rules that join two."""

    dataset: DatasetSettings
    network: NetworkSettings
    training: TrainingSettings
    pruning: PruningSettings
    instances: InstancesSettings
    bounds: BoundsSettings
    formulation: FormulationSettings
    cluster: ClusterSettings  # before the solver, whose threads are by default those of a trial
    solver: SolverSettings
    attack: AttackSettings
    search: SearchSettings
    deadlines: DeadlineSettings
    tracking: TrackingSettings
    sweep: SweepSettings
    task: TaskSettings = dataclasses.field(default_factory=TaskSettings)  # records of before do not have these sections
    model: ModelSettings = dataclasses.field(default_factory=ModelSettings)
    method: MethodSettings = dataclasses.field(default_factory=MethodSettings)


def network_name(depth: Any, width: Any, file: str | None) -> str:
    """Return the short name of a network: ``4x64``, depth times width, or the name of its file without the ending."""
    return f"{depth}x{width}" if file is None else Path(file.removesuffix(".gz")).stem
