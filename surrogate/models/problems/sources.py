"""The source files of a user's problem. Another machine needs these files, and their contents count in keys."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from surrogate.checks import shown
from surrogate.errors import InvalidSetting

NOT_USERS = ("surrogate", "sweep")
"""Packages that no user's problem is made of, though they may lie beside it: a checkout, or what travelled with it."""

TRAVELLED = "_ray_pkg_"
"""The names of folders in which Ray puts files on another machine begin with this."""


def source_files(name: str) -> list[Path]:
    """Return the files that a user's problem is made of; none of a built-in one, which goes with the library's version.

    They are the file of its module, those beside it in the same package, and those of every module below the same folder that
    these import: anywhere in the file, also inside a function, and whatever is taken from there.

    Raises:
        InvalidSetting: as :func:`surrogate.models.problems.find_problem` does.
    """
    return sorted(_sources(name))


def importable_paths(name: str) -> list[Path]:
    """Return the single modules and the packages that :func:`source_files` are in: what another machine needs of them.

    Raises:
        InvalidSetting: as :func:`surrogate.models.problems.find_problem` does.
    """
    return sorted({path.parents[module.count(".") - 1] if "." in module else path for path, module in _sources(name).items()})


def source_digest(name: str) -> str:
    """Return 16 hex digits over the contents of :func:`source_files`; empty for a built-in problem.

    Raises:
        InvalidSetting: as :func:`surrogate.models.problems.find_problem` does.
    """
    files = _sources(name)
    if not files:
        return ""
    digest = hashlib.sha256()
    for file in sorted(files, key=files.__getitem__):  # by the modules' names: folders are others where they have travelled
        digest.update(files[file].encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def imported(name: str) -> tuple[ModuleType, str]:
    """Return the module of ``package.module:build`` and the function's name.

    Raises:
        InvalidSetting: a name of another form; a module that is missing, or that fails when it is imported.
    """
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
    except (Exception, SystemExit) as error:
        raise InvalidSetting(
            f"{name}: the module {path} fails when it is imported, with {type(error).__name__}: {error}; correct it, and try "
            f"python -c 'import {path}'"
        ) from error


def _sources(name: str) -> dict[Path, str]:
    """Return the files of a user's problem, each with the dotted name of the module that it is."""
    if ":" not in name:
        return {}
    module, _ = imported(name)
    own, found = _root(module), dict[Path, str]()
    waiting, seen = [*_with_packages(module.__name__)], set[str]()
    while waiting:
        dotted = waiting.pop()
        if dotted in seen or dotted.partition(".")[0] in NOT_USERS:
            continue
        seen.add(dotted)
        path = _path(dotted)
        if path is None or not _is_users(path, own):
            continue
        is_package = path.name == "__init__.py"
        package = dotted if is_package else dotted.rpartition(".")[0]
        found[path] = f"{dotted}.__init__" if is_package else dotted
        if package:
            found |= {beside: f"{package}.{beside.stem}" for beside in sorted(path.parent.glob("*.py"))}
        waiting += [one for each in _imports(path.read_bytes(), package) for one in _with_packages(each)]
        waiting += _named(sys.modules.get(dotted))
    return found


def _with_packages(dotted: str) -> Iterator[str]:
    """Yield ``a``, ``a.b`` and ``a.b.c`` for ``a.b.c``: Python imports them all."""
    parts = dotted.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _path(dotted: str) -> Path | None:
    """Return the file of a module, found without importing it; None if it has none, or there is no such module."""
    top, *inner = dotted.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module that was put together by hand
        return None
    if spec is None:
        return None
    if not inner:
        return Path(spec.origin).resolve() if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder).joinpath(*inner)
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path.resolve()
    return None


@functools.lru_cache(maxsize=256)
def _imports(source: bytes, package: str) -> tuple[str, ...]:
    """Return the dotted names that a file imports, and those of what it takes from there: these may be modules too."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # Python cannot import from there either
        return ()
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -(node.level - 1) or None] if node.level else []
            origin = ".".join([*filter(None, above), *([node.module] if node.module else [])])
            found += [origin, *(f"{origin}.{alias.name}" for alias in node.names)] if origin else []
    return tuple(dict.fromkeys(found))


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
        return file if folder.name == "site-packages" else _gathered(folder)
    return folder if folder.parent.name == "site-packages" else _gathered(folder.parent)


def _gathered(folder: Path) -> Path:
    """Return the folder of all that has travelled, where Ray has given each module that it brought one of its own."""
    return folder.parent if folder.name.startswith(TRAVELLED) else folder


def _is_users(path: Path, root: Path) -> bool:
    """Whether a file is below the user's folder, and not of an environment in that folder."""
    if not path.is_relative_to(root):
        return False
    inside = path.relative_to(root).parts
    return "site-packages" not in inside and f"python{sys.version_info.major}.{sys.version_info.minor}" not in inside


def _named(module: ModuleType | None) -> list[str]:
    """Return the modules that a module's top level names, itself or by something that they define, however it came by them."""
    if module is None:
        return []
    values = list(vars(module).values())
    names = [value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) for value in values]
    return [name for name in names if isinstance(name, str) and name in sys.modules]
