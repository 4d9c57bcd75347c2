"""Networks and properties from files: read at once, named by their contents, and answered as any other question."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from composing import QUICK, Composer
from oracles import random_network

from surrogate.data import CLASSES, Dataset, image_count, native_side
from surrogate.networks import ReluNetwork
from surrogate.region import Region
from sweep.config.files import read_network, read_properties
from sweep.config.inputs import Inputs, load_properties
from sweep.config.reading import read
from sweep.errors import ConfigError
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.report.__main__ import parse
from sweep.tasks.dense_network import train_network
from sweep.tasks.property import contradictions
from sweep.trial.trial import run_trial

ROOT = Path(__file__).resolve().parents[3]
VNNCOMP = ROOT.parent / "shared" / "data" / "vnncomp_mnist_fc"

BOX = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)" + "".join(
    f"(assert (>= X_{i} 0.0))(assert (<= X_{i} 1.0))" for i in range(2)
)
FLAT = ["dataset=none", "instances.count=null"]


def larger_than(level: float) -> str:
    return BOX + f"(assert (>= Y_0 {level}))"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network whose output is max(x0, 0) + max(x1, 0), at most 2 on the unit box, and a list of properties about it."""
    ReluNetwork([np.eye(2), [[1.0, 1.0]]], [np.zeros(2), [0.0]]).save(tmp_path / "sum.safetensors")
    (tmp_path / "props").mkdir()
    (tmp_path / "props" / "p2.vnnlib.gz").write_bytes(gzip.compress(larger_than(1.5).encode()))
    (tmp_path / "props" / "p10.vnnlib").write_text(larger_than(2.5))
    (tmp_path / "list.csv").write_text(
        "onnx/sum.safetensors,props/p10.vnnlib,60\nonnx/sum.safetensors,props/p2.vnnlib,60\nother.onnx,props/x.vnnlib,60\n"
    )
    (tmp_path / "verdicts.csv").write_text(
        "network,property,verdict\nsum.safetensors,p10.vnnlib,unsat\nother.onnx,p2.vnnlib,unsat\n"
    )
    return tmp_path


def run(trial: Trial, data: Dataset | None = None) -> TrialRecord:
    settings = read(trial.config)
    return run_trial(trial, Inputs(data, load_properties(settings)))


def test_a_state_dict_is_a_networks_file_whose_layers_can_be_named(folder: Path) -> None:
    import torch

    known = read_network(str(folder / "sum.safetensors"))
    torch.save(known.to_torch().state_dict(), folder / "sum.pt")
    assert read_network(str(folder / "sum.pt")).key == known.key
    assert read_network(str(folder / "sum.pt"), ["0", "relu", "2"]).key == known.key
    assert read_network(str(folder / "sum.pt"), ["0", "2"]).hidden_sizes == ()
    with pytest.raises(ConfigError, match=r"network\.file=.*sum\.pt cannot be used: .*layers leaves out 2"):
        read_network(str(folder / "sum.pt"), ["0"])


def test_a_list_is_answered_and_held_against_the_known_verdicts(composer: Composer, folder: Path) -> None:
    files = [f"network.file={folder}/sum.safetensors", f"instances.properties={folder}/list.csv"]
    trial = composer.trial(*FLAT, *files, "pruning=none")
    assert trial.name == "sum dense"
    record = run(trial)
    assert record.status == "finished", record.error
    assert [(i.name, i.status, i.expected) for i in record.instances] == [
        ("p10", "robust", "unsat"),
        ("p2", "adversarial", None),
    ]
    assert (record.accuracy_dense, record.train_seconds, record.accuracy_surrogate) == (None, None, None)
    first = record.instances[1]
    assert (first.image, first.label, first.target, first.norm, first.radius) == (None, None, None, "none", None)
    assert first.clean == [0.5, 0.5]
    assert first.dense_value == pytest.approx(0.5)
    assert TrialRecord.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False))) == record


def test_a_verdict_that_is_contradicted_fails_the_trial_and_keeps_what_was_found(composer: Composer, folder: Path) -> None:
    verdicts = (folder / "verdicts.csv").read_text()
    (folder / "verdicts.csv").write_text(verdicts.replace("p10.vnnlib,unsat", "p10.vnnlib,sat"))
    files = [f"network.file={folder}/sum.safetensors", f"instances.properties={folder}/list.csv"]
    record = run(composer.trial(*FLAT, *files, "pruning=none"))
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.startswith("p10 came out as unsat, but the list of verdicts says sat")
    assert [i.status for i in record.instances] == ["robust", "adversarial"]


def test_the_verdict_on_several_boxes(folder: Path) -> None:
    (two_boxes,) = read_properties(str(folder / "props" / "p2.vnnlib.gz"), None)

    def said(expected: str, statuses: list[str]) -> bool:
        one = type(two_boxes)("p", "key", two_boxes.instances * len(statuses), expected)
        return bool(contradictions([one], [statuses]))

    assert said("unsat", ["robust", "adversarial"])
    assert said("sat", ["robust", "robust"])
    assert not said("sat", ["robust", "unresolved"])
    assert not said("unsat", ["robust", "unresolved"])
    assert not said("unsat", ["robust", "robust"])
    assert not said("sat", ["unresolved", "adversarial"])


def test_where_properties_are_found(folder: Path) -> None:
    def names(where: str, network: str | None = None) -> list[str]:
        return [found.name for found in read_properties(str(folder / where), network)]

    assert names("props") == ["p2", "p10"]  # as a person counts
    assert names("props/p1*.vnnlib") == ["p10"]
    assert names("props/p2.vnnlib.gz") == ["p2"]
    assert names("list.csv", "anywhere/sum.safetensors") == ["p10", "p2"]


def test_a_file_that_is_there_is_no_pattern(folder: Path) -> None:
    props = folder / "props"
    (props / "p[1].vnnlib").write_text(larger_than(1.25))
    (props / "p1.vnnlib").write_text(larger_than(1.75))
    (folder / "list.csv").rename(folder / "list[1].csv")
    (odd := folder / "odd[2]").mkdir()
    shutil.copy(props / "p1.vnnlib", odd / "p1.vnnlib")

    def names(where: str) -> list[str]:
        return [found.name for found in read_properties(str(folder / where), "sum.safetensors")]

    assert names("props/p[1].vnnlib") == ["p[1]"]
    assert names("props/p[12].vnnlib") == ["p1"]
    assert names("props/p[[]1].vnnlib") == ["p[1]"]
    assert names("list[1].csv") == ["p10", "p2"]
    assert names("odd[2]") == names("odd[2]/p?.vnnlib") == ["p1"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_lists_as_other_systems_write_them(folder: Path, end: str, encoding: str) -> None:
    lines = ["sum.safetensors,props/p10.vnnlib,60", "sum.safetensors,props/p2.vnnlib,60", ""]
    (folder / "list.csv").write_bytes(end.join(lines).encode(encoding))
    verdicts = ["sum.safetensors,p10.vnnlib,unsat", "sum.safetensors,p2.vnnlib,sat", ""]
    (folder / "verdicts.csv").write_bytes(end.join(verdicts).encode(encoding))
    found = read_properties(str(folder / "list.csv"), "sum.safetensors")
    assert [(one.name, one.expected) for one in found] == [("p10", "unsat"), ("p2", "sat")]


def test_a_packed_network_is_the_one_that_a_list_names(composer: Composer, folder: Path) -> None:
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    network = random_network(np.random.default_rng(0), (2, 3, 1))
    network.to_onnx(folder / "net.onnx")
    (folder / "net.onnx.gz").write_bytes(gzip.compress((folder / "net.onnx").read_bytes()))
    (folder / "list.csv").write_text("onnx/net.onnx,props/p10.vnnlib,60\nonnx/other.onnx.gz,props/p2.vnnlib,60\n")
    (folder / "verdicts.csv").write_text("net.onnx,p10.vnnlib,unsat\n")
    (found,) = read_properties(str(folder / "list.csv"), "net.onnx.gz")
    assert (found.name, found.expected) == ("p10", "unsat")
    assert [one.name for one in read_properties(str(folder / "list.csv"), "other.onnx")] == ["p2"]
    trial = composer.trial(*FLAT, f"network.file={folder}/net.onnx.gz", f"instances.properties={folder}/list.csv")
    assert trial.name.startswith("net ")


def test_a_link_has_the_ending_of_its_own_name(folder: Path) -> None:
    (folder / "sum.safetensors").rename(folder / "0a1b2c")
    (folder / "sum.safetensors").symlink_to(folder / "0a1b2c")
    assert read_network(str(folder / "sum.safetensors")).output_size == 1


def test_a_list_that_is_not_there_is_not_said_to_list_anything(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^instances\.properties=\S*/nope\.csv cannot be used: No such file or directory$"):
        read_properties(str(folder / "nope.csv"), None)
    with pytest.raises(ConfigError, match=r"it lists properties by network: set network\.file to one of its networks$"):
        read_properties(str(folder / "list.csv"), None)


def test_a_home_folder_that_is_not_known_is_refused_by_the_key(composer: Composer) -> None:
    nowhere = "~nobody-of-this-name/x"
    for key in ("network.file", "instances.properties", "dataset.folder", "sweep.store"):
        with pytest.raises(ConfigError, match=rf"^{key}={nowhere} .*no home folder of that name is known here") as refused:
            composer.trial("dataset=mnist", f"{key}='{nowhere}'")
        assert "relative paths" not in str(refused.value)
    for arguments in (["sweep=a", f"output={nowhere}"], [f"files={nowhere}", "output=b"], ["files=a", f"output={nowhere}"]):
        with pytest.raises(ConfigError, match=rf"(output|files)={nowhere} begins with ~nobody-of-this-name"):
            parse(arguments)


def test_the_first_properties_only(composer: Composer, folder: Path) -> None:
    settings = read(composer.plain(*FLAT, f"instances.properties={folder}/props", "instances.count=1"))
    assert [found.name for found in load_properties(settings)] == ["p2"]


def test_keys_follow_contents_not_names(composer: Composer, folder: Path) -> None:
    def trial(network: str, properties: str, *more: str) -> Trial:
        files = [f"network.file={folder}/{network}", f"instances.properties={folder}/{properties}"]
        return composer.trial(*FLAT, "attack=gradient", *files, *more)

    base = trial("sum.safetensors", "props")
    shutil.copy(folder / "sum.safetensors", folder / "copy.safetensors")
    shutil.copytree(folder / "props", folder / "others")
    assert trial("copy.safetensors", "others").key == base.key
    assert trial("copy.safetensors", "others").training_key == base.training_key
    # What cannot change a result there: the size of a trained network, its training, how images are drawn.
    same = ["network=2x16", "training.epochs=9", "instances.seed=3", "attack.radius=1.0", "attack.norm=l2"]
    assert trial("sum.safetensors", "props", *same).key == base.key
    (folder / "others" / "p2.vnnlib.gz").write_text(larger_than(1.25))
    assert trial("sum.safetensors", "others").key != base.key
    assert trial("sum.safetensors", "props/p2.vnnlib.gz").key != base.key
    ReluNetwork([np.eye(2), [[1.0, 2.0]]], [np.zeros(2), [0.0]]).save(folder / "copy.safetensors")
    assert trial("copy.safetensors", "props").key != base.key
    assert trial("copy.safetensors", "props").training_key != base.training_key


def test_a_network_of_a_file_attacks_images_too(composer: Composer, folder: Path, digits: Dataset) -> None:
    onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
    assert onnx
    trained = train_network(read(composer.plain(*QUICK, "training.epochs=20")), digits)
    trained.network.to_onnx(folder / "mine.onnx")
    trial = composer.trial(*QUICK, f"network.file={folder}/mine.onnx", "attack=gradient")
    record = run(trial, digits)
    assert record.status == "finished", record.error
    assert trial.name == "mine gradient"
    assert record.network_key == trained.network.key
    assert record.accuracy_dense == trained.accuracy
    assert len(record.instances) == 2


def test_the_largest_output(composer: Composer, folder: Path) -> None:
    network = random_network(np.random.default_rng(0), (3, 6, 2))
    network.save(folder / "random.safetensors")
    overrides = [*FLAT, "attack.objective=output", f"network.file={folder}/random.safetensors"]
    dense = run(composer.trial(*overrides, "pruning=none"))
    pruned = run(composer.trial(*overrides, "pruning.amount=0.5"))
    gradient = run(composer.trial(*overrides, "attack=gradient", "attack.gradient_starts=50"))
    for record in (dense, pruned, gradient):
        assert record.status == "finished", record.error
        (found,) = record.instances
        assert found.name == "output 0"
        assert found.perturbed is not None
        assert Region(0.0, 1.0, [0.5] * 3).contains(found.perturbed)
        assert found.dense_value == pytest.approx(network([found.perturbed])[0, 0], abs=1e-12)
        assert found.first_found_seconds is None
    samples = network(np.random.default_rng(1).uniform(size=(5000, 3)))[:, 0].max()
    assert dense.instances[0].status == "optimal"
    best = dense.instances[0].dense_value
    assert best is not None
    assert samples <= best + 1e-9
    for record in (pruned, gradient):
        (found,) = record.instances
        assert found.status == "unresolved"
        assert found.instance_key == dense.instances[0].instance_key
        assert found.dense_value is not None
        assert found.dense_value <= best + 1e-6


def test_a_random_network_is_one_without_training(composer: Composer, digits: Dataset) -> None:
    trial = composer.trial(*QUICK, "training.epochs=0", "attack.objective=output", "attack=gradient")
    record = run(trial, digits)
    assert record.status == "finished", record.error
    other = run(
        composer.trial(*QUICK, "training.epochs=0", "training.seed=1", "attack.objective=output", "attack=gradient"), digits
    )
    assert other.network_key != record.network_key


FUNCTION = {"dataset": "function", "attack.objective": "output"}
REFUSED = {
    "no such network": ({"network.file": "{}/absent.onnx"}, "network.file={}/absent.onnx cannot be used:"),
    "a network that is none": (
        {"network.file": "{}/list.csv"},
        "list.csv does not end in .onnx, .onnx.gz, .safetensors, .pt, .pth or .ckpt",
    ),
    "a pickled network": ({"network.file": "{}/net.pt"}, "net.pt is not a file of torch.save"),
    "another ending": ({"network.file": "{}/net.h5"}, "networks are read from a state dict"),
    "a damaged store": ({"network.file": "{}/bad.safetensors"}, "is not a safetensors file"),
    "no such property": ({"instances.properties": "{}/absent.vnnlib"}, "absent.vnnlib cannot be used: No such file"),
    "a property that is none": ({"instances.properties": "{}/bad.vnnlib"}, "bad.vnnlib, line 1: unknown command"),
    "an empty folder": ({"instances.properties": "{}/empty"}, "the folder holds no file that ends in .vnnlib or .vnnlib.gz"),
    "a pattern without files": ({"instances.properties": "{}/props/q*"}, "no file has such a name, as it is or as a pattern"),
    "a list without a network": ({"instances.properties": "{}/list.csv"}, "set network.file to one of its networks"),
    "a list without this network": (
        {"instances.properties": "{}/list.csv", "network.file": "{}/sun.safetensors"},
        "it lists no property of sun.safetensors, but of sum.safetensors, other.onnx (did you mean sum.safetensors?)",
    ),
    "a list with a gap": (
        {"instances.properties": "{}/gap.csv", "network.file": "{}/sum.safetensors"},
        "props/absent.vnnlib.gz: No such file",
    ),
    "a list that is none": (
        {"instances.properties": "{}/text.csv", "network.file": "{}/sum.safetensors"},
        "text.csv, line 2: expected 2 columns or more, got 1",
    ),
    "other inputs": (
        {"instances.properties": "{}/props", "network.file": "{}/three.safetensors"},
        "property p2 does not fit network.file={}/three.safetensors: it is on 2 inputs and the network has 3",
    ),
    "other outputs": (
        {"instances.properties": "{}/props", "network.file": "{}/two.safetensors"},
        "the conditions are on 1 outputs but the network has 2",
    ),
    "properties of another network than the one that is trained": (
        {"dataset": "digits", "instances.properties": "{}/props"},
        "property p2 does not fit dataset.name=digits, on which the network is trained: the conditions are on 1 outputs",
    ),
    "a network on other images": (
        {"dataset": "digits", "network.file": "{}/three.safetensors"},
        "network.file={}/three.safetensors with dataset.name=digits, which attack.objective=margin looks at: the network takes "
        "3 inputs and the images of digits have 64 pixels; choose another dataset or dataset.side",
    ),
    "a network on images of another size": (
        {"dataset": "digits", "dataset.side": "9", "network.file": "{}/ten.safetensors", "attack.objective": "closest"},
        "which attack.objective=closest looks at: the network takes 64 inputs and the images of digits have 81 pixels",
    ),
    "a network with fewer classes": (
        {"dataset": "digits", "network.file": "{}/nine.safetensors"},
        "the network has 9 outputs and digits has 10 classes",
    ),
    "a pruning that looks at other images": (
        {"dataset": "digits", "network.file": "{}/three.safetensors", "attack.objective": "output", "pruning": "activation"},
        "with dataset.name=digits, which pruning.method=activation looks at: the network takes 3 inputs",
    ),
    "finetuning on points of another size": (
        {**FUNCTION, "dataset.inputs": "4", "network.file": "{}/three.safetensors", "pruning.finetune.rounds": "1"},
        "which pruning.finetune.rounds=1 looks at: the network takes 3 inputs and the points of function have 4 numbers",
    ),
    "finetuning of several outputs on one value": (
        {**FUNCTION, "dataset.inputs": "2", "network.file": "{}/two.safetensors", "pruning.finetune.rounds": "1"},
        "the network has 2 outputs and a function has one value",
    ),
    "a folder without the data": (
        {"dataset": "mnist", "dataset.folder": "{}/props"},
        "dataset.folder={0}/props cannot be used: mnist cannot be read from the folder {0}/props: there is no train-images",
    ),
    "no such folder": ({"dataset": "mnist", "dataset.folder": "{}/absent"}, "the folder {}/absent: it is not a folder"),
    "more images than there are": (
        {"dataset": "digits", "instances.split": "test", "instances.count": "361"},
        "instances.count=361 with instances.split=test: digits has 360 such images",
    ),
}


@pytest.mark.few(10)
@pytest.mark.parametrize("name", REFUSED)
def test_files_that_cannot_be_used_are_refused_before_anything_starts(composer: Composer, folder: Path, name: str) -> None:
    shutil.copy(folder / "sum.safetensors", folder / "sun.safetensors")
    (folder / "bad.safetensors").write_bytes(b"nothing")
    (folder / "bad.vnnlib").write_text("(nothing)")
    (folder / "net.pt").write_bytes(b"")
    (folder / "net.h5").write_bytes(b"")
    (folder / "gap.csv").write_text("sum.safetensors,props/absent.vnnlib,60\n")
    (folder / "text.csv").write_text("sum.safetensors,props/p2.vnnlib\njust text\n")
    (folder / "empty").mkdir()
    random_network(np.random.default_rng(0), (3, 2, 1)).save(folder / "three.safetensors")
    random_network(np.random.default_rng(0), (2, 2, 2)).save(folder / "two.safetensors")
    random_network(np.random.default_rng(0), (64, 2, 10)).save(folder / "ten.safetensors")
    random_network(np.random.default_rng(0), (64, 2, 9)).save(folder / "nine.safetensors")
    values, message = REFUSED[name]
    if "onnx" in name or name == "a network that is none":
        pytest.importorskip("onnx", reason="the onnx extra is not installed")
    with pytest.raises(ConfigError) as refused:
        composer.trial(*(f"{key}={value.format(folder)}" for key, value in values.items()))
    assert message.format(folder) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["attack.objective=output", "pruning=none"],  # whatever data set there is by default
        ["attack.objective=output", "pruning=magnitude"],
        ["attack.objective=output", "attack=gradient", "pruning=activation"],
        ["attack.objective=output", "dataset=function", "dataset.inputs=3", "pruning.finetune.rounds=1"],
        ["attack.objective=output", "dataset=function", "dataset.inputs=5", "pruning=magnitude"],
    ],
)
def test_data_that_no_trial_looks_at_need_not_fit(composer: Composer, tmp_path: Path, overrides: list[str]) -> None:
    random_network(np.random.default_rng(0), (3, 2, 1)).save(tmp_path / "three.safetensors")
    assert composer.trial(f"network.file={tmp_path}/three.safetensors", *overrides)


def test_what_is_known_of_data_without_reading_them(digits: Dataset) -> None:
    assert native_side("digits") == digits.side
    assert (image_count("digits", "train"), image_count("digits", "test")) == (
        len(digits.train_images),
        len(digits.test_images),
    )
    assert set(digits.train_labels) == set(digits.test_labels) == set(range(CLASSES))
    for name in ("mnist", "fashion_mnist"):
        assert (native_side(name), image_count(name, "train"), image_count(name, "test")) == (28, 60_000, 10_000)


def test_relative_paths_say_where_they_start(composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"relative paths start at {tmp_path}\)"):
        composer.trial("network.file=nets/a.safetensors")


def test_a_file_that_changes_is_read_again(folder: Path) -> None:
    path = folder / "sum.safetensors"
    before = read_network(str(path)).key
    assert read_network(str(path)) is read_network(str(path))
    random_network(np.random.default_rng(0), (3, 5, 1)).save(path)
    assert read_network(str(path)).key != before


def test_the_benchmark_of_the_competition(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One property of each verdict on the smallest network, by the names that the experiment uses."""
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    if not VNNCOMP.is_dir():
        pytest.skip("VNN-COMP 2022 mnist_fc lies in ../shared/data/vnncomp_mnist_fc, which is not here")
    monkeypatch.chdir(ROOT)
    master = composer.config("+experiment=vnncomp")
    network = f"network.file={VNNCOMP}/onnx/mnist-net_256x2.onnx"
    settings = read(composer.plain("+experiment=vnncomp", network))
    found = load_properties(settings)
    assert str(master.instances.properties) == "../shared/data/vnncomp_mnist_fc/instances.csv"
    assert len(found) == 30
    assert sum(one.expected == "sat" for one in found) == 11
    assert sum(one.expected == "unsat" for one in found) == 19
    trial = composer.trial("+experiment=vnncomp", network, "attack=gradient", "dataset=none", "instances.count=2")
    record = run(trial)
    assert record.status == "finished", record.error
    assert [(i.name, i.status, i.expected) for i in record.instances] == [
        ("prop_0_0.03", "unresolved", "unsat"),
        ("prop_1_0.03", "adversarial", "sat"),
    ]
