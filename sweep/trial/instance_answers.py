"""The questions of a trial and their answers: each from the store, or by an attack whose findings are passed on as it runs."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.config.attack_facts import CLOSEST, OUTPUT, limit_only_ends
from sweep.config.schema import Settings
from sweep.config.stage_keys import instance_key
from sweep.errors import SweepError
from sweep.records import InstanceRecord
from sweep.records.cpu_share import KILLED, is_starved
from sweep.store.stage_results import Entry, Stages, once, stands
from sweep.trial.limit_reuse import answer_of_another_limit, keep_answer

if TYPE_CHECKING:
    from surrogate.attack import Attack, AttackResult, Event
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Pruning
    from surrogate.witness import Checked
    from sweep.config.inputs import Inputs
    from sweep.trial.instances import DrawnInstance


def draw_questions(settings: Settings, inputs: Inputs, dense: ReluNetwork) -> tuple[list[DrawnInstance], int]:
    """Return the questions of a trial, and how many images were left out because the network misclassifies them.

    Raises:
        SweepError: the images do not fit the network, or too few are classified correctly.
    """
    from sweep.trial.instances import draw_instances, output_instance, property_instances

    if settings.instances.properties is not None:
        return property_instances(dense, inputs.properties), 0
    if settings.attack.objective == OUTPUT:
        return [output_instance(dense)], 0
    data, i, a = inputs.data, settings.instances, settings.attack
    assert data is not None, "a configuration that attacks images without a data set is refused"
    images, labels = (data.train_images, data.train_labels) if i.split == "train" else (data.test_images, data.test_labels)
    if images.shape[1] != dense.input_size:
        raise SweepError(
            f"the network takes {dense.input_size} inputs and the images of {data.name} have {images.shape[1]} pixels: choose "
            f"another dataset or dataset.side"
        )
    return draw_instances(
        dense,
        images,
        labels,
        seed=i.seed,
        count=i.count or 1,
        norm=a.norm,
        radius=a.radius,
        targeted=a.target == "runner_up",
        source=f"{data.name} {data.side}x{data.side} {i.split}",
        closest=a.objective == CLOSEST,
    )


def instance_deadline(settings: Settings) -> float:
    """Return after how many seconds an attack is ended from outside: by default well above the limit that it keeps itself."""
    given = settings.deadlines.instance_seconds
    return 2.0 * settings.solver.time_limit_seconds + 60.0 if given is None else given


def late_in_words(settings: Settings) -> str:
    """Return that an attack was ended from outside, after how many seconds, and which setting says so."""
    given, seconds = settings.deadlines.instance_seconds, instance_deadline(settings)
    why = f"deadlines.instance_seconds={seconds:g}"
    if given is None:
        why = f"{seconds:g} s, twice solver.time_limit_seconds and 60 s more, as deadlines.instance_seconds=null says"
    if settings.deadlines.trial_seconds is not None:
        why += f", or what was left of deadlines.trial_seconds={settings.deadlines.trial_seconds:g}"
    return f"an attack was past its deadline ({why})"


def had_its_time(instance: InstanceRecord, settings: Settings) -> bool:
    """Whether an answer had all the time that it may take now: False if a deadline ended it sooner."""
    ended = instance.deadline_seconds
    return ended is None or instance_deadline(settings) <= ended


def still_stands(instance: InstanceRecord, settings: Settings) -> bool:
    """Whether an answer of an earlier run is as good as a new one (:func:`sweep.store.stage_results.stands`)."""
    facts = {"deadline_seconds": instance.deadline_seconds, "starved": instance.starved}
    return stands(Entry(facts), instance_deadline(settings))


@dataclass(frozen=True, eq=False)
class InstanceAnswers:
    """How the questions of a trial are answered.

    Attributes:
        settings: of the trial.
        inputs: data set and properties.
        dense: the attacked network.
        attack: ready to run.
        surrogate: the pruned network that serves all instances, or None.
        pruning: makes the surrogate of each region, or None.
    """

    settings: Settings
    inputs: Inputs
    dense: ReluNetwork
    attack: Attack
    surrogate: ReluNetwork | None = None
    pruning: Pruning | None = None

    def key(self, drawn: DrawnInstance, *, any_limit: bool = False) -> str:
        """Return the key under which the answer is kept, or the one that it shares with those of other time limits."""
        shared = None if self.surrogate is None else self.surrogate.key
        data = self.inputs.data if self.settings.asks_about_images or self.pruning is not None else None
        return instance_key(self.settings, self.dense.key, shared, drawn.key, data, any_limit=any_limit)

    def found(self, drawn: DrawnInstance, stages: Stages) -> InstanceRecord | None:
        """Return the answer if it is in the store, whatever ended it; no attack is run."""
        entry, _ = once(stages, "instances", self.key(drawn), lambda: self._of_another_limit(drawn, stages), 0.0)
        return None if entry is None else _record(entry, drawn)

    def answer(self, drawn: DrawnInstance, stages: Stages, seconds_left: float | None) -> tuple[InstanceRecord, bool]:
        """Return the answer, from the store or by an attack that may take ``seconds_left`` at most, and whether it was there.

        Raises:
            whatever the attack raises, after the claim on the answer was given up.
        """
        key, deadline = self.key(drawn), instance_deadline(self.settings)
        is_attacked = False

        def make() -> Entry:
            nonlocal is_attacked
            known = self._of_another_limit(drawn, stages)
            if known is not None:
                return known
            is_attacked = True
            return self._attack(drawn, key, stages, deadline if seconds_left is None else min(deadline, seconds_left))

        entry, _ = once(stages, "instances", key, make, deadline)
        answer = _record(entry, drawn)
        if is_attacked and self._limit_only_ends:
            keep_answer(stages, self.key(drawn, any_limit=True), key, answer)
        return answer, not is_attacked

    @property
    def _limit_only_ends(self) -> bool:
        return limit_only_ends(self.settings.attack.method, self.settings.attack.objective)

    def _of_another_limit(self, drawn: DrawnInstance, stages: Stages) -> Entry | None:
        """Return the answer by one with another time limit, if there is one."""
        if not self._limit_only_ends:
            return None
        shared, limit = self.key(drawn, any_limit=True), self.settings.solver.time_limit_seconds
        return answer_of_another_limit(stages, shared, limit)

    def _attack(self, drawn: DrawnInstance, key: str, stages: Stages, deadline_seconds: float) -> Entry:
        from surrogate.attack.recorder import listening
        from surrogate.pruning import Stabilised, prune_for, sparsity

        record = _unanswered(drawn, self.settings)
        killed = record.to_dict()
        killed |= {"solver_status": KILLED, "total_seconds": deadline_seconds, "deadline_seconds": deadline_seconds}
        stages.begin(key, killed, deadline_seconds)
        surrogate: ReluNetwork | Stabilised | None = self.surrogate
        if self.pruning is not None:
            begin = time.perf_counter()
            surrogate = prune_for(self.pruning, self.dense, drawn.question.region, drawn.question.problem)
            record.prune_seconds, record.sparsity = time.perf_counter() - begin, sparsity(self.dense, surrogate.network)
            killed |= {"prune_seconds": record.prune_seconds, "sparsity": record.sparsity}
        with listening(_passing_on(killed, drawn, lambda facts: stages.improve(key, facts))):
            result = self.attack.answer(self.dense, surrogate, drawn.question)
        facts = _answered(record, result).to_dict()
        return Entry({**facts, "starved": is_starved(facts, self.settings.solver.time_limit_seconds)})


def _passing_on(
    killed: dict[str, Any], drawn: DrawnInstance, improve: Callable[[dict[str, Any]], None]
) -> Callable[[Event, Checked], None]:
    """Return a listener that makes of each better point the facts of an answer that was ended just then."""
    from surrogate.witness import perturbation_norms

    timeline: list[dict[str, Any]] = []
    facts = dict(killed)

    def better(event: Event, checked: Checked) -> None:
        timeline.append(_event(event))
        facts["margin"], facts["perturbed"] = _finite(checked.margin), checked.point.tolist()
        if checked.is_witness:  # checked on the dense network just now, apart from whatever found it
            facts["status"] = "adversarial"
            if facts["first_adversarial_seconds"] is None:
                facts["first_adversarial_seconds"] = event.seconds
            norms = perturbation_norms(drawn.question.region, checked.point)
            facts.update({name: _plain(value) for name, value in norms.items()})
        improve({**facts, "timeline": list(timeline)})

    return better


def _unanswered(drawn: DrawnInstance, settings: Settings) -> InstanceRecord:
    question = drawn.question
    return InstanceRecord(
        instance_key=drawn.key,
        image=drawn.image,
        label=question.label,
        target=question.target,
        norm=question.region.norm,
        radius=question.region.radius,
        status="unresolved",
        question=drawn.name,
        objective=settings.attack.objective,
        limit_seconds=settings.solver.time_limit_seconds,
        expected=drawn.expected,
        clean=question.region.center.tolist(),
    )


def _answered(record: InstanceRecord, result: AttackResult) -> InstanceRecord:
    closest, proven = record.objective == CLOSEST, _finite(result.dual_bound)
    measured: dict[str, Any] = {**result.norms, **result.timings, **result.work, **result.size}
    values: dict[str, Any] = {name: _plain(value) for name, value in measured.items()}
    return dataclasses.replace(
        record,
        status=str(result.status),
        margin=_finite(result.margin),
        surrogate_margin=_finite(result.surrogate_margin),
        dual_bound=None if closest else proven,
        dense_bound=_finite(result.dense_bound),
        norm_bound=proven if closest else None,
        gap=_finite(result.gap),
        first_adversarial_seconds=result.first_adversarial_seconds,
        solver_status=result.solver_status,
        timeline=[_event(event) for event in result.timeline],
        region_visits=[{name: _finite(value) for name, value in dataclasses.asdict(visit).items()} for visit in result.regions],
        perturbed=None if result.best_point is None else [float(pixel) for pixel in result.best_point],
        **values,
    )


def _record(entry: Entry, drawn: DrawnInstance) -> InstanceRecord:
    """Return the answer in an entry, with what this trial calls the question and what it expects."""
    record = InstanceRecord(**entry.facts)
    record.image, record.question, record.expected = drawn.image, drawn.name, drawn.expected
    return record


def _event(event: Event) -> dict[str, Any]:
    from surrogate.attack import ClosestAttack

    found = {
        "seconds": event.seconds,
        "margin": event.margin,
        "surrogate_margin": event.surrogate_margin,
        "source": event.source,
    }
    return found if event.norm is None or event.margin < ClosestAttack.threshold else {**found, "norm": event.norm}


def _plain(value: Any) -> int | float | None:
    return int(value) if float(value).is_integer() and not isinstance(value, float) else _finite(float(value))


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
