"""The commands that the pages show are plans."""

from __future__ import annotations

import math
import re
import shlex
from pathlib import Path

import pytest
from composing import Composer

DOCS = Path(__file__).parents[2] / "docs"


def commands(page: str) -> list[list[str]]:
    """Return the words after ``python -m sweep`` in each command of a page, without what is the shell's."""
    text = (DOCS / page).read_text().replace("\\\n", "")
    lines = [shlex.split(line, comments=True) for line in re.findall(r"^python -m sweep (.*)$", text, flags=re.MULTILINE)]
    return [words[: words.index(">")] if ">" in words else words for words in lines]


def test_those_of_the_page_on_searches(composer: Composer) -> None:
    assert len(commands("search.md")) >= 5
    for words in commands("search.md"):
        planned = composer.plan(*words)
        assert (planned.suggester is None) == ("search=optuna" not in words)


@pytest.mark.parametrize("words", commands("attacks.md"), ids=" ".join)
def test_those_of_the_page_on_attacks(composer: Composer, words: list[str]) -> None:
    choices = [len(word.partition("=")[2].split(",")) for word in words if "," in word]
    assert len(composer.plan(*[word for word in words if word != "-m"]).trials) == math.prod(choices)


@pytest.mark.parametrize("page", ["configuration.md", "tutorial.md"])
def test_those_of_the_pages_for_everybody(composer: Composer, page: str) -> None:
    assert len(commands(page)) >= 4
    for words in commands(page):
        assert composer.plan(*[word for word in words if word not in ("-m", "--cfg", "job")]).trials
