"""Fixtures of the tests of the sweep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from composing import CONF, QUICK, Composer
from counting import Plan, Work, count
from hydra import initialize_config_dir
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from surrogate.data import Dataset, load
from sweep.config.inputs import Inputs
from sweep.planning.plan import plan_one
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.trial.process import limit_threads
from sweep.trial.trial import run_trial


@pytest.fixture(scope="session")
def composer() -> Iterator[Composer]:
    Plugins.instance()  # finds the sweeper, whose configuration conf/config.yaml names
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3", job_name="sweep"):
        yield Composer()


@pytest.fixture(scope="session")
def digits() -> Dataset:
    limit_threads(1)  # as a worker does; these networks are far too small for more
    return load("digits", 8)


@pytest.fixture(scope="session")
def plan(composer: Composer) -> Plan:
    """Plans a trial of three questions with some settings changed; faster than Hydra, which composes it only once."""
    base = composer.plain(*QUICK, "instances.count=3", "pruning.amount=0.5")

    def planned(*overrides: str) -> Trial:
        return plan_one(OmegaConf.merge(base, OmegaConf.from_dotlist(list(overrides)))).trials[0]

    return planned


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """What this process trains, prunes and attacks from now on."""
    counted = Work()
    count(counted, monkeypatch)
    return counted


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def expected(plan: Plan, digits: Dataset, work: Work) -> TrialRecord:
    """The record of the trial that ``plan()`` gives, undisturbed."""
    record = run_trial(plan(), Inputs(digits))
    assert record.status == "finished", record.error
    assert work.done == (1, 1, 3)
    return record


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One MLflow database for all: creating its tables takes longer than all that is written into it."""
    from sweep.tracking import Tracker  # mlflow takes seconds to import, and most tests do without

    folder = tmp_path_factory.mktemp("runs with a space")
    Tracker(None, "study", folder)
    return folder
