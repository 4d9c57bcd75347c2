"""Reads the commands of a VNN-LIB file. Each command becomes a list, nested as its brackets are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from surrogate.errors import InvalidProperty

MAX_DISJUNCTS = 10_000
"""Most cases of one ``or``, refused here, before the rest of them is read."""

MAX_DEPTH = 64
"""Most brackets inside one another; competition files have five. It also bounds the recursion over what is read."""

_LINE_END = re.compile(r"\r\n?|\n")
"""A line feed, a carriage return, or both: a comment ends at the first of either (SMT-LIB 2.6, section 3.1)."""

_DOUBTFUL_LINE_END = re.compile(r"[\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Characters that end a line for other programs, but not in SMT-LIB."""

_TOKEN = re.compile(
    rf"(?P<blank>[ \t\f\v]+)|(?P<comment>;[^\r\n]*)|(?P<line>{_LINE_END.pattern})|(?P<bracket>[()])"
    r"|(?P<quoted>\"[^\"]*\"(?:\"[^\"]*\")*|\|[^|\\]*\|)|(?P<atom>[^\s();\"|]+)"
)
"""A quoted word, a text (a quote in it is doubled) or a name between bars, may hold brackets, semicolons and line ends."""


@dataclass(frozen=True)
class Node:
    """A word (``text``) or a bracket (``items``), and the line, from 1, on which it begins."""

    line: int
    text: str = ""
    items: tuple[Node, ...] | None = None

    @property
    def head(self) -> str:
        """The word itself, or the first word of a bracket; empty if there is none."""
        if self.items is None:
            return self.text
        return self.items[0].text if self.items else ""


def commands(text: str, where: str) -> Iterator[Node]:
    """Yield the outermost brackets of a text one by one, so that no more than one of them is kept.

    Raises:
        InvalidProperty: brackets that don't match or nest too deeply, an ``or`` with too many cases, a character that no word
            has, words between commands, or a comment of which it is in doubt where it ends; ``where`` names the file in the
            message.
    """
    line, position = 1, 0
    starts: list[int] = []
    parts: list[list[Node]] = []
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidProperty(f"{where}, line {line}: the character {text[position]!r} is not allowed here")
        position = match.end()
        kind, word = match.lastgroup, match.group()
        if kind == "line":
            line += 1
        elif kind == "comment":
            if doubtful := _DOUBTFUL_LINE_END.search(word.rstrip()):  # with nothing behind it, it is no matter
                raise InvalidProperty(
                    f"{where}, line {line}: a comment holds text behind the character {doubtful[0]!r}, at which a line ends "
                    f"for some programs and for others not: put a line feed there, or leave the character out"
                )
        elif word == "(":
            if len(parts) == MAX_DEPTH:
                raise InvalidProperty(f"{where}, line {line}: more than {MAX_DEPTH} brackets are open at once")
            starts.append(line)
            parts.append([])
        elif word == ")" and kind == "bracket":
            if not parts:
                raise InvalidProperty(f"{where}, line {line}: a bracket is closed that was never opened")
            node = Node(starts.pop(), items=tuple(parts.pop()))
            if parts:
                parts[-1].append(node)
                if len(parts[-1]) > MAX_DISJUNCTS + 1 and parts[-1][0].text == "or":
                    raise InvalidProperty(
                        f"{where}, line {starts[-1]}: an or has at most {MAX_DISJUNCTS} cases, this one has more"
                    )
            else:
                yield node
        elif kind in ("atom", "quoted"):
            if not parts:
                raise InvalidProperty(f"{where}, line {line}: expected a command in brackets, got {word[:40]!r}")
            parts[-1].append(Node(line, word))
            line += count_line_ends(word)
    if parts:
        raise InvalidProperty(f"{where}, line {starts[0]}: a bracket is opened here and never closed; is the file truncated?")


def count_line_ends(text: str) -> int:
    """Return how many lines end in a text."""
    return sum(1 for _ in _LINE_END.finditer(text))
