"""Expressions of search.where: a safe part of Python."""

from __future__ import annotations

import re

import pytest

from sweep.errors import ConfigError
from sweep.where import Condition

CONFIG = {
    "pruning": {"method": "magnitude", "amount": 0.8, "finetune": {"rounds": 0, "rewind": True}},
    "attack": {"radius": None, "polish": False},
}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("pruning.amount == 0.8", True),
        ("pruning.amount != 0.8", False),
        ("0.5 < pruning.amount <= 0.8", True),
        ("0.5 < pruning.amount < 0.8", False),
        ("pruning.amount > -1", True),
        ("pruning.method in ['none', 'magnitude']", True),
        ("pruning.method not in ('none', 'magnitude')", False),
        ("pruning.method == 'structured' or pruning.finetune.rounds == 0", True),
        ("pruning.method == 'structured' and pruning.finetune.rounds == 0", False),
        ("not pruning.finetune.rewind", False),
        ("pruning.finetune.rewind", True),
        ("pruning.finetune.rewind == true and attack.polish == false", True),
        ("attack.radius == null", True),
        ("attack.radius == None", True),
        (" (pruning.amount) >= 0.8 ", True),
    ],
)
def test_holds(expression: str, holds: bool) -> None:
    assert Condition(expression).holds(CONFIG) is holds


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("__import__('os').system('true')", "uses Call"),
        ("pruning.method.__class__ == 'x'", "unknown key pruning.method.__class__"),
        ("pruning['amount'] == 0.8", "uses Subscript"),
        ("pruning.amount + 1 > 0", "uses BinOp"),
        ("[x for x in (1, 2)] == 1", "uses ListComp"),
        ("(lambda: 1)() == 1", "uses Call"),
        ("pruning.amount is 0.8", "uses Is"),
        ("f'{pruning}' == 'x'", "uses JoinedStr"),
        ("b'x' == pruning.method", "uses Constant"),
        ("pruning.amount =", "is not an expression"),
        ("", "is not an expression"),
        ("pruning.amount", "neither true nor false"),
        ("pruning.amount or true", "neither true nor false"),
        ("pruning.method < 3", "have no order"),
        ("attack.radius > 1", "have no order"),
        ("pruning.amount == 0.8 or pruning.amont == 1", "unknown key pruning.amont"),
    ],
)
@pytest.mark.filterwarnings("ignore:\"is\" with 'float' literal:SyntaxWarning")
def test_refused(expression: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        Condition(expression).holds(CONFIG)
