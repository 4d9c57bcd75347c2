"""Which files of the user's travel to the nodes of a cluster: those of its models, and those of its tasks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from composing import Composer
from own_models import PYTHON, SAMPLES, module

from sweep.config.users_modules import users_modules

LEAST = """
from helper import WORDS
from sweep.tasks import Task


class Least(Task):
    sections = ("instances", "solver")

    def trains(self, settings):
        return False

    def words(self, objective):
        return WORDS

    def prepare(self, work):
        raise NotImplementedError
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def test_those_of_every_model_that_a_search_may_choose(composer: Composer, folder: Path) -> None:
    for name in ("warm", "cold"):
        (folder / f"{name}_plant.py").write_text(module() + SAMPLES.replace("NAMES", "('cost', 'yield')"))
    asked = [one for one in PYTHON if "model.function" not in one]
    search = ("search=optuna", "search.samples=3", "method=walk")
    plan = composer.plan(*asked, *search, "model.function=warm_plant:build,cold_plant:build", "training.epochs=1,2")
    assert plan.trials == []
    assert users_modules(plan.each) == [str(folder / f"{name}_plant.py") for name in ("warm", "cold")]


def test_those_of_a_task(composer: Composer, folder: Path) -> None:
    (folder / "least_of_all.py").write_text(LEAST)
    (folder / "helper.py").write_text("from sweep.config.words import Words\n\nWORDS = Words()\n")
    config = composer.trial("task.name=least_of_all:Least").config
    assert users_modules([config, config]) == [str(folder / name) for name in ("helper.py", "least_of_all.py")]
    assert users_modules([composer.plain("dataset=digits")]) == []
