"""Where the runs are in MLflow: ``tracking.uri`` beats ``MLFLOW_TRACKING_URI``, which beats the file of this folder."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from composing import QUICK, Composer
from rich.console import Console

from sweep import driver
from sweep.addresses import VARIABLE, existing_uri, named_uri
from sweep.arguments import parse
from sweep.errors import SweepError
from sweep.running import Runner

SECRET = "hunter2secret"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_which_store_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (named_uri(None), existing_uri(None)) == (None, None)
    for empty in ("", "  "):
        monkeypatch.setenv(VARIABLE, empty)
        assert (named_uri(None), existing_uri(None)) == (None, None)
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    assert (named_uri(None), existing_uri(None)) == (None, f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    monkeypatch.setenv(VARIABLE, "http://theirs:5000")
    assert (named_uri(None), existing_uri(None)) == ("http://theirs:5000",) * 2
    assert (named_uri("http://mine"), existing_uri("http://mine")) == ("http://mine",) * 2


def test_a_sweep_goes_where_the_environment_says(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setattr(Runner, "run", lambda *_, **__: None)
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())
    uri, terminal = f"sqlite:///{empty_store / 'mlflow.db'}", io.StringIO()
    monkeypatch.setenv(VARIABLE, uri)
    plan = composer.plan(*QUICK, f"sweep.store={tmp_path / 'store'}", "sweep.name=of the environment")
    driver.run(plan, [], parallel=False, console=Console(file=terminal, width=500))
    client = MlflowClient(tracking_uri=uri)
    (parent,) = client.search_runs([client.get_experiment_by_name("of the environment").experiment_id])
    assert f"--backend-store-uri '{uri}'" in terminal.getvalue()
    assert parent.info.run_id in terminal.getvalue()
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
    assert parse(["a"], "trial").tracking_uri == uri
    assert parse(["a", "tracking.uri=http://mine"], "trial").tracking_uri == "http://mine"


@pytest.mark.parametrize("setting", [None, "foo://ada:other@host"])
def test_a_refusal_says_who_named_the_store_and_keeps_its_password(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str | None
) -> None:
    monkeypatch.setenv(VARIABLE, f"foo://ada:{SECRET}@host")
    more = [] if setting is None else [f"tracking.uri='{setting}'"]
    plan = composer.plan(*QUICK, f"sweep.store={tmp_path / 'store'}", *more)
    with pytest.raises(SweepError) as refused:
        driver.run(plan, [], parallel=False, console=Console(file=io.StringIO()))
    who = VARIABLE if setting is None else "tracking.uri"
    assert str(refused.value).startswith(f"{who}=foo://ada:***@host is not an MLflow store that can be used")
