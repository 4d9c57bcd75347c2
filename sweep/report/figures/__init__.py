"""The figures of a report, one a file. To add one, write a module with a ``FigureKind`` and list it in :func:`figures`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sweep.report.figures.base import FigureKind


@cache
def figures() -> Sequence[FigureKind]:
    """Return all figures in the order of the page. Imported late: drawing needs matplotlib, a ranking does not."""
    from sweep.report.figures.accuracy import ACCURACY
    from sweep.report.figures.duel import DUEL
    from sweep.report.figures.finetuned import FINETUNED
    from sweep.report.figures.front import TRADE_OFF
    from sweep.report.figures.history import HISTORY
    from sweep.report.figures.importance import IMPORTANCE
    from sweep.report.figures.over_time import NORM_OVER_TIME, SUCCESS, VALUE_OVER_TIME
    from sweep.report.figures.pareto import PARETO
    from sweep.report.figures.sparsity import BINARIES, SPARSITY
    from sweep.report.figures.stages import STAGES_FIGURE

    return (
        *(HISTORY, TRADE_OFF, IMPORTANCE),
        *(VALUE_OVER_TIME, NORM_OVER_TIME, SUCCESS, DUEL, ACCURACY, FINETUNED, SPARSITY, BINARIES, PARETO, STAGES_FIGURE),
    )
