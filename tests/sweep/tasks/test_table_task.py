"""Trials on a table: the largest value in its own units, and attacks on its rows in deviations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from composing import Composer
from counting import Work, stages_of
from users_files import CLASSES, FAST, VALUES, write_houses

from surrogate.data import Dataset
from sweep.commands.lookup import Found
from sweep.commands.show import facts
from sweep.config.inputs import Inputs, load_data
from sweep.config.reading import read
from sweep.records import TrialRecord
from sweep.report.results import SweepState, results_of
from sweep.store import Store
from sweep.tasks.base import TaskWork, task_to_run
from sweep.tasks.dense_network import train_network
from sweep.tasks.networks import Networks
from sweep.tasks.pictures import write_pictures
from sweep.tasks.row import in_table_units
from sweep.tracking import content
from sweep.tracking.datasets import dataset_of
from sweep.trial.trial import run_trial

ATTACK = ("attack.radius=1.5", "attack.norm=linf", "instances=test", "instances.count=3")


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    return write_houses(tmp_path / "houses.csv")


def run(composer: Composer, *overrides: str, store: Store | None = None) -> TrialRecord:
    trial = composer.trial(*overrides)
    inputs = Inputs(load_data(read(trial.config)))
    record = run_trial(trial, inputs, None, None if store is None else stages_of(store))
    assert record.status == "finished", record.error_detail
    return record


def data_of(composer: Composer, *overrides: str) -> Dataset:
    data = load_data(read(composer.trial(*overrides).config))
    assert data is not None
    return data


def test_the_largest_value_is_in_the_units_of_the_table(composer: Composer, houses: Path) -> None:
    asked = (*VALUES, *FAST, f"dataset.file={houses}", "task=output", "pruning=none")
    record = run(composer, *asked)
    assert record.name == "1x6 dense"
    assert [one.name for one in record.instances] == ["price street=busy", "price street=quiet"]
    data = data_of(composer, *asked)
    trained = train_network(read(composer.trial(*asked).config), data)
    in_units = data.in_units(trained.network)
    assert record.network_key == trained.network.key
    for place, one in enumerate(record.instances):
        assert one.status == "optimal"
        assert one.perturbed is not None
        assert one.value == pytest.approx(float(in_units([one.perturbed])[0, 0]), rel=1e-9)
        assert 100_000 < one.value < 300_000
        assert one.value == pytest.approx(one.bound, rel=1e-3)
        size, rooms, *street = one.perturbed
        assert (20.0 <= size <= 200.0, 1.0 <= rooms <= 5.0) == (True, True)
        assert street == [1.0 - place, float(place)]
        assert one.facts["inputs"] == ["size", "rooms", "street=busy", "street=quiet"]
        points = np.random.default_rng(1).uniform([20.0, 1.0], [200.0, 5.0], (500, 2))
        there = np.column_stack([points, np.tile(street, (500, 1))])
        inside = (there[:, 0] >= data.columns.lower[0]) & (there[:, 0] <= data.columns.upper[0])  # type: ignore[union-attr]
        assert in_units(there[inside]).max() <= one.value + 1e-6 * abs(one.value)


def test_a_pruned_network_is_pruned_in_deviations_and_asked_in_units(composer: Composer, houses: Path) -> None:
    asked = (*VALUES, *FAST, f"dataset.file={houses}", "task=output", "pruning.amount=0.3")
    record = run(composer, *asked)
    assert record.r2_dense is not None
    assert record.r2_dense > 0.8
    assert record.r2_surrogate is not None
    assert (record.accuracy_dense, record.accuracy_surrogate) == (None, None)
    assert content.metrics(record)["r2/dense"] == record.r2_dense
    assert content.metrics(record)["r2/surrogate"] == record.r2_surrogate
    assert f"R² {record.r2_dense:.4f}" in "\n".join(facts(Found(record.key, record)))
    frame = results_of([(SweepState("one", 1, 1), [record])]).instances
    assert set(frame["r2_dense"]) == {record.r2_dense}
    for one in record.instances:
        assert one.surrogate_value is not None
        assert abs(one.surrogate_value) > 10_000  # the pruned network's too is a price


def test_rows_are_attacked_in_deviations_with_their_categories_as_they_are(composer: Composer, houses: Path) -> None:
    record = run(composer, *CLASSES, *FAST, *ATTACK, f"dataset.file={houses}", "pruning=none")
    assert record.accuracy_dense is not None
    assert record.r2_dense is None
    data = data_of(composer, *CLASSES, *ATTACK, f"dataset.file={houses}")
    assert len(record.instances) == 3
    both = np.concatenate([data.train_images, data.test_images])
    for one in record.instances:
        assert (one.task, one.image, one.name[:4], one.norm, one.radius) == ("row", None, "row ", "linf", 1.5)
        number = int(one.name.removeprefix("row "))
        np.testing.assert_array_equal(np.array(one.clean, dtype=np.float32), data.test_images[number])
        assert one.facts["row"] == in_table_units(data, np.array(one.clean))
        assert {one.facts["label"], one.facts["target"]} == {"late", "soon"}
        assert one.words.instance == "row"
        if one.perturbed is None:
            continue
        assert one.perturbed[2:] == one.clean[2:]
        assert np.abs(np.array(one.perturbed) - one.clean).max() <= 1.5 + 1e-9
        assert (np.array(one.perturbed) >= both.min(axis=0) - 1e-9).all()
        assert set(one.facts["changed"]) <= {"size", "rooms"}
        for name, (before, after) in one.facts["changed"].items():
            assert before == one.facts["row"][name]
            assert before != after
    assert any(one.status == "adversarial" for one in record.instances)


def test_rows_have_names_for_their_classes_and_no_pictures(composer: Composer, houses: Path, tmp_path: Path) -> None:
    asked = (*CLASSES, *FAST, *ATTACK, f"dataset.file={houses}", "attack=gradient", "instances.count=1")
    record = run(composer, *asked)
    (one,) = record.instances
    task = task_to_run(read(composer.trial(*asked).config))
    assert task.described(one) == f"{one.name}: {one.facts['label']} → {one.facts['target']}, linf 1.5"
    assert write_pictures(record.instances, tmp_path) == []
    logged = dataset_of(record.config)
    assert logged is not None
    assert (logged.dataset.name, logged.dataset.source_type) == ("houses", "local")


def test_the_closest_change_of_a_row_needs_no_radius(composer: Composer, houses: Path) -> None:
    asked = ("attack.objective=closest", "attack.norm=linf", "instances=test", "instances.count=1", "pruning=none")
    record = run(composer, *CLASSES, *FAST, *asked, f"dataset.file={houses}")
    (one,) = record.instances
    assert one.status in ("adversarial", "robust", "unresolved")
    assert one.radius is not None
    if one.perturbed is not None:
        assert one.perturbed[2:] == one.clean[2:]


def test_what_is_on_record_is_confirmed_in_the_same_units(composer: Composer, houses: Path) -> None:
    asked = (*CLASSES, *FAST, *ATTACK, f"dataset.file={houses}", "attack=gradient")
    record, settings = run(composer, *asked), read(composer.trial(*asked).config)
    inputs = Inputs(load_data(settings))
    networks = Networks.of(settings, inputs, train_network(settings, inputs.data))
    said = list(task_to_run(settings).confirm(TaskWork(settings, inputs, networks, lambda text: None), record.instances))
    assert len(said) == sum(one.status == "adversarial" for one in record.instances)
    assert all(one.holds for one in said)


def test_a_network_from_a_file_takes_the_units_of_the_table(composer: Composer, houses: Path, tmp_path: Path) -> None:
    asked = (*VALUES, *FAST, f"dataset.file={houses}", "task=output", "pruning=none")
    data = data_of(composer, *asked)
    trained = train_network(read(composer.trial(*asked).config), data)
    data.in_units(trained.network).save(tmp_path / "mine.safetensors")
    here, from_file = run(composer, *asked), run(composer, *asked, f"network.file={tmp_path}/mine.safetensors")
    assert from_file.r2_dense == pytest.approx(here.r2_dense, rel=1e-6)
    values = [[one.value for one in record.instances] for record in (here, from_file)]
    assert values[1] == pytest.approx(values[0], rel=1e-6)


def test_a_second_run_computes_nothing_and_an_edited_file_all(
    composer: Composer, houses: Path, store: Store, work: Work
) -> None:
    asked = (*CLASSES, *FAST, *ATTACK, f"dataset.file={houses}", "pruning.amount=0.3")
    first = run(composer, *asked, store=store)
    assert work.done == (1, 1, 3)
    assert run(composer, *asked, store=store).key == first.key
    assert work.done == (0, 0, 0)
    houses.write_text(houses.read_text().replace("\n", "\n\n", 1))  # the same rows
    assert run(composer, *asked, store=store).key == first.key
    assert work.done == (0, 0, 0)
    write_houses(houses, rows=59)
    assert run(composer, *asked, store=store).key != first.key
    assert work.done == (1, 1, 3)


@pytest.mark.parametrize("asked", [(*VALUES, "task=output"), (*CLASSES, *ATTACK)], ids=["output", "rows"])
def test_a_worker_needs_no_file(composer: Composer, houses: Path, store: Store, asked: tuple[str, ...]) -> None:
    """As on another machine, where a trial of a search trains its network itself."""
    trial = composer.trial(*asked, *FAST, f"dataset.file={houses}", "pruning.amount=0.3")
    inputs = Inputs(load_data(read(trial.config)))
    houses.unlink()
    record = run_trial(trial, inputs, None, stages_of(store))
    assert record.status == "finished", record.error_detail
