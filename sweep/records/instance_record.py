"""The record of one answer: plain and JSON-serialisable, the truth that MLflow and the report are views of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sweep.config.task_names import IMAGE, OUTPUT, PROPERTY
from sweep.config.task_words import words_of
from sweep.config.words import MINIMIZE, Sense, Words

FIELDS = {
    "value": "dense_value",
    "bound": "dense_bound",
    "margin": "dense_value",
    "surrogate_margin": "surrogate_value",
    "dual_bound": "surrogate_bound",
    "first_adversarial_seconds": "first_found_seconds",
}
"""Other names of an answer's facts, and the fields that hold them: two names that tasks use, then those of earlier records and
published tables, when every answer was a margin."""


def by_field(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts of an answer by the names of their fields, from those or the names of :data:`FIELDS`."""
    found = {FIELDS.get(name, name): value for name, value in facts.items()}
    if "timeline" in found:
        found["timeline"] = [by_field(one) for one in found["timeline"]]
    return found


class MetSolution(NamedTuple):
    """A solution that was met.

    Attributes:
        seconds: since the start of the method.
        value: on the dense networks.
        surrogate_value: on the surrogate; None where it was not met by one.
        source: what met it.
    """

    seconds: float
    value: float
    surrogate_value: float | None
    source: str | None


TRUE_VIOLATION = "true_violation"
"""The name, among the facts of an answer, of by how much its decision breaks a constraint in truth."""

TIGHTNESS_FACTS = tuple(name + ending for name in ("unstable", "big_m", "root_gap") for ending in ("", "_pruned"))
"""The names of facts that say how easy the networks were to optimise over: neurons that the bounds leave free, the sum of their
big-M constants, and the gap before branching; of the dense networks and of their pruned copies."""

NUMBERS = (TRUE_VIOLATION, *TIGHTNESS_FACTS)
"""The names of facts that are numbers, each a column of the tables of answers."""


@dataclass
class InstanceRecord:
    """One instance and the answer to it.

    Of an attack, values, norms and seconds are as in :class:`surrogate.attack.AttackResult`; None is "no value".
    """

    instance_key: str
    """Joins the same instance across trials: network key, image, label, target, norm, radius; or network and property."""
    image: int | None = None
    """Index of the image in its split; None where the instance is no image."""
    label: int | None = None
    target: int | None = None
    norm: str = "none"
    """The norm of the ball; ``none`` for a box alone."""
    radius: float | None = None
    status: str = "unresolved"
    question: str | None = None
    """Name of an instance that is no image, such as a property, or the output that is maximised."""
    objective: str = "margin"
    """What an attack optimised, ``margin``, ``closest`` or ``output``; of any other task, the name of the task."""
    expected: str | None = None
    """The known verdict on the property, ``sat`` or ``unsat``."""
    dense_value: float | None = None
    """The best value met, on the dense networks; where the value is a length, the margin of its point."""
    surrogate_value: float | None = None
    """The surrogate's own value of the best solution that it found."""
    surrogate_bound: float | None = None
    """What is proven of every value inside the MILP or the search, of a surrogate where there is one; None where the value is a
    length."""
    dense_bound: float | None = None
    """What is proven of every value on the dense networks; None where a surrogate is optimised whose error is not bounded."""
    norm_bound: float | None = None
    """Where the value is a length, in the ball's norm: proven lower bound on the length of everything that counts as found."""
    gap: float | None = None
    """The distance of the found value from the proven one, relative to the found one; None without a proof on the dense
    network."""
    first_found_seconds: float | None = None
    """When the first solution was met that counts as found."""
    solver_status: str | None = None
    l0: float | None = None
    l1: float | None = None
    l2: float | None = None
    linf: float | None = None
    prune_seconds: float | None = None
    """Pruning for this region alone; None where one surrogate serves all instances (see the trial's)."""
    sparsity: float | None = None
    """The sparsity of the surrogate for this region alone; None where one surrogate serves all instances."""
    bounds_seconds: float | None = None
    build_seconds: float | None = None
    solve_seconds: float | None = None
    total_seconds: float | None = None
    cpu_seconds: float | None = None
    nodes: int | None = None
    simplex_iterations: int | None = None
    gradient_evaluations: int | None = None
    regions: int | None = None
    """Number of activation regions visited and excluded."""
    solves: int | None = None
    """MILPs solved, where a method solves more than one."""
    restrictions: int | None = None
    binaries: int | None = None
    rows: int | None = None
    columns: int | None = None
    nonzeros: int | None = None
    deadline_seconds: float | None = None
    """The deadline that ended the method from outside, keeping what it had found until then; None if it ended by itself."""
    limit_seconds: float | None = None
    """The time limit in seconds of the method that answered; None in records of earlier versions."""
    cut_from_seconds: float | None = None
    """The time limit of the longer run of which this is the standing after ``limit_seconds``
    (:mod:`sweep.records.time_limit`); None if it was not cut."""
    starved: bool = False
    """A limit ended it after too little CPU (:mod:`sweep.records.cpu_share`): it is asked again when the sweep is run again."""
    timeline: list[dict[str, Any]] = field(default_factory=list)
    """``{"seconds", "dense_value", "surrogate_value", "source"}`` per solution met, in order of time; with the objective
    ``closest`` one that counts as found has its ``norm`` too."""
    region_visits: list[dict[str, Any]] = field(default_factory=list)
    """``{"seconds", "surrogate_margin", "margin_before", "margin_after", "bound"}`` per activation region that was excluded, in
    order of time, as in :class:`surrogate.attack.RegionVisit`; ``margin_after - margin_before`` is the gain."""
    task: str = ""
    """Name of the task. Records of before there were tasks have none: their other fields tell it."""
    sense: Sense | None = None
    """Whether larger or smaller values are better; None where the objective of an attack tells it."""
    true_value: float | None = None
    """The value where the task knows the truth that its networks were fitted to."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else the task keeps of the answer; JSON."""
    clean: list[float] = field(default_factory=list)
    """The clean image, row by row; of a property, the middle of its box."""
    perturbed: list[float] | None = None
    """The best point met, whether it counts as found or not."""

    def __post_init__(self) -> None:
        if not self.task:
            named = self.question is not None
            self.task = OUTPUT if self.objective == OUTPUT else PROPERTY if named else IMAGE

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name; lists are copied, but not what is in them."""
        return fields_of(self)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> InstanceRecord:
        """Return the record of :meth:`to_dict`, of any version."""
        return cls(**by_field(facts))

    def answered(self, **facts: Any) -> InstanceRecord:
        """Return the record with some fields replaced, by their names or by those of :data:`FIELDS`."""
        return dataclasses.replace(self, **by_field(facts))

    @property
    def words(self) -> Words:
        """What people read of it."""
        return words_of(self.task, self.objective)

    @property
    def value(self) -> float | None:
        """What was found, checked on the dense networks: a margin, a length, an output, or what the task calls its value."""
        if not self.is_length:
            return self.dense_value
        return {"l1": self.l1, "l2": self.l2, "linf": self.linf}.get(self.norm) if self.is_found else None

    @property
    def bound(self) -> float | None:
        """What is proven of every value on the dense networks: none is better."""
        return self.norm_bound if self.is_length else self.dense_bound

    @property
    def is_found(self) -> bool:
        """Whether something was found."""
        return self.status in self.words.found

    @property
    def has_none(self) -> bool:
        """Whether it is proven that there is nothing to find."""
        return self.status in self.words.none

    @property
    def is_proven_best(self) -> bool:
        """Whether it is proven that no value is better than the one found."""
        return self.status in self.words.proofs and not self.has_none

    @property
    def events(self) -> list[MetSolution]:
        """The solutions met, in order of time; those without a value are left out."""
        found = [(self.value_in(one), one) for one in self.timeline]
        return [
            MetSolution(one["seconds"], value, one.get("surrogate_value"), one.get("source"))
            for value, one in found
            if value is not None
        ]

    def value_in(self, event: dict[str, Any]) -> float | None:
        """Return the value of an entry of the timeline; None where it counts as none."""
        value: float | None = event.get("norm" if self.is_length else "dense_value")
        return value

    @property
    def name(self) -> str:
        """What people call the instance, such as ``image 2732``."""
        return f"{self.words.instance} {self.image}" if self.question is None else self.question

    @property
    def asks(self) -> bool:
        """Whether there is something to find, or values are only better or worse."""
        return self.words.asks

    @property
    def is_length(self) -> bool:
        """Whether its value is a length (:attr:`sweep.config.words.Words.length_of`)."""
        return self.words.length_of != ""

    @property
    def is_minimized(self) -> bool:
        """Whether smaller values are better."""
        return (self.words.sense if self.sense is None else self.sense) == MINIMIZE

    @property
    def sign(self) -> float:
        """What a value is multiplied with so that larger is better."""
        return -1.0 if self.is_minimized else 1.0


def fields_of(record: Any) -> dict[str, Any]:
    """Return the fields of a record by name; lists are copied, but not what is in them."""
    # dataclasses.asdict would copy every pixel by itself: for twenty images longer than many a trial.
    values = ((one.name, getattr(record, one.name)) for one in dataclasses.fields(record))
    return {name: list(value) if isinstance(value, list) else value for name, value in values}
