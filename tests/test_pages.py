"""The pages that are written from the code are as the code is now."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from types import ModuleType

import pytest
from loading import module_of

ROOT = Path(__file__).parents[1]


def generator(name: str) -> ModuleType:
    return module_of(ROOT / "docs" / "generate" / f"{name}.py")


@functools.cache
def written(name: str) -> str:
    """Return a page as the code writes it now."""
    page = generator(name).page()
    assert isinstance(page, str)
    return page


@pytest.mark.parametrize("name", ["configuration", "structure", pytest.param("results", marks=pytest.mark.slow)])
def test_a_written_page_is_up_to_date(name: str) -> None:
    if generator(name).PAGE.read_text() != written(name):
        pytest.fail(f"docs/{name}.md is out of date: run python docs/generate/{name}.py", pytrace=False)


def test_the_page_of_modules_is_up_to_date() -> None:
    module = generator("structure")
    if module.MODULES_PAGE.read_text() != module.modules_page():
        pytest.fail("docs/modules.md is out of date: run python docs/generate/structure.py", pytrace=False)


def test_every_key_has_a_meaning() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|.*\| (.*) \|$", written("configuration"), flags=re.MULTILINE)
    assert len(rows) > 60
    assert [key for key, meaning in rows if meaning == "—"] == []


def test_comments_are_read_with_the_lines_that_go_on(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text("# top\na: 1    # of a,\n        # and more\nb:\n  c: x#y\n  d: null # of d\ne: 2\n        # of nothing\n")
    assert generator("configuration").comments(file) == {"a": "of a, and more", "b.d": "of d"}


def test_the_map_names_every_module_with_a_sentence_and_only_modules_that_are_there() -> None:
    module = generator("structure")
    page = module.modules_page()
    files = [path for package in module.PACKAGES for path in module.modules(package)]
    assert len(files) > 150
    assert [str(path) for path in files if not module.first_sentence(path)] == []
    assert page.count("| `") >= sum(path.name != "__init__.py" for path in files)
    for name in re.findall(r"`((?:surrogate|sweep|tests|conf)/[\w/.]*)`", page):
        assert (ROOT / name).exists(), name


def test_the_order_of_imports_on_the_map_is_the_one_that_is_tested() -> None:
    rules = (ROOT / "tests" / "contracts" / "test_imports.py").read_text()
    page = " ".join(written("structure").split())
    for name in ("ROOMS", "SWEEP_ROOMS"):
        rooms = re.findall(r'"(\w+)"', re.findall(rf"^{name} = \[(.*?)\]", rules, flags=re.MULTILINE | re.DOTALL)[0])
        assert " <- ".join(rooms) in page
