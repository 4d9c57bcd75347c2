"""What the terminal shows: counts, the best margin, the time left; failures at once."""

from __future__ import annotations

import io

import pytest
import synthetic
from rich.console import Console

from sweep.terminal import streams
from sweep.terminal.progress import Progress


def shown(progress: Progress) -> str:
    console = Console(file=io.StringIO(), width=300)
    console.print(progress._render())
    text: str = console.file.getvalue()
    return text


def test_counts_best_margin_and_time_left() -> None:
    progress = Progress(Console(file=io.StringIO(), force_terminal=True), total=5, slots=2)
    assert "best value -" in shown(progress)
    assert "time left -" in shown(progress)
    progress.start("a", "4x64 dense")
    progress.start("b", "4x64 magnitude 0.5")
    progress.end(synthetic.trial("a", [synthetic.instance(dense_value=1.25)], name="4x64 dense", total_seconds=10.0))
    progress.end(synthetic.trial("c", [synthetic.instance(dense_value=0.5)], total_seconds=10.0), reused=True)
    progress.end(synthetic.trial("d", [], status="failed", error="diverged"))
    line = shown(progress)
    for part in ("3/5", "done 2", "running 1", "failed 1", "reused 1", "best margin 1.250", "4x64 magnitude 0.5"):
        assert part in line
    # One trial waits (10 s) and one has just begun (10 s), on two slots.
    left = progress.seconds_left()
    assert left is not None
    assert 9.0 < left <= 10.0


def test_without_a_terminal_every_trial_is_a_line() -> None:
    output = io.StringIO()
    with Progress(Console(file=output, width=300), total=6, slots=1) as progress:
        progress.activity("loading data")
        progress.end(synthetic.trial("a", [synthetic.instance(dense_value=1.25, status="adversarial")], name="4x64 [dense]"))
        progress.end(synthetic.trial("b", name="4x64 gradient"), reused=True)
        progress.end(synthetic.trial("c", [], name="4x64 random 0.5", status="failed", error="training diverged"))
        robust = [
            synthetic.instance(status="robust", dense_value=-1.0),
            synthetic.instance(status="unresolved", dense_value=-0.5),
        ]
        progress.end(synthetic.trial("d", robust, name="4x64 dense"))
        closest = [synthetic.instance(objective="closest", l1=length, dense_value=1e-6) for length in (2.5, 0.75)]
        progress.end(synthetic.trial("e", closest, name="4x64 dense"))
        largest = [synthetic.instance(objective="output", status="optimal", dense_value=7.5, first_found_seconds=None)]
        progress.end(synthetic.trial("f", largest, name="4x64 dense"))
    assert output.getvalue().splitlines() == [
        "loading data",
        "[1/6] 4x64 [dense]: adversarial 1/1, best margin 1.250, 10.0 s",
        f"[2/6] 4x64 gradient: adversarial 1/1, best margin {synthetic.instance().dense_value:.3f}, reused",
        "[3/6] FAILED 4x64 random 0.5: training diverged",
        "[4/6] 4x64 dense: adversarial 0/2, robust 1/2, best margin -0.500, 10.0 s",
        "[5/6] 4x64 dense: adversarial 2/2, norms 0.750 to 2.500, 10.0 s",
        "[6/6] 4x64 dense: optimal 1/1, best value 7.500, 10.0 s",
    ]


def test_on_a_terminal_ended_trials_scroll_by_above_one_live_line() -> None:
    output = io.StringIO()
    with Progress(Console(file=output, force_terminal=True, width=100), total=2, slots=1) as progress:
        progress.end(synthetic.trial("a", [synthetic.instance(dense_value=1.25)], name="4x64 dense"))
        progress.end(synthetic.trial("b", name="4x64 gradient"), reused=True)
    printed = output.getvalue()
    assert "[1/2] 4x64 dense: adversarial 1/1, best margin 1.250, 10.0 s\n" in printed
    assert "[2/2] 4x64 gradient: adversarial 1/1" in printed


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_counts_stay_on_one_line(width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    progress = Progress(console, total=12000, slots=2)
    progress.start("a", "28x28 4x64 magnitude 0.95 finetuned in 5 rounds training.seed=3")
    progress.end(synthetic.trial("b", [synthetic.instance(dense_value=-1234.5)], total_seconds=1e5))
    progress.end(synthetic.trial("c"), reused=True)
    progress.end(synthetic.trial("d", [], status="failed", error="diverged"))
    plain = Console(file=io.StringIO(), width=width)
    plain.print(progress._render())
    lines = plain.file.getvalue().splitlines()
    assert len(lines) == 2
    assert "3/12000  done 2  running 1" in lines[0]
    assert width < 80 or "time left" in lines[0]


def test_the_time_left_is_there_from_the_first_answer_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("sweep.terminal.progress.time.monotonic", lambda: now)
    progress = Progress(Console(file=io.StringIO()), total=3, slots=1)
    progress.start("a", "4x64 dense", instances=4)
    now = 110.0
    assert progress.seconds_left() is None
    progress.advance("a", 1)
    # The trial will take 40 s, of which 30 s are left, and so will each of the two others.
    assert progress.seconds_left() == pytest.approx(110.0)
    assert "4x64 dense 0:10 (1 of 4 answered)" in shown(progress)
    assert "time left 1:50" in shown(progress)


def test_the_time_left_of_a_sweep_that_goes_on_comes_from_what_it_has() -> None:
    progress = Progress(Console(file=io.StringIO()), total=3, slots=1)
    progress.end(synthetic.trial("a", total_seconds=10.0), reused=True)
    assert progress.seconds_left() == 20.0
    progress.end(synthetic.trial("b", total_seconds=4.0))
    assert progress.seconds_left() == 4.0, "what this sweep measures itself counts alone"


def test_a_training_shows_its_epochs_on_a_terminal_and_is_one_line_elsewhere() -> None:
    live = Progress(Console(file=io.StringIO(), force_terminal=True), total=1, slots=1)
    plain = Progress(Console(file=io.StringIO()), total=1, slots=1)
    for progress in (live, plain):
        for number in range(6):
            progress.start_training(str(number), f"{number}x8 on digits", epochs=5)
        progress.activity("training six networks")
        progress.activity("")
        progress.train("0", 3)
    assert "training 0x8 on digits (epoch 3 of 5); 1x8 on digits (epoch 0 of 5)" in shown(live)
    assert "; 2 more" in shown(live)
    assert plain.console.file.getvalue() == "training six networks\n"
    for number in range(6):
        live.end_training(str(number))
    assert "training" not in shown(live)


def test_many_running_trials_are_counted() -> None:
    progress = Progress(Console(file=io.StringIO(), force_terminal=True), total=9, slots=9)
    for number in range(6):
        progress.start(str(number), f"trial {number}")
    assert "; 2 more" in shown(progress)


def test_where_the_output_is_no_terminal_there_is_no_live_line_whatever_jupyter_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Console().is_terminal  # what Rich takes it for
    with Progress(streams.console(), total=1, slots=1) as progress:
        progress.start("a", "4x64 dense")
    assert "\x1b" not in capsys.readouterr().out
