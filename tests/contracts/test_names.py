"""One word, one meaning: no two classes of a package have the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SHARED = {"Status"}
"""How an answer stands: answers to attacks and answers to models both have one, each with the words of its own problem."""


@pytest.mark.parametrize("package", ["surrogate", "sweep"])
def test_no_class_name_stands_for_two_things(package: str) -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(path.relative_to(ROOT).as_posix())
    assert {name: paths for name, paths in found.items() if len(paths) > 1 and name not in SHARED} == {}
