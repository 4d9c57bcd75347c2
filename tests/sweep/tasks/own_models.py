"""Optimisation models with several networks: quick settings, a module of a user's, and what tests do with trials of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from composing import Composer, check
from counting import stages_of

from sweep.config.inputs import load_inputs
from sweep.config.reading import read
from sweep.errors import ConfigError
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.tasks.model import origins
from sweep.trial.trial import run_trial

QUICK = (
    *("task=model", "model=constrained", "model.parameters.inputs=2", "model.parameters.above=0.1", "network.depth=1"),
    *("network.width=6", "training.epochs=3", "training.learning_rate=0.01", "instances.count=1"),
    "solver.time_limit_seconds=10",
)

PYTHON = (*(one for one in QUICK if not one.startswith("model")), "model=python", "model.function=my_model:build")

FOUND = """
import numpy as np
import pyomo.environ as pyo
from surrogate.models import Place
from surrogate.models.problems import ModelInstance, Samples


def build(networks, seed, names=("cost", "yield")):
    model = pyo.ConcreteModel()
    model.x, model.out = pyo.Var([0, 1], bounds=(0, 1)), pyo.Var(names)
    model.enough = pyo.Constraint(expr=model.x[0] + model.x[1] >= 0.5 + 0.1 * seed)
    model.total = pyo.Objective(expr=sum(model.out.values()))
    return ModelInstance(model, [Place([model.x[0], model.x[1]], [model.out[name]], networks[name]) for name in names])
"""
"""A module whose networks come from elsewhere, and below the samples that may stand with it."""

SAMPLES = """

def samples(seed):
    x = np.random.default_rng(seed).uniform(size=(60, 2))
    return {name: Samples(x, (1 + at) * x[:, 0] - x[:, 1]) for at, name in enumerate(NAMES)}
"""

Write = Callable[[str], None]


def forget() -> None:
    """Have samples drawn and problems rehearsed anew: what they come from may be another by now."""
    origins._drawn.cache_clear()
    origins._rehearse.cache_clear()


def module(*sampled: str) -> str:
    """Return the module with samples of some names, or without any."""
    return FOUND + (SAMPLES.replace("NAMES", repr(sampled)) if sampled else "")


def of(*given: str) -> list[str]:
    """Return overrides of keys below ``networks``, as the program has Hydra read them."""
    return [f"++networks.{one}" for one in given]


def run(trial: Trial, store: Store | None = None) -> TrialRecord:
    inputs = load_inputs(read(trial.config), None)
    record = run_trial(trial, inputs, None, None if store is None else stages_of(store))
    assert record.status == "finished", record.error_detail
    assert record.key == trial.key
    return record


def refused(composer: Composer, *overrides: str) -> str:
    with pytest.raises(ConfigError) as found:
        check(read(composer.plain(*overrides)))
    return str(found.value)
