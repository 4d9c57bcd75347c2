"""The documentation as a site: it builds without a warning, its links lead somewhere, and it needs no other host."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from surrogate import attack, bounds, pruning, solvers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("mkdocs", "material", "mkdocstrings", "latex2mathml")),
        reason="the extra docs is not installed: make docs installs it",
    ),
]

ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.places |= {value for name in ("id", "name") if (value := values.get(name))}
        target = values.get("href") or values.get("src")
        if target and tag == "a":
            self.links.append(target)
        elif target and not (tag == "link" and values.get("rel") in ("canonical", "prev", "next")):
            self.loaded.append(target)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def test_links_lead_to_a_page_and_to_a_place_in_it(site: Path, pages: dict[Path, Page]) -> None:
    assert len(pages) > 25
    assert [f"{path.relative_to(site)}: {link}" for path, link in dead(pages) if path.name != "404.html"] == []


def dead(pages: dict[Path, Page]) -> Iterator[tuple[Path, str]]:
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            known = pages[target].places if target in pages else set()
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in known):
                yield path, link


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[Path, Page]) -> None:
    assert {link for page in pages.values() for link in page.loaded if urlsplit(link).netloc} == set()
    for path in site.rglob("*.css"):
        assert "url(http" not in path.read_text()


def test_formulas_and_roles_of_docstrings_are_shown_as_such(site: Path, pages: dict[Path, Page]) -> None:
    text = "".join(path.read_text() for path in pages)
    assert text.count("<math") > 40
    for left in ("arithmatex", ":math:", ":class:", ":meth:", ":func:", "merror", "<autoref", "<blockquote>"):
        assert left not in text, left


def test_the_api_has_the_public_names_and_every_method(site: Path, pages: dict[Path, Page]) -> None:
    names = {place for path, page in pages.items() if path.parent.name == "api" for place in page.places}
    for package in (attack, bounds, pruning, solvers):
        for name in package.__all__:
            one = getattr(package, name)
            module = getattr(one, "__module__", package.__name__)
            assert {f"{package.__name__}.{name}", f"{module}.{name}"} & names or not getattr(one, "__doc__", None), name
    for method in pruning.METHODS.values():
        assert f"{method.__module__}.{method.__name__}" in names
