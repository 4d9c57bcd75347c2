"""Solvers that never return, deadlines, Ctrl-C, a full disk: the sweep says what happened, keeps what it found, and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from waiting import until

FAULTY = '''
"""Makes HiGHS and the store faulty in every process that has this folder on its path: the driver and Ray's workers alike."""

import importlib.machinery
import os
import sys
from pathlib import Path

HOME = Path(__file__).parent


def faulty_solver(module):
    real = module.HighsSolver.solve

    def solve(self, model, watched, **settings):
        solution = real(self, model, watched, **settings)
        if len(watched) > 2:  # the toy that warms a process up has two inputs
            with (HOME / "solves").open("a") as file:
                file.write("x")
            number = (HOME / "solves").stat().st_size
            for _ in range(2400):
                if not (HOME / f"hang-at-{number}").exists() and not (HOME / "hang-always").exists():
                    break
                if (HOME / "hold-the-lock").exists():  # no other thread of Python runs from now on
                    import ctypes

                    ctypes.PyDLL(None).sleep(120)
                import time

                time.sleep(0.05)
        return solution

    module.HighsSolver.solve = solve


def faulty_disk(module):
    real = module.Folder.write

    def write(self, path, data):
        kept = sum(1 for _ in (self.root / "instances").glob("*/[!.]*.json"))
        if (HOME / "full-after-2").exists() and kept >= 2:
            raise OSError(28, "No space left on device")
        real(self, path, data)

    module.Folder.write = write


FAULTS = {"surrogate.solvers.highs": faulty_solver, "sweep.store.places": faulty_disk}


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in FAULTS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            FAULTS[name](module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder)
'''

DEADLINE = 8.0

QUESTIONS = 4

TRIAL = (
    *("dataset=digits", "network=2x16", "network.width=8", "network.depth=1", "training=digits", "training.epochs=3"),
    *("attack.radius=2.0", f"instances.count={QUESTIONS}", "solver.time_limit_seconds=60", "cluster.cpus=1"),
)

MODES = {"single": TRIAL, "parallel": ("-m", *TRIAL, "pruning.amount=0.2,0.5")}
"""One trial in the driver's own process; two, one after the other, on a worker of Ray."""

TRIALS = {"single": 1, "parallel": 2}

in_both_modes = pytest.mark.parametrize("mode", list(MODES))

slow = pytest.mark.slow


class Place:
    """A folder where sweeps run with a faulty solver and a faulty disk, and what they left there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._faults = folder / "work", folder / "faults"
        self.folder.mkdir()
        self._faults.mkdir()
        (self._faults / "sitecustomize.py").write_text(FAULTY)

    def have(self, *faults: str) -> None:
        """Have these faults, and no others, from now on."""
        for file in self._faults.glob("h*-*"):
            file.unlink()
        (self._faults / "full-after-2").unlink(missing_ok=True)
        for fault in faults:
            (self._faults / fault).touch()

    def start(self, *words: str) -> subprocess.Popen[str]:
        paths = [str(self._faults), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "sweep", *words],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own, which a terminal that is closed hangs up as a whole
        )

    def sweep(self, *words: str) -> tuple[int, str]:
        """Run a sweep to its end; return its exit code and what it printed."""
        return ended(self.start(*words))

    @property
    def solves(self) -> int:
        """How many solves have ended or hang, in all sweeps so far."""
        file = self._faults / "solves"
        return file.stat().st_size if file.exists() else 0

    def answers(self, kind: str = "instances") -> list[dict[str, Any]]:
        """The facts of all entries of a kind in the store."""
        files = (self.folder / "store" / kind).glob("*/[!.]*.json")
        return [json.loads(file.read_text())["facts"] for file in sorted(files)]


def ended(program: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        printed, _ = program.communicate(timeout=200)
    finally:
        program.kill()
    assert "Traceback" not in printed, printed
    return program.returncode, printed


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def margins(answers: list[dict[str, Any]]) -> dict[str, float]:
    return {f"{answer['instance_key']} {answer['sparsity']}": answer["dense_value"] for answer in answers}


@pytest.mark.parametrize(
    ("mode", "holding"),
    [
        pytest.param("single", [], marks=slow),  # by Ray, test_ray_tune has an attack that outlives its deadline
        pytest.param("parallel", [], marks=slow),
        pytest.param("parallel", ["hold-the-lock"], marks=slow),
    ],
)
def test_a_solver_that_never_returns_is_ended_at_its_deadline(place: Place, mode: str, holding: list[str]) -> None:
    place.have("hang-at-3", *holding)
    code, printed = place.sweep(*MODES[mode], f"deadlines.instance_seconds={DEADLINE}")
    assert code == 0, printed
    assert f"{TRIALS[mode]} finished (0 reused), 0 failed of {TRIALS[mode]} trials." in printed
    assert "its worker process was lost" not in printed
    late = f"an attack was past its deadline (deadlines.instance_seconds={DEADLINE:g}), which ended the worker process"
    assert (late in printed) == (mode == "parallel")
    asked = QUESTIONS * TRIALS[mode]
    assert place.solves == asked
    cut = [answer for answer in place.answers() if answer["deadline_seconds"] is not None]
    assert len(place.answers()) == asked
    assert [answer["solver_status"] for answer in cut] == ["killed"]
    assert cut[0]["deadline_seconds"] == cut[0]["total_seconds"] == DEADLINE
    assert cut[0]["dense_value"] is not None  # what the solver had told before it hung
    assert cut[0]["perturbed"] is not None
    before = margins(place.answers())

    place.have()
    code, printed = place.sweep(*MODES[mode], f"deadlines.instance_seconds={DEADLINE + 1}")  # now it may take longer
    assert code == 0, printed
    assert place.solves == asked + 1
    assert [answer["solver_status"] for answer in place.answers()] == ["optimal"] * asked
    assert margins(place.answers()) == pytest.approx(before, abs=1e-6)


@slow
@in_both_modes
def test_a_trial_over_its_deadline_keeps_its_answers(place: Place, mode: str) -> None:
    place.have("hang-at-3")
    code, printed = place.sweep(*MODES[mode], f"deadlines.trial_seconds={DEADLINE}")
    assert code == 1, printed
    assert (
        f"stopped by deadlines.trial_seconds={DEADLINE:g} with 2 of {QUESTIONS} instances answered; the same command" in printed
    )
    assert f"{TRIALS[mode] - 1} finished (0 reused), 1 ended by deadlines.trial_seconds, 0 failed of" in printed
    assert "The same command with a larger deadlines.trial_seconds goes on" in printed
    solves = place.solves

    place.have()
    code, printed = place.sweep(*MODES[mode])
    assert code == 0, printed
    assert f"{TRIALS[mode]} finished ({TRIALS[mode] - 1} reused), 0 failed of {TRIALS[mode]} trials." in printed
    assert place.solves == solves + 2  # the one that hung, and the one after it
    assert [answer["solver_status"] for answer in place.answers()] == ["optimal"] * QUESTIONS * TRIALS[mode]


@slow
@in_both_modes
def test_a_sweep_over_its_deadline_says_so_and_goes_on_later(place: Place, mode: str) -> None:
    place.have("hang-at-3")
    code, printed = place.sweep(*MODES[mode], f"deadlines.sweep_seconds={30 if mode == 'parallel' else 15}")
    assert code == 1, printed
    assert "Interrupted by deadlines.sweep_seconds=" in printed
    assert "Run the same command again to go on, with a larger deadlines.sweep_seconds if it was too short" in printed
    goes_on(place, mode, printed)


@slow
@in_both_modes
@pytest.mark.parametrize(
    ("number", "send"), [(signal.SIGINT, os.kill), (signal.SIGHUP, os.killpg)], ids=["Ctrl-C", "closed terminal"]
)
def test_one_signal_is_enough_and_nothing_is_lost(
    place: Place, mode: str, number: signal.Signals, send: Callable[[int, int], None]
) -> None:
    place.have("hang-at-3")
    program = place.start(*MODES[mode])
    until(lambda: place.solves == 3, seconds=120.0)
    begin = time.monotonic()
    send(program.pid, number)
    code, printed = ended(program)
    assert time.monotonic() - begin < 30.0
    assert code == 130, printed
    assert place.solves == 3
    assert f"Interrupted by {number.name}.\n" in printed
    goes_on(place, mode, printed)


def goes_on(place: Place, mode: str, printed: str) -> None:
    """The third question hung, if the sweep came so far: the same command attacks that one and those after it, no other."""
    assert "Run the same command again to go on" in printed
    assert ": finished trials and single answers are kept." in printed
    kept = len(place.answers())
    assert kept == min(place.solves, 2)
    if kept and mode == "parallel":
        assert f"{kept} answers kept" in printed
    before = place.solves
    place.have()
    code, printed = place.sweep(*MODES[mode])
    assert code == 0, printed
    assert f"{TRIALS[mode]} finished (0 reused), 0 failed of {TRIALS[mode]} trials." in printed
    asked = QUESTIONS * TRIALS[mode]
    assert (place.solves - before, len(place.answers())) == (asked - kept, asked)
    assert [len(trial["instances"]) for trial in place.answers("trials")] == [QUESTIONS] * TRIALS[mode]


@slow
@in_both_modes
def test_a_full_disk_stops_the_sweep_in_one_sentence(place: Place, mode: str) -> None:
    place.have("full-after-2")
    code, printed = place.sweep(*MODES[mode])
    assert code == 1, printed
    errors = [line for line in printed.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, printed
    assert errors[0].endswith(" cannot be written: No space left on device; free some space or set sweep.store")
    assert len(place.answers()) == 2
    missing = TRIALS[mode] - 1
    rest = f", {missing} not started" if missing else ""
    assert f"0 finished (0 reused), 0 failed, 1 interrupted{rest} of {TRIALS[mode]} trials." in printed
    assert "1x8 magnitude" in printed
    assert "Ended by an error.\n" in printed
    assert "Run the same command again to go on: finished trials and single answers are kept." in printed
    solves = place.solves

    place.have()
    code, printed = place.sweep(*MODES[mode])
    assert code == 0, printed
    assert f"{TRIALS[mode]} finished (0 reused), 0 failed of {TRIALS[mode]} trials." in printed
    assert place.solves == solves + QUESTIONS * TRIALS[mode] - 2
