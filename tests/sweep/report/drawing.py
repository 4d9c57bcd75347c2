"""Draws one figure of a few records, for the tests of figures."""

from __future__ import annotations

import io

import pandas as pd
from making import results
from matplotlib import rc_context
from matplotlib.figure import Figure

from sweep.records import TrialRecord
from sweep.report.figures import figures
from sweep.report.figures.base import FigureKind, Look, look_of
from sweep.report.figures.style import RC
from sweep.report.ranking import rank
from sweep.report.results import Results
from sweep.report.settings import SEEDS

KINDS = {kind.name: kind for kind in figures()}


def look_at(found: Results) -> Look:
    return look_of(found, rank(found.records, SEEDS))


def data_of(name: str, *records: TrialRecord) -> pd.DataFrame:
    found = results(*records)
    return KINDS[name].data(found, look_at(found))


def drawn(kind: FigureKind, data: pd.DataFrame, look: Look, laid_out: bool = False) -> Figure:
    with rc_context(RC):
        figure = kind.draw(data, look)
        if not laid_out:  # most of the time goes there; test_page.py has whole figures
            figure.set_layout_engine("none")
        figure.savefig(io.BytesIO(), format="png", dpi=20)
    return figure
