"""One trial: train (unless that is done), prune, attack image by image. Knows neither Ray nor MLflow nor the store."""

from __future__ import annotations

import math
import os
import sys
import time
import traceback
from statistics import median
from typing import TYPE_CHECKING, Any

from surrogate.errors import SurrogateError
from sweep.attacks import ATTACKS
from sweep.errors import SweepError
from sweep.inputs import Inputs, TrainedNetwork, accuracy_on, load_data, load_properties, train_network
from sweep.records import InstanceRecord, TrialRecord
from sweep.rules import CLOSEST, OUTPUT
from sweep.schema import Settings, read

if TYPE_CHECKING:
    from surrogate.attack import AttackResult, Event
    from surrogate.datasets import Dataset
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Pruning
    from sweep.instances import DrawnInstance
    from sweep.plan import Trial

__all__ = [
    "Inputs",
    "TrainedNetwork",
    "limit_threads",
    "load_data",
    "load_properties",
    "mark_failed",
    "new_record",
    "run_trial",
    "sentence",
    "train_network",
    "warm_up",
]


def run_trial(trial: Trial, inputs: Inputs, trained: TrainedNetwork | None = None) -> TrialRecord:
    """Run one trial; an error ends it as ``failed``, with its sentence and what was found before it."""
    record = new_record(trial)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        settings = read(trial.config)
        _run(record, settings, inputs, trained or train_network(settings, inputs.data))
    except Exception as error:  # the boundary of a trial: whatever goes wrong in one must not touch the others
        mark_failed(record, error)
    record.ended_at = time.time()
    record.total_seconds, record.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return record


def new_record(trial: Trial) -> TrialRecord:
    """Return the record of a trial that starts now."""
    return TrialRecord(
        key=trial.key,
        name=trial.name,
        config=trial.config,
        swept=trial.swept,
        status="finished",
        started_at=time.time(),
        baseline_key=trial.baseline_key,
    )


def mark_failed(record: TrialRecord, error: BaseException) -> None:
    """Set the status of a record to ``failed``, with one sentence and the traceback."""
    record.status = "failed"
    record.error = sentence(error)
    record.error_detail = "".join(traceback.format_exception(error))


def sentence(error: BaseException) -> str:
    """Return one sentence about an error: our own as they are, others with their type."""
    text = " ".join(str(error).split())
    if isinstance(error, (SurrogateError, SweepError)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def limit_threads(count: int) -> None:
    """Hold torch and the linear algebra libraries to ``count`` threads, those not loaded yet included."""
    import threadpoolctl  # type: ignore[import-untyped]

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    threadpoolctl.threadpool_limits(count)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


def warm_up() -> None:
    """Attack a toy network, so that what a process does once (imports, Pyomo's first compilation) is in no trial's times."""
    from surrogate.attack import Instance, SurrogateAttack
    from surrogate.networks import ReluNetwork
    from surrogate.region import Region

    toy = ReluNetwork([[[1.0, -1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]], [[0.0, -0.5], [0.1, 0.0]])
    SurrogateAttack().run(toy, toy, Instance(Region(0.0, 1.0, [0.5, 0.5], 0.5, "l1"), label=0, target=1))


def _run(record: TrialRecord, settings: Settings, inputs: Inputs, trained: TrainedNetwork) -> None:
    from surrogate.pruning import prune, sparsity
    from sweep.instances import contradictions, output_instance, property_instances

    dense = trained.network
    record.network_key, record.accuracy_dense, record.train_seconds = dense.key, trained.accuracy, trained.train_seconds
    attack = ATTACKS[settings.attack.method](settings)
    pruning = _pruning(settings) if attack.needs_surrogate else None
    shared = None if pruning is None or pruning.needs_region else _prune(record, pruning, inputs.data, dense)

    if settings.instances.properties is not None:
        drawn = property_instances(dense, inputs.properties)
    elif settings.attack.objective == OUTPUT:
        drawn = [output_instance(dense)]
    else:
        drawn, record.skipped = _draw(settings, inputs.data, dense)
    sparsities = []
    for instance in drawn:
        surrogate, prune_seconds = shared, None
        if pruning is not None and pruning.needs_region:
            begin = time.perf_counter()
            surrogate = prune(pruning, dense, inputs.data, instance.question.region)
            prune_seconds = time.perf_counter() - begin
            sparsities.append(sparsity(dense, surrogate))
            record.sparsity = median(sparsities)
        result = attack.run(dense, surrogate, instance.question)
        record.instances.append(_instance_record(settings.attack.objective, instance, result, prune_seconds))
    statuses = iter([instance.status for instance in record.instances])
    verdicts = [[next(statuses) for _ in one.questions] for one in inputs.properties]
    wrong = contradictions(inputs.properties, verdicts)
    if wrong:
        raise SweepError(
            f"{'; '.join(wrong)}: this program, its reading of the network or the list is wrong, and no verdict of this trial "
            f"should be trusted until that is known"
        )


def _draw(settings: Settings, data: Dataset | None, dense: ReluNetwork) -> tuple[list[DrawnInstance], int]:
    from sweep.instances import draw_instances

    assert data is not None, "a configuration that attacks images without a data set is refused"
    i, a = settings.instances, settings.attack
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


def _pruning(settings: Settings) -> Pruning:
    from surrogate.pruning import Finetuning, Pruning

    p, f = settings.pruning, settings.pruning.finetune
    finetuning = Finetuning(
        rounds=f.rounds,
        epochs=f.epochs,
        optimizer=f.optimizer,
        learning_rate=f.learning_rate,
        weight_decay=f.weight_decay,
        batch_size=f.batch_size,
        rewind=f.rewind,
        seed=p.seed,
    )
    return Pruning(p.method, p.amount, p.seed, finetuning)


def _prune(record: TrialRecord, pruning: Pruning, data: Dataset | None, dense: ReluNetwork) -> ReluNetwork:
    """Return the surrogate that serves all instances."""
    from surrogate.pruning import prune, sparsity

    begin = time.perf_counter()
    surrogate = prune(pruning, dense, data)
    record.prune_seconds = time.perf_counter() - begin
    record.sparsity = sparsity(dense, surrogate)
    record.accuracy_surrogate = accuracy_on(surrogate, data)
    return surrogate


def _instance_record(
    objective: str, instance: DrawnInstance, result: AttackResult, prune_seconds: float | None
) -> InstanceRecord:
    question, closest = instance.question, objective == CLOSEST
    proven = _finite(result.dual_bound)
    measured: dict[str, Any] = {**result.norms, **result.timings, **result.work, **result.size}
    values: dict[str, Any] = {name: _plain(value) for name, value in measured.items()}
    return InstanceRecord(
        instance_key=instance.key,
        image=instance.image,
        label=question.label,
        target=question.target,
        norm=question.region.norm,
        radius=question.region.radius,
        status=str(result.status),
        question=instance.name,
        objective=objective,
        expected=instance.expected,
        prune_seconds=prune_seconds,
        margin=_finite(result.margin),
        surrogate_margin=_finite(result.surrogate_margin),
        dual_bound=None if closest else proven,
        norm_bound=proven if closest else None,
        gap=_finite(result.gap),
        first_adversarial_seconds=result.first_adversarial_seconds,
        solver_status=result.solver_status,
        timeline=[_event(event) for event in result.timeline],
        clean=[float(pixel) for pixel in question.region.center],
        perturbed=None if result.best_point is None else [float(pixel) for pixel in result.best_point],
        **values,
    )


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
