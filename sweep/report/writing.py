"""Writes the files of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sweep.records import TrialRecord
from sweep.report.figures.curves import write_figures
from sweep.report.pictures import DRAWING
from sweep.report.ranking import rank


def write_report(records: Sequence[TrialRecord], folder: Path) -> list[Path]:
    """Write ``ranking.csv`` and the figures (PNG and SVG) into ``folder`` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = rank(records)
    csv = folder / "ranking.csv"
    frame.to_csv(csv, index=False)
    order = list(zip(frame["network"], frame["setting"], strict=True))
    with DRAWING:
        return [csv, *write_figures(records, order, folder)]
