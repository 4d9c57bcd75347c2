"""From text to nested lists: the brackets of a VNN-LIB file, command by command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from surrogate.vnnlib.errors import InvalidProperty

MAX_DISJUNCTS = 10_000
"""Most cases of one ``or``, refused here, before the rest of them is read."""

MAX_DEPTH = 64
"""Most brackets inside one another; competition files have five. It also bounds the recursion over what is read."""

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\f\v]+)|(?P<comment>;[^\n]*)|(?P<line>\n)|(?P<bracket>[()])"
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
            has, or words between commands; ``where`` names the file in the message.
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
            line += word.count("\n")
    if parts:
        raise InvalidProperty(f"{where}, line {starts[0]}: a bracket is opened here and never closed; is the file truncated?")
