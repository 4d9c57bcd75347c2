"""Expressions of search.where: a safe part of Python."""

from __future__ import annotations

import re

import pytest

from sweep.errors import ConfigError
from sweep.planning.conditions import WhereCondition

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
        ("pruning.amount == 1", False),
        ("pruning.finetune.rounds == 0.0", True),
        ("'magnitude' == pruning.method", True),
        ("pruning.method in 'magnitude'", True),
        ("(pruning.method, pruning.finetune.rounds) in [('none', 0), ('magnitude', 0)]", True),
        ("(pruning.amount == 0.8) == (attack.polish == false)", True),
        ("pruning.amount == pruning.finetune.rounds", False),
        ("bounds.lp_seconds > 0", True),  # which only some methods have: their default
        ("attack.on_incumbent == 'check'", True),
    ],
)
def test_holds(expression: str, holds: bool) -> None:
    assert WhereCondition(expression).holds(CONFIG) is holds


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
        ("pruning.amount =", "is not an expression: write == to compare"),
        ("instances.seed = 7", "'instances.seed = 7' is not an expression: write == to compare"),
        ("pruning.amount > 0.5 && true", 'is not an expression: write "and" or "or" between conditions'),
        ("pruning.amount in [0.5", "is not an expression: [ and ] do not match"),
        ("pruning.amount >", "is not an expression: write it as in pruning.amount > 0.5"),
        ("not " * 60 + "true", "is nested too deeply: at most 50 levels are allowed"),
        ("not " * 50_000 + "true", "is nested too deeply: at most 50 levels are allowed"),
        ("(" * 150 + "true" + ")" * 150 + " and" * 2, "is not an expression"),
        ("[" * 60 + "1" + "]" * 60 + " == 1", "is nested too deeply: at most 50 levels are allowed"),
        ("", "is not an expression"),
        ("pruning.amount", "neither true nor false"),
        ("pruning.amount or true", "neither true nor false"),
        ("pruning.method < 3", "have no order"),
        (
            "attack.radius > 1",
            "the part 'attack.radius > 1' compares null, 1, which have no order: < and > are for two numbers or",
        ),
        (
            "pruning.amount in 0.8",
            "compares 0.8, 0.8, which have no order: < and > are for two numbers or two texts, == and != for",
        ),
        ("pruning.amount == 0.8 or pruning.amont == 1", "unknown key pruning.amont"),
        ("pruning != 'magnitude'", "pruning is a section; did you mean pruning.method?"),
        ("pruning in ['magnitude']", "pruning is a section; did you mean pruning.method?"),
        ("dataset == 'mnist'", "dataset is a section; did you mean dataset.name?"),
        ("pruning.finetune == 3", "pruning.finetune is a section; its keys are pruning.finetune.rounds, "),
        ("pruning.method != 'magnitud'", "pruning.method is never 'magnitud': it must be one of none, "),
        ("pruning.method != 'magnitud'", "(did you mean magnitude?)"),
        ("'magnitud' == pruning.method", "(did you mean magnitude?)"),
        ("pruning.method not in ['none', 'magnitud']", "(did you mean magnitude?)"),
        ("'magnitud' in [pruning.method]", "(did you mean magnitude?)"),
        ("(pruning.method, pruning.amount) in [('none', 0), ('magnitud', 0.5)]", "(did you mean magnitude?)"),
        ("pruning.amount > 2 and not pruning.method == 'magnitud'", "(did you mean magnitude?)"),
        ("pruning.amount != '0.5'", "pruning.amount is never '0.5': it must be a finite number"),
        ("pruning.amount in [0.5, '0.8']", "pruning.amount is never '0.8'"),
        ("pruning.method == 3", "pruning.method is never 3: it must be a text"),
        ("pruning.finetune.rounds == -0.5", "pruning.finetune.rounds is never -0.5: it must be an integer"),
        ("pruning.amount == null", "pruning.amount is never None: it must be a finite number"),
        ("attack.polish == 'true'", "attack.polish is never 'true': it must be true or false"),
        ("attack.radius == 'none'", "attack.radius is never 'none': it must be a finite number or null"),
    ],
)
@pytest.mark.filterwarnings("ignore:\"is\" with 'float' literal:SyntaxWarning")
def test_refused(expression: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        WhereCondition(expression).holds(CONFIG)
