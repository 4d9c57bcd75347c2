"""The tutorial, as a reader follows it: its commands in their order in an empty folder, then its Python."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()

COMMANDS = re.findall(r"^python (-m sweep.*)$", PAGE, flags=re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def words(line: str) -> list[str]:
    """Return the words of a line of output that do not differ from run to run: no numbers, keys or paths."""
    return re.findall(r"[A-Za-z]{3,}", re.sub(r"\b[0-9a-f]{16}\b|\S*/\S*", " ", line))


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_it_can_be_followed(tmp_path: Path) -> None:
    assert len(COMMANDS) == 7
    printed = ""
    for command in COMMANDS:
        printed += run([word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)], tmp_path)
    (code,) = blocks("python")
    printed += run(["-c", code], tmp_path)
    assert "6 finished (0 reused), 0 failed of 6 trials." in printed
    assert "7 finished (6 reused), 0 failed of 7 trials." in printed
    assert "1 new, 0 partly done, 6 done. 24 of 28 answers" in printed
    assert "It agrees" in printed  # on a busy machine but for what a time limit decided
    assert (tmp_path / "mlruns" / "mlflow.db").is_file()
    assert len(list((tmp_path / "store" / "reports").glob("digits-*/report.html"))) == 2

    lines = [line for block in blocks("text") for line in block.splitlines()]
    shown = {" ".join(words(line)) for line in lines if not line.startswith(("image", "It agrees"))}
    there = {" ".join(words(line)) for line in printed.splitlines()}
    assert len(shown) > 25
    assert sorted(line for line in shown if not any(line in other for other in there)) == []
