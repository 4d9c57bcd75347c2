"""HiGHS without its banner, and linear programmes in its form. Versions that call wrong answers optimal are refused."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from surrogate.errors import InvalidSetting

LEAST = (1, 16, 0)
"""Versions before this one call wrong optima of models of three rows optimal (HiGHS issues 2957, 3043, 3073 and 3274)."""


def require_sound_highs() -> None:
    """Refuse a version of HiGHS whose word proves nothing.

    Raises:
        InvalidSetting: names the version and what to install.
    """
    installed = (highspy.HIGHS_VERSION_MAJOR, highspy.HIGHS_VERSION_MINOR, highspy.HIGHS_VERSION_PATCH)
    if installed < LEAST:
        version, least = (".".join(map(str, numbers)) for numbers in (installed, LEAST))
        raise InvalidSetting(
            f"HiGHS {version} is installed, which calls wrong answers optimal; {least} or later is needed: "
            f"pip install 'highspy>={least}'"
        )


class QuietHighs(highspy.Highs):
    """highspy prints its banner while it is constructed, before any option can be set: this hook runs just before that."""

    def __init__(self) -> None:
        require_sound_highs()
        super().__init__()

    def enableCallbacks(self) -> None:  # noqa: N802 -- highspy's name
        self.silent()
        super().enableCallbacks()

    def run(self) -> highspy.HighsStatus:
        """Solve, with the number of threads that was asked for.

        HiGHS keeps its workers from solve to solve of one thread of the program, and refuses to run with another number:
        a model of the user's own, solved before by any interface with HiGHS's default, would leave each of ours unsolved.
        """
        status = super().run()
        if status == highspy.HighsStatus.kError and self.getModelStatus() == highspy.HighsModelStatus.kNotset:
            getattr(self, "resetThreadScheduler", self.resetGlobalScheduler)(True)  # the former name is of 1.16 and later
            status = super().run()
        return status


def to_highs(
    matrix: Any,
    row_lower: NDArray[np.float64],
    row_upper: NDArray[np.float64],
    cost: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> highspy.HighsLp:
    """Return the linear programme that minimises ``cost``, of a matrix ``(rows, columns)``, in HiGHS's own form."""
    from scipy import sparse

    columns = sparse.csc_matrix(matrix)
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = columns.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, upper
    lp.row_lower_, lp.row_upper_ = row_lower, row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = columns.indptr, columns.indices, columns.data
    return lp
