"""Imports point one way, and the heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest
import test_circles as circles

ROOT = Path(__file__).parents[2]


@functools.cache
def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


RAY = {
    "sweep/execution/ray_tune.py",
    "sweep/execution/tune_booking.py",
    "sweep/execution/worker.py",
    "sweep/planning/search/tune_scheduler.py",
}
"""Beside the package sweep/execution/cluster, the only modules that import ray."""

TORCH = (
    "surrogate/networks/torch_modules/",
    "surrogate/networks/relu_network.py",  # for type checking alone
    "surrogate/training/descent.py",
    "surrogate/training/intervals.py",
    "surrogate/training/penalties.py",
    "surrogate/data/resizing.py",  # inside a function
)
"""Where torch is imported in surrogate: in modules that are imported when they are used."""

LATE = {"scipy", "sklearn"}
"""Imported inside functions alone, so that the program starts sooner: with SciPy, Pyomo imports all of SciPy's statistics,
which take a second, and scikit-learn takes two."""


def at_once(path: Path) -> set[str]:
    """Return the packages that a module imports as soon as it is imported itself."""
    found = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module or "" if isinstance(node, ast.ImportFrom) else alias.name for node in found for alias in node.names}
    return {name.partition(".")[0] for name in names}


MODULES = sorted([*(ROOT / "surrogate").rglob("*.py"), *(ROOT / "sweep").rglob("*.py")])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_where_each_library_may_be_imported(path: Path) -> None:
    relative = path.relative_to(ROOT)
    assert not at_once(path) & LATE
    if relative.parts[0] == "surrogate":
        assert not tops(path) & {"sweep", "hydra", "omegaconf", "ray", "mlflow", "hydra_plugins"}
        assert "onnx" not in tops(path) or relative.parts[1:3] == ("networks", "onnx_files")
        assert "torch" not in tops(path) or relative.as_posix().startswith(TORCH)
    if relative.as_posix() not in RAY and relative.parts[:3] != ("sweep", "execution", "cluster"):
        assert "ray" not in tops(path)
    if relative.parts[:3] != ("sweep", "planning", "search"):
        assert "optuna" not in tops(path)
    if relative.parts[:2] != ("sweep", "tracking"):
        assert "mlflow" not in tops(path)


PROGRAM = ROOT / "sweep" / "report" / "__main__.py"
"""A program in a room: it writes a report and puts it into MLflow, so it is above all rooms."""


@pytest.mark.parametrize(("room", "other"), [("tracking", "report"), ("report", "tracking")])
def test_mlflow_and_the_report_know_nothing_of_each_other(room: str, other: str) -> None:
    for path in (ROOT / "sweep" / room).rglob("*.py"):
        known = {name for name in imported(path) if name == f"sweep.{other}" or name.startswith(f"sweep.{other}.")}
        assert path == PROGRAM or not known, (path, known)


ROOMS = [
    "errors",
    "checks",
    "rules",
    "settings",
    "files",
    "quiet_highs",
    "networks",
    "problems",
    "region",
    "witness",
    "variables",
    "bounds",
    "branching",
    "formulation",
    "solvers",
    "data",
    "training",
    "pruning",
    "attack",
    "models",
]
"""Every room of surrogate, and every file beside them: each imports only those in front of it."""


def test_every_room_has_its_place() -> None:
    found = {path.stem for path in (ROOT / "surrogate").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found == {*ROOMS, "__init__", "moved"}


@pytest.mark.parametrize("room", ROOMS)
def test_the_science_points_one_way(room: str) -> None:
    place = ROOT / "surrogate" / room
    later = ROOMS[ROOMS.index(room) + 1 :]
    for path in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        for name in imported(path):
            assert not any(f"{name}.".startswith(f"surrogate.{other}.") for other in later), (path, name)


SWEEP_ROOMS = [
    "errors",
    "terminal",
    "config",
    "records",
    "store",
    "planning",
    "tasks",
    "trial",
    "tracking",
    "report",
    "execution",
    "commands",
]
"""The errors and every room of sweep: each imports only those in front of it."""

PROGRAMS = {"__init__", "__main__", "replay", "show", "sweeper"}
"""The files beside the rooms: what users start or import, and what Hydra starts. They are above all rooms."""

FOR_TYPES_ALONE = {("terminal/progress.py", "records"): "a line of the terminal is about a record, of which it reads fields"}
"""The imports that point the other way, each with its reason; none of them is there when the program runs."""


def test_beside_the_rooms_of_sweep_are_only_programs_and_errors() -> None:
    found = {path.stem for path in (ROOT / "sweep").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found == {*SWEEP_ROOMS, *PROGRAMS}


@pytest.mark.parametrize("room", SWEEP_ROOMS)
def test_the_system_points_one_way(room: str) -> None:
    place = ROOT / "sweep" / room
    later = {*SWEEP_ROOMS[SWEEP_ROOMS.index(room) + 1 :], *PROGRAMS}
    for path in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        parts = [name.split(".") for name in imported(path)]
        known = {name[1] for name in parts if name[0] == "sweep" and len(name) > 1}
        against = {(path.relative_to(ROOT / "sweep").as_posix(), other) for other in known & later}
        assert path == PROGRAM or against <= set(FOR_TYPES_ALONE), against


@pytest.mark.parametrize(("file", "room"), FOR_TYPES_ALONE)
def test_what_points_the_other_way_does_so_for_types_alone(file: str, room: str) -> None:
    path = ROOT / "sweep" / file
    assert any(name.startswith(f"sweep.{room}") for name in imported(path)), "no exception is listed that is none"
    known = circles.modules("sweep")
    assert not any(name.startswith(f"sweep.{room}") for name in circles.imported(path, known))
