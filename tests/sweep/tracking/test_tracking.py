"""A sweep written into MLflow and read back with MLflow's own client."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
import yaml
from mlflow import MlflowClient
from tracked import CONFIG, EXPERIMENT, artifacts_of, children_of, parent_of, started, text_of

from surrogate.networks import ReluNetwork
from sweep.errors import StoreError
from sweep.planning.sweep_config import SWEPT
from sweep.records import TrialRecord
from sweep.records.trial_log import log_text
from sweep.report.results import Searched, SweepState
from sweep.store import Store
from sweep.tracking import Tracker, content, environment
from sweep.tracking.outbox import Outbox
from sweep.tracking.runs import Runs


@pytest.fixture
def tracker(empty_store: Path) -> Tracker:
    return started(Tracker(None, EXPERIMENT, empty_store))


def test_the_parent_says_what_was_run_and_on_what(tracker: Tracker) -> None:
    parent = parent_of(tracker)
    assert parent.info.run_name == "a sweep"
    assert parent.info.status == "RUNNING"
    assert parent.data.tags["sweep"] == "a sweep"
    assert parent.data.tags["version.torch"]
    assert parent.data.tags["mlflow.note.content"] == "Running: 2 trials planned; the findings are written here at the end."
    assert parent.data.params == {"dataset.name": "digits"}, "what all trials have in common, and what is set"
    assert parent.data.tags["overrides"] == "dataset=digits +pruning.amount=0.5,0.8"
    assert artifacts_of(tracker, parent) == {"config.yaml", "overrides.txt", "packages.txt"}
    assert yaml.safe_load(text_of(tracker, parent, "config.yaml")) == CONFIG
    assert text_of(tracker, parent, "overrides.txt").splitlines() == ["dataset=digits", "+pruning.amount=0.5,0.8"]
    assert "mlflow==" in text_of(tracker, parent, "packages.txt")
    for name, value in environment.git_tags().items():
        assert parent.data.tags[name] == value
    tracker.finish_sweep([], "FINISHED", [])


def test_a_finished_trial_has_its_metrics_params_and_tags(tracker: Tracker) -> None:
    instances = [
        synthetic.instance(1, dense_value=1.0, nodes=3, l1=4.0),
        synthetic.instance(2, dense_value=2.0, nodes=None, l1=None, status="robust", first_found_seconds=None),
        synthetic.instance(3, dense_value=float("nan"), nodes=6, status="unresolved", first_found_seconds=2.5),
    ]
    instances[0].dense_bound = instances[0].surrogate_bound = 1.5
    swept = {"pruning.amount": 0.8, "network": "2x16", "attack.radius": None, "attack.polish": False}
    record = synthetic.trial("abc", instances, name="2x16 dense", skipped=2, swept=swept)
    tracker.log_trial(record)
    assert tracker.finish_sweep([record], "FINISHED", []) is None
    (run,) = children_of(tracker)
    assert run.info.run_name == "2x16 dense"
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_000, 1_700_000_010_000)
    expected = {
        "value": 1.5,
        "value/surrogate": 2.0,
        "bound": 1.5,
        "success_rate": 1 / 3,
        "first_feasible_seconds": 1.5,
        "accuracy/dense": 0.95,
        "accuracy/surrogate": 0.9,
        "sparsity": 0.8,
        "attack/success_rate": 1 / 3,
        "attack/robust_rate": 1 / 3,
        "attack/margin": 1.5,
        "attack/surrogate_margin": 2.0,
        "attack/first_adversarial_seconds": 1.5,
        "norm/l1": 4.0,
        "time/bounds_seconds": 0.02,
        "time/build_seconds": 0.1,
        "time/solve_seconds": 2.0,
        "time/attack_seconds": 2.2,
        "time/cpu_seconds": 2.1,
        "time/core_share": 2.1 / 2.2,
        "milp/binaries": 60.0,
        "milp/nonzeros": 9000.0,
        "milp/nodes": 4.5,
        "milp/simplex_iterations": 900.0,
        "total/instances": 3.0,
        "total/skipped": 2.0,
        "total/starved": 0.0,
        "total/train_seconds": 4.0,
        "total/prune_seconds": 0.25,
        "total/seconds": 10.0,
        "total/cpu_seconds": 9.0,
    }
    assert {k: v for k, v in run.data.metrics.items() if not k.startswith("incumbent/")} == pytest.approx(expected)
    shown = {"network": "2x16", "attack.radius": "null", "attack.polish": "false", "pruning.amount": "0"}
    assert run.data.params == shown
    wanted = {"sweep": "a sweep", "trial_key": "abc", "network_key": "net", "status": "finished", "reused": "false"}
    assert {name: run.data.tags[name] for name in wanted} == wanted
    assert yaml.safe_load(text_of(tracker, run, "config.yaml")) == record.config


@pytest.mark.parametrize(
    ("attack", "method", "rounds", "shown"),
    [
        ("surrogate", "none", 0, {"pruning.method", "pruning.amount"}),
        ("surrogate", "magnitude", 0, {"pruning.method", "pruning.amount", "pruning.finetune.rounds"}),
        (
            "surrogate",
            "magnitude",
            1,
            {"pruning.method", "pruning.amount", "pruning.finetune.rounds", "pruning.finetune.epochs"},
        ),
        ("gradient", "magnitude", 1, {"pruning.amount"}),
    ],
)
def test_the_parameters_of_a_trial_are_what_was_swept_and_has_a_meaning_for_it(
    attack: str, method: str, rounds: int, shown: set[str]
) -> None:
    config = synthetic.config(attack=attack, method=method, amount=0.8, rounds=rounds)
    swept = {"attack.method": attack, "pruning.method": method, "pruning.amount": 0.8}
    swept |= {"pruning.finetune.rounds": rounds, "pruning.finetune.epochs": 5}
    found = content.params(synthetic.trial(config=config, swept=swept))
    assert set(found) == {"attack.method"} | shown
    assert found["attack.method"] == attack
    assert found["pruning.amount"] == ("0.8" if "pruning.finetune.rounds" in shown else "0"), "0 where nothing is pruned"


def test_a_swept_sparsity_is_0_where_nothing_is_pruned() -> None:
    keys = ["network", "pruning.amount", "networks.cost.pruning.amount"]
    record = synthetic.trial(config=synthetic.config(), swept={"network": "2x16"})
    assert content.with_nothing_pruned(record, keys).swept == {"network": "2x16", keys[1]: 0, keys[2]: 0}
    assert content.with_nothing_pruned(record, ["network"]) is record
    pruned = synthetic.trial(config=synthetic.config(), swept={"pruning.amount": 0.8})
    assert content.with_nothing_pruned(pruned, ["pruning.amount"]) is pruned


def test_the_constants_of_a_sweep_are_what_is_set_and_not_swept() -> None:
    config = {
        "swept": {"pruning.amount": [0.5, 0.8]},
        "dataset": {"name": "digits", "side": None},
        "pruning": {"method": "magnitude", "amount": SWEPT, "finetune": {"rounds": 0}},
        "sweep": {"name": "x"},
        "cluster": {"cpus": 2},
    }
    assert content.constants(config) == {
        "dataset.name": "digits",
        "pruning.method": "magnitude",
        "pruning.finetune.rounds": "0",
    }
    assert content.constants(config, {"dataset.name", "pruning.finetune.rounds"}) == {"pruning.method": "magnitude"}


def test_bounds_of_the_surrogate_and_of_the_dense_network_have_names_of_their_own() -> None:
    dense = synthetic.instance(1, surrogate_bound=3.0, dense_bound=3.0, gap=0.5)
    pruned = synthetic.instance(1, surrogate_bound=2.0, dense_bound=None)
    stable = synthetic.instance(1, surrogate_bound=2.0, dense_bound=2.5)
    closest = synthetic.instance(1, objective="closest", norm="l1", l1=4.0, norm_bound=3.5)
    shown = [content.metrics(synthetic.trial(instances=[one])) for one in (dense, pruned, stable, closest)]
    assert [(one.get("bound"), one.get("bound/surrogate")) for one in shown] == [
        (3.0, None),
        (None, 2.0),
        (2.5, 2.0),
        (3.5, None),
    ]
    assert shown[0]["gap"] == 0.5
    assert shown[3]["value"] == 4.0
    assert not any("attack/dual_bound" in one for one in shown)


def test_where_there_is_nothing_to_find_the_first_value_counts() -> None:
    maximised = synthetic.instance(1, objective="output", status="optimal", first_found_seconds=None, dense_value=7.0)
    found = content.metrics(synthetic.trial(instances=[maximised]))
    assert (found["value"], found["first_feasible_seconds"], found["attack/optimal_rate"]) == (7.0, 0.1, 1.0)
    assert "success_rate" not in found


def test_incumbents_are_a_series_of_the_best_so_far_in_time(tracker: Tracker) -> None:
    tracker.log_trial(synthetic.trial("abc", [synthetic.instance(7), synthetic.instance(8, timeline=[])]))
    assert tracker.finish_sweep([], "FINISHED", []) is None
    (run,) = children_of(tracker)
    client = MlflowClient(tracking_uri=tracker.uri)
    history = client.get_metric_history(run.info.run_id, "incumbent/image_7")
    points = [(point.step, point.value, point.timestamp - 1_700_000_000_000) for point in history]
    assert sorted(points) == [(0, -2.0, 100), (1, 1.0, 500)]
    assert "incumbent/image_8" not in run.data.metrics


@pytest.mark.parametrize(("status", "waiting"), [("finished", 0), ("interrupted", 2)])
def test_pictures_wait_in_the_store_where_it_has_them(
    empty_store: Path, store: Store, monkeypatch: pytest.MonkeyPatch, status: Any, waiting: int
) -> None:
    messages, put = list[Any](), Outbox.put
    monkeypatch.setattr(Outbox, "put", lambda self, label, message: messages.append(message) or put(self, label, message))
    tracker = started(Tracker(None, EXPERIMENT, empty_store, stored=store.trial))
    record = synthetic.trial(16 * "a", [synthetic.instance(image) for image in range(2)], status=status)
    if status == "finished":
        store.save_trial(record)
    tracker.log_trial(record)
    assert tracker.finish_sweep([], "FINISHED", []) is None
    (kept,) = [message.record for message in messages if hasattr(message, "record")]
    assert sum(bool(instance.clean) for instance in kept.instances) == waiting
    (run,) = children_of(tracker)
    assert artifacts_of(tracker, run, "pictures") == {"pictures/image_0.png", "pictures/image_1.png"}


def test_a_store_that_cannot_give_pictures_costs_no_run(empty_store: Path) -> None:
    said = list[str]()

    def stored(key: str) -> TrialRecord | None:
        if key.startswith("b"):
            return None  # somebody has removed it
        raise StoreError("a.json cannot be read: Permission denied")

    tracker = started(Tracker(None, EXPERIMENT, empty_store, patience_seconds=30.0, notice=said.append, stored=stored))
    for letter in "ab":
        tracker.log_trial(synthetic.trial(16 * letter, [synthetic.instance(1)], name=letter))
    assert tracker.finish_sweep([], "FINISHED", []) is None
    runs = children_of(tracker)
    assert [(run.info.run_name, run.info.status) for run in runs] == [("a", "FINISHED"), ("b", "FINISHED")]
    assert all(artifacts_of(tracker, run) == {"config.yaml", "log.txt", "instances.json"} for run in runs)
    assert [one for one in said if "does not answer" in one] == []
    (told,) = [one for one in said if "no pictures" in one]
    assert told.startswith(f"MLflow gets no pictures of the trial {16 * 'a'} (a.json cannot be read: Permission denied); ")


def test_the_instances_are_a_table_and_pictures(tracker: Tracker) -> None:
    instances = [synthetic.instance(image) for image in range(9)]
    instances[3].dense_value = None
    tracker.log_trial(synthetic.trial("abc", instances))
    assert tracker.finish_sweep([], "FINISHED", []) is None
    (run,) = children_of(tracker)
    assert artifacts_of(tracker, run) == {"config.yaml", "instances.json", "log.txt", "pictures"}
    assert artifacts_of(tracker, run, "pictures") == {f"pictures/image_{image}.png" for image in range(8)}
    # Not by MlflowClient.load_table, which looks in the global tracking store whatever the client's own is.
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "instances.json", "type": "table"}]
    table = json.loads(text_of(tracker, run, "instances.json"))
    rows = [dict(zip(table["columns"], values, strict=True)) for values in table["data"]]
    assert [row["image"] for row in rows] == list(range(9))
    assert [row["dense_value"] for row in rows] == [1.0, 1.0, 1.0, None, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert rows[0]["status"] == "adversarial"
    assert not {"clean", "perturbed", "timeline"} & set(rows[0])
    assert "NaN" not in text_of(tracker, run, "instances.json")


@pytest.mark.parametrize(("status", "word"), [("failed", "FAILED"), ("interrupted", "KILLED")])
def test_a_trial_that_did_not_finish_says_why(tracker: Tracker, status: Any, word: str) -> None:
    record = synthetic.trial(
        "abc", [], status=status, error="the loss is NaN", error_detail="Traceback: line 3", accuracy_dense=None
    )
    tracker.log_trial(record)
    assert tracker.finish_sweep([record], "FAILED", []) is None
    (run,) = children_of(tracker)
    assert run.info.status == word
    assert run.data.tags["status"] == status
    assert run.data.tags["error"] == run.data.tags["mlflow.note.content"] == "the loss is NaN"
    assert text_of(tracker, run, "error.txt") == "the loss is NaN\n\nTraceback: line 3"
    assert text_of(tracker, run, "log.txt") == log_text(record)
    assert artifacts_of(tracker, run) == {"config.yaml", "error.txt", "log.txt"}
    assert "accuracy/dense" not in run.data.metrics
    assert "attack/success_rate" not in run.data.metrics


def test_a_trial_is_written_once(tracker: Tracker) -> None:
    record = synthetic.trial("never seen here")
    for _ in range(2):
        tracker.log_trial(record, reused=True)
    tracker.log_trial(synthetic.trial("never seen here", [], status="interrupted"))
    assert tracker.finish_sweep([record], "FINISHED", []) is None
    (run,) = children_of(tracker)
    assert run.info.status == "FINISHED"
    assert run.data.tags["reused"] == "true"
    assert parent_of(tracker).data.metrics["sweep/reused"] == 1.0


def test_a_trial_that_finishes_after_all_replaces_its_failure(tracker: Tracker) -> None:
    tracker.log_trial(synthetic.trial("abc", [], status="interrupted"))
    tracker.log_trial(synthetic.trial("abc"))
    assert tracker.finish_sweep([], "FINISHED", []) is None
    (run,) = children_of(tracker)
    assert run.info.status == "FINISHED"


def test_networks_are_stored_once_and_readable(tracker: Tracker) -> None:
    network = ReluNetwork([np.eye(3), np.ones((2, 3))], [np.zeros(3), np.arange(2.0)])
    for _ in range(2):
        tracker.log_network("0123", network)
    assert tracker.finish_sweep([], "FINISHED", []) is None
    parent, client = parent_of(tracker), MlflowClient(tracking_uri=tracker.uri)
    (output,) = parent.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert (model.name, model.status, model.source_run_id) == ("dense-0123", "READY", parent.info.run_id)
    weights = Path(model.artifact_location.removeprefix("file://").replace("%20", " ")) / "network.safetensors"
    assert ReluNetwork.load(weights).key == network.key


def test_the_trials_name_the_network_that_they_attack(tracker: Tracker) -> None:
    network = ReluNetwork([np.eye(3), np.ones((2, 3))], [np.zeros(3), np.arange(2.0)])
    tracker.log_network("0123", network)
    tracker.log_trial(synthetic.trial("abc", network_key="0123"))
    tracker.log_trial(synthetic.trial("def", network_key="4567"))
    assert tracker.finish_sweep([], "FINISHED", []) is None
    (output,) = parent_of(tracker).outputs.model_outputs
    client = MlflowClient(tracking_uri=tracker.uri)
    runs = [client.get_run(run.info.run_id) for run in children_of(tracker)]  # a search leaves out the models
    inputs = {run.data.tags["trial_key"]: run.inputs.model_inputs for run in runs}
    assert [one.model_id for one in inputs["abc"]] == [output.model_id]
    assert inputs["def"] == []


@pytest.mark.filterwarnings("ignore::UserWarning:mlflow")  # of MLflow about its own type hints, when it is imported
def test_a_network_is_a_model_that_mlflow_loads(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    import mlflow.pyfunc

    network = ReluNetwork([np.eye(3), np.ones((2, 3))], [np.zeros(3), np.arange(2.0)])
    tracker.log_network("0123", network)
    assert tracker.finish_sweep([], "FINISHED", []) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.uri)
    model = mlflow.pyfunc.load_model(f"runs:/{parent_of(tracker).info.run_id}/dense-0123")
    images = np.random.default_rng(0).random((4, 3))
    np.testing.assert_array_equal(model.predict(images), network(images))
    signature = model.metadata.signature
    assert (signature.inputs.inputs[0].shape, signature.outputs.inputs[0].shape) == ((-1, 3), (-1, 2))


@pytest.mark.parametrize(
    ("section", "name", "kind"),
    [
        ({"name": "mnist", "side": 18}, "mnist 18x18", "http"),
        ({"name": "digits", "side": 8}, "digits 8x8", "code"),
        ({"name": "function", "function": "ackley", "inputs": 3}, "ackley of 3 inputs", "code"),
    ],
)
def test_the_data_set_is_named_with_its_checksum(tracker: Tracker, section: dict[str, Any], name: str, kind: str) -> None:
    whole = {"side": None, "folder": None, "function": None, "inputs": None, **section}
    record = synthetic.trial("abc")
    record.config = {**record.config, "dataset": whole}
    tracker.log_trial(record)
    tracker.log_trial(dataclasses.replace(record, key="another"))
    assert tracker.finish_sweep([], "FINISHED", []) is None
    for run in (*children_of(tracker), parent_of(tracker)):
        (logged,) = run.inputs.dataset_inputs
        assert (logged.dataset.name, logged.dataset.source_type) == (name, kind)
        assert re.fullmatch("[0-9a-f]{16}", logged.dataset.digest)


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_the_end_of_a_sweep_has_findings_counts_and_files(tracker: Tracker, tmp_path: Path, status: str) -> None:
    records = synthetic.sweep(images=(1, 2))
    records.append(synthetic.trial("bad", [], status="failed", error="the loss is NaN", name="4x64 worst"))
    (tmp_path / "ranking.csv").write_text("a,b\n1,2\n")
    (tmp_path / "ranking.md").write_text("| magnitude 0.8 finetuned |\n")
    assert tracker.finish_sweep(records, status, sorted(tmp_path.iterdir())) is None
    parent = parent_of(tracker)
    assert parent.info.status == status
    assert parent.data.tags["status"] == {"FINISHED": "finished", "FAILED": "failed", "KILLED": "interrupted"}[status]
    assert parent.data.metrics["sweep/trials"] == len(records)
    assert parent.data.metrics["sweep/failed"] == 1.0
    assert parent.data.metrics["sweep/attacks"] == 2.0 * (len(records) - 1)
    assert artifacts_of(tracker, parent, "report") == {"report/ranking.csv", "report/ranking.md"}
    note = parent.data.tags["mlflow.note.content"]
    assert "| magnitude 0.8 finetuned |" in note
    assert "4x64 worst: failed, the loss is NaN" in note


def test_the_note_says_what_the_page_says_and_who_won_first(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())
    # The page pools the seeds of training: three trials of one setting are one row, and so they are in the note.
    records = [
        synthetic.trial(f"{method}-{seed}", [synthetic.instance(image, f"net{seed}", dense_value=margin) for image in (1, 2)])
        for method, margin in (("none", 1.0), ("magnitude", 2.0))
        for seed in range(3)
    ]
    for record in records:
        method, _, seed = record.key.partition("-")
        record.config = synthetic.config(method=method, amount=0.8)
        record.config["training"] = {**record.config["training"], "seed": int(seed)}
    files = synthetic.write_report(records, tmp_path)
    assert tracker.finish_sweep(records, "FINISHED", files) is None
    note = parent_of(tracker).data.tags["mlflow.note.content"]
    (first, *_), page = note.splitlines(), (tmp_path / "report.html").read_text()
    assert first.startswith("**")
    assert first.strip("*") in page
    assert "2x16" in first
    assert note.index("On which network sizes") < note.index("6 of 6 trials finished") < note.index("Best setting first:")
    assert (note.count("| magnitude 0.8 |"), note.count("training.seed")) == (1, 0)


def test_the_note_of_a_search_begins_with_its_answer(tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())
    record = synthetic.trial("k", config=synthetic.config(method="magnitude", amount=0.8), swept={"pruning.amount": 0.8})
    state = SweepState("s", 1, 1, searched=Searched(("margin",), ("pruning.amount=interval(0.3,0.9)",)))
    assert tracker.finish_sweep([record], "FINISHED", synthetic.write_report([record], tmp_path, state=state)) is None
    note = parent_of(tracker).data.tags["mlflow.note.content"]
    assert note.startswith("Best of 1 finished trial by margin (larger is better): k with margin 1.")
    command = "python -m sweep hydra.mode=RUN pruning.amount=0.8 sweep.resume=false"
    assert f"```\n{command}\n```" in note
    assert note.count("Best of 1 finished trial") == 1
    assert "report/search.md" in artifacts_of(tracker, parent_of(tracker), "report")


def test_a_long_note_is_cut_at_a_line(tracker: Tracker) -> None:
    records = [synthetic.trial(f"k{i}", [], status="failed", error="word " * 20) for i in range(200)]
    tracker.finish_sweep(records, "FAILED", [])
    note = parent_of(tracker).data.tags["mlflow.note.content"]
    assert 7000 < len(note) < 8000
    assert note.endswith("word ")


def test_many_incumbents_and_long_values_are_taken(tracker: Tracker) -> None:
    events = [
        {"seconds": i / 1000, "dense_value": float(i), "surrogate_value": None, "source": "gradient"} for i in range(2500)
    ]
    record = synthetic.trial("abc", [synthetic.instance(1, timeline=events)], swept={"search.where": ["x" * 9000]})
    tracker.log_trial(record)
    assert tracker.finish_sweep([record], "FINISHED", []) is None
    (run,) = children_of(tracker)
    assert run.data.metrics["incumbent/image_1"] == 2499.0
    assert len(run.data.params["search.where"]) == content.MAX_PARAM_CHARACTERS


def test_nothing_comes_before_the_start(empty_store: Path) -> None:
    tracker = Tracker(None, EXPERIMENT, empty_store)
    with pytest.raises(RuntimeError, match="start_sweep must come first"):
        tracker.log_trial(synthetic.trial())


def test_every_field_that_is_a_metric_exists() -> None:
    present = {"l0": 1, "l2": 1.0, "linf": 1.0, "l1": 1.0, "surrogate_bound": 3.0, "norm_bound": 0.5, "gap": 0.0, "regions": 3}
    present |= {"dense_bound": 3.5, "prune_seconds": 0.1, "true_value": 1.5}
    record: TrialRecord = synthetic.trial(instances=[synthetic.instance(**present)])
    assert set(content.MEDIANS) <= set(content.metrics(record))


def test_a_trial_says_where_it_ran(tracker: Tracker) -> None:
    records = [synthetic.trial("here", host="node-7"), synthetic.trial("nowhere", host=None)]
    for record in records:
        tracker.log_trial(record)
    assert tracker.finish_sweep(records, "FINISHED", []) is None
    hosts = {run.data.tags["trial_key"]: run.data.tags.get("host") for run in children_of(tracker)}
    assert hosts == {"here": "node-7", "nowhere": None}


def test_the_parent_of_a_sweep_that_failed_says_why(tracker: Tracker) -> None:
    assert tracker.finish_sweep([], "FAILED", [], error="The sweep failed: the disk is full") is None
    tags = parent_of(tracker).data.tags
    assert tags["error"] == "The sweep failed: the disk is full"
    assert tags["mlflow.note.content"].startswith("The sweep failed: the disk is full\n")


def test_a_slow_server_is_left_when_the_user_is_in_a_hurry(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [synthetic.trial(f"key{number}", name=f"trial {number}") for number in range(30)]
    plain = Runs.trial

    def slow(*args: Any) -> None:
        time.sleep(0.5)
        plain(*args)

    monkeypatch.setattr(Runs, "trial", slow)
    for record in records:
        tracker.log_trial(record)
    begin = time.monotonic()
    unwritten = tracker.finish_sweep(records, "FINISHED", [], hurried=lambda: time.monotonic() > begin + 1.0)
    assert time.monotonic() - begin < 14.0
    assert unwritten is not None
    assert "of 30 trials" in unwritten
    assert "the same command records them again" in unwritten
    assert parent_of(tracker).info.status == "FINISHED"
