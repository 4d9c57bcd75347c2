"""The expressions of ``search.where``: a small, safe part of Python over the keys of a configuration."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweep.config.families import ABSENT, default_of
from sweep.config.reading import impossible, section, unknown_key
from sweep.errors import ConfigError

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, options: value in options,
    ast.NotIn: lambda value, options: value not in options,
}

_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
"""YAML's own spellings, which people write in a YAML file."""


DEEPEST = 50
"""How deep brackets, ``not`` and the like may be nested: deeper than a person reads, less deep than Python can."""

_Evaluate = Callable[[Mapping[str, Any]], Any]
"""A part of an expression, ready to be asked about configurations."""


class WhereCondition:
    """A condition on a configuration, such as ``pruning.method != "structured" or pruning.amount == 0.5``.

    Allowed are comparisons (``in`` and ``not in`` with a list too), ``and``, ``or``, ``not``, brackets, numbers, texts, and
    dotted keys of the configuration. Nothing is executed. A key is not compared for equality with what it can never be: that
    would leave out everything, or nothing, without a word.

    Raises:
        ConfigError: anything else.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        try:
            tree = ast.parse(expression.strip(), mode="eval").body
            deep = _depth(tree) > DEEPEST
        except (SyntaxError, ValueError) as error:
            raise ConfigError(f"search.where: {expression!r} is not an expression: {_how_to_write(expression)}") from error
        except (RecursionError, MemoryError):  # of Python's parser, which gives up in either way
            deep = True
        if deep:
            raise ConfigError(
                f"search.where: {expression[:DEEPEST]!r}... is nested too deeply: at most {DEEPEST} levels are allowed; write "
                f"it as several expressions, all of which must hold"
            )
        self._value = self._prepared(tree)

    def holds(self, config: Mapping[str, Any]) -> bool:
        """Return whether the condition holds for a configuration (plain dictionaries)."""
        value = self._value(config)
        if not isinstance(value, bool):
            raise ConfigError(f"search.where: {self.expression!r} is {value!r}, which is neither true nor false")
        return value

    def _prepared(self, node: ast.expr) -> _Evaluate:
        """Return a function for a part of the expression: taken apart once, a condition is soon asked of a large space."""
        match node:
            case ast.BoolOp(op=ast.And()):
                truths = [self._truth(part) for part in node.values]
                # Every part is asked, so that a typo in any of them is found on the first configuration.
                return lambda config: False not in [truth(config) for truth in truths]
            case ast.BoolOp(op=ast.Or()):
                truths = [self._truth(part) for part in node.values]
                return lambda config: True in [truth(config) for truth in truths]
            case ast.UnaryOp(op=ast.Not()):
                truth = self._truth(node.operand)
                return lambda config: not truth(config)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return lambda config: -number
            case ast.Compare():
                return self._comparison(node)
            case ast.Constant(value=str() | int() | float() | bool() | None as constant):
                return lambda config: constant
            case ast.List() | ast.Tuple():
                parts = [self._prepared(part) for part in node.elts]
                return lambda config: [part(config) for part in parts]
            case ast.Name() if node.id in _CONSTANTS:
                constant = _CONSTANTS[node.id]
                return lambda config: constant
            case ast.Name() | ast.Attribute():
                return self._lookup(ast.unparse(node))
        raise self._refused(node)

    def _truth(self, node: ast.expr) -> Callable[[Mapping[str, Any]], bool]:
        value_of = self._prepared(node)

        def truth(config: Mapping[str, Any]) -> bool:
            value = value_of(config)
            if not isinstance(value, bool):
                raise ConfigError(
                    f"search.where: in {self.expression!r} the part {ast.unparse(node)!r} is {value!r}, "
                    f"which is neither true nor false"
                )
            return value

        return truth

    def _comparison(self, node: ast.Compare) -> _Evaluate:
        parts = [self._prepared(part) for part in (node.left, *node.comparators)]
        for kind in node.ops:
            if type(kind) not in _COMPARISONS:
                raise self._refused(kind)
        compare = [_COMPARISONS[type(kind)] for kind in node.ops]
        for kind, left, right in zip(node.ops, (node.left, *node.comparators), node.comparators, strict=False):
            self._check_values(kind, left, right)

        def comparison(config: Mapping[str, Any]) -> bool:
            values = [part(config) for part in parts]
            try:
                return all(test(left, right) for left, test, right in zip(values, compare, values[1:], strict=False))
            except TypeError as error:
                told = ", ".join("null" if value is None else repr(value) for value in values)
                raise ConfigError(
                    f"search.where: in {self.expression!r} the part {ast.unparse(node)!r} compares {told}, which have no "
                    f"order: < and > are for two numbers or two texts, == and != for any values, in for a list as [0.5, 0.8]"
                ) from error

        return comparison

    def _check_values(self, kind: ast.cmpop, left: ast.expr, right: ast.expr) -> None:
        """Refuse a comparison for equality, also of the parts of two lists, of a key with a constant that it can never be."""
        if isinstance(kind, (ast.In, ast.NotIn)):
            for option in right.elts if isinstance(right, (ast.List, ast.Tuple)) else [right]:
                if isinstance(option, (ast.List, ast.Tuple)) or _constant(option) or _constant(left):
                    self._check_values(ast.Eq(), left, option)
        elif isinstance(kind, (ast.Eq, ast.NotEq)):
            if isinstance(left, (ast.List, ast.Tuple)) and isinstance(right, (ast.List, ast.Tuple)):
                for one, other in zip(left.elts, right.elts, strict=False):
                    self._check_values(kind, one, other)
            for named, value in ((left, right), (right, left)):
                if isinstance(named, (ast.Name, ast.Attribute)) and (constant := _constant(value)):
                    self._check_value(ast.unparse(named), constant[0])

    def _check_value(self, key: str, value: Any) -> None:
        allowed = impossible(key, value)
        if allowed is not None:
            raise ConfigError(f"search.where: {self.expression!r}: {key} is never {value!r}: it must be {allowed}")

    def _lookup(self, key: str) -> _Evaluate:
        inside = section(key)
        if inside:
            meant = [f"{key}.{name}" for name in ("method", "name") if f"{key}.{name}" in inside]
            hint = f"did you mean {meant[0]}?" if meant else f"its keys are {', '.join(inside)}"
            raise ConfigError(f"search.where: {self.expression!r}: {key} is a section; {hint}")

        names = key.split(".")

        def lookup(config: Mapping[str, Any]) -> Any:
            value = _value(config, names)
            if value is ABSENT:  # a setting that only other methods have is what they have it at without a configuration
                value = default_of(key, lambda other: _value(config, other.split(".")))
            if value is ABSENT:
                raise ConfigError(f"search.where: {self.expression!r}: {unknown_key(key)}")
            return value

        return lookup

    def _refused(self, node: ast.AST) -> ConfigError:
        return ConfigError(
            f"search.where: {self.expression!r} uses {type(node).__name__}, which is not allowed; "
            f"allowed are comparisons, in, and, or, not, numbers, texts and keys such as pruning.amount"
        )


def _value(config: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the value of a key, given by its parts; ABSENT if a configuration lacks it."""
    value: Any = config
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return ABSENT
        value = value[name]
    return value


def _how_to_write(expression: str) -> str:
    """Return what keeps a text from being an expression, or an example of one."""
    outside = re.sub(r"""(["']).*?\1""", "", expression)
    if (turned := re.search(r"=[<>]", outside)) is not None:
        return f"write {turned[0][::-1]} to compare"
    if re.search(r"(?<![=!<>])=(?!=)", outside):
        return "write == to compare"
    if "&&" in outside or "||" in outside:
        return 'write "and" or "or" between conditions'
    for opened, closed in ("()", "[]"):
        if outside.count(opened) != outside.count(closed):
            return f"{opened} and {closed} do not match"
    return "write it as in pruning.amount > 0.5"


def _depth(tree: ast.expr) -> int:
    """Return how many parts of an expression lie inside each other at most."""
    depth, level = 0, [tree]
    while level:
        depth, level = (
            depth + 1,
            [inner for node in level for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.expr)],
        )
    return depth


def _constant(node: ast.expr) -> tuple[Any] | None:
    """Return the value of a constant, which may be None, in a tuple; None if it is something else."""
    match node:
        case ast.Constant(value=constant):
            return (constant,)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return (-number,)
        case ast.Name() if node.id in _CONSTANTS:
            return (_CONSTANTS[node.id],)
    return None
