"""A sweep written into MLflow and read back with MLflow's own client; and stores that cannot be used."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from surrogate.networks import ReluNetwork
from sweep import environment
from sweep.errors import SweepError
from sweep.records import TrialRecord
from sweep.tracking import Tracker, connection, content

EXPERIMENT = "study"


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for the module: creating its tables takes longer than all that is written into it."""
    folder = tmp_path_factory.mktemp("runs with a space")
    Tracker(None, EXPERIMENT, folder)
    return folder


@pytest.fixture
def tracker(empty_store: Path) -> Tracker:
    tracker = Tracker(None, EXPERIMENT, empty_store)
    tracker.start_sweep(
        "a sweep", {"dataset": {"name": "digits"}, "seeds": [0, 1]}, ["dataset=digits", "+pruning.amount=0.5,0.8"]
    )
    return tracker


def parent_of(tracker: Tracker) -> Run:
    return MlflowClient(tracking_uri=tracker.uri).get_run(tracker.page.rpartition("/")[2].partition("?")[0])


def children_of(tracker: Tracker) -> list[Run]:
    client = MlflowClient(tracking_uri=tracker.uri)
    parent = parent_of(tracker)
    found = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return sorted(found, key=lambda run: str(run.info.run_name))


def artifacts_of(tracker: Tracker, run: Run, folder: str | None = None) -> set[str]:
    return {file.path for file in MlflowClient(tracking_uri=tracker.uri).list_artifacts(run.info.run_id, folder)}


def text_of(tracker: Tracker, run: Run, name: str) -> str:
    return Path(MlflowClient(tracking_uri=tracker.uri).download_artifacts(run.info.run_id, name)).read_text(encoding="utf-8")


def test_the_embedded_store_is_a_database_beside_its_artifacts(empty_store: Path) -> None:
    tracker = Tracker(None, EXPERIMENT, empty_store)
    assert tracker.uri == f"sqlite:///{empty_store}/mlflow.db"
    experiment = MlflowClient(tracking_uri=tracker.uri).get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert experiment.artifact_location == (empty_store / "artifacts").as_uri()
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_ui_line_is_for_any_folder_and_the_loopback_interface(empty_store: Path) -> None:
    words = shlex.split(Tracker(None, EXPERIMENT, empty_store).ui_command)
    assert words[:4] == [sys.executable, "-m", "mlflow", "ui"]
    assert words[words.index("--backend-store-uri") + 1] == f"sqlite:///{empty_store}/mlflow.db"
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert connection.ui_command("http://tracker:5000") == "http://tracker:5000"
    assert "secret" not in connection.ui_command("postgresql://me:secret@db/mlflow")


def test_the_parent_says_what_was_run_and_on_what(tracker: Tracker) -> None:
    parent = parent_of(tracker)
    assert parent.info.run_name == "a sweep"
    assert parent.info.status == "RUNNING"
    assert parent.data.tags["sweep"] == "a sweep"
    assert parent.data.tags["version.torch"]
    assert parent.data.params == {"dataset": "digits", "pruning.amount": "0.5,0.8"}
    assert artifacts_of(tracker, parent) == {"config.yaml", "overrides.txt", "packages.txt"}
    assert yaml.safe_load(text_of(tracker, parent, "config.yaml")) == {"dataset": {"name": "digits"}, "seeds": [0, 1]}
    assert text_of(tracker, parent, "overrides.txt").splitlines() == ["dataset=digits", "+pruning.amount=0.5,0.8"]
    assert "mlflow==" in text_of(tracker, parent, "packages.txt")
    for name, value in environment.git_tags().items():
        assert parent.data.tags[name] == value
    tracker.finish_sweep([], "FINISHED", [])


def test_a_finished_trial_has_its_metrics_params_and_tags(tracker: Tracker) -> None:
    instances = [
        synthetic.instance(1, margin=1.0, nodes=3, l1=4.0),
        synthetic.instance(2, margin=2.0, nodes=None, l1=None, status="robust", first_adversarial_seconds=None),
        synthetic.instance(3, margin=float("nan"), nodes=6, status="unresolved", first_adversarial_seconds=2.5),
    ]
    record = synthetic.trial(
        "abc", instances, name="2x16 magnitude 0.8", skipped=2, swept={"pruning.amount": 0.8, "network": "2x16"}
    )
    tracker.log_trial(record)
    (run,) = children_of(tracker)
    assert run.info.run_name == "2x16 magnitude 0.8"
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_000, 1_700_000_010_000)
    expected = {
        "accuracy/dense": 0.95,
        "accuracy/surrogate": 0.9,
        "sparsity": 0.8,
        "attack/success_rate": 1 / 3,
        "attack/robust_rate": 1 / 3,
        "attack/instances": 3.0,
        "attack/skipped": 2.0,
        "attack/margin": 1.5,
        "attack/surrogate_margin": 2.0,
        "attack/first_adversarial_seconds": 1.5,
        "norm/l1": 4.0,
        "time/train_seconds": 4.0,
        "time/prune_seconds": 0.25,
        "time/bounds_seconds": 0.02,
        "time/build_seconds": 0.1,
        "time/solve_seconds": 2.0,
        "time/total_seconds": 2.2,
        "time/cpu_seconds": 2.1,
        "milp/binaries": 60.0,
        "milp/nonzeros": 9000.0,
        "milp/nodes": 4.5,
        "milp/simplex_iterations": 900.0,
    }
    assert {k: v for k, v in run.data.metrics.items() if not k.startswith("incumbent/")} == pytest.approx(expected)
    assert run.data.params["pruning.amount"] == "0.8"
    assert run.data.params["network"] == "2x16"
    assert run.data.params["attack.radius"] == "null"
    assert run.data.params["attack.polish"] == "false"
    assert "tracking.uri" not in run.data.params
    wanted = {"sweep": "a sweep", "trial_key": "abc", "network_key": "net", "status": "finished", "reused": "false"}
    assert {name: run.data.tags[name] for name in wanted} == wanted
    assert yaml.safe_load(text_of(tracker, run, "config.yaml")) == record.config
    tracker.finish_sweep([record], "FINISHED", [])


def test_incumbents_are_a_series_of_the_best_so_far_in_time(tracker: Tracker) -> None:
    tracker.log_trial(synthetic.trial("abc", [synthetic.instance(7), synthetic.instance(8, timeline=[])]))
    (run,) = children_of(tracker)
    client = MlflowClient(tracking_uri=tracker.uri)
    history = client.get_metric_history(run.info.run_id, "incumbent/image_7/margin")
    points = [(point.step, point.value, point.timestamp - 1_700_000_000_000) for point in history]
    assert sorted(points) == [(0, -2.0, 100), (1, 1.0, 500)]
    assert "incumbent/image_8/margin" not in run.data.metrics
    tracker.finish_sweep([], "FINISHED", [])


def test_the_instances_are_a_table_and_pictures(tracker: Tracker) -> None:
    instances = [synthetic.instance(image) for image in range(9)]
    instances[3].margin = None
    tracker.log_trial(synthetic.trial("abc", instances))
    (run,) = children_of(tracker)
    assert artifacts_of(tracker, run) == {"config.yaml", "instances.json", "pictures"}
    assert artifacts_of(tracker, run, "pictures") == {f"pictures/image_{image}.png" for image in range(8)}
    # Not by MlflowClient.load_table, which looks in the global tracking store whatever the client's own is.
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "instances.json", "type": "table"}]
    table = json.loads(text_of(tracker, run, "instances.json"))
    rows = [dict(zip(table["columns"], values, strict=True)) for values in table["data"]]
    assert [row["image"] for row in rows] == list(range(9))
    assert [row["margin"] for row in rows] == [1.0, 1.0, 1.0, None, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert rows[0]["status"] == "adversarial"
    assert not {"clean", "perturbed", "timeline"} & set(rows[0])
    assert "NaN" not in text_of(tracker, run, "instances.json")
    tracker.finish_sweep([], "FINISHED", [])


@pytest.mark.parametrize(("status", "word"), [("failed", "FAILED"), ("interrupted", "KILLED")])
def test_a_trial_that_did_not_finish_says_why(tracker: Tracker, status: Any, word: str) -> None:
    record = synthetic.trial(
        "abc", [], status=status, error="the loss is NaN", error_detail="Traceback: line 3", accuracy_dense=None
    )
    tracker.log_trial(record)
    (run,) = children_of(tracker)
    assert run.info.status == word
    assert run.data.tags["status"] == status
    assert run.data.tags["error"] == run.data.tags["mlflow.note.content"] == "the loss is NaN"
    assert text_of(tracker, run, "error.txt") == "the loss is NaN\n\nTraceback: line 3"
    assert artifacts_of(tracker, run) == {"config.yaml", "error.txt"}
    assert "accuracy/dense" not in run.data.metrics
    assert "attack/success_rate" not in run.data.metrics
    tracker.finish_sweep([record], "FAILED", [])


def test_a_trial_is_written_once(tracker: Tracker) -> None:
    record = synthetic.trial("abc")
    for _ in range(2):
        tracker.log_trial(record, reused=True)
    tracker.log_trial(synthetic.trial("abc", [], status="interrupted"))
    (run,) = children_of(tracker)
    assert run.info.status == "FINISHED"
    assert run.data.tags["reused"] == "true"
    tracker.finish_sweep([record], "FINISHED", [])
    assert parent_of(tracker).data.metrics["sweep/reused"] == 1.0


def test_a_trial_that_finishes_after_all_replaces_its_failure(tracker: Tracker) -> None:
    tracker.log_trial(synthetic.trial("abc", [], status="interrupted"))
    tracker.log_trial(synthetic.trial("abc"))
    (run,) = children_of(tracker)
    assert run.info.status == "FINISHED"
    tracker.finish_sweep([], "FINISHED", [])


def test_a_trial_cut_off_while_it_was_written_is_not_left_running(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_table", cut)
        with pytest.raises(KeyboardInterrupt):
            tracker.log_trial(synthetic.trial("abc"))
        with pytest.raises(KeyboardInterrupt):
            tracker.log_trial(synthetic.trial("def"))
    tracker.log_trial(synthetic.trial("abc"))
    tracker.finish_sweep([], "KILLED", [])
    assert sorted((run.data.tags["trial_key"], run.info.status) for run in children_of(tracker)) == [
        ("abc", "FINISHED"),
        ("def", "KILLED"),
    ]


def test_networks_are_stored_once_and_readable(tracker: Tracker) -> None:
    network = ReluNetwork([np.eye(3), np.ones((2, 3))], [np.zeros(3), np.arange(2.0)])
    for _ in range(2):
        tracker.log_network("0123", network)
    parent = parent_of(tracker)
    assert artifacts_of(tracker, parent, "networks") == {"networks/0123.safetensors"}
    path = MlflowClient(tracking_uri=tracker.uri).download_artifacts(parent.info.run_id, "networks/0123.safetensors")
    assert ReluNetwork.load(path).key == network.key
    tracker.finish_sweep([], "FINISHED", [])


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_the_end_of_a_sweep_has_findings_counts_and_files(tracker: Tracker, tmp_path: Path, status: str) -> None:
    records = synthetic.sweep(images=(1, 2))
    records.append(synthetic.trial("bad", [], status="failed", error="the loss is NaN", name="4x64 worst"))
    file = tmp_path / "ranking.csv"
    file.write_text("a,b\n1,2\n")
    tracker.finish_sweep(records, status, [file])
    parent = parent_of(tracker)
    assert parent.info.status == status
    assert parent.data.tags["status"] == {"FINISHED": "finished", "FAILED": "failed", "KILLED": "interrupted"}[status]
    assert parent.data.metrics["sweep/trials"] == len(records)
    assert parent.data.metrics["sweep/failed"] == 1.0
    assert parent.data.metrics["sweep/attacks"] == 2.0 * (len(records) - 1)
    assert artifacts_of(tracker, parent, "report") == {"report/ranking.csv"}
    note = parent.data.tags["mlflow.note.content"]
    assert "| magnitude 0.8 finetuned |" in note
    assert "4x64 worst: failed, the loss is NaN" in note


def test_a_long_note_is_cut_at_a_line(tracker: Tracker) -> None:
    records = [synthetic.trial(f"k{i}", [], status="failed", error="word " * 20) for i in range(200)]
    tracker.finish_sweep(records, "FAILED", [])
    note = parent_of(tracker).data.tags["mlflow.note.content"]
    assert 7000 < len(note) < 8000
    assert note.endswith("word ")


def test_many_incumbents_and_long_values_are_taken(tracker: Tracker) -> None:
    events = [{"seconds": i / 1000, "margin": float(i), "surrogate_margin": None, "source": "gradient"} for i in range(2500)]
    record = synthetic.trial("abc", [synthetic.instance(1, timeline=events)], swept={"search.where": ["x" * 9000]})
    tracker.log_trial(record)
    (run,) = children_of(tracker)
    assert run.data.metrics["incumbent/image_1/margin"] == 2499.0
    assert len(run.data.params["search.where"]) == content.MAX_PARAM_CHARACTERS
    tracker.finish_sweep([record], "FINISHED", [])


def test_nothing_comes_before_the_start(empty_store: Path) -> None:
    tracker = Tracker(None, EXPERIMENT, empty_store)
    with pytest.raises(RuntimeError, match="start_sweep must come first"):
        tracker.log_trial(synthetic.trial())


def test_a_store_that_breaks_later_is_reported_in_one_sentence(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifacts", full)
        with pytest.raises(SweepError, match=r"did not take the trial abc \(\[Errno 28\] No space left on device\)") as refused:
            tracker.log_trial(synthetic.trial("abc"))
    assert "\n" not in str(refused.value)
    tracker.finish_sweep([], "FAILED", [])


class _Silent(BaseHTTPRequestHandler):
    """A web server that is no MLflow."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def other_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def deaf_server() -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def closed_port() -> Iterator[str]:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("server", "why"),
    [(closed_port, "Connection refused"), (other_server, "404"), (deaf_server, "did not answer within 1 s")],
)
def test_a_server_that_is_none_is_refused(
    server: Any, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    before = dict(os.environ)
    with server() as uri, pytest.raises(SweepError) as refused:
        Tracker(uri, EXPERIMENT, tmp_path)
    message = str(refused.value)
    assert why in message
    assert f"tracking.uri={uri}" in message
    assert "accepted are" in message
    assert "\n" not in message
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("uri", ["foo://host", "mlruns", "file:///tmp/mlruns", "sqlite://", "sqlite:///:memory:", ""])
def test_an_address_that_is_no_store_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="accepted are null"):
        Tracker(uri, EXPERIMENT, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database " * 100)
    with pytest.raises(SweepError, match=r"mlflow\.db cannot be used as MLflow's database \(file is not a database\)"):
        Tracker(None, EXPERIMENT, tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("a file in the way")
    with pytest.raises(SweepError, match="cannot be used as MLflow's database"):
        Tracker(None, EXPERIMENT, tmp_path / "mlruns")


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    with closed_port() as uri, pytest.raises(SweepError) as refused:
        Tracker(uri.replace("http://", "http://me:secret@"), EXPERIMENT, tmp_path)
    assert "secret" not in str(refused.value)
    assert "me:***@" in str(refused.value)


def test_a_deleted_experiment_is_refused(empty_store: Path) -> None:
    tracker = Tracker(None, "gone", empty_store)
    client = MlflowClient(tracking_uri=tracker.uri)
    experiment = client.get_experiment_by_name("gone")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    assert experiment.name in [e.name for e in client.search_experiments(view_type=ViewType.DELETED_ONLY)]
    with pytest.raises(SweepError, match=r"sweep\.name=gone was deleted"):
        Tracker(None, "gone", empty_store)


def test_a_fresh_store_is_silent_and_leaves_the_working_directory_alone(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from sweep.tracking import Tracker\n"
        "import mlflow.telemetry.client\n"
        "tracker = Tracker(None, 'study', Path(sys.argv[2]))\n"
        "tracker.start_sweep('quiet', {}, [])\n"
        "tracker.finish_sweep([], 'FINISHED', [])\n"
        "assert mlflow.telemetry.client.get_telemetry_client() is None\n"
    )
    (tmp_path / "cwd").mkdir()
    environment_ = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTEST_")) and k not in ("CI",)}
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program, root, str(tmp_path / "runs")],
        cwd=tmp_path / "cwd",
        env=environment_,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((tmp_path / "cwd").iterdir()) == []


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_git_state_is_that_of_the_checkout_that_holds_the_file(tmp_path: Path) -> None:
    assert environment.git_tags(tmp_path / "absent.py") == {}
    _git(tmp_path, "init", "-q", "-b", "trunk")
    file = tmp_path / "module.py"
    file.write_text("x = 1\n")
    assert environment.git_tags(file) == {}, "an untracked file is not of this repository"
    _git(tmp_path, "add", "module.py")
    _git(tmp_path, "commit", "-q", "-m", "first")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    clean = {"mlflow.source.git.commit": commit, "mlflow.source.git.branch": "trunk", "mlflow.source.git.dirty": "false"}
    assert environment.git_tags(file) == clean
    (tmp_path / "notes.txt").write_text("untracked")
    assert environment.git_tags(file) == clean
    file.write_text("x = 2\n")
    assert environment.git_tags(file) == clean | {"mlflow.source.git.dirty": "true"}
    _git(tmp_path, "checkout", "-q", "--detach")
    assert "mlflow.source.git.branch" not in environment.git_tags(file)


def test_without_git_there_are_no_tags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.git_tags() == {}


def test_every_field_that_is_a_metric_exists() -> None:
    present = {"l0": 1, "l2": 1.0, "linf": 1.0, "l1": 1.0, "dual_bound": 3.0, "norm_bound": 0.5, "gap": 0.0, "regions": 3}
    record: TrialRecord = synthetic.trial(instances=[synthetic.instance(**present)])
    assert set(content.INSTANCE_METRICS) <= set(content.metrics(record))
