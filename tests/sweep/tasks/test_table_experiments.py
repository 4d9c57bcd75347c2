"""The experiments on public tables: each is planned, and all of it runs in a smaller form, on stand-ins and on the tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from composing import Composer
from own_models import forget
from stand_in_tables import PUBLIC, needs_public_tables, write_stand_ins

from sweep.config.inputs import Inputs
from sweep.errors import ConfigError
from sweep.trial.trial import run_trial

EXPERIMENTS = {
    "blending_wine": "blending",
    "treatment_water": "treatment",
    "design_car": "design",
    "diet_wfp": "diet",
}

SMALL = (
    *("network.depth=1", "network.width=4", "training.epochs=1"),
    *("instances.count=1", "solver.time_limit_seconds=0.3", "pruning.amount=0.5"),
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, where nothing is remembered of other tables of the same names."""
    monkeypatch.setenv("SURROGATE_DATA", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache" / "surrogatelib"
    forget()


@pytest.fixture
def stand_ins(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fill the cache with tables that count as the public ones."""
    pytest.importorskip("openpyxl", reason="openpyxl, of the extra excel, is not installed: the workbook is not written")
    write_stand_ins(cache, monkeypatch)
    return cache


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_it_asks_one_network_every_way(composer: Composer, stand_ins: Path, experiment: str) -> None:
    plan = composer.experiment(experiment)
    assert plan.config["sweep"]["name"] == experiment
    assert [trial.config["method"]["name"] for trial in plan.trials] == ["dense", "surrogate", "surrogate", "walk"]
    assert {trial.baseline_key for trial in plan.trials} == {plan.trials[0].key}
    for trial in plan.trials:
        config = trial.config
        assert config["model"]["problem"] == EXPERIMENTS[experiment]
        assert config["model"]["parameters"]["folder"] == "fetched"
        assert config["method"]["repair"] is (config["method"]["name"] == "surrogate")
        assert config["instances"]["count"] >= 12
        assert config["network"] == plan.trials[0].config["network"]
    seconds = sum(trial.config["instances"]["count"] * trial.config["solver"]["time_limit_seconds"] for trial in plan.trials)
    assert seconds / 2 <= 500.0, "on two cores, of ten minutes"


def runs_in_a_smaller_form(composer: Composer, experiment: str, *overrides: str) -> None:
    plan = composer.experiment(experiment, *SMALL, *overrides)
    problem = EXPERIMENTS[experiment]
    assert [trial.name for trial in plan.trials] == [
        f"{problem} 1x4 dense",
        f"{problem} 1x4 surrogate magnitude 0.5 repaired",
        f"{problem} 1x4 walk",
    ]
    records = [run_trial(trial, Inputs(None)) for trial in plan.trials]
    assert [record.status for record in records] == ["finished"] * 3, [record.error_detail for record in records]
    answers = [one for record in records for one in record.instances]
    assert len({one.instance_key for one in answers}) == 1
    assert all(one.true_value is None for one in answers), "nobody knows the truth of a table"


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_all_of_it_runs_in_a_smaller_form(composer: Composer, stand_ins: Path, experiment: str) -> None:
    runs_in_a_smaller_form(composer, experiment)


@needs_public_tables
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_all_of_it_runs_on_the_public_tables_in_a_smaller_form(composer: Composer, cache: Path, experiment: str) -> None:
    if experiment == "diet_wfp":
        pytest.importorskip("openpyxl", reason="openpyxl, of the extra excel, is not installed: the workbook is not read")
    runs_in_a_smaller_form(composer, experiment, f"model.parameters.folder={PUBLIC}")
    assert not cache.exists(), "tables of a folder are not kept"


def test_fetched_or_from_a_folder_it_is_the_same_trial(composer: Composer, stand_ins: Path) -> None:
    fetched, folder, drawn = (
        [trial.key for trial in composer.experiment("blending_wine", *given).trials]
        for given in ((), (f"model.parameters.folder={stand_ins}",), ("model.parameters.folder=null",))
    )
    assert fetched == folder
    assert not {*fetched} & {*drawn}


def test_the_answers_of_a_folder_are_those_of_the_fetched_table(composer: Composer, stand_ins: Path) -> None:
    keys = []
    for given in ((), (f"model.parameters.folder={stand_ins}",)):
        trial = composer.experiment("blending_wine", *SMALL, "method=walk", *given).trials[0]
        keys.append(run_trial(trial, Inputs(None)).instances[0].instance_key)
    assert keys[0] == keys[1]


def test_without_a_table_it_is_refused_in_a_sentence(
    composer: Composer, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("openpyxl", reason="openpyxl, of the extra excel, is not installed: the workbook is not written")
    write_stand_ins(tmp_path / "elsewhere", monkeypatch)
    with pytest.raises(ConfigError) as refused:
        composer.experiment("treatment_water")
    sentence = str(refused.value)
    assert sentence.startswith("model=treatment: water_quality.csv could not be fetched")
    assert "model.parameters.folder=my/tables" in sentence
    assert "\n" not in sentence
