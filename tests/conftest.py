"""Fixtures for the whole suite; the oracles are importable as ``oracles`` from every test."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sweep.trial.process import limit_threads

os.environ.pop("MLFLOW_TRACKING_URI", None)  # no run of a test belongs on the server of whoever runs the tests
limit_threads(1)  # as in a trial: with more threads than free cores, small products take ten times as long

hypothesis.settings.register_profile("untimed", deadline=None)  # on a busy machine an example may take any time
hypothesis.settings.load_profile("untimed")

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
    """
    from xdist.scheduler import LoadScopeScheduling

    class ProcessesTogether(LoadScopeScheduling):  # it begins with the scope that has the most tests, which is this one
        def _split_scope(self, nodeid: str) -> str:
            return "processes" if nodeid.startswith(STARTING_PROCESSES) else nodeid

    return ProcessesTogether(config, log)
