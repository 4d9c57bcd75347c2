"""A sweep under random kills ends as the undisturbed one: a short storm on this machine's Ray, and a whole one on nodes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

STORM = Path(__file__).with_name("storm.py")

END_SECONDS = 60.0


def storm(*words: str, minutes: float) -> str:
    """Run a storm; return what it printed."""
    command = [sys.executable, str(STORM), "--minutes", str(minutes), *words]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        printed, _ = program.communicate(timeout=60.0 * minutes + END_SECONDS)
    except BaseException:
        program.send_signal(signal.SIGTERM)  # it ends all that it has started
        program.wait(END_SECONDS)
        raise
    assert program.returncode == 0, printed
    assert "the same trials, answers, values and states as undisturbed; nothing missing, nothing twice" in printed
    return printed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_workers_the_coordinator_and_the_driver_are_killed() -> None:
    printed = storm("--local", "--kills=4", "--seed=1", "--depths=1", "--amounts=0.5", "--instances=16", minutes=8)
    assert "kills: 4 (1 coordinator, 1 driver, 2 worker)" in printed
    assert "2 trials, 32 answers, 2 runs under the last of " in printed


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_storm_over_nodes_and_an_mlflow_server_that_goes_away() -> None:
    printed = storm("--kills=12", "--seed=2", "--amounts=0.3,0.6", minutes=15)
    assert re.search(r"kills: 12 \(2 coordinator, 2 driver, 2 node, 6 worker\); MLflow was away 2 times", printed)
    assert "6 trials, 48 answers, 6 runs under the last of " in printed


@pytest.mark.slow
def test_a_storm_that_is_over_its_time_says_so_and_leaves_nothing_behind() -> None:
    words = [sys.executable, str(STORM), "--local", "--minutes=0.1", "--kills=1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout
    assert "WRONG: the time is over: 0 of 112 answers of the sweep undisturbed, 0 of 112 answers" in done.stdout
    folder = Path(re.search(r"logs and stores are in (\S+)", done.stdout).group(1))  # type: ignore[union-attr]
    assert (folder / "storm.log").exists()
    commands = [Path(entry.path, "cmdline") for entry in os.scandir("/proc") if entry.name.isdecimal()]
    assert not [command for command in commands if command.exists() and str(folder).encode() in command.read_bytes()]
    shutil.rmtree(folder)
