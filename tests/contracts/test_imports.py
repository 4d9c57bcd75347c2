"""Imports point one way, and the heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


RAY = {"sweep/tuning.py", "sweep/worker.py", "sweep/search/tune_scheduler.py"}
"""Beside the package sweep/cluster, the only modules that import ray."""

MODULES = sorted([*(ROOT / "surrogate").rglob("*.py"), *(ROOT / "sweep").rglob("*.py")])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_where_each_library_may_be_imported(path: Path) -> None:
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "surrogate":
        assert not tops(path) & {"sweep", "hydra", "omegaconf", "ray", "mlflow", "hydra_plugins"}
    if relative.as_posix() not in RAY and relative.parts[:2] != ("sweep", "cluster"):
        assert "ray" not in tops(path)
    if relative.parts[:2] != ("sweep", "search"):
        assert "optuna" not in tops(path)
    if relative.parts[:2] != ("sweep", "tracking"):
        assert "mlflow" not in tops(path)


LAYERS = ["networks", "region", "problems", "witness", "bounds", "formulation", "solvers", "attack"]


@pytest.mark.parametrize("layer", LAYERS)
def test_the_science_points_one_way(layer: str) -> None:
    place = ROOT / "surrogate" / layer
    files = list(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    later = {f"surrogate.{name}" for name in LAYERS[LAYERS.index(layer) + 1 :]}
    for path in files:
        for name in imported(path):
            assert not any(name == other or name.startswith(other + ".") for other in later), (path, name)
