"""Import paths of the last release. They work for one more release, and each warns once and names its new path."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "surrogate.datasets": "surrogate.data",
    "surrogate.network_files": "surrogate.networks.files",
    "surrogate.onnx_files": "surrogate.networks.onnx_files",
    "surrogate.torch_layers": "surrogate.networks.torch_modules",
    "surrogate.vnnlib": "surrogate.problems.vnnlib",
}
"""Where each module and what is in it went."""

GONE = {"surrogate.substitution": "surrogate.models.optimise(model, Place(inputs, outputs, dense))"}
"""Modules that went without a successor, and what to use."""


class FormerPaths(MetaPathFinder, Loader):
    """Gives for a former path the module of today itself, so that no class is there twice.

    Args:
        moved: for the former path of each module the one of today.
        gone: for each module that went without a successor what to use.
    """

    def __init__(self, moved: Mapping[str, str], gone: Mapping[str, str]) -> None:
        self._moved, self._gone = moved, gone

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in self._gone or self._path_now(fullname) else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        if name in self._gone:
            raise ImportError(f"{name} is gone: use {self._gone[name]}")
        now = self._path_now(name)
        warnings.warn(
            f"{name} is now {now}: import that, the old path goes in the next release", DeprecationWarning, stacklevel=2
        )
        sys.modules[name] = import_module(now)  # the import system hands over what it finds here

    def _path_now(self, name: str) -> str:
        """Return the path of today for a former one, or for a module inside it; empty for every other name."""
        former = ".".join(name.split(".")[:2])
        return self._moved[former] + name[len(former) :] if former in self._moved else ""


# The first of all finders: those of Python would find the files of a moved package a second time, under their former names.
sys.meta_path.insert(0, FormerPaths(MOVED, GONE))
