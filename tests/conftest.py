"""Fixtures for the whole suite; the oracles are importable as ``oracles`` from every test.

What is slow: ``make test`` takes less than ten minutes on two cores, so that it is run before every commit. A test is marked
``slow`` if it takes seconds and another, cheaper one would fail too: the further cases of a family whose cases go the same way
(``@pytest.mark.few(3)`` leaves three of them in the fast suite), a whole sweep where one over fewer things shows the same, a
second look at a page in a browser. The fast suite keeps a case of each thing that the program promises, and one end-to-end run
of each way in: a sweep over images, one over models, a module, a table and a network file of the user's, the report in a
browser, MLflow's UI in a browser, a sweep that goes on after a kill, a cluster. ``make test-all`` runs everything.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import amounts

from sweep.trial.process import limit_threads

os.environ.pop("MLFLOW_TRACKING_URI", None)  # no run of a test belongs on the server of whoever runs the tests
limit_threads(1)  # as in a trial: with more threads than free cores, small products take ten times as long


def pytest_configure(config: pytest.Config) -> None:
    amounts.begin(config)


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    amounts.leave_most_of_large_families(items)


STARTING_PROCESSES = (
    "tests/chaos/",
    "tests/cluster/test_connection.py",
    "tests/cluster/test_nodes.py",
    "tests/cluster/test_sweep.py",
    "tests/cluster/test_ways_on_nodes.py",
    "tests/end_to_end/test_code_blocks.py",
    "tests/end_to_end/test_digits_sweep.py",
    "tests/end_to_end/test_extend_page.py",
    "tests/end_to_end/test_faults.py",
    "tests/end_to_end/test_mlflow_ui.py",
    "tests/end_to_end/test_notebook.py",
    "tests/end_to_end/test_search_of_models.py",
    "tests/end_to_end/test_search_sweep.py",
    "tests/end_to_end/test_table_sweep.py",
    "tests/end_to_end/test_tutorial_page.py",
    "tests/end_to_end/test_ways_after_kills.py",
    "tests/end_to_end/test_ways_from_wheel.py",
    "tests/sweep/commands/test_cli.py",
    "tests/sweep/tracking/test_tracking_credentials.py",
    "tests/sweep/tracking/test_tracking_postgres.py",
    "tests/sweep/tracking/test_tracking_server.py",
    "tests/sweep/execution/test_ray_tune.py",
)
"""The tests that start several processes at a time: Ray, MLflow servers, whole sweeps, nodes."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``, one worker runs all tests that start many processes: two such would fill the cores, and miss deadlines.

    This is what ``--dist loadgroup`` is for, but pytest-xdist 3.8 writes the groups where pytest 9.2 no longer looks for them.
    All other tests of a file run on one worker too: what a fixture makes for a file is made once. Work is handed out in the
    order of the files, in which the processes come soon: as the last ones they would leave a worker alone for minutes.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ProcessesTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "processes" if nodeid.startswith(STARTING_PROCESSES) else nodeid.partition("::")[0]

    config.option.loadscopereorder = False
    return ProcessesTogether(config, log)
