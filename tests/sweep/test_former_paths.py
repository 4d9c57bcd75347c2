"""Paths of the last release that users and stored models name: they work, whatever moves."""

from __future__ import annotations

import importlib
import sys

import pytest

from sweep.records import time_limit
from sweep.tracking import models


def test_the_former_path_of_time_limits_is_the_module_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sweep.time_limit", raising=False)
    with pytest.warns(DeprecationWarning, match=r"sweep\.time_limit is now sweep\.records\.time_limit: import that"):
        assert importlib.import_module("sweep.time_limit") is time_limit


def test_models_in_mlflow_find_their_loader() -> None:
    assert models.__name__ == "sweep.tracking.models", "every model in MLflow names its loader by this path"
