"""Tasks of a user, as tests need them: tiny, and quick to answer."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from surrogate import rules
from sweep.config.schema import Settings
from sweep.config.stage_keys import digest
from sweep.config.tasks import Baseline
from sweep.config.words import Words
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.objectives import Objective
from sweep.tasks import Improved, PreparedTask, Task, TaskInstance, TaskWork
from sweep.tasks.image.task import ImageTask


@dataclass(frozen=True)
class WidthParameters:
    """What the tests sweep."""

    width: Annotated[float, rules.POSITIVE] = 1.0


class LeastTask(Task):
    """The smallest of some numbers: no network, and smaller is better."""

    sections: ClassVar[tuple[str, ...]] = ("instances", "solver")
    parameters = WidthParameters

    def words(self, objective: str) -> Words:
        return Words(
            instance="list",
            value="cost",
            sense="minimize",
            find="feasible",
            found=("least", "feasible"),
            act="sort",
            proofs=("least",),
            left_out="they are empty",
        )

    def trains(self, settings: Settings) -> bool:
        return False

    def prepare(self, work: TaskWork) -> PreparedTask:
        names = [f"list {number}" for number in range(work.settings.instances.count or 1)]
        return Lists(work, [TaskInstance(digest(name, self.values(work.settings).width), name) for name in names])


class AgainstTask(LeastTask):
    """Measured against a network of one neuron, with the same pruning."""

    sections = ("dataset", "network", "training", "pruning", "instances", "solver")
    baseline: ClassVar[Baseline] = MappingProxyType({"network": {"width": 1}})


class CopyTask(LeastTask):
    """A pruned copy can change its answers."""

    sections = ("dataset", "network", "training", "pruning", "instances", "solver")


def _spread(record: TrialRecord) -> float | None:
    """Smallest distance of a value and its bound."""
    known = ((one.value, one.bound) for one in record.instances)
    return min((value - bound for value, bound in known if value is not None and bound is not None), default=None)


class BrighterTask(ImageTask):
    """A user's own attack on images, with a parameter."""

    parameters = WidthParameters


class JudgedTask(LeastTask):
    """It brings an objective of its own."""

    own_objectives: ClassVar[tuple[Any, ...]] = (Objective("distance", "minimize", _spread),)


class NoSectionTask(LeastTask):
    """Its baseline has a section that there is not."""

    baseline: ClassVar[Baseline] = MappingProxyType({"prunings": {"method": "none"}})


class NoKeyTask(LeastTask):
    """Its baseline has a key that there is not."""

    baseline: ClassVar[Baseline] = MappingProxyType({"network": {"widht": 1}})


class NoMethodKeyTask(LeastTask):
    """Its baseline has a key that no method of a section has."""

    baseline: ClassVar[Baseline] = MappingProxyType({"pruning": {"methods": "none"}})


class Lists(PreparedTask):
    """Each list has three numbers, of which the last is the smallest."""

    def answer(self, instance: TaskInstance, record: InstanceRecord, improved: Improved) -> InstanceRecord:
        timeline = []
        for seconds, value in enumerate((3.0, 2.0, 1.0)):
            timeline.append({"seconds": float(seconds), "value": value, "surrogate_value": value + 0.5, "source": "list"})
            improved(value=value, status="feasible", first_found_seconds=0.0, timeline=list(timeline))
        return record.answered(
            status="feasible", value=1.0, bound=0.5, first_found_seconds=0.0, timeline=timeline, total_seconds=2.5
        )


class NoTask:
    """Is none."""
