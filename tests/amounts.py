"""How much of a property, and of a family of cases, the fast suite tries; ``make test-all`` tries all of it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import hypothesis
import pytest

FEWER = 3
"""The fast suite tries one in so many of the examples of a property."""

_amount = {"fast": False}


def begin(config: pytest.Config) -> None:
    """Learn whether this is the fast suite, before any test is collected."""
    _amount["fast"] = config.option.markexpr == "not slow"
    hypothesis.settings.register_profile("untimed", deadline=None)  # on a busy machine an example may take any time
    hypothesis.settings.register_profile("fast", deadline=None, max_examples=100 // FEWER)
    hypothesis.settings.load_profile("fast" if _amount["fast"] else "untimed")


def examples(count: int, **others: Any) -> hypothesis.settings:
    """Return settings for a property whose examples take long: so many of them, and in the fast suite fewer."""
    return hypothesis.settings(max_examples=max(5, count // FEWER) if _amount["fast"] else count, deadline=None, **others)


def leave_most_of_large_families(items: Iterable[pytest.Item]) -> None:
    """Mark as slow all cases of a test but ``@pytest.mark.few(count)``: chosen at random, and the same in every process."""
    families: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("few") and not item.get_closest_marker("slow"):
            families[item.nodeid.partition("[")[0]].append(item)
    for name, family in families.items():
        mark = family[0].get_closest_marker("few")
        assert mark is not None
        left = random.Random(name).sample(family, max(0, len(family) - mark.args[0]))
        kept, others = [one for one in family if one not in left], [one for one in left if not skips(one)]
        if others and all(skips(one) for one in kept):
            left.remove(others[0])
        for item in left:
            item.add_marker(pytest.mark.slow)


def skips(item: pytest.Item) -> bool:
    """Whether a case is skipped on this machine, as far as its marks say."""
    return any(
        mark.name == "skip" or (mark.args and mark.args[0] is True) for mark in item.iter_markers() if "skip" in mark.name
    )
