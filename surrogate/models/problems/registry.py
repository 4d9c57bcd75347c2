"""Problems by name: the built-in ones, and a user's own as ``package.module:build``."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from surrogate.checks import shown
from surrogate.errors import InvalidSetting
from surrogate.models.problems import blending, constrained, design, diet, scholarship, treatment
from surrogate.models.problems.problem import ModelProblem

PROBLEMS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module for module in (constrained, blending, treatment, design, diet, scholarship)
}
"""Every built-in problem by its name."""


def find_problem(name: str) -> ModelProblem:
    """Return a built-in problem by its name, or a user's by ``package.module:build``.

    A user's module may have a function ``samples`` beside it, or ``build`` an attribute of that name.

    Raises:
        InvalidSetting: an unknown name; a module that is missing or fails when it is imported; a function that it lacks or
            that has another form.

    Example:
        >>> find_problem("blending").parameters["wines"]
        4
    """
    if not isinstance(name, str) or not name:
        raise InvalidSetting(f"a problem is named, such as blending or my_model:build, got {shown(name)}")
    if ":" in name:
        module, function = _imported(name)
        build = _function(name, module, function)
        samples = getattr(build, "samples", None) or getattr(module, "samples", None)
        if samples is not None and not callable(samples):
            raise InvalidSetting(f"samples of {name} must be a function samples(seed, **parameters), got {shown(samples)}")
        return ModelProblem(name, build, samples)
    if name not in PROBLEMS:
        near = difflib.get_close_matches(name, PROBLEMS, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise InvalidSetting(
            f"there is no problem {shown(name)}: {meant}There are {', '.join(PROBLEMS)}; your own is named package.module:build"
        )
    return ModelProblem(name, PROBLEMS[name].build, PROBLEMS[name].samples)


def source_files(name: str) -> list[Path]:
    """Return the files that a user's problem is made of; none of a built-in one, which goes with the library's version.

    They are the file of its module, those beside it in the same package, and those of every module below the same folder that
    these name at their top level.

    Raises:
        InvalidSetting: as :func:`find_problem` does.
    """
    if ":" not in name:
        return []
    root, _ = _imported(name)
    own, found, waiting = _root(root), dict[Path, None](), [root]
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if path is None or path in found or not _is_users(path, own):
            continue
        found[path] = None
        if module.__package__:
            found |= dict.fromkeys(sorted(path.parent.glob("*.py")))
        waiting += _named(module)
    return sorted(found)


def source_digest(name: str) -> str:
    """Return 16 hex digits over the contents of :func:`source_files`; empty for a built-in problem.

    Raises:
        InvalidSetting: as :func:`find_problem` does.
    """
    files = source_files(name)
    if not files:
        return ""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _imported(name: str) -> tuple[ModuleType, str]:
    """Return the module of ``package.module:build`` and the function's name."""
    path, _, function = name.partition(":")
    if not all(part.isidentifier() for part in [*path.split("."), function]):
        raise InvalidSetting(f"{shown(name)} is not of the form package.module:build, such as my_model:build")
    importlib.invalidate_caches()  # a module that was written since Python looked there
    try:
        return importlib.import_module(path), function
    except ModuleNotFoundError as error:
        if error.name is not None and (path == error.name or path.startswith(f"{error.name}.")):
            raise InvalidSetting(
                f"{name}: there is no module {error.name} in {Path.cwd()} nor elsewhere on Python's path: start in the folder "
                f"that has {path.split('.')[0]}, or install it"
            ) from error
        raise InvalidSetting(f"{name}: the module {path} imports {error.name}, which is not installed: install it") from error
    except Exception as error:
        raise InvalidSetting(
            f"{name}: the module {path} fails when it is imported, with {type(error).__name__}: {error}; correct it, and try "
            f"python -c 'import {path}'"
        ) from error


def _function(name: str, module: ModuleType, function: str) -> Any:
    found = getattr(module, function, None)
    if not callable(found):
        public = [key for key, value in vars(module).items() if isinstance(value, FunctionType) and key[0] != "_"]
        near = difflib.get_close_matches(function, public, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise InvalidSetting(
            f"{name}: the module {module.__name__} has no function {function}: {meant}Its functions are "
            f"{', '.join(public) or 'none'}"
        )
    return found


def _file(module: ModuleType) -> Path | None:
    path = getattr(module, "__file__", None)
    return Path(path).resolve() if path and path.endswith(".py") else None


def _root(module: ModuleType) -> Path:
    """Return the folder below which modules are the user's: beside the top-level one, or that alone where it is installed."""
    top = sys.modules[module.__name__.partition(".")[0]]
    file = _file(top)
    if file is None:  # a package without an __init__.py
        return Path(next(iter(top.__path__))).resolve()
    folder = file.parent
    if not hasattr(top, "__path__"):
        return file if folder.name == "site-packages" else folder
    return folder if folder.parent.name == "site-packages" else folder.parent


def _is_users(path: Path, root: Path) -> bool:
    """Whether a file is below the user's folder, and not of an environment in it."""
    if not path.is_relative_to(root):
        return False
    inside = path.relative_to(root).parts
    return "site-packages" not in inside and f"python{sys.version_info.major}.{sys.version_info.minor}" not in inside


def _named(module: ModuleType) -> list[ModuleType]:
    """Return the modules that a module's top level names: themselves, or by something that they define."""
    found = []
    for value in list(vars(module).values()):
        if isinstance(value, ModuleType):
            found.append(value)
        else:
            name = getattr(value, "__module__", None)
            if isinstance(name, str) and name in sys.modules:
                found.append(sys.modules[name])
    return found
