"""The commands that the pages show are plans."""

from __future__ import annotations

import math
import shlex

import pytest
from composing import Composer
from pages import commands


def sweeps(page: str) -> list[list[str]]:
    """Return the words after ``python -m sweep`` in each command of a page, without what is the shell's."""
    start = "python -m sweep "
    lines = [shlex.split(line.removeprefix(start)) for line in commands(f"docs/{page}") if line.startswith(start)]
    return [words[: words.index(">")] if ">" in words else words for words in lines]


def test_those_of_the_page_on_searches(composer: Composer) -> None:
    assert len(sweeps("search.md")) >= 5
    for words in sweeps("search.md"):
        planned = composer.plan(*[word for word in words if word != "-m"])
        assert (planned.suggester is None) == ("search=optuna" not in words)


@pytest.mark.few(2)
@pytest.mark.parametrize("words", sweeps("attacks.md"), ids=" ".join)
def test_those_of_the_page_on_attacks(composer: Composer, words: list[str]) -> None:
    choices = [len(word.partition("=")[2].split(",")) for word in words if "," in word]
    assert len(composer.plan(*[word for word in words if word != "-m"]).trials) == math.prod(choices)


@pytest.mark.parametrize("page", ["configuration.md", "tutorial.md"])
def test_those_of_the_pages_for_everybody(composer: Composer, page: str) -> None:
    assert len(sweeps(page)) >= 4
    for words in sweeps(page):
        assert composer.plan(*[word for word in words if word not in ("-m", "--cfg", "job")]).trials
