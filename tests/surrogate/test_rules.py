"""Rules for single values: what each allows, and the words with which it refuses the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from surrogate import rules
from surrogate.rules import Rule

NO_NUMBERS = ("a", None, True, [1.0], (1, 2), math.nan)

RULES: dict[str, tuple[Rule, tuple[Any, ...], tuple[Any, ...], str]] = {
    "a count": (rules.COUNT, (1, 7, np.int64(3)), (0, -1, 0.5, 2.0, *NO_NUMBERS), "an integer of at least 1"),
    "a seed": (rules.SEED, (0, 2**63 - 1), (-1, 0.5, *NO_NUMBERS), "an integer of at least 0"),
    "a large seed": (rules.SEED, (), (2**63,), f"an integer of at most {2**63 - 1}"),
    "a range": (rules.integer(2, 9), (2, 9), (10, 10**30), "an integer of at most 9"),
    "positive": (rules.POSITIVE, (1e-9, 3, np.float32(0.5)), (0, 0.0, -1.0, *NO_NUMBERS), "a number above 0"),
    "not negative": (rules.NOT_NEGATIVE, (0, 2.5), (-1e-9, *NO_NUMBERS), "a number of at least 0"),
    "infinite": (rules.POSITIVE, (), (math.inf, -math.inf), "a finite number"),
    "a share": (rules.SHARE, (0.0, 0.999), (1.0, -0.1, *NO_NUMBERS), "a number with 0 <= value < 1"),
    "an inner share": (rules.INNER_SHARE, (0.5,), (0.0, 1.0, *NO_NUMBERS), "a number with 0 < value < 1"),
    "optional": (
        rules.number("a number above 0", lambda value: value > 0, optional=True),
        (None, 1),
        (0, "a"),
        "above 0 or None",
    ),
    "a flag": (rules.FLAG, (True, False), (0, 1, "true", None), "true or false"),
    "a name": (rules.one_of("left", "right"), ("left",), (None, 1, "", ["left"]), "one of left, right"),
    "a near name": (rules.one_of("left", "right"), (), ("Left", "rigth"), "(did you mean "),
    "several": (
        rules.several("names", rules.one_of("a", "b")),
        (["a"], ("b", "a")),
        ([], "a", None),
        "a list of names, each one of a, b",
    ),
    "numbers of an array": (
        rules.several("shares", rules.SHARE),
        (np.array([0.5]),),
        (np.array([]), np.array(0.5)),
        "a list of",
    ),
    "several with one wrong": (rules.several("names", rules.one_of("a", "b")), (), (["a", "c"],), "each one of a, b"),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_is_allowed(name: str) -> None:
    rule, allowed, refused, words = RULES[name]
    assert [rule(value) for value in allowed] == [None] * len(allowed)
    for value in refused:
        assert words in str(rule(value)), value
