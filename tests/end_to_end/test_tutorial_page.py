"""The tutorial, as a reader follows it: its commands in their order in an empty folder, then its Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import blocks, can_run, commands, follow, run_python


def words(line: str) -> list[str]:
    """Return the words of a line of output that do not differ from run to run: no numbers, keys or paths."""
    return re.findall(r"[A-Za-z]{3,}", re.sub(r"\b[0-9a-f]{16}\b|\S*/\S*", " ", line))


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_it_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    printed = "".join(follow(command, tmp_path) for command in commands("docs/tutorial.md") if can_run(command))
    monkeypatch.chdir(tmp_path)
    run_python("docs/tutorial.md")
    printed += capsys.readouterr().out
    assert "1 finished (0 reused), 0 failed of 1 trials." in printed
    assert "6 finished (0 reused), 0 failed of 6 trials." in printed
    assert "7 finished (6 reused), 0 failed of 7 trials." in printed
    assert "1 new, 6 done. 24 of 28 answers" in printed
    assert "It agrees" in printed  # on a busy machine but for what a time limit decided
    assert (tmp_path / "mlruns" / "mlflow.db").is_file()
    assert len(list((tmp_path / "store" / "reports").glob("digits-*/report.html"))) == 2

    lines = [line for block in blocks("docs/tutorial.md", "text") for line in block.text.splitlines()]
    shown = {" ".join(words(line)) for line in lines if not line.startswith(("image", "It agrees"))}
    there = {" ".join(words(line)) for line in printed.splitlines()}
    assert len(shown) > 25
    assert sorted(line for line in shown if not any(line in other for other in there)) == []
