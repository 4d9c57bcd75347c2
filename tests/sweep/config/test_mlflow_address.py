"""Where the runs are in MLflow: ``tracking.uri`` beats ``MLFLOW_TRACKING_URI``, which beats the file of this folder."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from composing import QUICK, Composer
from rich.console import Console

from sweep.commands.arguments import parse
from sweep.commands.run import execute
from sweep.config.mlflow_address import VARIABLE, check_address, database_file, existing_uri, named_uri, sqlite_address
from sweep.errors import ConfigError, SweepError
from sweep.execution import driver
from sweep.execution.runner import Runner
from sweep.terminal.exit_codes import REFUSED

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


@pytest.mark.parametrize("name", ["runs", "my runs", "50%", "50%20", "what?", "a#b", "runs@home", "a:b", "a&b=c", "größe"])
def test_the_address_of_a_file_leads_to_it_whatever_it_is_called(name: str) -> None:
    file = Path("/data") / name / "mlflow.db"
    address = sqlite_address(file)
    assert database_file(address) == database_file(f"{address}?timeout=3") == str(file)
    assert (address == f"sqlite:///{file}") is (name not in ("50%20", "what?"))


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


IMPOSSIBLE = {
    "ftp://x/y": "tracking.uri=ftp://x/y is not an MLflow store that can be used; accepted are null (SQLite",
    "mlruns": "tracking.uri=mlruns is not an MLflow store that can be used (MLflow's folders of files are no longer",
    "file:///tmp/x": "tracking.uri=file:///tmp/x is not an MLflow store that can be used (MLflow's folders",
    "sqlite://": "tracking.uri=sqlite:// names no file, so nothing would be kept; accepted are null",
    "sqlite:/m.db": "tracking.uri=sqlite:/m.db names no file",
    "sqlite://host/m.db": "tracking.uri=sqlite://host/m.db names no file",
    "sqlite://host:port/m.db": "tracking.uri=sqlite://host:port/m.db names no file",
    "sqlite:///:memory:": "tracking.uri=sqlite:///:memory: names no file",
    "sqlite:///~nobodyx/m.db": "tracking.uri=sqlite:///~nobodyx/m.db: ~ is no home folder in an address; write sqlite:///<abs",
    "sqlite:///~/m.db": "tracking.uri=sqlite:///~/m.db: ~ is no home folder in an address; write sqlite:///<absolute",
    "http://": "tracking.uri=http:// names no server; accepted are",
    "http://host:99999999": "tracking.uri=http://host:99999999 names no server",
}


@pytest.mark.few(6)
@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize("uri", IMPOSSIBLE)
def test_an_address_that_can_be_no_store_is_refused_before_the_start(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str], uri: str, dry: bool
) -> None:
    lines = [*QUICK, f"sweep.store={tmp_path / 'store'}", f"tracking.uri='{uri}'", f"sweep.dry_run={str(dry).lower()}"]
    with pytest.raises(SystemExit) as ended:
        execute(composer.plan(*lines), [], parallel=False)
    assert ended.value.code == REFUSED
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {IMPOSSIBLE[uri]}")
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "uri", [None, "sqlite:///m.db", "sqlite:////data/m.db", "HTTPS://host", "http://[::1]:5000", "postgresql+psycopg://h/d"]
)
def test_an_address_that_can_be_one_is_left_to_who_connects(uri: str | None) -> None:
    check_address(uri)


def test_what_a_variable_may_be_is_said_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "mlruns")
    with pytest.raises(ConfigError, match=r"^MLFLOW_TRACKING_URI=mlruns is .*; accepted are an unset variable \(SQLite under"):
        check_address(named_uri(None))


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
