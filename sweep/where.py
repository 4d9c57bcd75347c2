"""The expressions of ``search.where``: a small, safe part of Python over the keys of a configuration."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from sweep.errors import ConfigError
from sweep.schema import unknown_key

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


class Condition:
    """A condition on a configuration, such as ``pruning.method != "structured" or pruning.amount == 0.5``.

    Allowed are comparisons (``in`` and ``not in`` with a list too), ``and``, ``or``, ``not``, brackets, numbers, texts, and
    dotted keys of the configuration. Nothing is executed.

    Raises:
        ConfigError: anything else.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        try:
            self._tree = ast.parse(expression.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise ConfigError(f"search.where: {expression!r} is not an expression: {error}") from error

    def holds(self, config: Mapping[str, Any]) -> bool:
        """Return whether the condition holds for a configuration (plain dictionaries)."""
        try:
            value = self._value(self._tree, config)
        except TypeError as error:
            raise ConfigError(f"search.where: {self.expression!r} compares values that have no order: {error}") from error
        if not isinstance(value, bool):
            raise ConfigError(f"search.where: {self.expression!r} is {value!r}, which is neither true nor false")
        return value

    def _value(self, node: ast.expr, config: Mapping[str, Any]) -> Any:
        match node:
            case ast.BoolOp(op=ast.And()):
                return False not in self._truths(node.values, config)
            case ast.BoolOp(op=ast.Or()):
                return True in self._truths(node.values, config)
            case ast.UnaryOp(op=ast.Not()):
                return not self._truth(node.operand, config)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Compare():
                values = [self._value(part, config) for part in (node.left, *node.comparators)]
                pairs = zip(values, node.ops, values[1:], strict=False)
                return all(self._comparison(kind)(left, right) for left, kind, right in pairs)
            case ast.Constant(value=str() | int() | float() | bool() | None):
                return node.value
            case ast.List() | ast.Tuple():
                return [self._value(part, config) for part in node.elts]
            case ast.Name() if node.id in _CONSTANTS:
                return _CONSTANTS[node.id]
            case ast.Name() | ast.Attribute():
                return self._lookup(ast.unparse(node), config)
        raise self._refused(node)

    def _truths(self, nodes: list[ast.expr], config: Mapping[str, Any]) -> list[bool]:
        """Evaluate every part, so that a typo in any of them is found on the first configuration."""
        return [self._truth(node, config) for node in nodes]

    def _truth(self, node: ast.expr, config: Mapping[str, Any]) -> bool:
        value = self._value(node, config)
        if not isinstance(value, bool):
            raise ConfigError(
                f"search.where: in {self.expression!r} the part {ast.unparse(node)!r} is {value!r}, "
                f"which is neither true nor false"
            )
        return value

    def _comparison(self, kind: ast.cmpop) -> Callable[[Any, Any], bool]:
        if type(kind) not in _COMPARISONS:
            raise self._refused(kind)
        return _COMPARISONS[type(kind)]

    def _lookup(self, key: str, config: Mapping[str, Any]) -> Any:
        value: Any = config
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise ConfigError(f"search.where: {self.expression!r}: {unknown_key(key)}")
            value = value[part]
        return value

    def _refused(self, node: ast.AST) -> ConfigError:
        return ConfigError(
            f"search.where: {self.expression!r} uses {type(node).__name__}, which is not allowed; "
            f"allowed are comparisons, in, and, or, not, numbers, texts and keys such as pruning.amount"
        )
