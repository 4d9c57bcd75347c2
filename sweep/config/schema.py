"""The configuration as dataclasses: every key with its type and what its value may be.

Defaults live in ``conf/``. What is allowed lives here, and for the settings of methods in the classes of :mod:`surrogate`
(:mod:`sweep.config.families`). The rules that join two values live in :mod:`sweep.config.consistency`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from surrogate.rules import NOT_NEGATIVE, POSITIVE
from sweep.config import rules


@dataclass(frozen=True)
class TaskSettings:
    name: Annotated[str | None, rules.not_empty] = None
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)  # the task checks what is in it


@dataclass(frozen=True)
class DatasetSettings:
    name: Annotated[str, rules.one_of(rules.datasets)]
    side: Annotated[int | list[int] | None, rules.side]
    folder: Annotated[str | None, rules.path]
    function: Annotated[str | None, rules.of_data("function")]
    inputs: Annotated[int | list[str] | None, rules.inputs]
    file: Annotated[str | None, rules.path] = None  # records of before do not have this key and those below
    outputs: list[str] = dataclasses.field(default_factory=lambda: rules.unset("outputs"))
    categories: list[str] = dataclasses.field(default_factory=lambda: rules.unset("categories"))
    gaps: Annotated[str, rules.of_data("gaps")] = dataclasses.field(default_factory=lambda: rules.unset("gaps"))
    test_share: Annotated[float, rules.of_data("test_share")] = dataclasses.field(
        default_factory=lambda: rules.unset("test_share")
    )
    seed: Annotated[int, rules.of_data("seed")] = dataclasses.field(default_factory=lambda: rules.unset("seed"))

    def __hash__(self) -> int:
        return hash(repr(self))  # some of its values are lists

    @property
    def title(self) -> str:
        """What people call it: the name, or the function or the file that it is drawn from."""
        if self.function is not None:
            return self.function
        return self.name if self.file is None else rules.file_title(self.file)

    @property
    def points(self) -> str:
        """What people call its data: ``images``, the ``rows`` of a table, or the ``points`` of a function."""
        return {rules.FUNCTION: "points", rules.TABLE: "rows"}.get(self.name, "images")


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
class InstancesSettings:
    seed: Annotated[int, rules.at_least(0)]
    count: Annotated[int | None, rules.at_least(1)]
    split: Annotated[str, rules.one_of(lambda: ("train", "test"))]
    properties: Annotated[str | None, rules.not_empty]


class MethodSettings:
    """The values of a section that sets methods, as attributes; their keys are what the methods declare.

    A key that a configuration lacks is no attribute. Sections inside a section are of this class too.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        if name == "_values" or name not in self._values:
            raise AttributeError(name)
        return self._values[name]

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, MethodSettings) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        return f"MethodSettings({self._values!r})"

    def get(self, name: str, default: Any) -> Any:
        """Return the value of a key, or ``default`` where the configuration lacks it."""
        return self._values.get(name, default)

    def changed(self, **values: Any) -> MethodSettings:
        """Return the same settings with other values of some keys."""
        return MethodSettings({**self._values, **values})

    def joined(self, other: MethodSettings) -> MethodSettings:
        """Return the same settings with the values that ``other`` has, in sections inside too."""
        values = dict(self._values)
        for name, value in other._values.items():
            before = values.get(name)
            if isinstance(before, MethodSettings) and isinstance(value, MethodSettings):
                values[name] = before.joined(value)
            else:
                values[name] = value
        return MethodSettings(values)

    def given(self) -> dict[str, Any]:
        """Return the values by key; those of a section inside are settings in their turn."""
        return dict(self._values)


@dataclass(frozen=True)
class AskedSettings:
    """What an attack is asked: keys of its section that no attack declares."""

    norm: Annotated[str, rules.one_of(rules.norms)]
    radius: Annotated[float | None, POSITIVE]
    objective: Annotated[str, rules.one_of(rules.objectives)]
    target: Annotated[str, rules.one_of(lambda: ("runner_up", "untargeted"))]


@dataclass(frozen=True)
class ModelSettings:
    problem: Annotated[str, rules.one_of(rules.problems)] = "constrained"
    function: Annotated[str | None, rules.not_empty] = None
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)  # the problem's, which checks them


@dataclass(frozen=True)
class SpaceSearchSettings:
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
    patience_seconds: Annotated[float, NOT_NEGATIVE]


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


USED = ("bounds", "formulation", "solver")
"""The sections whose methods others use. Where a task has an answerer, they count as far as that uses them."""

SECTIONS = ("dataset", "network", "training", "pruning", "networks", "instances", "model", "attack", "method", *USED, "task")
"""The sections that can change a result. What ``networks`` says counts as part of the sections in whose place it stands
(:data:`sweep.config.own_networks.OWN_SECTIONS`)."""


@dataclass(frozen=True)
class Settings:
    """The whole configuration, checked value by value; :mod:`sweep.config.consistency` has the rules that join two."""

    dataset: DatasetSettings
    network: NetworkSettings
    training: MethodSettings
    pruning: MethodSettings
    instances: InstancesSettings
    bounds: MethodSettings
    formulation: MethodSettings
    cluster: ClusterSettings  # before the solver, whose threads are by default those of a trial
    solver: MethodSettings
    attack: MethodSettings
    search: SpaceSearchSettings
    deadlines: DeadlineSettings
    tracking: TrackingSettings
    sweep: SweepSettings
    task: TaskSettings = dataclasses.field(default_factory=TaskSettings)  # records of before do not have these sections
    model: ModelSettings = dataclasses.field(default_factory=ModelSettings)
    method: MethodSettings = dataclasses.field(default_factory=lambda: MethodSettings({}))
    networks: dict[str, MethodSettings] = dataclasses.field(default_factory=dict)  # see sweep.config.own_networks

    def changed(self, **sections: Any) -> Settings:
        """Return the same settings with other sections."""
        made = object.__new__(Settings)
        vars(made).update(vars(self), **sections)  # a plan makes hundreds of thousands
        return made


def network_name(depth: Any, width: Any, file: str | None) -> str:
    """Return the short name of a network: ``4x64``, depth times width, or the name of its file without the ending."""
    return f"{depth}x{width}" if file is None else Path(file.removesuffix(".gz")).stem
