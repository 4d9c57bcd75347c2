"""The meaning of the commands: variables, and the assertions as a disjunction of conjunctions of linear conditions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from surrogate.errors import InvalidProperty
from surrogate.problems.vnnlib.syntax import MAX_DISJUNCTS, Node

MAX_CONDITIONS = 2_000_000
"""Most conditions, in at most MAX_DISJUNCTS cases, once every ``or`` is moved to the outside: brackets that multiply out to
more are refused rather than let a small file fill the memory."""

PASSED_OVER = ("set-logic", "set-info", "set-option", "check-sat", "get-model", "exit")

_VARIABLE = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class LinearForm:
    """A sum of coefficients times variables, and a constant."""

    coefficients: Mapping[str, float]
    constant: float

    def times(self, factor: float) -> LinearForm:
        return LinearForm({name: factor * c for name, c in self.coefficients.items()}, factor * self.constant)


def _sum(terms: Sequence[LinearForm], factors: Sequence[float]) -> LinearForm:
    total: dict[str, float] = {}
    for term, factor in zip(terms, factors, strict=True):
        for name, coefficient in term.coefficients.items():
            total[name] = total.get(name, 0.0) + factor * coefficient
    return LinearForm(total, sum(factor * term.constant for term, factor in zip(terms, factors, strict=True)))


@dataclass(frozen=True)
class Condition:
    """The condition that ``form >= 0``, read on ``line``; ``form`` has at least one coefficient, none of them 0."""

    form: LinearForm
    line: int


Clause = tuple[Condition, ...]
"""A conjunction of conditions."""


@dataclass
class Property:
    """What a file says, gathered command by command.

    Attributes:
        where: name of the file, for messages.
        variables: kind (``X`` or ``Y``) and index of every declared name.
        always: the conditions that hold in every disjunct.
        clauses: the disjuncts, of which one holds besides.
    """

    where: str
    variables: dict[str, tuple[str, int]] = field(default_factory=dict)
    always: list[Condition] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=lambda: [()])

    def add(self, command: Node) -> None:
        """Take in one command.

        Raises:
            InvalidProperty: it is not known, not well-formed, not linear, or multiplies out to too much.
        """
        arguments = _arguments(command)
        if command.head in ("declare-const", "declare-fun"):
            self._declare(command, arguments)
        elif command.head == "assert":
            if len(arguments) != 1:
                raise self.error(command, f"assert takes one condition, got {len(arguments)}")
            clauses = self._clauses(arguments[0])
            if len(clauses) == 1:
                self.always.extend(clauses[0])
            else:
                self.clauses = self._product(self.clauses, clauses, command)
        elif command.head not in PASSED_OVER:
            raise self.error(
                command, f"unknown command {_shown(command)}: expected declare-const, declare-fun without arguments, or assert"
            )

    def error(self, node: Node | Condition, text: str) -> InvalidProperty:
        return InvalidProperty(f"{self.where}, line {node.line}: {text}")

    def _declare(self, command: Node, arguments: tuple[Node, ...]) -> None:
        if command.head == "declare-fun" and len(arguments) == 3 and arguments[1].items == ():
            arguments = (arguments[0], arguments[2])
        if len(arguments) != 2 or any(argument.items is not None for argument in arguments):
            raise self.error(command, f"expected a name and the type Real behind {command.head}")
        name, kind = arguments[0].text, arguments[1].text
        found = _VARIABLE.fullmatch(name)
        if found is None:
            raise self.error(command, f"{name[:40]!r} is not a variable: inputs are X_0, X_1, ..., and outputs Y_0, Y_1, ...")
        if kind != "Real":
            raise self.error(command, f"{name} has the type {kind[:40]!r}: only Real is supported")
        if name in self.variables:
            raise self.error(command, f"{name} is declared twice")
        self.variables[name] = (found[1], int(found[2]))

    def _clauses(self, node: Node) -> list[Clause]:
        """Return a condition as a disjunction; recursion is as deep as the brackets, which the syntax limits."""
        arguments = _arguments(node)
        if node.head in ("<=", ">=") and node.items is not None:
            if len(arguments) != 2:
                raise self.error(node, f"{node.head} compares two values, got {len(arguments)}")
            left, right = self._linear(arguments[0]), self._linear(arguments[1])
            form = _sum((left, right), (-1.0, 1.0) if node.head == "<=" else (1.0, -1.0))
            kept = {name: c for name, c in form.coefficients.items() if c != 0.0}
            if not kept:
                raise self.error(node, f"{node.head} compares two constants, or a value with itself")
            if not (math.isfinite(form.constant) and all(map(math.isfinite, kept.values()))):
                raise self.error(node, "the numbers are too large for double precision")
            return [(Condition(LinearForm(kept, form.constant), node.line),)]
        if node.head in ("and", "or") and node.items is not None:
            if not arguments:
                raise self.error(node, f"{node.head} needs at least one condition")
            parts = [self._clauses(argument) for argument in arguments]
            if node.head == "or":
                joined = [clause for part in parts for clause in part]
                self._require_size(len(joined), sum(map(len, joined)), node)
                return joined
            every = tuple(condition for part in parts if len(part) == 1 for condition in part[0])
            clauses: list[Clause] = [every]
            for part in parts:
                if len(part) > 1:
                    clauses = self._product(clauses, part, node)
            return clauses
        raise self.error(node, f"unknown condition {_shown(node)}: expected and, or, <= or >= in brackets")

    def _product(self, left: list[Clause], right: list[Clause], node: Node) -> list[Clause]:
        conditions = len(right) * sum(map(len, left)) + len(left) * sum(map(len, right))
        self._require_size(len(left) * len(right), conditions, node)
        return [(*one, *other) for one in left for other in right]

    def _require_size(self, disjuncts: int, conditions: int, node: Node) -> None:
        if disjuncts > MAX_DISJUNCTS or conditions > MAX_CONDITIONS:
            most = f"at most {MAX_DISJUNCTS} with {MAX_CONDITIONS} are read"
            raise self.error(
                node, f"the disjunctions multiply out to {disjuncts} cases, {conditions} conditions in all: {most}"
            )

    def _linear(self, node: Node) -> LinearForm:
        if node.items is None:
            if node.text in self.variables:
                return LinearForm({node.text: 1.0}, 0.0)
            if _NUMBER.fullmatch(node.text):
                return LinearForm({}, float(node.text))
            if _VARIABLE.fullmatch(node.text):
                raise self.error(node, f"{node.text} is not declared")
            raise self.error(node, f"{node.text[:40]!r} is neither a number nor a declared variable")
        arguments = _arguments(node)
        if node.head not in ("+", "-", "*"):
            raise self.error(node, f"unknown function {_shown(node)}: expected +, - or *")
        if not arguments:
            raise self.error(node, f"{node.head} needs at least one value")
        terms = [self._linear(argument) for argument in arguments]
        if node.head == "*":
            varying = [term for term in terms if term.coefficients]
            if len(varying) > 1:
                raise self.error(node, "a product of variables is not linear")
            constant = math.prod(term.constant for term in terms if not term.coefficients)
            return varying[0].times(constant) if varying else LinearForm({}, constant)
        if node.head == "-":
            return _sum(terms, [-1.0] if len(terms) == 1 else [1.0] + [-1.0] * (len(terms) - 1))
        return _sum(terms, [1.0] * len(terms))


def _arguments(node: Node) -> tuple[Node, ...]:
    return (node.items or ())[1:]


def _shown(node: Node) -> str:
    return repr(node.head[:40]) if node.head else "that is not named by a word"
