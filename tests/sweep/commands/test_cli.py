"""The program as its users meet it: options in any order, help, completion, one trial, failures, Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from composing import Composer

from sweep.__main__ import look_here, overrides_first
from sweep.config.refusal import not_an_option

QUICK = ("dataset=digits", "network.depth=1", "network.width=6", "training=digits", "attack.radius=1.0")


HERE = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": str(Path(__file__).parents[3]),
}
"""What makes ``python -m sweep`` in a shell run this checkout."""


def sweep(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweep", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_modules_in_the_working_directory_are_found_whatever_starts_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = str(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["bin", *sys.path])  # as of a console script
    for _ in range(2):
        look_here()
        assert sys.path[:2] == [here, "bin"]
        assert sys.path.count(here) == 1


def runs(folder: Path) -> list[tuple[str, str]]:
    """Return name and status of every run in the tracker, in the order of their creation."""
    connection = sqlite3.connect(folder / "mlruns" / "mlflow.db")
    try:
        return list(connection.execute("select name, status from runs order by rowid"))
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("given", "ordered"),
    [
        (["-m", "a=1,2"], ["a=1,2", "-m"]),
        (["+experiment=x", "-m", "a=1"], ["+experiment=x", "a=1", "-m"]),
        (["+experiment=x", "--multirun", "a=1"], ["+experiment=x", "a=1", "--multirun"]),
        (["--cfg", "job", "a=1"], ["a=1", "--cfg", "job"]),
        (["-c", "job", "a=1", "-p", "network", "b=2"], ["a=1", "b=2", "-c", "job", "-p", "network"]),
        (["--cfg=job", "a=1"], ["a=1", "--cfg=job"]),
        (["--info", "a=1"], ["a=1", "--info"]),
        (["--info", "config", "a=1"], ["a=1", "--info", "config"]),
        (["-sc", "query=bash"], ["query=bash", "-sc"]),
        (["~pruning.seed", "a=-1"], ["~pruning.seed", "a=-1"]),
        (["a=1", "--cfg"], ["a=1", "--cfg"]),
        ([], []),
    ],
)
def test_options_may_stand_anywhere(given: list[str], ordered: list[str]) -> None:
    assert overrides_first(given) == ordered


def test_a_group_is_not_chosen_by_a_number() -> None:
    said = not_an_option(["network=4x64", "pruning=3"])
    assert said is not None
    assert said.startswith("pruning=3 is not allowed")
    for value in ("null", "True", "none,3", "1e3", "nan"):
        assert not_an_option([f"pruning={value}"]) is not None, value
    assert not_an_option(["+experiment=3"]) is not None
    assert not_an_option(["network=4x64", "pruning=none,magnitude", "network.depth=3"]) is None
    assert not_an_option(["=5"]) == "=5 is not an override, which has the form key=value"


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--help"],
            [
                "python -m sweep +experiment=mnist",
                "pruning: activation, activation_structured, layerwise_magnitude, magnitude, none",
                "python -m sweep -m training.seed=0,3 instances.seed=7,8 'search.together=[[training.seed,instances.seed]]'",
                "exit codes",
            ],
        ),
        (["+experiment=digits", "--cfg", "job", "-p", "network"], ["depth: 2", "width: 16"]),
        (["--info", "plugins"], ["RayTuneSweeper"]),
        (["-sc", "query=bash"], ["pruning=layerwise_magnitude pruning=magnitude pruning=none"]),
    ],
)
def test_what_hydra_shows(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    done = sweep(tmp_path, *arguments, COMP_LINE="sweep pruning=")
    assert done.returncode == 0, done.stderr
    for word in words:
        assert word.lower() in done.stdout.lower()
    assert list(tmp_path.iterdir()) == []


def test_bash_completes_keys_and_options_of_the_module(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "bash", "--norc", "--noprofile", "-i")
    try:
        terminal.write('eval "$(python -m sweep -sc install=bash)" && echo "in""stalled"\n')
        terminal.read_until(lambda text: "installed" in text, seconds=60)
        terminal.write("python -m sweep pruning=lay\t")
        terminal.read_until(lambda text: "python -m sweep pruning=layerwise_magnitude" in text, seconds=60)
        terminal.write(" solver.time_l\t")
        terminal.read_until(lambda text: "solver.time_limit_seconds=" in text, seconds=60)
        (tmp_path / "any_file.py").touch()
        terminal.write("\x15python any_f\t")
        terminal.read_until(lambda text: "python any_file.py" in text, seconds=60)
    finally:
        terminal.close()


def test_nothing_but_python_m_sweep_takes_seconds_and_says_what_to_run_next(tmp_path: Path, composer: Composer) -> None:
    done = sweep(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "training 2x16 on digits\n" in done.stdout
    assert "1 finished (0 reused), 0 failed of 1 trials." in done.stdout
    after = done.stdout.partition("What to run next:\n")[2]
    commands = [line.strip() for line in after.splitlines()]
    assert len(commands) == 3
    *sweeps, show = (re.split(r"\s{2,}", command)[0].split()[2:] for command in commands)
    for program, *words in sweeps:
        assert program == "sweep"
        assert composer.plan(*[word for word in words if word != "-m"]).trials
    run = subprocess.run([sys.executable, "-m", *show], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    assert "sweep" in run.stdout


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "command",
    [
        "sweep +experiment=paper_small sweep.dry_run=true",
        "sweep +experiment=digits sweep.dry_run=json",
        "sweep sweep.dry_run=true",
        "sweep --help",
        "sweep --cfg job",
        "sweep.show",
        "sweep.report --help",
    ],
)
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command.split()],
            cwd=tmp_path,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=200,
        )
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr.lower()


def test_several_values_without_a_sweep_are_refused_with_the_command_that_sweeps(tmp_path: Path) -> None:
    done = sweep(tmp_path, "network.depth=3", "pruning.amount=0.5,0.8")
    assert done.returncode == 2
    assert done.stderr == (
        "error: pruning.amount=0.5,0.8 lists several values: to sweep over them, run python -m sweep -m network.depth=3 "
        "pruning.amount=0.5,0.8 (a text that has a comma is put into quotes)\n"
    )


def test_the_ui_takes_a_port() -> None:
    root = Path(__file__).parents[3]
    shown = [
        subprocess.run(["make", "--dry-run", *words], cwd=root, capture_output=True, text=True).stdout
        for words in (["ui"], ["ui", "PORT=5001"], ["help"])
    ]
    assert ["--port 5000" in shown[0], "--port 5001" in shown[1], "make ui PORT=5001" in shown[2]] == [True] * 3


@pytest.mark.slow
def test_one_trial_runs_in_this_process_from_any_folder(tmp_path: Path) -> None:
    done = sweep(tmp_path, *QUICK)
    assert done.returncode == 0, done.stderr
    assert "Ray" not in done.stdout
    assert "1 finished (0 reused), 0 failed of 1 trials." in done.stdout
    parent, child = runs(tmp_path)
    assert child == ("1x6 magnitude 0.8", "FINISHED")
    assert parent[1] == "FINISHED"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlruns", "store"]


@pytest.mark.slow  # in parts it is tested elsewhere: test_tuning has a training that diverges, the next test what is said of it
def test_a_failed_trial_leaves_the_others_alone_and_is_told(tmp_path: Path) -> None:
    done = sweep(tmp_path, "-m", *QUICK, "attack=gradient", "training.learning_rate=1e-3,1e30", "cluster.cpus=1")
    assert done.returncode == 1, done.stderr
    assert "FAILED 1x6 gradient training.learning_rate=1e+30: its dense network failed: training diverged" in done.stdout
    assert "1 finished (0 reused), 1 failed of 2 trials." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    statuses = dict(runs(tmp_path)[1:])
    assert statuses == {
        "1x6 gradient training.learning_rate=0.001": "FINISHED",
        "1x6 gradient training.learning_rate=1e+30": "FAILED",
    }
    assert runs(tmp_path)[0][1] == "FAILED"


@pytest.mark.parametrize("more", [[], pytest.param(["sweep.dry_run=true"], marks=pytest.mark.slow)])
def test_data_that_are_not_there_are_said_before_anything_starts(tmp_path: Path, more: list[str]) -> None:
    done = sweep(tmp_path, "dataset=mnist", "dataset.folder=nowhere", *more)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: dataset.folder=nowhere cannot be used: mnist cannot be read from the folder nowhere: "
    )
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


class Terminal:
    """A process on a terminal of its own, marked so that all its descendants can be found."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.mark = uuid.uuid4().hex
        self._screen, slave = pty.openpty()
        environment = {**os.environ, "SWEEP_TEST_MARK": self.mark, "COLUMNS": "200", "TERM": "xterm", **HERE}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.text = ""

    def write(self, text: str) -> None:
        """Type something."""
        os.write(self._screen, text.encode())

    def read_until(self, seen: Callable[[str], object], seconds: float) -> None:
        """Read the screen until ``seen`` holds of all that was printed."""
        end = time.monotonic() + seconds
        while not seen(self.text):
            assert time.monotonic() < end, self.text
            if select.select([self._screen], [], [], 0.2)[0]:
                try:
                    chunk = os.read(self._screen, 65536)
                except OSError:  # Linux says so when the last process has left the terminal
                    return
                self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", chunk.decode(errors="replace"))

    def descendants(self) -> list[psutil.Process]:
        """Return the processes that carry the mark and are no zombies, with their command lines."""
        running = psutil.process_iter(["environ", "cmdline"])
        return [process for process in running if self.mark in (process.info["environ"] or {}).values()]

    def close(self) -> None:
        """End whatever the test has left running, by its mark."""
        for process in self.descendants():
            with contextlib.suppress(psutil.Error):  # it has just ended
                process.kill()
        self.process.wait()
        os.close(self._screen)


@pytest.mark.parametrize("output", [pytest.param(output, marks=pytest.mark.slow) for output in ("pipe", "disk")])
def test_a_sweep_outlives_its_output(tmp_path: Path, output: str) -> None:
    if output == "disk":
        target = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, target = os.pipe()
        os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sweep", *QUICK, "instances.count=2", "pruning.amount=0.5"],
            cwd=tmp_path,
            stdout=target,
            stderr=subprocess.PIPE,
            text=True,
            timeout=200,
        )
    finally:
        os.close(target)
    assert done.returncode == 0, done.stderr
    why = "Broken pipe" if output == "pipe" else "No space left on device"
    said = f"the output was closed ({why}): the sweep goes on without it, and its results are kept as ever\n"
    assert done.stderr == said
    assert [status for _, status in runs(tmp_path)] == ["FINISHED", "FINISHED"]
    assert len(list((tmp_path / "store" / "trials").iterdir())) == 1


def test_an_experiment_that_is_no_yaml_is_refused_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "own" / "experiment" / "mine.yaml"
    broken.parent.mkdir(parents=True)
    broken.write_text("# @package _global_\npruning:\n\tamount: 0.5\n")
    command = [sys.executable, "-m", "sweep", "--config-dir", "own", "+experiment=mine"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout) == (2, "")
    said = (
        r"error: .*mine\.yaml of the configuration is not valid YAML: .* \(line 3, column 1\); mend the file, or leave it out\n"
    )
    assert re.fullmatch(said, done.stderr)


_EARLY = """
import os, signal
from sweep import __main__ as program
from sweep.planning import plan

plan.plan_one = lambda *_: os.kill(os.getpid(), signal.SIGINT)
program.main()
"""


def test_ctrl_c_before_the_sweep_has_begun_says_so(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _EARLY], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 130
    assert done.stdout == "Interrupted before the sweep had begun: nothing was started.\n"
    assert done.stderr == ""


@pytest.mark.slow
def test_a_terminal_shows_epochs_and_the_trials_that_ended_above_one_live_line(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, sys.executable, "-m", "sweep", *QUICK, "instances.count=2", "training.epochs=400")
    try:
        terminal.read_until(lambda text: "MLflow UI:" in text, seconds=200)
        assert terminal.process.wait(timeout=60) == 0
    finally:
        terminal.close()
    epochs = [int(number) for number in re.findall(r"training 1x6 on digits \(epoch (\d+) of 400\)", terminal.text)]
    assert len(set(epochs)) > 2
    assert epochs == sorted(epochs)
    assert "[1/1] 1x6 magnitude 0.8: adversarial" in terminal.text
    assert terminal.text.index("trained 1x6 on digits") < terminal.text.index("[1/1] 1x6")


def ends_cleanly_at(number: signal.Signals, terminal: Terminal) -> None:
    """Interrupt a program, and check that it says what it has to, and leaves no process behind."""
    terminal.process.send_signal(number)
    terminal.read_until(lambda text: "MLflow UI:" in text, seconds=120)
    assert terminal.process.wait(timeout=60) == 130
    end = time.monotonic() + 30
    while terminal.descendants() and time.monotonic() < end:
        time.sleep(0.2)
    assert terminal.descendants() == []


@pytest.mark.slow
def test_sigterm_while_ray_starts_ends_the_sweep_cleanly(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, sys.executable, "-m", "sweep", "-m", *QUICK, "training.seed=1,2", "instances.count=1")
    try:
        terminal.read_until(lambda text: "starting Ray" in text, seconds=200)
        ends_cleanly_at(signal.SIGTERM, terminal)
    finally:
        terminal.close()
    assert "Interrupted by SIGTERM." in terminal.text
    assert "2 not started of 2 trials." in terminal.text


@pytest.mark.timeout(900)  # its waits are guards for a machine that is busy with others
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_sweep_keeps_what_it_has(tmp_path: Path, number: signal.Signals) -> None:
    slow = ("network=4x64", "attack.radius=6.0", "instances.count=8", "solver.time_limit_seconds=100")
    terminal = Terminal(
        tmp_path,
        *(sys.executable, "-m", "sweep", "-m", "dataset=digits", "training=digits", *slow),
        *("attack=gradient,surrogate", "pruning=none,magnitude", "cluster.cpus=1"),
    )
    try:
        terminal.read_until(lambda text: "done 1  running 1" in text, seconds=400)
        assert any("raylet" in " ".join(process.info["cmdline"] or ()) for process in terminal.descendants())
        ends_cleanly_at(number, terminal)
    finally:
        terminal.close()
    assert f"Interrupted by {number.name}." in terminal.text
    assert terminal.text.count(f"interrupted by {number.name}") == 1, "each interrupted trial is named once"
    assert f"4x64 dense: interrupted by {number.name} after" in terminal.text
    assert "Not started: 4x64 magnitude 0.8." in terminal.text
    assert "1 finished (0 reused), 0 failed, 1 interrupted, 1 not started of 3 trials." in terminal.text
    assert "Run the same command again to go on" in terminal.text
    assert runs(tmp_path)[1:] == [("4x64 gradient", "FINISHED"), ("4x64 dense", "KILLED")]
    assert runs(tmp_path)[0][1] == "KILLED"
    assert len(list((tmp_path / "store" / "trials").iterdir())) == 1
