"""Rules for single values, in the sections that set no method.

Names come from :mod:`surrogate`, which is imported when they are needed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from surrogate.errors import SurrogateError
from surrogate.files import file_path
from surrogate.problems.objectives import OBJECTIVES
from surrogate.rules import integer, nearest
from surrogate.settings import Setting

ValueRule = Callable[[Any], str | None]
"""Returns what is allowed if the value is not, else None."""

LARGEST_INTEGER = 2**31 - 1
LONGEST_SECONDS = 1e9
"""The largest integer that solvers and random generators take as a seed or a count, and the longest limit in seconds."""


def at_least(limit: int) -> ValueRule:
    return integer(limit, LARGEST_INTEGER)


def duration(value: float) -> str | None:
    """Seconds that a timer can wait."""
    return None if 0 < value <= LONGEST_SECONDS else f"a number of seconds above 0 and at most {LONGEST_SECONDS:g}"


def outlives_a_process(url: str) -> str | None:
    """A store: driver, head and workers are processes of their own, which share no memory."""
    if url.partition(":")[0] == "memory":
        return "a folder or a URL that other processes see too: what is under memory:// ends with the process that wrote it"
    scheme, _, local = url.rpartition("://")
    if scheme in ("", "file", "local") and url.strip():
        return path(local)
    return None if url.strip() else "a folder or a URL"


def not_empty(value: str) -> str | None:
    return None if value.strip() else "a text that is not empty"


def path(value: str) -> str | None:
    """A file or folder whose place is known: not below the home folder of a user whom this machine does not know."""
    if not value.strip():
        return "a text that is not empty"
    try:
        file_path(value)
    except SurrogateError as error:
        return f"a path that can be found, and {error}"
    return None


def experiment_name(value: str) -> str | None:
    is_name = value.strip() and value.strip(".") and not set(value) & set("/\\:\0")
    return None if is_name else "a name without / \\ and :, and neither empty nor dots alone"


AS_JSON = "json"
"""A dry run for programs: a JSON object a line and trial."""


def dry_run(value: bool | str) -> str | None:
    return None if isinstance(value, bool) or value == AS_JSON else f"true, false or {AS_JSON}"


def one_of(names: Callable[[], Iterable[str]]) -> ValueRule:
    """Return a rule for one of ``names()``, called late so that the registries are imported only when needed."""

    def rule(value: str) -> str | None:
        options = list(names())
        return None if value in options else "one of " + ", ".join(options) + nearest(str(value), options)

    return rule


FUNCTION = "function"
"""The data set that is drawn from a test function."""

TABLE, IMAGES = "table", "images"
"""The data sets that are files of the user's."""

NO_DATASET = "none"
"""The data set of networks and properties that come from files."""

NO_PRUNING = "none"
"""The pruning that leaves the dense network as it is."""

GRID, RANDOM, OPTUNA = SEARCHES = ("grid", "random", "optuna")
"""How trials are chosen from the space: all combinations, a random sample of them, or by what earlier trials gave."""


def datasets() -> Iterable[str]:
    from surrogate.data import NAMES, RECIPES

    return (*NAMES, *RECIPES, NO_DATASET)


@functools.cache
def own_keys() -> dict[str, dict[str, Setting]]:
    """Return the keys of ``dataset`` that a data set declares in the library, by the name of the data set.

    Of these, ``side`` alone is a key of other data sets too.
    """
    from surrogate.data import RECIPES

    return {
        name: {one.key or field: one for field, one in recipe.declared() if isinstance(one, Setting)}
        for name, recipe in RECIPES.items()
    }


def _own(key: str) -> Setting:
    return next(settings[key] for settings in own_keys().values() if key in settings)


def of_data(key: str) -> ValueRule:
    """Return the rule that the library declares for a key of ``dataset``."""
    return lambda value: _own(key).rule.refusal(value)


def unset(key: str) -> Any:
    """Return the default that the library declares for a key of ``dataset``: the value of data sets without this key."""
    default = _own(key).default
    return list(default) if isinstance(default, tuple) else default


PYTHON = "python"
"""The value of ``model.problem`` with which ``model.function`` names a problem of the user's."""


def problems() -> Iterable[str]:
    from surrogate.models.problems import PROBLEMS

    return (*PROBLEMS, PYTHON)


def side(value: int | list[int]) -> str | None:
    from surrogate.data import SIDE_LIMITS

    smallest, largest = SIDE_LIMITS
    if isinstance(value, list):
        return "[height,width] in pixels, each at least 1" if of_data("side")(value) else None
    return None if smallest <= value <= largest else f"an integer from {smallest} to {largest}, or null for the native side"


def inputs(value: int | list[str]) -> str | None:
    if isinstance(value, list):
        return None if value else "names of columns, or null for all that are no outputs"
    return None if at_least(1)(value) is None else "an integer of at least 1, or names of columns"


def file_title(file: str) -> str:
    """Return what people call a file, or a folder, of data: its name without the endings."""
    name = Path(file.rstrip("/\\")).name
    return name.removesuffix(".gz").rsplit(".", 1)[0] or file


def objectives() -> Iterable[str]:
    return OBJECTIVES


def searches() -> Iterable[str]:
    return SEARCHES


def norms() -> Iterable[str]:
    from surrogate.region import NORMS

    return [norm for norm in NORMS if norm != "none"]
