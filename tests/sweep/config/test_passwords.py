"""No password of an address is kept, published or printed; the live process uses it."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml
from composing import QUICK, Composer
from rich.console import Console
from tracked import EXPERIMENT

from sweep import tracking
from sweep.__main__ import refuse
from sweep.commands import replay
from sweep.commands.arguments import program
from sweep.config.passwords import hide_in_overrides, hide_in_text, hide_password
from sweep.config.reading import read
from sweep.errors import SweepError
from sweep.execution import driver
from sweep.planning.plan import plan_one
from sweep.planning.sweep_config import sweep_config
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.store.manifest import Manifest, load, save
from sweep.store.places import place_at
from sweep.terminal.exit_codes import OK, REFUSED
from sweep.tracking import Tracker, connection

SECRET = "hunter2secret"

URI = f"http://ada:{SECRET}@127.0.0.1:5917"

ADDRESSES = [
    (URI, "http://ada:***@127.0.0.1:5917"),
    ("postgres://ada:hunter2secret@db/mlflow", "postgres://ada:***@db/mlflow"),
    ("postgresql://ada:hunter2/secret@127.0.0.1:1/mlflow", "postgresql://ada:***@127.0.0.1:1/mlflow"),
    ("postgresql://ada:hunter2?secret#2@db/mlflow", "postgresql://ada:***@db/mlflow"),
    ("postgresql://u:hunter2@secret@h/x", "postgresql://u:***@h/x"),
    ("postgresql://u:hunter2:secret@h/x", "postgresql://u:***@h/x"),
    ("postgresql://ada@corp:hunter2secret@h/x", "postgresql://ada@corp:***@h/x"),
    ("postgresql+psycopg2://:hunter2secret@h/x", "postgresql+psycopg2://:***@h/x"),
    ("ada:hunter2secret@db/mlflow", "ada:***@db/mlflow"),
    (
        "postgresql://127.0.0.1:1/mlflow?user=ada&password=hunter2secret",
        "postgresql://127.0.0.1:1/mlflow?user=ada&password=***",
    ),
    ("mysql://h/x?PASSWD=hunter2secret&charset=utf8", "mysql://h/x?PASSWD=***&charset=utf8"),
    ("mysql://h/x?pwd=hunter2secret", "mysql://h/x?pwd=***"),
    ("mysql://h/x?ssl_key_password=hunter2secret", "mysql://h/x?ssl_key_password=***"),
    ("https://h/x?a=b&access_token=hunter2secret", "https://h/x?a=b&access_token=***"),
    ("s3://bucket/x?secret=hunter2secret&key=hunter2secret", "s3://bucket/x?secret=***&key=***"),
    ("mssql+pyodbc:///?odbc_connect=UID%3Dada%3BPWD%3Dhunter2secret", "mssql+pyodbc:///?odbc_connect=***"),
    ("simplecache::ftp://ada:hunter2secret@h/x", "simplecache::ftp://ada:***@h/x"),
    ("postgresql://ada:hunter2secret@h/x?password=hunter2secret", "postgresql://ada:***@h/x?password=***"),
]

HARMLESS = [
    "http://tracker:5000",
    "http://ada@tracker:5000/path",
    "sqlite:////home/ada/runs@home/a:b/mlflow.db",
    "postgresql://ada@db:5432/mlflow?sslmode=require",
    "s3://bucket/runs@2",
    "store",
    "/home/ada/store",
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert hide_password(address) == shown
    assert hide_password(shown) == shown, "what is kept can be read and kept again"
    assert hide_in_overrides([f"+tracking.uri={address}", "dataset=digits"]) == [f"+tracking.uri={shown}", "dataset=digits"]


@pytest.mark.parametrize("address", HARMLESS)
def test_an_address_without_password_is_shown_as_it_is(address: str) -> None:
    assert hide_password(address) == address


def test_overrides_hide_addresses_wherever_they_are() -> None:
    shown = hide_in_overrides([f"tracking={{uri:'{URI}'}}", f"'sweep.store=ftp://ada:{SECRET}@h/x'", "a.b=x:y@z"])
    assert not any(SECRET in line for line in shown)
    assert shown[2] == "a.b=x:y@z", "not an address"


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (f"Failed to parse: {URI}/api/2.0, give up", None),
        (f"could not open '{URI}': refused", None),
        ("invalid literal for int() with base 10: 'hunter2secret'", "postgresql://ada:hunter2secret/x@h/m"),
        ("FATAL: hunter2 secret is not the password", "postgresql://ada:hunter2%20secret@h/m"),
        ("invalid dsn: user=ada password=hunter2secret", "postgresql://h/m?user=ada&password=hunter2secret"),
    ],
)
def test_another_programs_text_is_shown_without_the_password(said: str, address: str | None) -> None:
    shown = hide_in_text(said, address)
    assert "hunter2" not in shown
    assert "***" in shown
    assert "hunter2" not in connection.reason(OSError(said), address)


@pytest.mark.parametrize("address", [address for address, _ in ADDRESSES if address.split(":")[0] in ("postgres", "ada")])
def test_an_address_that_cannot_be_used_is_refused_without_its_password(address: str, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"tracking.uri=.*\*\*\*.* is not an MLflow store") as refused:
        connection.connect(address, EXPERIMENT, tmp_path, print)
    assert not re.search("hunter2|secret", str(refused.value))


def test_what_the_database_says_is_shown_without_the_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = "postgresql://127.0.0.1:1/mlflow?user=ada&password=hunter2secret"

    def fail(uri: str) -> None:
        raise OSError(f"no database at {uri}, password hunter2secret")

    monkeypatch.setattr(connection, "_check_database", fail)
    with pytest.raises(SweepError, match=r"cannot be used as an MLflow store \(no database at .*password \*\*\*") as refused:
        connection.connect(address, EXPERIMENT, tmp_path, print)
    assert SECRET not in str(refused.value)


def test_a_store_that_cannot_be_used_is_refused_without_the_password() -> None:
    with pytest.raises(SweepError, match=r"nosuch://ada:\*\*\*@h/x") as refused:
        place_at("nosuch://ada:hunter2/secret@h/x")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "swept", [(), ("pruning.amount=0.5,0.8",), ("search=optuna", "search.samples=1", "pruning.amount=0.5,0.8")]
)
def test_a_plan_has_the_password_for_the_driver_only(composer: Composer, swept: tuple[str, ...]) -> None:
    lines = [*QUICK, *swept]
    secret = [f"tracking.uri={URI}", f"sweep.store=ftp://ada:{SECRET}@127.0.0.1/x"]
    plan = composer.plan(*lines, *secret)
    settings = read(plan.config)
    assert (settings.tracking.uri, settings.sweep.store) == (URI, f"ftp://ada:{SECRET}@127.0.0.1/x")
    assert SECRET not in repr(plan.trials)
    shown = sweep_config(plan)
    assert SECRET not in repr(shown)
    assert shown["tracking"]["uri"] == "http://ada:***@127.0.0.1:5917"
    assert [trial.key for trial in plan.trials] == [trial.key for trial in composer.plan(*lines).trials]


def test_trials_share_their_sections_without_password_too(composer: Composer) -> None:
    one, other = composer.plan(*QUICK, "pruning.amount=0.5,0.8", f"tracking.uri={URI}").trials
    assert one.config["tracking"] is other.config["tracking"]
    assert one.config["tracking"]["uri"] == "http://ada:***@127.0.0.1:5917"


class _WithPassword(Tracker):
    """Writes into the embedded store, whatever address it is given."""

    given: str | None = None

    def __init__(self, uri: str | None, *more: Any) -> None:
        type(self).given = uri
        super().__init__(None, *more)


def test_nothing_that_a_sweep_leaves_behind_has_the_password(
    composer: Composer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tracking, "Tracker", _WithPassword)
    overrides = [*QUICK, "dataset.side=8", f"sweep.store={tmp_path}/store", f"tracking.uri={URI}"]
    terminal = io.StringIO()
    code = driver.run(plan_one(composer.config(*overrides)), overrides, parallel=False, console=Console(file=terminal))
    assert code == OK, terminal.getvalue()
    assert _WithPassword.given == URI, "the live process has it"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"trials.parquet", "config.yaml", "overrides.txt", "mlflow.db"} <= names
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    for table in tmp_path.rglob("trials.parquet"):  # compressed
        assert SECRET not in repr(pandas.read_parquet(table).to_dict())
    configs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in tmp_path.rglob("config.yaml")]
    assert {config["tracking"]["uri"] for config in configs} == {"http://ada:***@127.0.0.1:5917"}
    assert len(configs) == 2
    assert SECRET not in terminal.getvalue()


def test_a_record_and_a_list_of_before_are_read_without_the_password(store: Store, expected: TrialRecord) -> None:
    config = {**expected.config, "tracking": {**expected.config["tracking"], "uri": URI}}
    store.save_trial(dataclasses.replace(expected, config=config))
    found = store.trial(expected.key)
    assert found is not None
    assert found.config["tracking"]["uri"] == "http://ada:***@127.0.0.1:5917"
    save(store, Manifest("study", "study", (f"tracking.uri={URI}",)))
    listed = load(store, "study")
    assert listed is not None
    assert listed.overrides == ("tracking.uri=http://ada:***@127.0.0.1:5917",)


def test_a_trial_recorded_without_its_password_is_replayed(store: Store, expected: TrialRecord) -> None:
    config = {**expected.config, "tracking": {**expected.config["tracking"], "uri": hide_password(URI)}}
    store.save_trial(dataclasses.replace(expected, config=config))
    console = Console(file=io.StringIO(), width=160)
    assert replay.run([expected.key, f"sweep.store={store.url}"], console) == OK


def test_a_program_says_why_it_ends_without_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    def run(arguments: object) -> int:
        raise SweepError(f"nothing at {URI}")

    assert program("usage", run, ["x"]) != REFUSED
    assert "nothing at http://ada:***@127.0.0.1:5917" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argument",
    [
        f"tracking.uri={URI}=x",
        "tracking.uri=postgresql://h/m?user=ada&password=hunter2secret",
        "tracking.uri=http://ada:hunter2 secret=@h",
        "tracking.uri='http://ada:hunter2(secret@h",
        f"trackin.uri={URI}",
        f"training.epochs={URI}",
    ],
)
def test_a_refused_command_line_is_not_repeated_with_its_password(
    argument: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["sweep", argument])
    begun = argument[: argument.index("secret") + len("secret")]
    with pytest.raises(SystemExit) as stop:
        refuse(ValueError(f"no viable alternative at input '{begun}', in {argument}"))
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "no viable alternative" in said
    assert not re.search("hunter2|secret", said)
