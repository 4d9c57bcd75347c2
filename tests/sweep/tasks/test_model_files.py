"""Networks of a model from files: read as they are, pruned and measured where there are samples, known by their contents."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from composing import Composer, check
from oracles import random_network
from own_models import PYTHON, QUICK, Write, module, of, refused, run

from surrogate.networks import ReluNetwork
from sweep.commands.lookup import Found
from sweep.commands.show import facts
from sweep.config.inputs import Inputs
from sweep.config.reading import read
from sweep.execution.trial_queue import Materials
from sweep.records import TrialRecord
from sweep.report.settings import group
from sweep.store import Store
from sweep.trial.trial import run_trial


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with networks of two inputs and one output, and one of three inputs."""
    for number, name in enumerate(("cost.onnx", "cost.safetensors", "yield.safetensors")):
        network = random_network(np.random.default_rng(number), (2, 8, 1))
        network.to_onnx(tmp_path / name) if name.endswith("onnx") else network.save(tmp_path / name)
    random_network(np.random.default_rng(9), (3, 8, 1)).save(tmp_path / "three.safetensors")
    return tmp_path


@pytest.mark.parametrize("file", ["cost.onnx", "cost.safetensors"])
def test_a_network_of_a_file_is_the_dense_one(composer: Composer, write: Write, files: Path, file: str) -> None:
    write(module("cost", "yield"))
    trial = composer.trial(*PYTHON, "method=dense", *of(f"cost.file={files / file}"))
    assert trial.name == "my_model cost=cost, others 1x6 dense"
    record = run(trial)
    network = ReluNetwork.load(files / file) if file.endswith("safetensors") else ReluNetwork.from_onnx(files / file)
    networks = record.instances[0].facts["networks"]
    assert networks["cost"]["key"] == network.key
    assert set(networks["cost"]) == {"key", "r2"}
    assert record.train_seconds is not None  # that of the other


def test_training_and_size_do_not_count_where_every_network_is_of_a_file(composer: Composer, write: Write, files: Path) -> None:
    write(module())
    both = of(f"cost.file={files / 'cost.onnx'}", f"yield.file={files / 'yield.safetensors'}")
    trial = composer.trial(*PYTHON, "method=dense", *both)
    assert trial.name == "my_model cost=cost, yield=yield dense"
    more = ("training.epochs=9", "network.width=9", *of("cost.width=9", "cost.training.epochs=9"))
    assert composer.trial(*PYTHON, "method=dense", *both, *more).key == trial.key
    record = run(trial)
    assert record.train_seconds is None
    assert "from a file" in "".join(facts(Found(record.key, record)))
    networks = record.instances[0].facts["networks"]
    assert [set(one) for one in networks.values()] == [{"key"}, {"key"}]
    one = of(f"cost.file={files / 'cost.onnx'}")
    assert composer.trial(*PYTHON, "method=dense", "model.parameters.names=[cost]".replace("m", "+m", 1), *one).name == (
        "my_model cost dense"
    )


def test_a_file_is_pruned_in_its_own_units_or_in_those_of_the_samples(composer: Composer, write: Write, files: Path) -> None:
    own = of(f"cost.file={files / 'cost.onnx'}", f"yield.file={files / 'yield.safetensors'}")
    base = (*PYTHON, "method=surrogate", "pruning.amount=0.5", *own)
    write(module())
    record = run(composer.trial(*base))
    networks = record.instances[0].facts["networks"]
    assert [set(one) for one in networks.values()] == [{"key", "sparsity"}] * 2
    assert networks["cost"]["sparsity"] == pytest.approx(0.5, abs=0.05)
    write(module("cost"))
    sampled = run(composer.trial(*base)).instances[0].facts["networks"]
    assert [set(one) for one in sampled.values()] == [{"key", "r2", "r2_pruned", "sparsity"}, {"key", "sparsity"}]
    tuned = run(composer.trial(*base, *of("cost.pruning.finetune.rounds=1"))).instances[0].facts["networks"]
    assert tuned["cost"]["r2_pruned"] > sampled["cost"]["r2_pruned"]
    assert tuned["cost"]["sparsity"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("sampled", [(), ("cost", "yield")])
def test_what_pruning_took_counts_once_for_all_instances(
    composer: Composer, write: Write, files: Path, store: Store, sampled: tuple[str, ...]
) -> None:
    write(module(*sampled).replace("default_rng(seed)", "default_rng(0)"))
    own = of(f"cost.file={files / 'cost.onnx'}", f"yield.file={files / 'yield.safetensors'}")
    record = run(composer.trial(*PYTHON, "method=surrogate", "pruning.amount=0.5", "instances.count=3", *own), store)
    entries = [store.get("surrogates", key) for key in store.keys("surrogates")]
    assert len(entries) == 2
    assert record.prune_seconds == pytest.approx(sum(entry.facts["prune_seconds"] for entry in entries if entry is not None))


def test_the_seed_of_a_training_that_there_is_not_changes_nothing(composer: Composer, write: Write, files: Path) -> None:
    write(module("cost"))
    own = of(f"cost.file={files / 'cost.onnx'}", f"yield.file={files / 'yield.safetensors'}", "cost.pruning.finetune.rounds=1")
    one, other = (
        composer.trial(*PYTHON, "method=surrogate", "pruning.amount=0.5", f"training.seed={seed}", *own) for seed in (0, 1)
    )
    assert one.key == other.key
    assert run(one).instances[0].facts["networks"] == run(other).instances[0].facts["networks"]


def test_two_names_may_have_one_file_and_be_pruned_otherwise(composer: Composer, write: Write, files: Path) -> None:
    write(module())
    own = of(*(f"{name}.file={files / 'cost.onnx'}" for name in ("cost", "yield")), "yield.pruning.amount=0.9")
    networks = run(composer.trial(*PYTHON, "method=surrogate", "pruning.amount=0.5", *own)).instances[0].facts["networks"]
    assert networks["cost"]["key"] == networks["yield"]["key"]
    assert networks["cost"]["sparsity"] < networks["yield"]["sparsity"]


def test_the_file_of_the_section_is_that_of_the_only_network(composer: Composer, write: Write, files: Path) -> None:
    write(module("cost"))
    base = (*PYTHON, "method=dense", "+model.parameters.names=[cost]")
    trial = composer.trial(*base, f"network.file={files / 'cost.onnx'}")
    assert trial.name == "my_model cost dense"
    assert composer.trial(*base, *of(f"cost.file={files / 'cost.onnx'}")).key == trial.key
    network = run(trial).instances[0].facts["networks"]["cost"]
    assert network["key"] == ReluNetwork.from_onnx(files / "cost.onnx").key
    records = [TrialRecord(one.key, one.name, one.config, {}, "finished") for one in (trial, composer.trial(*base))]
    assert [setting.network for setting in group(records)] == ["my_model cost", "my_model 1x6"]
    own = composer.trial(*base, *of(f"cost.file={files / 'cost.onnx'}"))
    assert [setting.network for setting in group([TrialRecord(own.key, own.name, own.config, {}, "finished")])] == [
        "my_model cost"
    ]


def test_the_contents_of_a_file_count_and_not_its_place(composer: Composer, write: Write, files: Path, tmp_path: Path) -> None:
    write(module("yield"))
    shutil.copy(files / "cost.onnx", files / "copy.onnx")
    base = (*PYTHON, "method=dense")
    first = composer.trial(*base, *of(f"cost.file={files / 'cost.onnx'}"))
    assert composer.trial(*base, *of(f"cost.file={files / 'copy.onnx'}")).key == first.key
    store = Store(str(tmp_path / "store"))
    before = run(first, store)
    again = run(first, store)
    assert again.instances[0].instance_key == before.instances[0].instance_key
    assert (
        again.instances[0].started_at == before.instances[0].started_at if hasattr(before.instances[0], "started_at") else True
    )
    random_network(np.random.default_rng(5), (2, 7, 1)).to_onnx(files / "cost.onnx")
    edited = composer.trial(*base, *of(f"cost.file={files / 'cost.onnx'}"))
    assert edited.key != first.key
    after = run(edited, store)
    assert after.instances[0].instance_key != before.instances[0].instance_key
    assert after.train_seconds == before.train_seconds  # the other network was in the store


def test_workers_need_no_file(composer: Composer, write: Write, files: Path) -> None:
    write(module("yield"))
    trial = composer.trial(*PYTHON, "method=dense", *of(f"cost.file={files / 'cost.onnx'}"))
    shared = []
    materials = Materials(lambda value: shared.append(value) or value)
    first, second = (materials.work(trial) for _ in range(2))
    assert list(first.networks) == [str(files / "cost.onnx")]
    assert first.networks == second.networks
    assert sum(isinstance(value, ReluNetwork) for value in shared) == 1
    (files / "cost.onnx").unlink()
    record = run_trial(trial, Inputs(None, (), first.networks))
    assert record.status == "finished", record.error_detail


def test_names_that_a_problem_has_not(composer: Composer, write: Write, files: Path) -> None:
    said = refused(composer, *QUICK, *of("objectiv.width=8"))
    assert said == (
        "networks.objectiv: constrained has no network named objectiv (did you mean objective?): it has objective and "
        "constraint"
    )
    assert "constrained has no network named extra" in refused(composer, *QUICK, *of(f"extra.file={files / 'cost.onnx'}"))
    write(module("cost", "yield"))
    said = refused(composer, *PYTHON, *of("costs.width=8"))
    assert "my_model:build has no network named costs (did you mean cost?): it has cost and yield" in said
    assert "networks.costs.file gives it one that samples leaves out" in said
    said = refused(composer, *PYTHON, *of(f"costs.file={files / 'cost.onnx'}"))
    assert "model.function=my_model:build" in said
    assert "does not ask for a network named costs (did you mean cost?): it asks for cost and yield" in said
    write(module())
    assert "its samples name none" in refused(composer, *PYTHON, *of("cost.width=8"))


def test_networks_that_nobody_gives(composer: Composer, write: Write, files: Path) -> None:
    write(module())
    said = refused(composer, *PYTHON)
    assert "my_model:build has no samples to fit networks to" in said
    assert said.endswith("a network comes from a file as in networks.cost.file=cost.onnx")
    said = refused(composer, *PYTHON, *of(f"cost.file={files / 'cost.onnx'}"))
    assert "asks for a network named 'yield', and there is cost" in said
    assert said.endswith("or networks.yield.file names a file of it")
    write(module("cost"))
    assert refused(composer, *PYTHON).endswith("or networks.yield.file names a file of it")


def test_one_file_for_many_networks(composer: Composer, write: Write, files: Path) -> None:
    file = f"network.file={files / 'cost.onnx'}"
    assert refused(composer, *QUICK, file) == (
        f"{file} with task=model: constrained has 2 networks, objective and constraint; name a file of one of them, as in "
        f"networks.objective.file={files / 'cost.onnx'}"
    )
    write(module())
    said = refused(composer, *PYTHON, file)
    assert f"my_model:build has no samples that say what its network is called; write networks.NAME.{file[8:]}" in said


def test_files_that_cannot_be_used(composer: Composer, write: Write, files: Path) -> None:
    write(module("cost", "yield"))
    absent, three = files / "absent.onnx", files / "three.safetensors"
    assert refused(composer, *PYTHON, *of(f"cost.file={absent}")).startswith(f"networks.cost.file={absent} cannot be used: ")
    said = refused(composer, *PYTHON, *of(f"cost.file={three}"))
    assert said.startswith(
        f"networks.cost.file={three}: the network has 3 inputs and 1 output, and the samples of cost have 2 "
    )
    write(module("yield"))
    said = refused(composer, *PYTHON, *of(f"cost.file={three}"))
    assert said.startswith("model.function=my_model:build: ")
    assert said.endswith(f"networks.cost.file={three} has 3 inputs and 1 output")
    said = refused(composer, *QUICK, *of(f"objective.file={three}"))
    assert said.startswith(
        f"networks.objective.file={three}: the network has 3 inputs and 1 output, and the samples of objective"
    )


def test_prunings_without_the_data_that_they_look_at(composer: Composer, write: Write, files: Path) -> None:
    write(module("yield"))
    base = (*PYTHON, "method=surrogate", *of(f"cost.file={files / 'cost.onnx'}"))
    check(read(composer.plain(*base, "pruning=magnitude")))
    said = refused(composer, *base, "pruning=activation")
    assert f"networks.cost.file={files / 'cost.onnx'} with pruning.method=activation: this pruning looks at data" in said
    assert said.endswith("has no samples of cost; have samples return some, or set networks.cost.pruning.method=magnitude")
    said = refused(composer, *base, *of("cost.pruning.finetune.rounds=2"))
    assert "with networks.cost.pruning.finetune.rounds=2: finetuning needs data" in said
    check(read(composer.plain(*base, "pruning=activation", *of("cost.pruning.method=magnitude"))))
    check(read(composer.plain(*base, "method=dense", "pruning=activation")))
