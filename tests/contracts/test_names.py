"""One word, one meaning: no name stands for two classes, or a class and a type, in both packages together."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]

SHARED = {"Status"}
"""``Status`` says how an answer stands. Users import that of attacks and that of models, each with the words of its own
problem, from their packages."""

MOST_LINES = 300
"""The most lines that a module may have. A longer module holds two things, and can be split between them."""

PATHS = sorted([*(ROOT / "surrogate").rglob("*.py"), *(ROOT / "sweep").rglob("*.py")])


def named(node: ast.stmt) -> str:
    """Return the name of a class or of a type that a statement gives; empty of other statements."""
    if isinstance(node, ast.ClassDef):
        return node.name.lstrip("_")
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            plain = name.lstrip("_")
            return plain if plain[:1].isupper() and not plain.isupper() else ""
    return ""


def test_no_name_stands_for_two_classes_or_types() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in PATHS:
        for name in filter(None, map(named, ast.parse(path.read_text(encoding="utf-8")).body)):
            found[name].append(path.relative_to(ROOT).as_posix())
    assert {name: paths for name, paths in found.items() if len(paths) > 1 and name not in SHARED} == {}


def test_the_names_of_classes_and_of_types_are_seen() -> None:
    code = "class A: ...\nclass _B: ...\nPair = tuple[int, ...]\n_Side: TypeAlias = int\nLIMIT = 3\nplain = 4"
    assert [named(node) for node in ast.parse(code).body] == ["A", "B", "Pair", "Side", "", ""]


def test_no_module_is_long() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in PATHS}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}
