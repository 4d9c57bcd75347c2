"""The command that runs one trial of a sweep alone: it gives the same trial, whatever was swept and however it is spelt."""

from __future__ import annotations

import random
import shlex
from typing import Any

import pytest
from composing import Composer
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from sweep.planning.plan import plan_one
from sweep.planning.search.alone import command

OFTEN = 12
"""Trials of an experiment that are looked at, chosen at random."""


def words(text: str) -> list[str]:
    """Return the overrides of a command as a shell hands them over."""
    python, *program = shlex.split(text)
    assert (python, program[:3]) == ("python", ["-m", "sweep", "hydra.mode=RUN"])
    assert program[-1] == "sweep.resume=false"
    return program[3:]


@pytest.mark.parametrize(
    "experiment",
    ["mnist", *(pytest.param(name, marks=pytest.mark.slow) for name in ("digits", "paper_output", "closest", "what_pays"))],
)
def test_it_is_the_same_trial(composer: Composer, experiment: str) -> None:
    overrides = composer.lines_of(experiment, "search=random")
    trials = composer.plan(*overrides, "search.samples=100000").trials
    for trial in random.Random(0).sample(trials, min(OFTEN, len(trials))):
        swept = {"solver.time_limit_seconds": trial.config["solver"]["time_limit_seconds"], **trial.swept}
        plan = plan_one(composer.config(*words(command(overrides, swept))))
        assert plan.trials[0].key == trial.key, trial.name
        assert plan.trials[0].config["sweep"]["resume"] is False


def test_intervals_packages_and_what_matters_to_no_single_trial() -> None:
    overrides = [
        *("+experiment=digits", "pruning=none,magnitude", "++pruning.amount=interval(0.3,0.9)", "training.seed=1,2"),
        *("search=optuna", "search.samples=3", "search.where=['pruning.amount > 0.5']", "cluster.cpus=2", "sweep.retries=1"),
        *("hydra.sweeper.params=null", "sweep.resume=true", "training.seed=3,4"),
    ]
    swept = {"pruning": "magnitude", "pruning.amount": 0.5, "training.seed": 3}
    expected = ["+experiment=digits", "pruning=magnitude", "++pruning.amount=0.5", "training.seed=3", "sweep.resume=false"]
    assert words(command(overrides, swept)) == expected
    without = [expected[0], "pruning=none", *expected[3:]]
    assert words(command(overrides, {"pruning": "none", "training.seed": 3})) == without, "an amount that changes nothing"


STRANGE = ["5", "true", "null", "a,b", "it's", "a 'b' \"c\"", "x=(1).onnx", "[a]", "", "c:\\d", "1e-5", " lead", "$HOME", "a;b"]


@pytest.mark.parametrize("value", [*STRANGE, "4x64", "/tmp/net.onnx", 3, 0.5, 1e-05, True, None, [1, 2], ["a b", "c"]])
def test_values_come_through_the_shell_and_hydra_as_they_are(value: Any) -> None:
    _, line, _ = words(command(["sweep.name='a b'", "network.file=x,y"], {"network.file": value}))
    parsed = OverridesParser.create().parse_override(line)
    assert not parsed.is_sweep_override()
    found = OmegaConf.create({"found": parsed.value()})
    assert OmegaConf.to_container(found) == {"found": value}
