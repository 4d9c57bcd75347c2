"""A trial trains, prunes and attacks; whatever goes wrong in it is its result."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from composing import QUICK, Composer
from counting import stages_of

from surrogate.data import Dataset
from surrogate.data.functions import evaluate
from surrogate.pruning import Pruning, prune
from surrogate.training import accuracy
from sweep.config.inputs import Inputs, load_data
from sweep.config.reading import read
from sweep.errors import sentence
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.store.networks import TrainedNetwork
from sweep.store.trials import record_of, trial_entry
from sweep.tasks.dense_network import train_network
from sweep.tracking import content
from sweep.trial.process import warm_up
from sweep.trial.trial import run_trial


@pytest.fixture(scope="module")
def trained(composer: Composer, digits: Dataset) -> TrainedNetwork:
    return train_network(read(composer.plain(*QUICK, "training.epochs=20")), digits)


def test_training_follows_the_settings(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    assert trained.network.hidden_sizes == (6,)
    assert trained.accuracy == accuracy(trained.network, digits.test_images, digits.test_labels)
    assert trained.accuracy > 0.5
    assert trained.train_seconds > 0.0
    other = train_network(read(composer.plain(*QUICK, "network.depth=2", "network.bias=false")), digits)
    assert other.network.hidden_sizes == (6, 6)
    assert not any(bias.any() for bias in other.network.biases)


def test_a_surrogate_trial(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    trial = composer.trial(*QUICK, "pruning.amount=0.5")
    record = run_trial(trial, Inputs(digits), trained)
    assert record.status == "finished", record.error
    assert (record.key, record.name, record.baseline_key) == (trial.key, "1x6 magnitude 0.5", trial.baseline_key)
    surrogate = prune(Pruning("magnitude", 0.5), trained.network)
    assert record.network_key == trained.network.key
    assert record.accuracy_surrogate == accuracy(surrogate, digits.test_images, digits.test_labels)
    assert record.sparsity == pytest.approx(0.5, abs=0.01)
    assert record.accuracy_dense == trained.accuracy
    assert record.train_seconds == trained.train_seconds
    assert record.total_seconds is not None
    assert record.ended_at - record.started_at == pytest.approx(record.total_seconds, abs=0.1)
    assert len(record.instances) == 2
    for instance in record.instances:
        clean, found = np.array(instance.clean), np.array(instance.perturbed)
        np.testing.assert_array_equal(clean, digits.train_images[instance.image].astype(np.float64))
        logits = trained.network(found[None])[0]
        assert instance.dense_value == pytest.approx(logits[instance.target] - logits[instance.label], abs=1e-9)
        assert np.abs(found - clean).sum() <= 1.0 + 1e-9
        assert instance.status in ("adversarial", "unresolved")  # a proof about the surrogate is none about the dense network
        assert (instance.first_found_seconds is not None) == (instance.status == "adversarial")
        assert instance.nodes is not None
        assert instance.binaries is not None
        assert max(event["dense_value"] for event in instance.timeline) == instance.dense_value


def test_a_pruning_that_needs_the_region_makes_a_surrogate_for_each_instance(
    composer: Composer, digits: Dataset, trained: TrainedNetwork
) -> None:
    record = run_trial(composer.trial(*QUICK, "pruning=stable", "pruning.amount=0.9"), Inputs(digits), trained)
    assert record.status == "finished", record.error
    assert (record.prune_seconds, record.accuracy_surrogate) == (None, None)
    assert record.sparsity is not None
    assert all(instance.prune_seconds is not None and instance.prune_seconds > 0.0 for instance in record.instances)
    dense = run_trial(composer.trial(*QUICK, "pruning=none"), Inputs(digits), trained)
    for instance, exact in zip(record.instances, dense.instances, strict=True):
        assert instance.binaries is not None
        assert exact.binaries is not None
        assert instance.binaries < exact.binaries or exact.binaries == 0
        assert instance.dense_bound is not None  # the surrogate's bound plus its error
        assert exact.dense_value is not None
        assert instance.dense_bound >= exact.dense_value
    assert content.metrics(record)["time/prune_seconds"] > 0.0


def test_pruning_by_activations_gets_the_data(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    record = run_trial(composer.trial(*QUICK, "pruning=activation", "instances.count=1"), Inputs(digits), trained)
    assert record.status == "finished", record.error
    assert record.prune_seconds is not None


def test_the_largest_value_of_a_network_that_learnt_a_function(composer: Composer) -> None:
    overrides = ["dataset=function", "dataset.function=styblinski_tang", "dataset.inputs=2", "network.depth=2"]
    trial = composer.trial(*overrides, "network.width=12", "training.epochs=6", "attack.objective=output", "pruning=none")
    data = load_data(read(trial.config))
    record = run_trial(trial, Inputs(data))
    assert record.status == "finished", record.error
    (found,) = record.instances
    assert (record.accuracy_dense, found.status, found.norm) == (None, "optimal", "none")
    assert content.metrics(record)["attack/optimal_rate"] == 1.0
    assert "attack/success_rate" not in content.metrics(record)
    assert found.perturbed is not None
    # The function is -8.3 on average and -78 at its deepest; so small a network knows where it is deep, no more.
    assert evaluate("styblinski_tang", [found.perturbed])[0] < -30.0
    assert found.dense_value is not None
    assert data is not None
    trained = train_network(read(trial.config), data).network
    assert trained.key == record.network_key
    assert trained(data.train_images).max() <= found.dense_value + 1e-6
    same = composer.trial(*overrides, "network.width=12", "training.epochs=6", "attack.objective=output", "attack.radius=1.0")
    assert same.baseline_key == trial.key
    assert composer.trial(*overrides, "attack.objective=output", "dataset.inputs=3").training_key != trial.training_key


def test_a_dense_trial_has_nothing_pruned(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    record = run_trial(composer.trial(*QUICK, "pruning=none"), Inputs(digits), trained)
    assert record.status == "finished", record.error
    assert record.sparsity == 0.0
    assert record.accuracy_surrogate == record.accuracy_dense
    assert {instance.solver_status for instance in record.instances} == {"optimal"}


def test_a_gradient_trial_has_no_surrogate(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    record = run_trial(composer.trial(*QUICK, "attack=gradient", "attack.gradient_starts=3"), Inputs(digits), trained)
    assert record.status == "finished", record.error
    assert (record.accuracy_surrogate, record.sparsity, record.prune_seconds) == (None, None, None)
    for instance in record.instances:
        assert instance.gradient_evaluations is not None
        assert (instance.binaries, instance.surrogate_bound, instance.surrogate_value) == (None, None, None)


@pytest.fixture(scope="module")
def dense(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> TrialRecord:
    return run_trial(composer.trial(*QUICK, "pruning=none"), Inputs(digits), trained)


@pytest.mark.parametrize("attack", ["branch_and_bound", "restriction", "portfolio"])
def test_the_attacks_that_branch_reach_the_dense_optimum(
    composer: Composer, digits: Dataset, trained: TrainedNetwork, dense: TrialRecord, attack: str
) -> None:
    trial = composer.trial(*QUICK, f"attack={attack}", "pruning.amount=0.5")
    record = run_trial(trial, Inputs(digits), trained)
    assert record.status == "finished", record.error
    assert (trial.name, trial.baseline_key) == (
        f"1x6 {attack}" + (" magnitude 0.5" if attack == "portfolio" else ""),
        dense.key,
    )
    assert (record.sparsity is None) == (attack != "portfolio")
    for found, exact in zip(record.instances, dense.instances, strict=True):
        assert found.instance_key == exact.instance_key
        assert found.dense_value == pytest.approx(exact.dense_value, abs=1e-3)
        assert found.gradient_evaluations is not None
        if attack == "restriction":
            assert (found.surrogate_bound, found.gap) == (None, None)
        else:
            assert found.status == exact.status
            assert found.surrogate_bound is not None
            assert found.gap == pytest.approx(0.0, abs=1.1e-4)


def test_the_portfolio_without_a_pruning_has_no_surrogate_of_its_own(
    composer: Composer, digits: Dataset, trained: TrainedNetwork
) -> None:
    overrides = ["attack=portfolio", "pruning=none", "attack.on_incumbent=stop", "attack.radius=3.0"]
    trial = composer.trial(*QUICK, *overrides)
    record = run_trial(trial, Inputs(digits), trained)
    assert record.status == "finished", record.error
    assert (trial.name, record.sparsity) == ("1x6 portfolio", 0.0)
    for found in record.instances:
        assert (found.status, found.solver_status) == ("adversarial", "stopped")  # the gradient decides, nothing is proven then
        assert found.surrogate_bound is None


@pytest.mark.parametrize("policy", ["exclude_region", "dense_subproblem"])
def test_regions_that_were_excluded_are_counted(
    composer: Composer, digits: Dataset, trained: TrainedNetwork, dense: TrialRecord, policy: str
) -> None:
    record = run_trial(composer.trial(*QUICK, "pruning=none", f"attack.on_incumbent={policy}"), Inputs(digits), trained)
    assert record.status == "finished", record.error
    for found, exact in zip(record.instances, dense.instances, strict=True):
        assert found.dense_value == pytest.approx(exact.dense_value, abs=1e-4)
        assert found.regions is not None
        assert found.solves is not None
    assert any(found.regions for found in record.instances)


def test_what_each_excluded_region_gave_is_kept(
    composer: Composer, digits: Dataset, trained: TrainedNetwork, tmp_path: Path
) -> None:
    overrides = ["attack.on_incumbent=dense_subproblem", "pruning.amount=0.5", "solver.time_limit_seconds=3"]
    trial, stages = composer.trial(*QUICK, *overrides), stages_of(Store(str(tmp_path)))
    record = run_trial(trial, Inputs(digits), trained, stages)
    assert record.status == "finished", record.error
    for found in record.instances:
        assert len(found.region_visits) == found.regions
        for visit in found.region_visits:
            assert set(visit) == {"seconds", "surrogate_margin", "margin_before", "margin_after", "bound"}
            assert visit["seconds"] > 0.0
            assert visit["margin_after"] >= visit["margin_before"]  # the gain
            assert found.dense_value is not None
            assert visit["margin_after"] <= found.dense_value + 1e-9
            assert visit["bound"] is None or visit["bound"] >= visit["margin_after"] - 1e-4
    assert any(found.region_visits for found in record.instances)
    assert json.dumps(content.table(record), allow_nan=False)
    cells = dict(zip(content.table(record)["columns"], content.table(record)["data"][0], strict=True))
    assert cells["region_visits"] == record.instances[0].region_visits
    again = run_trial(trial, Inputs(digits), trained, stages)  # from the answers in the store
    assert [found.region_visits for found in again.instances] == [found.region_visits for found in record.instances]
    assert record_of(trial_entry(record)).instances == record.instances


@pytest.mark.parametrize(
    ("attack", "norm"), [("surrogate", "l1"), ("surrogate", "l2"), ("branch_and_bound", "l1"), ("branch_and_bound", "linf")]
)
def test_the_closest_perturbation(composer: Composer, digits: Dataset, trained: TrainedNetwork, attack: str, norm: str) -> None:
    overrides = ["attack.objective=closest", f"attack={attack}", f"attack.norm={norm}"]
    overrides += ["attack.radius=null", "attack.gradient_starts=8"]
    trial = composer.trial(*QUICK, *overrides, "pruning=none", "solver.time_limit_seconds=10")
    record = run_trial(trial, Inputs(digits), trained)
    assert record.status == "finished", record.error
    for found in record.instances:
        assert found.status == "adversarial"
        clean, perturbed = np.array(found.clean), np.array(found.perturbed)
        length = np.linalg.norm(perturbed - clean, {"l1": 1, "l2": 2, "linf": np.inf}[norm])
        assert found.value == pytest.approx(length, abs=1e-9)
        farthest = np.maximum(clean, 1.0 - clean)
        assert found.radius == pytest.approx(np.linalg.norm(farthest, {"l1": 1, "l2": 2, "linf": np.inf}[norm]), abs=1e-9)
        assert found.is_minimized
        assert found.surrogate_bound is None
        assert found.norm_bound is not None
        assert 0.0 < found.norm_bound <= length + 1e-9
        if norm != "l2":  # which bounds alone can prove
            assert found.norm_bound >= length * (1.0 - 1.1e-4)
        norms = [event["norm"] for event in found.timeline if "norm" in event]
        assert min(norms) == pytest.approx(length, abs=1e-9)
    series = [point for point in content.incumbents(record) if point.metric.startswith("incumbent/")]
    assert series[-1].value == pytest.approx(record.instances[-1].value)
    metrics = content.metrics(record)
    assert metrics["bound"] == metrics["attack/norm_bound"] > 0.0
    assert "bound/surrogate" not in metrics
    limited = run_trial(composer.trial(*QUICK, *overrides, "attack.radius=1e-4", "pruning=none"), Inputs(digits), trained)
    assert [(i.status, i.norm_bound, i.value) for i in limited.instances] == [("robust", 1e-4, None)] * 2


def test_finetuning_is_counted_as_pruning(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    settings = ["pruning.amount=0.8", "pruning.finetune.rounds=1", "pruning.finetune.epochs=20"]
    finetuned = run_trial(composer.trial(*QUICK, *settings, "instances.count=1"), Inputs(digits), trained)
    plain = run_trial(composer.trial(*QUICK, "pruning.amount=0.8", "instances.count=1"), Inputs(digits), trained)
    assert finetuned.status == "finished", finetuned.error
    assert finetuned.sparsity == plain.sparsity
    assert finetuned.accuracy_surrogate is not None
    assert plain.accuracy_surrogate is not None
    assert finetuned.accuracy_surrogate > plain.accuracy_surrogate


def test_the_test_split(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    record = run_trial(
        composer.trial(*QUICK, "instances=test", "instances.count=1", "attack=gradient"), Inputs(digits), trained
    )
    (instance,) = record.instances
    np.testing.assert_array_equal(instance.clean, digits.test_images[instance.image].astype(np.float64))


def test_without_a_network_it_trains_one(composer: Composer, digits: Dataset) -> None:
    record = run_trial(composer.trial(*QUICK, "attack=gradient", "instances.count=1", "training.epochs=10"), Inputs(digits))
    assert record.status == "finished", record.error
    assert record.network_key is not None


def test_equal_trials_give_equal_results(composer: Composer, digits: Dataset) -> None:
    trial = composer.trial(*QUICK, "pruning=random", "instances.count=1", "training.epochs=10")
    first, second = run_trial(trial, Inputs(digits)), run_trial(trial, Inputs(digits))
    assert first.network_key == second.network_key
    assert [i.dense_value for i in first.instances] == [i.dense_value for i in second.instances]
    assert [i.perturbed for i in first.instances] == [i.perturbed for i in second.instances]


def test_diverged_training_fails_the_trial_with_a_sentence(composer: Composer, digits: Dataset) -> None:
    record = run_trial(composer.trial(*QUICK, "training.learning_rate=1e30"), Inputs(digits))
    assert record.status == "failed"
    assert record.error is not None
    assert "training diverged in epoch 1" in record.error
    assert "\n" not in record.error
    assert record.error_detail is not None
    assert "Traceback" in record.error_detail


def test_what_was_found_before_an_error_is_kept(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    """The network classifies none of these images as labelled: the trial fails, with its accuracies in the record."""
    never = trained.network(digits.train_images).argmin(axis=1)
    useless = dataclasses.replace(digits, train_labels=never)
    record = run_trial(composer.trial(*QUICK), Inputs(useless), trained)
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.startswith("only 0 of the 2 images")
    assert record.accuracy_dense == trained.accuracy


def test_a_record_survives_json(composer: Composer, digits: Dataset, trained: TrainedNetwork) -> None:
    record = run_trial(composer.trial(*QUICK, "instances.count=1"), Inputs(digits), trained)
    assert TrialRecord.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False))) == record


def test_a_sentence_about_any_error() -> None:
    assert sentence(ValueError("two\n lines")) == "ValueError: two lines"
    assert sentence(MemoryError()) == "MemoryError"


def test_warming_up_works() -> None:
    warm_up()
