"""Models whose network is fitted to a table of the user's, because their module has no samples."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from composing import Composer
from counting import stages_of
from own_models import forget
from users_files import write_houses

from surrogate.data import load_table
from sweep.config.dotted_keys import flatten
from sweep.config.effect import with_effect
from sweep.config.inputs import Inputs, load_data
from sweep.config.overrides import forced
from sweep.config.reading import read
from sweep.errors import ConfigError
from sweep.planning.plan import plan_one
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.tasks.model import settings as model_settings
from sweep.tasks.model.table import table_samples
from sweep.trial.trial import run_trial

QUICK = (
    *("task=model", "model=python", "model.function=houses_model:build", "method=dense", "network.depth=1", "network.width=6"),
    *("training.epochs=40", "training.learning_rate=0.01", "training.batch_size=8", "solver.time_limit_seconds=10"),
    *("dataset=table", "dataset.outputs=[price]", "dataset.categories=[street]", "dataset.inputs=[size,rooms,street]"),
)

MODULE = """
import pyomo.environ as pyo
from surrogate.models import Place
from surrogate.models.problems import ModelInstance


def build(networks, seed, most=150_000.0):
    model = pyo.ConcreteModel()
    model.size, model.rooms = pyo.Var(bounds=(20, 200)), pyo.Var(bounds=(1, 5), domain=pyo.Integers)
    model.street = pyo.Var([0, 1], domain=pyo.Binary)
    model.one = pyo.Constraint(expr=model.street[0] + model.street[1] == 1)
    model.price = pyo.Var()
    model.cheap = pyo.Constraint(expr=model.price <= most)
    model.goal = pyo.Objective(expr=model.size + seed * model.rooms, sense=pyo.maximize)
    place = Place([model.size, model.rooms, *model.street.values()], [model.price], networks["NAME"])
    return ModelInstance(model, [place])
"""


@pytest.fixture
def houses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "houses_model.py").write_text(MODULE.replace("NAME", "network"))
    _forget()
    yield write_houses(tmp_path / "houses.csv")
    _forget()


def _forget() -> None:
    sys.modules.pop("houses_model", None)
    model_settings.named_problem.cache_clear()
    forget()


def run(composer: Composer, houses: Path, *overrides: str, store: Store | None = None) -> TrialRecord:
    trial = composer.trial(*QUICK, f"dataset.file={houses}", *overrides)
    inputs = Inputs(load_data(read(trial.config)))
    record = run_trial(trial, inputs, None, None if store is None else stages_of(store))
    assert record.status == "finished", record.error_detail
    return record


def test_its_network_is_fitted_to_the_table_in_the_units_of_the_table(composer: Composer, houses: Path, store: Store) -> None:
    record = run(composer, houses, store=store)
    assert record.name == "houses_model 1x6 dense"
    (one,) = record.instances
    assert one.status in ("optimal", "feasible")
    assert one.value is not None
    assert one.value == pytest.approx(one.bound, rel=1e-3)
    assert 20.0 < one.value < 200.0  # square metres, below the price asked for
    assert one.facts["networks"]["network"]["r2"] > 0.5
    assert record.train_seconds is not None


@pytest.mark.parametrize(
    "own", [[], ["networks.network.width=5"], ["method=search", "pruning=none", "networks.network.width=5"]]
)
def test_a_worker_needs_no_file(composer: Composer, houses: Path, store: Store, own: list[str]) -> None:
    trial = composer.trial(*QUICK, f"dataset.file={houses}", *forced(own))
    inputs = Inputs(load_data(read(trial.config)))
    houses.unlink()
    forget()
    assert run_trial(trial, inputs, None, stages_of(store)).status == "finished"


def test_pruned_copies_are_measured_too(composer: Composer, houses: Path) -> None:
    record = run(composer, houses, "method=surrogate", "pruning.amount=0.3")
    assert record.instances[0].facts["networks"]["network"].keys() == {"key", "r2", "r2_pruned", "sparsity"}


def test_samples_are_the_rows_of_the_table(houses: Path) -> None:
    data = load_table(houses, ["size", "rooms", "street"], ["price"], categories=["street"])
    samples = table_samples(data)
    assert samples.x.shape == (60, 4)
    prices = 900.0 * samples.x[:, 0] + 9000.0 * samples.x[:, 1] - 30_000.0 * samples.x[:, 2]
    np.testing.assert_allclose(samples.y, prices, atol=1.0)


def test_keys_follow_the_table(composer: Composer, houses: Path) -> None:
    asked = (*QUICK, f"dataset.file={houses}")
    first = composer.trial(*asked)
    config = flatten(first.config)
    assert with_effect(["dataset.file", "dataset.seed"], config) == ["dataset.file", "dataset.seed"]
    plan = plan_one(composer.config(*asked), [f"dataset.file={houses}", "dataset.outputs=[price]"])
    assert [note.partition(": ")[2][:8] for note in plan.notes] == ["4 inputs"]
    write_houses(houses, cheaper=3000.0)
    assert composer.trial(*asked).key != first.key
    swept = composer.plan(*asked, "dataset.seed=0,1", "model.parameters.most=1e5,2e5")
    assert len({trial.key for trial in swept.trials}) == 4


@pytest.mark.parametrize(
    ("overrides", "name", "sentence"),
    [
        ([], "price", "asks for a network named 'price', and there is network"),
        (["dataset.inputs=[size,rooms]", "dataset.categories=[]"], "network", "4"),
        (["dataset.outputs=[price,rooms]", "dataset.inputs=[size]", "dataset.categories=[]"], "network", "name one column"),
        (["dataset=none"], "network", "has no samples to fit networks to"),
    ],
    ids=["another name", "other inputs", "two outputs", "no table"],
)
def test_mistakes_are_told_before_anything_starts(
    composer: Composer, houses: Path, overrides: list[str], name: str, sentence: str
) -> None:
    houses.with_name("houses_model.py").write_text(MODULE.replace("NAME", name))
    given = [] if "dataset=none" in overrides else [f"dataset.file={houses}"]
    asked = [one for one in QUICK if not ("dataset=none" in overrides and one.startswith("dataset"))]
    with pytest.raises(ConfigError) as refused:
        composer.trial(*asked, *given, *overrides)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
