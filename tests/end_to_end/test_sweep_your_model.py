"""The page on sweeps over a model of your own: the library takes its module, and its commands run in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import ROOT, blocks, commands, follow, run_python

from surrogate.models.methods import WalkAlone
from surrogate.models.problems import ModelProblem, fit_in_units, fit_quality, rehearse, split
from surrogate.networks import ReluNetwork
from surrogate.training import Training

PAGE = "docs/sweep-your-model.md"

QUICK = "network.width=6 training.epochs=2 instances.count=2 solver.time_limit_seconds=0.3"
"""Further overrides, so that a command is a matter of seconds; the last one of a key wins."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with the modules that the page has its reader write."""
    for block in blocks(PAGE, "python"):
        (tmp_path / str(block.title)).write_text(block.text)
    return tmp_path


def one_trial(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *commands(PAGE)[0].split()[1:], *QUICK.split(), *overrides]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)


def test_its_module_is_a_problem_whose_network_fits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    names = run_python("docs/sweep-your-model.md")
    elsewhere = ReluNetwork.from_onnx(folder / "yield.onnx")
    assert elsewhere.hidden_sizes == (12,)
    assert fit_quality(elsewhere, names["samples"](1)["yield"]) > 0.9
    problem = ModelProblem("kettle:build", names["build"], names["samples"])
    assert problem.parameters == {"wanted": 0.6, "runs": 1000}
    rehearse(problem, 0, {})
    fitted, held_out = split(problem.draw(0, {})["yield"])
    network = fit_in_units(fitted, [32, 32], Training(epochs=20))
    assert fit_quality(network, held_out) > 0.9
    instance = problem.instance({"yield": network}, 0, {})
    result = WalkAlone(1.0).answer(instance.model, instance.places)
    assert result.value is not None
    model = instance.model
    run = np.array([[model.heat.value, model.hours.value, model.doses.value]])
    assert network(run)[0, 0] >= 0.6 - 1e-5
    assert instance.true_value().value == pytest.approx(result.value)
    assert instance.true_value().violation == pytest.approx(max(0.0, 0.6 - names["truth"](run)[0]))


@pytest.mark.timeout(300)
def test_its_first_command_runs_one_trial_of_the_module_in_the_folder(folder: Path) -> None:
    done = one_trial(folder)
    assert done.returncode == 0, done.stderr
    assert "kettle 2x6 dense" in done.stdout
    assert "1 finished (0 reused), 0 failed of 1 trials." in done.stdout


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.parameters.wated=0.5"], "kettle:build has no parameter wated: did you mean wanted?"),
        (["model.function=kettel:build"], "there is no module kettel"),
        (["model.function=kettle:built"], "the module kettle has no function built: did you mean build?"),
    ],
)
def test_a_typo_is_one_sentence_before_anything_starts(folder: Path, overrides: list[str], sentence: str) -> None:
    done = one_trial(folder, *overrides)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "store").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_sweep_runs_and_is_taken_up_again(folder: Path) -> None:
    asked = commands("docs/sweep-your-model.md")[1]
    sweep = f"{asked} {QUICK.removeprefix('network.width=6 ')} network.width=4,6"
    assert "12 finished (0 reused), 0 failed of 12 trials." in follow(sweep, folder)
    assert "12 finished (12 reused), 0 failed of 12 trials." in follow(sweep, folder)
    more = follow(f"{sweep} pruning.amount=0.5,0.8,0.9", folder)
    assert "16 finished (12 reused), 0 failed of 16 trials." in more
    (folder / "kettle.py").write_text((folder / "kettle.py").read_text() + "\n# edited\n")
    edited = follow(sweep, folder)
    assert "12 finished (0 reused), 0 failed of 12 trials." in edited


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_sweeps_over_single_networks_and_over_one_from_a_file_run(folder: Path) -> None:
    several, elsewhere = commands("docs/sweep-your-model.md")[2:]
    quick = "training.epochs=2 instances.count=1 solver.time_limit_seconds=0.5"
    told = follow(f"{several} {quick}", folder)
    assert "6 finished (0 reused), 0 failed of 6 trials." in told  # the dense MILP of two widths, and four pruned
    assert "constrained objective=2x8, others 2x16" in told
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "elsewhere.py"], cwd=folder, env=environment, check=True, timeout=250)
    told = follow(f"{elsewhere} {quick}", folder)
    assert "3 finished (0 reused), 0 failed of 3 trials." in told
    assert "kettle yield" in told
    assert "3 finished (3 reused), 0 failed of 3 trials." in follow(f"{elsewhere} {quick}", folder)
    ReluNetwork.from_onnx(folder / "yield.onnx").compose([[0.9]], [0.0]).to_onnx(folder / "yield.onnx")
    assert "3 finished (0 reused), 0 failed of 3 trials." in follow(f"{elsewhere} {quick}", folder)
