"""Fixtures of the tests of the sweep."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from composing import CONF, Composer
from hydra import initialize_config_dir
from hydra.core.plugins import Plugins

from surrogate.datasets import Dataset, load
from sweep.trial import limit_threads


@pytest.fixture(scope="session")
def composer() -> Iterator[Composer]:
    Plugins.instance()  # finds the sweeper, whose configuration conf/config.yaml names
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3", job_name="sweep"):
        yield Composer()


@pytest.fixture(scope="session")
def digits() -> Dataset:
    limit_threads(1)  # as a worker does; these networks are far too small for more
    return load("digits", 8)
