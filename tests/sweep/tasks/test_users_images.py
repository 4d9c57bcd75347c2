"""Trials on images of the user's: any shape and number of classes, with pictures in their colours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import synthetic
from composing import Composer
from counting import Work, stages_of
from matplotlib.image import imread
from users_files import FAST, write_pictures

from sweep.config.inputs import Inputs, load_data
from sweep.config.reading import read
from sweep.records import InstanceRecord, TrialRecord
from sweep.report.page.instances import _pictures
from sweep.store import Store
from sweep.tasks.image.pictures import picture
from sweep.tasks.pictures import write_pictures as write_pngs
from sweep.trial.trial import run_trial

IMAGES = ("dataset=images", "network.depth=1", "network.width=6", "training.epochs=40", "training.batch_size=8")
ATTACK = ("attack.radius=2.0", "instances=test", "instances.count=2")


def run(composer: Composer, *overrides: str, store: Store | None = None) -> TrialRecord:
    trial = composer.trial(*IMAGES, *FAST, *ATTACK, *overrides)
    record = run_trial(trial, Inputs(load_data(read(trial.config))), None, None if store is None else stages_of(store))
    assert record.status == "finished", record.error_detail
    return record


def drawn(instance: InstanceRecord) -> np.ndarray:
    return np.asarray(imread(io.BytesIO(picture(instance))))[..., :3]


def test_small_images_in_colour_of_three_classes(composer: Composer, tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "pictures.npz")
    record = run(composer, f"dataset.file={file}", "pruning.amount=0.3")
    assert record.accuracy_dense == 1.0
    for one in record.instances:
        assert (one.task, one.image is None, len(one.clean)) == ("image", False, 72)
        assert one.facts["shape"] == [4, 6, 3]
        assert {one.facts["label"], one.facts["target"]} < {"left", "middle", "right"}
    assert len(write_pngs(record.instances, tmp_path)) == 2
    whole = run(composer, f"dataset.file={file}", "pruning=none")
    assert {one.status for one in whole.instances} <= {"adversarial", "robust"}


def test_a_second_run_computes_nothing_and_edited_images_all(
    composer: Composer, tmp_path: Path, store: Store, work: Work
) -> None:
    file = write_pictures(tmp_path / "pictures.npz")
    first = run(composer, f"dataset.file={file}", "pruning.amount=0.3", store=store)
    assert work.done == (1, 1, 2)
    again = run(composer, f"dataset.file={file}", "pruning.amount=0.3", store=store)
    assert (again.key, work.done) == (first.key, (0, 0, 0))
    assert [one.facts["shape"] for one in again.instances] == [[4, 6, 3]] * 2
    write_pictures(file, brighter=0.05)
    assert run(composer, f"dataset.file={file}", "pruning.amount=0.3", store=store).key != first.key
    assert work.done == (1, 1, 2)


@pytest.mark.parametrize(("side", "inputs"), [("[8,6]", 48), ("5", 25), ("null", 24)])
def test_grey_images_of_any_size(composer: Composer, tmp_path: Path, side: str, inputs: int) -> None:
    file = write_pictures(tmp_path / "grey.npz", shape=(4, 6))
    record = run(composer, f"dataset.file={file}", f"dataset.side={side}", "attack=gradient", "pruning=none")
    assert {len(one.clean) for one in record.instances} == {inputs}
    shapes = {"[8,6]": [8, 6], "5": None, "null": [4, 6]}  # a square one is told by its number of pixels
    assert [one.facts.get("shape") for one in record.instances] == [shapes[side]] * 2
    assert len(write_pngs(record.instances, tmp_path)) == 2


def test_colours_are_drawn_as_they_are_and_in_their_proportions() -> None:
    red = [value for _ in range(8) for value in (1.0, 0.0, 0.0)]
    seen = drawn(synthetic.instance(clean=red, perturbed=None, facts={"shape": [2, 4, 3]}))
    middle = seen[50 + 132, seen.shape[1] // 2]
    assert np.allclose(middle, [1.0, 0.0, 0.0], atol=0.01)
    assert np.allclose(seen[60, seen.shape[1] // 2], 1.0)  # above an image that is wider than high
    assert np.allclose(seen[50 + 70, seen.shape[1] // 2], [1.0, 0.0, 0.0], atol=0.01)


def test_the_difference_of_colours_is_that_of_the_one_that_changed_most() -> None:
    clean, moved = np.full((4, 4, 3), 0.5), np.full((4, 4, 3), 0.5)
    moved[..., 1] = 0.9
    moved[..., 2] = 0.4
    facts = {"shape": [4, 4, 3]}
    up = drawn(synthetic.instance(clean=clean.ravel().tolist(), perturbed=moved.ravel().tolist(), facts=facts))
    row, column = 50 + 132, 11 + 2 * 275 + 132
    assert up[row, column, 2] - up[row, column, 0] > 0.1  # purple: brighter


def test_a_shape_that_does_not_fit_is_no_picture(tmp_path: Path) -> None:
    wrong = synthetic.instance(clean=[0.5] * 16, perturbed=None, facts={"shape": [4, 4, 3]})
    assert write_pngs([wrong, synthetic.instance(clean=[0.5] * 16, perturbed=None, facts={"shape": []})], tmp_path) == []
    with pytest.raises(ValueError, match="an image of 4 x 4 x 3, got 16 pixels"):
        picture(wrong)


def test_the_page_shows_images_in_colour() -> None:
    import pandas as pd

    one = synthetic.instance(clean=[0.2] * 24, perturbed=[0.4] * 24, facts={"shape": [2, 4, 3], "label": "cat"})
    part = pd.DataFrame({"setting": ["dense MILP"], "trial_key": ["key"], "instance_key": [one.instance_key]})
    said = [found.said for found in _pictures(part, {("key", one.instance_key): one})]
    assert said == ["clean: label cat", f"dense MILP: perturbed, {one.status}", "difference: 8 pixels"]
