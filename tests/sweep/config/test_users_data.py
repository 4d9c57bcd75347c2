"""Tables and images of the user's in a configuration: what is refused, what counts in keys, and what the plan says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from composing import Composer
from users_files import CLASSES, VALUES, write_houses, write_pictures

from surrogate.networks import ReluNetwork
from sweep.config import rules
from sweep.config.canonical import part, training_recipe
from sweep.config.inputs import load_data
from sweep.config.reading import read
from sweep.config.schema import Settings
from sweep.errors import ConfigError
from sweep.planning.search import plan_sweep
from sweep.records import TrialRecord
from sweep.report.settings import _network, group

OUTPUT = (*VALUES, "task=output")
ATTACK = (*CLASSES, "attack.radius=0.5", "attack.norm=linf")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_houses(tmp_path / "houses.csv")
    write_houses(tmp_path / "gaps.csv", gap=True)
    write_pictures(tmp_path / "pictures.npz")
    return tmp_path


def settings_of(composer: Composer, *overrides: str) -> Settings:
    return read(composer.trial(*overrides).config)


REFUSED = {
    "no file": ((*OUTPUT,), "dataset=table without dataset.file: set dataset.file to a CSV or Parquet file"),
    "no images": (("dataset=images",), "dataset=images without dataset.file: set dataset.file to a folder"),
    "a file that is not there": ((*OUTPUT, "dataset.file={}/none.csv"), "none.csv cannot be used: No such file"),
    "no outputs": (("dataset=table", "dataset.file={}/houses.csv"), "dataset=table without dataset.outputs"),
    "a column that is not there": (
        (*OUTPUT, "dataset.file={}/houses.csv", "dataset.outputs=[pric]"),
        "has no column 'pric' (did you mean price?)",
    ),
    "text that is no category": (
        (*OUTPUT, "dataset.file={}/houses.csv", "dataset.categories=[]"),
        "the column 'street' holds text, such as 'quiet', where numbers are expected: name it in dataset.categories",
    ),
    "a category that is not used": (
        (*OUTPUT, "dataset.file={}/houses.csv", "dataset.categories=[street,sold]"),
        "dataset.categories names 'sold', which is not among inputs and outputs",
    ),
    "gaps": ((*OUTPUT, "dataset.file={}/gaps.csv"), "leave those rows out with dataset.gaps=drop"),
    "another way with gaps": ((*OUTPUT, "dataset.file={}/houses.csv", "dataset.gaps=fill"), "one of refuse, drop"),
    "a number of inputs": (
        (*OUTPUT, "dataset.file={}/houses.csv", "dataset.inputs=3"),
        "dataset.inputs=3 with dataset.name=table: a table has columns",
    ),
    "a share that leaves nothing": ((*OUTPUT, "dataset.file={}/houses.csv", "dataset.test_share=1.0"), "between 0 and 1"),
    "the largest class": (
        (*CLASSES, "task=output", "dataset.file={}/houses.csv"),
        "task=output with dataset=table whose output sold is a category: classes have no largest value; set task=row",
    ),
    "an attack on values": (
        (*VALUES, "dataset.file={}/houses.csv", "attack.radius=1"),
        "dataset=table has values of price and no classes to attack: set task=output",
    ),
    "no radius": ((*CLASSES, "dataset.file={}/houses.csv"), "attack.radius is null with dataset=table: set the size of the"),
    "nothing but categories": (
        (*ATTACK, "dataset.file={}/houses.csv", "dataset.inputs=[street]"),
        "dataset=table has no inputs but categories, which stay as they are",
    ),
    "more rows than there are": (
        (*ATTACK, "dataset.file={}/houses.csv", "instances=test", "instances.count=13"),
        "instances.count=13 with instances.split=test: table has 12 such rows",
    ),
    "rows of something else": (("task.name=row", "dataset=digits"), "task=row with dataset.name=digits"),
    "a file of digits": (
        ("dataset=digits", "dataset.file={}/houses.csv"),
        "with dataset.name=digits: only dataset=table and dataset=images have it; set null",
    ),
    "a seed of digits": (("dataset=digits", "dataset.seed=1"), "dataset.seed=1 with dataset.name=digits"),
    "outputs of a function": (
        ("dataset=function", "task=output", "dataset.outputs=[y]"),
        "dataset.outputs=['y'] with dataset.name=function: only dataset=table has it; set []",
    ),
    "two sides of digits": (("dataset=digits", "dataset.side=[8,9]"), "only dataset=images has a height and a width"),
    "three sides": (
        ("dataset=images", "dataset.file={}/pictures.npz", "dataset.side=[8,9,3]"),
        "it must be [height,width] in pixels",
    ),
    "a table as images": (("dataset=images", "dataset.file={}/houses.csv"), "is no folder and no .npz file"),
    "a network of another size": (
        (*OUTPUT, "dataset.file={}/houses.csv", "network.file={}/three.safetensors"),
        "the network takes 3 inputs and the rows of table have 4 numbers; choose another dataset or dataset.inputs",
    ),
}


@pytest.mark.few(10)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_a_sentence(composer: Composer, folder: Path, name: str) -> None:
    ReluNetwork([np.eye(3), np.ones((1, 3))], [np.zeros(3), [0.0]]).save(folder / "three.safetensors")
    overrides, sentence = REFUSED[name]
    with pytest.raises(ConfigError) as refused:
        composer.trial(*(one.format(folder) for one in overrides))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_categories_that_are_too_many_to_ask_about_each(composer: Composer, tmp_path: Path) -> None:
    rows = [f"{number},{number % 20},{number // 20},{number * 2}" for number in range(400)]
    (tmp_path / "many.csv").write_text("\n".join(["size,a,b,price", *rows]))
    asked = ("dataset=table", f"dataset.file={tmp_path}/many.csv", "dataset.outputs=[price]", "dataset.categories=[a,b]")
    with pytest.raises(ConfigError, match=r"its categories have 400 combinations, each of them an instance, and at most 200"):
        composer.trial(*asked, "task=output")


def test_the_keys_of_data_sets_and_their_defaults_are_those_that_the_library_declares(composer: Composer) -> None:
    given = composer.plain("dataset=mnist")["dataset"]
    own = rules.own_keys()
    assert {*own} == {"function", "table", "images"}
    assert {*own["images"]} == {"file", "side", "test_share", "seed"}
    for key in {key for keys in own.values() for key in keys if key != "side"}:
        assert given[key] == rules.unset(key), key


def test_the_plan_says_what_was_made_of_the_file(composer: Composer, folder: Path) -> None:
    said = composer.plan(*OUTPUT, f"dataset.file={folder}/gaps.csv", "dataset.gaps=drop", "pruning.amount=0.5,0.8").notes
    assert said == (
        f"{folder}/gaps.csv: 4 inputs from 2 numbers (size, rooms) and street as 2 inputs of 0 or 1 (busy, quiet); 1 value "
        "(price); 59 rows, 1 row with gaps left out; 47 to train and 12 to test.",
    )
    (said_of_images,) = composer.plan("dataset=images", f"dataset.file={folder}/pictures.npz").notes
    assert said_of_images == f"{folder}/pictures.npz: 4 x 6 colour pixels; 3 classes; 36 to train and 9 to test."
    searched = composer.plan(*OUTPUT, f"dataset.file={folder}/houses.csv", "search=optuna", "pruning.amount=interval(0.3,0.9)")
    assert searched.notes[0].startswith(f"{folder}/houses.csv: 4 inputs from 2 numbers")


def test_keys_follow_the_contents_of_the_file(composer: Composer, folder: Path) -> None:
    first = composer.trial(*OUTPUT, f"dataset.file={folder}/houses.csv")
    (folder / "other.csv").write_text((folder / "houses.csv").read_text())
    moved = composer.trial(*OUTPUT, f"dataset.file={folder}/other.csv")
    assert (moved.key, moved.training_key) == (first.key, first.training_key)
    assert (part("dataset", read(first.config)) or {}).keys() == {"name", "checksum"}
    write_houses(folder / "other.csv", cheaper=5000.0)
    edited = composer.trial(*OUTPUT, f"dataset.file={folder}/other.csv")
    assert edited.key != first.key
    assert edited.training_key != first.training_key
    for change in ("dataset.seed=1", "dataset.test_share=0.3", "dataset.inputs=[size,street]"):
        assert composer.trial(*OUTPUT, f"dataset.file={folder}/houses.csv", change).key != first.key


def test_a_workers_recipe_needs_no_file(composer: Composer, folder: Path) -> None:
    settings = settings_of(composer, *OUTPUT, f"dataset.file={folder}/houses.csv")
    data, expected = load_data(settings), training_recipe(settings)
    (folder / "houses.csv").unlink()
    assert training_recipe(settings, data) == expected


def test_files_and_columns_can_be_swept(composer: Composer, folder: Path) -> None:
    write_houses(folder / "cheap.csv", cheaper=5000.0)
    files = f"dataset.file={folder}/houses.csv,{folder}/cheap.csv"
    plan = composer.plan(*OUTPUT, files, "dataset.inputs=[size,rooms,street],[size,street]", "dataset.seed=0,1")
    assert len(plan.trials) == 8
    assert {*plan.trials[0].swept} == {"dataset.file", "dataset.inputs", "dataset.seed"}
    assert len(plan.notes) == 4  # one a data set, of the first three, and how many more there are
    same = composer.plan(*OUTPUT, f"dataset.file={folder}/houses.csv", "dataset.gaps=refuse,drop")
    assert (len(same.trials), same.duplicates) == (1, 1)
    written = ["dataset.file=x", "dataset.seed=1"]
    asked = [*OUTPUT, f"dataset.file={folder}/houses.csv", "dataset.seed=1", "pruning.amount=0.5,0.8"]
    assert len(plan_sweep(composer.loader, composer.compose_as_hydra, asked, written).notes) == 1


def test_a_network_is_named_by_its_file_where_there_are_several() -> None:
    flat = {"network.depth": 1, "network.width": 6, "network.file": None, "dataset.name": "table", "dataset.side": None}
    flat |= {"dataset.file": "houses", "dataset.inputs": ["size"], "dataset.seed": 0}
    assert _network("1x6", flat, {"dataset.file"}) == "houses 1x6"
    assert _network("1x6", flat, {"dataset.seed", "dataset.inputs"}) == '1x6 dataset.inputs=["size"] dataset.seed=0'


def test_two_files_of_one_title_are_two_networks(composer: Composer, folder: Path) -> None:
    other = folder / "other" / "houses.csv"
    other.parent.mkdir()
    write_houses(other, cheaper=5000.0)
    trials = [composer.trial(*OUTPUT, f"dataset.file={file}") for file in (folder / "houses.csv", other)]
    records = [TrialRecord(one.key, one.name, one.config, {}, "finished") for one in trials]
    assert [setting.network.split()[0] for setting in group(records)] == [str(folder / "houses.csv"), str(other)]
    assert [setting.network for setting in group(records[:1])] == ["1x6"]


def test_the_task_of_a_table_is_that_of_its_rows(composer: Composer, folder: Path) -> None:
    asked = (*ATTACK, f"dataset.file={folder}/houses.csv")
    assert composer.trial(*asked).key == composer.trial(*asked, "task=image").key == composer.trial(*asked, "task.name=row").key
