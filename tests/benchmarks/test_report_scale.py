"""The benchmark of the report, on one network and with one figure."""

from __future__ import annotations

import pytest

from benchmarks import report_scale
from sweep.report.figures import figures


@pytest.mark.slow
def test_a_small_report_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_scale, "NETWORKS", ((18, 2, 32),))
    monkeypatch.setattr(report_scale, "INSTANCES", 2)
    monkeypatch.setattr("sweep.report.writing.figures", lambda: [kind for kind in figures() if kind.name == "stages"])
    row = {"instance": 0, "sweep": "small", **report_scale.report_of(1)}
    assert (row["trials"], row["attacks"]) == (30, 60)
    assert 0.0 < row["figures_seconds"] < row["seconds"]
    assert row["peak_mib"] >= row["records_mib"] > 0.0
    assert "| small | 30 " in report_scale.report([row]).replace("  ", " ")
