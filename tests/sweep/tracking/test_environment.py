"""What a sweep ran on: the git state of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.tracking import environment


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_git_state_is_that_of_the_checkout_that_holds_the_file(tmp_path: Path) -> None:
    assert environment.git_tags(tmp_path / "absent.py") == {}
    _git(tmp_path, "init", "-q", "-b", "trunk")
    file = tmp_path / "module.py"
    file.write_text("x = 1\n")
    assert environment.git_tags(file) == {}, "an untracked file is not of this repository"
    _git(tmp_path, "add", "module.py")
    _git(tmp_path, "commit", "-q", "-m", "first")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    clean = {"mlflow.source.git.commit": commit, "mlflow.source.git.branch": "trunk", "mlflow.source.git.dirty": "false"}
    assert environment.git_tags(file) == clean
    (tmp_path / "notes.txt").write_text("untracked")
    assert environment.git_tags(file) == clean
    file.write_text("x = 2\n")
    assert environment.git_tags(file) == clean | {"mlflow.source.git.dirty": "true"}
    _git(tmp_path, "checkout", "-q", "--detach")
    assert "mlflow.source.git.branch" not in environment.git_tags(file)


def test_without_git_there_are_no_tags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.git_tags() == {}


@pytest.mark.slow
def test_without_a_home_folder_nothing_is_printed(tmp_path: Path) -> None:
    """A file in the place of the home folder: root could write to any folder. What draws is imported before a sweep begins."""
    (tmp_path / "home").touch()
    without = {name: text for name, text in os.environ.items() if not name.startswith(("MPL", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-c", "import sweep.report"],
        env={**without, "HOME": str(tmp_path / "home"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
