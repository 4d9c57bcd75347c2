"""A sweep over a user's module, table and networks from files, killed in the middle: the same command goes on with it.

Nothing is computed twice but the answer under way, and the answers are those of a sweep that nobody disturbed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pages import ROOT
from ways import ANSWERS, PLANT, PRUNED, TOLD, TRAINED, TRIALS, answers, kept, sizes, write_plant

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HELD = 4
"""The answer at which the kill comes: of three trials with two each the last one of the second."""

FINISHED = f"{TRIALS} finished (%d reused), 0 failed of {TRIALS} trials."


class Study:
    """A folder of a user's and the sweep in it, on one worker, so that its answers come one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_plant(folder)

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sweep", *PLANT, "cluster.cpus=1"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), TOLD: str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, reused: int = 0) -> str:
        """Run the sweep to its end and return what it printed."""
        program = self.start()
        try:
            printed, _ = program.communicate(timeout=300)
        finally:
            program.kill()
        assert program.returncode == 0, printed
        assert FINISHED % reused in printed, printed
        return printed

    @property
    def told(self) -> list[int]:
        """Of each answer the process that gave it; the last one may be held up, and not be in the store yet."""
        file = self.folder / "told"
        return [int(line.split()[0]) for line in file.read_text().splitlines()] if file.exists() else []

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the sweep up at answer :data:`HELD`."""
        hold = self.folder / f"hold-{HELD}"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    def log(self, key: str) -> str:
        (file,) = (self.folder / "store" / "logs").rglob(f"{key}*")
        return file.read_text()


def until(done: Callable[[], bool], program: subprocess.Popen[str] | None = None, seconds: float = 200.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert program is None or program.poll() is None, program.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a dead one whose parent has not looked counts too."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    return True


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float]:
    """The answers of a sweep that nobody disturbs."""
    study = Study(tmp_path_factory.mktemp("undisturbed") / "study")
    study.run()
    assert len(study.told) == ANSWERS
    assert sizes(study.folder) == (TRIALS, ANSWERS, TRAINED, PRUNED)
    found = answers(study.folder)
    assert len(found) == ANSWERS
    return found


def test_after_a_kill_of_the_driver_the_same_command_goes_on(tmp_path: Path, undisturbed: dict[tuple[str, str], float]) -> None:
    study = Study(tmp_path / "study")
    with study.held():
        program = study.start()
        try:
            until(lambda: len(study.told) == HELD, program)
            os.kill(program.pid, signal.SIGKILL)
        finally:
            program.kill()
            program.communicate()
        until(lambda: is_gone(study.told[-1]), seconds=60.0)  # Ray ends what is left without a driver
    before = kept(study.folder)
    assert sizes(study.folder) == (1, HELD - 1, TRAINED, PRUNED // 2)
    assert len(study.told) == HELD
    study.run(reused=1)
    after = kept(study.folder)
    assert len(study.told) == HELD + ANSWERS - len(before["instances"])
    assert sizes(study.folder) == (TRIALS, ANSWERS, TRAINED, PRUNED)
    assert all(before[kind] <= after[kind] for kind in before)
    for key in after["trials"] - before["trials"]:
        log = study.log(key)
        assert "it was in the store" in log
        assert "trained in" not in log
    assert sum(study.log(key).count(" pruned in ") for key in after["trials"]) == PRUNED // 2  # those of the last trial
    assert answers(study.folder) == undisturbed


def test_after_a_kill_of_a_worker_the_sweep_goes_on_by_itself(
    tmp_path: Path, undisturbed: dict[tuple[str, str], float]
) -> None:
    study = Study(tmp_path / "study")
    with study.held():
        program = study.start()
        try:
            until(lambda: len(study.told) == HELD, program)
            before = kept(study.folder)
            os.kill(study.told[-1], signal.SIGKILL)
            until(lambda: is_gone(study.told[HELD - 1]), program)
        except BaseException:
            program.kill()
            program.communicate()
            raise
    printed, _ = program.communicate(timeout=300)
    assert program.returncode == 0, printed
    assert FINISHED % 0 in printed, printed
    assert printed.count("retried: ") == 1, printed
    assert len(before["instances"]) == HELD - 1
    assert len(study.told) == ANSWERS + 1  # the one under way was given again
    assert len(set(study.told)) == 2
    assert sizes(study.folder) == (TRIALS, ANSWERS, TRAINED, PRUNED)
    assert answers(study.folder) == undisturbed
    study.run(reused=TRIALS)
    assert len(study.told) == ANSWERS + 1
