"""Writes docs/structure.md, the house in five minutes, and docs/modules.md, all its modules, from their docstrings and imports.

python docs/generate/structure.py
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGE = ROOT / "docs" / "structure.md"

MODULES_PAGE = ROOT / "docs" / "modules.md"

PACKAGES = ("surrogate", "sweep")

LIBRARIES = (
    "torch",
    "highspy",
    "pyomo",
    "onnx",
    "sklearn",
    "hydra",
    "omegaconf",
    "ray",
    "optuna",
    "mlflow",
    "pandas",
    "matplotlib",
    "itables",
    "plotly",
)

START = """\
# Structure

<!-- Written by docs/generate/structure.py from the docstrings of the packages: change those, or the text there, then run it
(make docs does). -->

The house in five minutes. [Modules](modules.md) lists every file with a sentence, and what imports what.

| folder | what is in it |
|---|---|
| `surrogate/` | the science, a library: networks, regions, pruning, bounds, models, solvers, attacks |
| `sweep/` | the system around it: configurations, trials, the store, Ray, MLflow, the report |
| `hydra_plugins/` | a thin file where Hydra looks for sweepers; it hands over to `sweep/sweeper.py` |
| `conf/` | the configuration: a folder a group, a file an option ([reference](configuration.md)) |
| `tests/` | `sweep/` mirrors the package; `contracts/` tests pruning, bounds and formulations; `end_to_end/` whole programs |
| `benchmarks/` | the measurements ([results](performance.md)) |
| `deploy/`, `examples/`, `docs/` | launch files of clusters, a worked example, these pages and what writes some of them |

| where is | the place |
|---|---|
| what a trial's key is made of | `sweep/config/canonical.py` (`counting`) |
| the key of a network or an answer | `sweep/config/stage_keys.py` |
| what runs when a worker dies | `sweep/execution/tune_booking.py` (`on_trial_recover`, `on_trial_error`), which calls \
`Coordinator.lost` in `sweep/execution/coordinator.py` |
| the report's value column (of images: the margin) | `sweep/report/ranking.py`: the median of the trials' answers \
(`sweep/records/instance_record.py`) |
| the place of a new solver | `surrogate/solvers/`, listed in `surrogate/solvers/__init__.py`, and a file in `conf/solver/` |
| the place of a new task | a file of `sweep/tasks/`, or of yours ([how](extend.md)) |
| own code where a library exists, and why | [a page of its own](libraries.md) |

## The way of the data

1. `sweep/__main__.py` is Hydra's application; a sweep comes through `sweep/sweeper.py`. Both make a plan and hand it to
   `sweep/commands/run.py`.
2. `sweep/planning/plan.py` makes trials of overrides. `sweep/planning/space.py` composes every combination,
   `sweep/planning/search/` chooses from them, and `sweep/config/schema.py` and `sweep/config/consistency.py` refuse what is not
   allowed. `sweep/config/canonical.py` reduces a configuration to what can change the result. The hash of that is the trial's
   key; `sweep/config/shared_sections.py` makes the keys of a whole plan. A dry run ends here (`sweep/commands/preview/`).
3. `sweep/execution/driver.py` opens the store (`sweep/store/`) and the tracker (`sweep/tracking/`), and
   `sweep/execution/runner.py` books what the store has already. It has each distinct dense network trained once
   (`sweep/tasks/dense_network.py`).
4. What is left goes to Ray (`sweep/execution/ray_tune.py`, `sweep/execution/worker.py`), or runs in this process
   (`sweep/execution/local_run.py`). Both reach the store through one coordinator (`sweep/execution/coordinator.py`). The
   coordinator knows who makes which result, and ends what outlives its deadline. For Ray it is an actor on the driver's
   machine, so workers need no shared folder.
5. `sweep/trial/trial.py` is one trial: it prunes, has its task draw the instances (`sweep/tasks/`) and answers them one by one
   (`sweep/trial/answers.py`), each by a method, which `sweep/config/sections.py` builds. What has been made is found by its
   key (`sweep/config/stage_keys.py`).
6. An attack of `surrogate/attack/` bounds the network over the region (`surrogate/bounds/`), states it as a Pyomo model
   (`surrogate/formulation/`) and has it solved (`surrogate/solvers/`), or branches on the bounds (`surrogate/branching/`).
   Every point met is checked on the dense network by `surrogate/witness.py`, which knows no solver.
7. A model with networks in it is answered by `surrogate/models/`: a search whose members, MILPs of pruned copies among them,
   take turns on one thread (`surrogate/models/search.py`). The built-in problems are in `surrogate/models/problems/`.
8. The records (`sweep/records/`) go into the store. MLflow (`sweep/tracking/`) and the report (`sweep/report/`) are
   views of them.

## Who imports whom

`surrogate` never imports `sweep`. In both packages imports point one way, those inside functions too. A test holds the order
(`tests/contracts/test_imports.py`), another one that no file needs itself (`tests/contracts/test_circles.py`).

Of `surrogate`:

```text
errors <- checks <- rules <- settings <- files <- quiet_highs <- networks <- problems <- region <- witness
       <- variables <- bounds <- branching <- formulation <- solvers <- data <- training <- pruning <- attack
       <- models
```

Of `sweep`, whose programs are above all rooms:

```text
errors <- terminal <- config <- records <- store <- planning <- tasks <- trial <- tracking <- report
       <- execution <- commands
```

One import goes the other way, and the test of circles names it as its one exception: `sweep/config/tasks.py` imports a task
by its name, such as `sweep.tasks.row:RowTask`, because a task may be a class of a user. What the rooms in front of
`sweep/tasks/` need of a task is declared by `TaskRules` in `sweep/config/tasks.py`.

Large libraries stay in few rooms: the same test keeps `ray`, `optuna` and `mlflow` in theirs.
"""

MODULES_START = """\
# Modules

<!-- Written by docs/generate/structure.py from the docstrings and imports of the modules: change those, then run it
(make docs does). -->

Every file with the first sentence of its docstring. [Structure](structure.md) says how they work together.

## What imports what
"""


@functools.cache
def page() -> str:
    """Return the page on the structure."""
    return "\n".join([START, *_overview("surrogate"), *_overview("sweep"), ""])


@functools.cache
def modules_page() -> str:
    """Return the page of all modules."""
    return "\n".join([MODULES_START, *_rooms("surrogate"), *_rooms("sweep"), *_libraries(), *_maps()])


def modules(package: str) -> list[Path]:
    """Return the files of a package, folder by folder."""
    return sorted((ROOT / package).rglob("*.py"), key=lambda path: (path.parent.as_posix(), path.name))


def first_sentence(path: Path) -> str:
    """Return the first sentence of a module's docstring; empty if it has none."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z])", text)[0]


def _overview(package: str) -> Iterator[str]:
    yield f"## The rooms of {package}\n\n{_cell(first_sentence(ROOT / package / '__init__.py'))}\n"
    yield "| room | what it is for |\n|---|---|"
    for folder in sorted(path.parent for path in (ROOT / package).glob("*/__init__.py")):
        yield f"| `{folder.name}/` | {_cell(first_sentence(folder / '__init__.py'))} |"
    yield ""


def _rooms(package: str) -> Iterator[str]:
    yield f"| room of `{package}` | imports | and when it is called |\n|---|---|---|"
    found: dict[str, tuple[set[str], set[str]]] = {}
    for path in modules(package):
        room = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        if path.name == "__main__.py":
            room = "__main__"  # a program is above the room that it lies in
        for known, names in zip(found.setdefault(room, (set(), set())), imports(path), strict=True):
            known |= {name.split(".")[1] for name in names if name.startswith(f"{package}.")} - {room}
    for room, (first, later) in sorted(found.items(), key=lambda item: (len(item[1][0]), item[0])):
        if room not in ("__init__", "__main__"):
            yield f"| `{room}` | {_names(first)} | {_names(later - first)} |"
    yield ""


def _libraries() -> Iterator[str]:
    yield "| library | imported by |\n|---|---|"
    used = {
        path: {name.split(".")[0] for name in set.union(*imports(path))} for package in PACKAGES for path in modules(package)
    }
    for library in LIBRARIES:
        yield f"| `{library}` | {_names({_room(path) for path, names in used.items() if library in names})} |"
    yield ""


def _names(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _room(path: Path) -> str:
    """Return the module, or the package below the top one that it lies in."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts) if len(parts) == 2 else f"{parts[0]}/{parts[1]}/"


def _maps() -> Iterator[str]:
    for package in PACKAGES:
        yield f"## {package}\n\n{_cell(first_sentence(ROOT / package / '__init__.py'))}\n"
        folder = None
        for path in modules(package):
            if path.parent != folder:
                folder = path.parent
                name = folder.relative_to(ROOT).as_posix()
                if name != package:
                    yield f"\n### {name}/\n\n{_cell(first_sentence(folder / '__init__.py'))}\n"
                yield "| module | what it is for |\n|---|---|"
            if path.name != "__init__.py":
                yield f"| `{path.name}` | {_cell(first_sentence(path))} |"
        yield ""


def imports(path: Path) -> tuple[set[str], set[str]]:
    """Return the modules that a module imports when it is imported itself, and those that its functions import."""
    first: set[str] = set()
    later: set[str] = set()

    def visit(node: ast.AST, names: set[str]) -> None:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        for child in ast.iter_child_nodes(node):
            visit(child, later if isinstance(node, ast.FunctionDef) else names)

    visit(ast.parse(path.read_text()), first)
    return first, later


def _cell(text: str) -> str:
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
    MODULES_PAGE.write_text(modules_page())
