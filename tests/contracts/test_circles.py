"""No file of a package needs itself, however far around: not even by an import inside a function, or of a name in a text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PACKAGES = ("surrogate", "sweep")

LOADED_LATE = {
    "sweep.config.tasks": "a registry loads a task when a configuration names it: a user's task can be found in no other way"
}
"""The modules whose imports by name are no part of a circle, each with the reason."""


def modules(package: str) -> dict[str, Path]:
    """Return the files of a package by the names of their modules."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules of the package that a file imports, wherever it does; imports for type checking alone aside."""
    names: set[str] = set()
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            # "from a import b" needs a.b where that is a module, and a itself only where b is something that a defines.
            names |= {full if (full := f"{node.module}.{alias.name}") in known else str(node.module) for alias in node.names}
    return names & set(known)


def imported_by_name(path: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules of the package that a file can import by a text in it, such as ``package.module:Class``."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    used = {getattr(node, "id", getattr(node, "attr", "")) for node in nodes}
    if not used & {"import_module", "__import__"}:
        return set()
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text.partition(":")[0] for text in texts} & set(known)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        yield node
        yield from _nodes(node)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of modules each of which reaches each other (Tarjan 1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            place = stack.index(name)
            members = stack[place:]
            del stack[place:]
            if len(members) > 1 or name in graph[name]:
                found.append(sorted(members))

    for name in graph:
        if name not in number:
            visit(name)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_no_circles(package: str) -> None:
    known = modules(package)
    graph = {name: imported(path, known) for name, path in known.items()}
    for name, path in known.items():
        if name not in LOADED_LATE:
            graph[name] |= imported_by_name(path, known)
    assert circles(graph) == []


@pytest.mark.parametrize("name", LOADED_LATE)
def test_what_is_loaded_late_would_be_a_circle_otherwise(name: str) -> None:
    known = modules(name.partition(".")[0])
    graph = {one: imported(path, known) for one, path in known.items()}
    graph[name] |= imported_by_name(known[name], known)
    assert any(name in circle for circle in circles(graph)), "no exception is listed that is none"


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]
    assert circles({"a": {"a"}, "b": {"a"}}) == [["a"]]
