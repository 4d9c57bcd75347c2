"""Import paths of the last release: they give the modules of today, and say so."""

from __future__ import annotations

import importlib
import sys

import pytest

from surrogate.moved import MOVED


@pytest.mark.parametrize("former", MOVED)
def test_a_former_path_is_the_module_of_today(former: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, former, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{former} is now {MOVED[former]}: import that") as warned:
        module = importlib.import_module(former)
    assert module is importlib.import_module(MOVED[former])
    assert module.__spec__ is not None
    assert module.__spec__.name == MOVED[former]
    assert len(warned) == 1


def test_the_warning_points_at_the_line_that_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "surrogate.vnnlib", raising=False)
    with pytest.warns(DeprecationWarning, match=r"surrogate\.vnnlib") as warned:
        from surrogate.vnnlib import read  # noqa: F401
    assert warned[0].filename == __file__


def test_what_is_inside_is_not_there_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("surrogate.datasets", "surrogate.datasets.sources"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.warns(DeprecationWarning, match=r"is now surrogate\.data"):
        module = importlib.import_module("surrogate.datasets.sources")
    assert module is importlib.import_module("surrogate.data.sources")


def test_a_path_that_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("surrogate.dataset")
