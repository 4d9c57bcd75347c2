"""The notebook runs from top to bottom in a kernel, as Jupyter would run it, and is kept without outputs."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def test_it_is_kept_without_outputs() -> None:
    """They would be of one machine, and each run a difference of thousands of lines."""
    notebook = json.loads(NOTEBOOK.read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 8
    assert [cell["id"] for cell in cells if cell["outputs"] or cell["execution_count"]] == []
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("nbclient", "ipykernel")),
    reason="the extra docs is not installed: make test-all installs it",
)
def test_it_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # this checkout, also where another one is installed
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # not the settings of whoever runs the tests
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = tmp_path / "docs"
    place.mkdir()
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(place)}}).execute()

    outputs = {cell["id"]: cell["outputs"] for cell in notebook.cells if cell["cell_type"] == "code"}
    printed = {name: "".join(one.get("text", "") for one in some) for name, some in outputs.items()}
    assert [one for some in outputs.values() for one in some if one.get("name") == "stderr"] == []  # no warning either
    assert "8 finished (0 reused), 0 failed of 8 trials." in printed["run-it"]
    assert table(outputs["read-it"]).count("\n") >= 8
    assert printed["mend"].startswith(("optimal: ink", "feasible: ink"))
    assert "gradient: adversarial" in printed["attack-it"]
    for name in ("draw-it", "verify-it"):
        assert any("image/png" in one.get("data", {}) for one in outputs[name]), name
    assert [path.name for path in place.iterdir()] == ["tutorial-results"]  # what git and the site leave out


def table(outputs: list[dict[str, Any]]) -> str:
    (shown,) = outputs
    assert "dense MILP" in shown["data"]["text/html"]
    return shown["data"]["text/plain"]
