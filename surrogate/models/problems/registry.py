"""Problems by name: the built-in ones, and a user's own as ``package.module:build``."""

from __future__ import annotations

import difflib
from types import FunctionType, ModuleType
from typing import Any

from surrogate.checks import shown
from surrogate.errors import InvalidSetting
from surrogate.models.problems import blending, constrained, design, diet, scholarship, treatment
from surrogate.models.problems.problem import ModelProblem
from surrogate.models.problems.sources import imported

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
        module, function = imported(name)
        build = _function(name, module, function)
        samples = getattr(build, "samples", None) or getattr(module, "samples", None)
        if samples is not None and not callable(samples):
            raise InvalidSetting(f"samples of {name} must be a function samples(seed, **parameters), got {shown(samples)}")
        return ModelProblem(name, build, samples)
    if name not in PROBLEMS:
        near = difflib.get_close_matches(name, PROBLEMS, n=1)
        meant = f": did you mean {near[0]}? There" if near else "; there"
        raise InvalidSetting(
            f"there is no problem {shown(name)}{meant} are {', '.join(PROBLEMS)}; your own is named package.module:build"
        )
    return ModelProblem(name, PROBLEMS[name].build, PROBLEMS[name].samples)


def _function(name: str, module: ModuleType, function: str) -> Any:
    found = getattr(module, function, None)
    if not callable(found):
        public = [key for key, value in vars(module).items() if isinstance(value, FunctionType) and key[0] != "_"]
        near = difflib.get_close_matches(function, public, n=1)
        meant = f": did you mean {near[0]}? It" if near else "; it"
        raise InvalidSetting(
            f"{name}: the module {module.__name__} has no function {function}{meant} has {', '.join(public) or 'none'}"
        )
    return found
