"""Fixtures of the tests of tasks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from own_models import forget

from sweep.tasks.model.settings import named_problem


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Writes the module ``my_model`` of a user, in the place of the one that was there before."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget_module() -> None:
        sys.modules.pop("my_model", None)
        named_problem.cache_clear()
        forget()

    def written(text: str) -> None:
        (tmp_path / "my_model.py").write_text(text)
        forget_module()

    yield written
    forget_module()
