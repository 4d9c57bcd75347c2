"""Instances that an attack answers, and their answers: what images, properties and outputs have in common."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from surrogate.problems.objectives import CLOSEST
from sweep.config.schema import Settings
from sweep.config.sections import method_of
from sweep.config.stage_keys import instance_key
from sweep.config.tasks import BUILT_IN, Metric
from sweep.config.words import DENSE_MILP, Words
from sweep.records import InstanceRecord
from sweep.tasks.attack_objectives import ATTACK_OBJECTIVES, GOALS
from sweep.tasks.attack_records import answered, class_name, passing_on
from sweep.tasks.base import Confirmed, Improved, PreparedTask, Task, TaskInstance, TaskWork
from sweep.tasks.dense_network import in_words
from sweep.tasks.tightness import PRUNED, TIGHTNESS
from sweep.terminal.wording import MISSING, count

if TYPE_CHECKING:
    from surrogate.attack import Attack, Instance
    from surrogate.data import Dataset
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Stabilised

BALL = ("norm", "radius", "target")
"""The keys of ``attack`` that say which ball around an instance is searched, and for which class."""

ATTACK_SECTIONS = ("dataset", "network", "training", "pruning", "instances", "bounds", "formulation", "solver", "attack")
"""The sections that can change what an attack finds."""

BOUNDS = "bounds"
"""The closest perturbation in l2 by attack=surrogate: gradient steps, and pre-activation bounds that prove."""


@dataclass(frozen=True)
class AttackInstance(TaskInstance):
    """A region of inputs and what is looked for in it.

    Attributes:
        attacked: region and problem, as an attack takes them.
        image: index of the attacked image in its split; None where it is about no image.
        expected: the known verdict, ``sat`` or ``unsat``.
        facts: what else is recorded of it.
    """

    attacked: Instance
    image: int | None = None
    expected: str | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False)


class AttackedNetwork(PreparedTask):
    """The dense network of a trial, attacked at one instance after the other, directly or through a pruned copy.

    Args:
        task: which draws the instances.
        work: what the task works with.
    """

    def __init__(self, task: AttackTask, work: TaskWork) -> None:
        trained, data = work.networks.dense(), work.inputs.data
        work.say(f"attacks the dense network {trained.network.key}{in_words(trained.accuracy, trained.r2)}")
        self.dense, self.objective = task.in_units(trained.network, data), task.objective(work.settings)
        self._instance_word = task.words(self.objective).instance
        self._attack: Attack = method_of("attack", work.settings)
        self._pruning = work.networks.pruning() if self._attack.takes_surrogate else None
        self._surrogate: ReluNetwork | None = None
        if self._pruning is not None and not self._pruning.needs_region:
            pruned, self._pruning = work.networks.pruned(trained.network), None
            self._surrogate = self.dense if pruned is trained.network else task.in_units(pruned, data)
        self._data = data if task.data_use(work.settings) or self._pruning is not None else None
        super().__init__(work, *task.drawn(work, self.dense))

    @property
    def opening(self) -> str:
        return f", {count(self.skipped, self._instance_word)} left out as misclassified" if self.skipped else ""

    def key(self, instance: TaskInstance, *, any_limit: bool = False) -> str:
        surrogate = None if self._surrogate is None else self._surrogate.key
        return instance_key(self.settings, self.dense.key, surrogate, instance.key, self._data, any_limit=any_limit)

    def unanswered(self, instance: TaskInstance) -> InstanceRecord:
        assert isinstance(instance, AttackInstance)
        attacked, record = instance.attacked, super().unanswered(instance)
        record.image, record.label, record.target = instance.image, attacked.label, attacked.target
        record.norm, record.radius, record.clean = attacked.region.norm, attacked.region.radius, attacked.region.center.tolist()
        record.objective, record.expected, record.facts = self.objective, instance.expected, dict(instance.facts)
        record.sense = None  # the objective tells it, as in records of before there were tasks
        return self.recalled(instance, record)

    def recalled(self, instance: TaskInstance, record: InstanceRecord) -> InstanceRecord:
        assert isinstance(instance, AttackInstance)
        record.image, record.expected = instance.image, instance.expected
        record.question = instance.name if instance.image is None else None
        return record

    def answer(self, instance: TaskInstance, record: InstanceRecord, improved: Improved) -> InstanceRecord:
        from surrogate.attack.recorder import listening
        from surrogate.pruning import prune_for, sparsity

        assert isinstance(instance, AttackInstance)
        surrogate: ReluNetwork | Stabilised | None = self._surrogate
        if self._pruning is not None:
            begin = time.perf_counter()
            surrogate = prune_for(self._pruning, self.dense, instance.attacked.region, instance.attacked.problem)
            record.prune_seconds, record.sparsity = time.perf_counter() - begin, sparsity(self.dense, surrogate.network)
        with listening(passing_on(instance.attacked.region, record, improved)):
            result = self._attack.answer(self.dense, surrogate, instance.attacked)
        is_pruned = surrogate is not None and surrogate is not self.dense
        return answered(record, result, PRUNED if is_pruned else "")


class AttackTask(Task):
    """What the tasks have in common that attacks answer."""

    sections = ATTACK_SECTIONS
    answerer = "attack"
    own_objectives = ATTACK_OBJECTIVES
    baseline = MappingProxyType({"attack": {"method": "surrogate"}, "pruning": {"method": "none"}})
    yardstick = "gradient"
    metrics: ClassVar[Mapping[str, Metric]] = MappingProxyType(
        {
            "attack/margin": "dense_value",
            "attack/surrogate_margin": "surrogate_value",
            "attack/first_adversarial_seconds": "first_found_seconds",
            "attack/norm_bound": "norm_bound",
            "norm/l0": "l0",
            "norm/l1": "l1",
            "norm/l2": "l2",
            "norm/linf": "linf",
            **TIGHTNESS,
        }
    )
    rates: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"attack/success_rate": "adversarial", "attack/robust_rate": "robust"}
    )

    def words(self, objective: str) -> Words:
        verdicts = Words(
            "image",
            find="adversarial",
            found=("adversarial",),
            none=("robust",),
            asks=True,
            thing="adversarial input",
            act="attack",
            yardstick="gradient attack",
            baseline=DENSE_MILP,
            proofs=("robust", "optimal"),
            left_out="the dense network misclassifies them",
            colours="difference: orange became darker, purple brighter",
        )
        if objective == CLOSEST:
            return dataclasses.replace(verdicts, value="length", sense="minimize", spread="norms", length_of="perturbation")
        return dataclasses.replace(verdicts, value="margin", zero_is_found=True)

    @abstractmethod
    def drawn(self, work: TaskWork, dense: ReluNetwork) -> tuple[Sequence[AttackInstance], int]:
        """Return the instances of a trial, and how many were left out.

        Raises:
            SweepError: they cannot be had.
        """

    def prepare(self, work: TaskWork) -> AttackedNetwork:
        return AttackedNetwork(self, work)

    def in_units(self, network: ReluNetwork, data: Dataset | None) -> ReluNetwork:
        """Return a network that was fitted to the data set as the instances ask about it: in the user's own units."""
        return network if data is None else data.in_units(network)

    def objective(self, settings: Settings) -> str:
        """Return what the attack optimises, as records have it."""
        return settings.attack.objective

    def objectives(self, settings: Settings) -> tuple[str, ...]:
        return tuple(name for name, goals in GOALS.items() if self.objective(settings) in goals)

    def usual_objective(self, objective: str) -> str:
        return "norm" if objective == CLOSEST else "margin"

    def described(self, record: InstanceRecord) -> str:
        if record.label is None:
            return record.name
        radius = MISSING if record.radius is None else f"{record.radius:.3g}"
        target = "any" if record.target is None else class_name(record, "target")
        return f"{record.name}: {class_name(record, 'label')} → {target}, {record.norm} {radius}"

    def picture(self, record: InstanceRecord) -> bytes | None:
        from sweep.tasks.image.pictures import is_image, picture

        return picture(record) if is_image(record) else None

    def small_pictures(self, answers: Sequence[tuple[str, InstanceRecord]]) -> list[tuple[bytes, str]]:
        from sweep.tasks.image.small_pictures import small_pictures

        return small_pictures(answers)

    def answered_instead(self, flat: Mapping[str, Any]) -> str | None:
        asked = tuple(flat.get(f"attack.{name}") for name in ("method", "objective", "norm"))
        return BOUNDS if asked == ("surrogate", CLOSEST, "l2") else None  # no MILP states an l2 ball

    def answered_by(self, settings: Settings) -> str:
        if settings.attack.objective == CLOSEST:  # what an attack does with its time follows from the objective then
            return f"attack.objective={CLOSEST}"
        return super().answered_by(settings)

    def identity(self, settings: Settings) -> dict[str, Any] | None:
        if self.name not in BUILT_IN:
            return super().identity(settings)
        # Which of these tasks it is follows from the other sections, and before there were tasks, keys had no version of one.
        return None if self.version == 1 else {"version": self.version}

    def confirm(self, work: TaskWork, answers: Sequence[InstanceRecord]) -> Iterator[Confirmed]:
        """Yield for each witness on record what the dense network says of it today, in float64 and against the region."""
        from surrogate.witness import check

        dense = self.in_units(work.networks.dense().network, work.inputs.data)
        drawn = {one.key: one.attacked for one in self.drawn(work, dense)[0]}
        for answer in answers:
            if answer.status != "adversarial" or answer.instance_key not in drawn:
                continue
            if answer.cut_from_seconds is not None and answer.perturbed is None:
                continue  # of a longer attack only the last point was kept
            attacked, what = drawn[answer.instance_key], f"witness of {answer.name}"
            checked = None if answer.perturbed is None else check(dense, attacked.region, attacked.problem, answer.perturbed)
            if checked is not None and checked.is_witness:
                yield Confirmed(what, True, "it holds, with margin", checked.margin)
            else:
                yield Confirmed(what, False, "the recorded point is no witness today")


def hashed(*parts: object) -> str:
    """Return the key of an instance: 16 hex digits of SHA-256 over its parts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
