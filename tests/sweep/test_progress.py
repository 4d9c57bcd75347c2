"""What the terminal shows: counts, the best margin, the time left; failures at once."""

from __future__ import annotations

import io

import pytest
import synthetic
from rich.console import Console

from sweep import terminal
from sweep.progress import Progress


def shown(progress: Progress) -> str:
    console = Console(file=io.StringIO(), width=300)
    console.print(progress._render())
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_counts_best_margin_and_time_left() -> None:
    progress = Progress(Console(file=io.StringIO(), force_terminal=True), total=5, slots=2)
    assert "best margin -" in shown(progress)
    assert "time left -" in shown(progress)
    progress.start("a", "4x64 dense")
    progress.start("b", "4x64 magnitude 0.5")
    progress.end(synthetic.trial("a", [synthetic.instance(margin=1.25)], name="4x64 dense", total_seconds=10.0))
    progress.end(synthetic.trial("c", [synthetic.instance(margin=0.5)], total_seconds=10.0), reused=True)
    progress.end(synthetic.trial("d", [], status="failed", error="diverged"))
    line = shown(progress)
    for part in ("3/5", "done 2", "running 1", "failed 1", "reused 1", "best margin 1.250 (4x64 dense)", "4x64 magnitude 0.5"):
        assert part in line
    # One trial waits (10 s) and one has just begun (10 s), on two slots.
    left = progress.seconds_left()
    assert left is not None
    assert 9.0 < left <= 10.0


def test_without_a_terminal_every_trial_is_a_line() -> None:
    output = io.StringIO()
    with Progress(Console(file=output, width=300), total=6, slots=1) as progress:
        progress.activity("loading data")
        progress.end(synthetic.trial("a", [synthetic.instance(margin=1.25, status="adversarial")], name="4x64 [dense]"))
        progress.end(synthetic.trial("b", name="4x64 gradient"), reused=True)
        progress.end(synthetic.trial("c", [], name="4x64 random 0.5", status="failed", error="training diverged"))
        robust = [synthetic.instance(status="robust", margin=-1.0), synthetic.instance(status="unresolved", margin=-0.5)]
        progress.end(synthetic.trial("d", robust, name="4x64 dense"))
        closest = [synthetic.instance(objective="closest", l1=length, margin=1e-6) for length in (2.5, 0.75)]
        progress.end(synthetic.trial("e", closest, name="4x64 dense"))
        largest = [synthetic.instance(objective="output", status="optimal", margin=7.5, first_adversarial_seconds=None)]
        progress.end(synthetic.trial("f", largest, name="4x64 dense"))
    assert output.getvalue().splitlines() == [
        "loading data",
        "[1/6] 4x64 [dense]: adversarial 1/1, best margin 1.250, 10.0 s",
        f"[2/6] 4x64 gradient: adversarial 1/1, best margin {synthetic.instance().margin:.3f}, reused",
        "[3/6] FAILED 4x64 random 0.5: training diverged",
        "[4/6] 4x64 dense: adversarial 0/2, robust 1/2, best margin -0.500, 10.0 s",
        "[5/6] 4x64 dense: adversarial 2/2, norms 0.750 to 2.500, 10.0 s",
        "[6/6] 4x64 dense: optimal 1/1, best value 7.500, 10.0 s",
    ]


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
    with Progress(terminal.console(), total=1, slots=1) as progress:
        progress.start("a", "4x64 dense")
    assert "\x1b" not in capsys.readouterr().out
