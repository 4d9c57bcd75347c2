"""A region as columns of a linear programme."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from surrogate.networks import FloatArray
from surrogate.problems.region import Region


class RegionColumns(NamedTuple):
    """Columns ``v`` with ``lower <= v <= upper`` for the points ``x = origin + step @ v`` of a region.

    In an l1 ball ``x = center + plus - minus``, so that one row states the ball.

    Attributes:
        step: sparse, ``(d, columns)``.
        origin: ``(d,)``.
        lower, upper: ``(columns,)``.
        radius: the most that the columns may add up to; None where there is no such row.
    """

    step: Any
    origin: FloatArray
    lower: FloatArray
    upper: FloatArray
    radius: float | None

    @classmethod
    def of(cls, region: Region) -> RegionColumns:
        """Return the columns of a region that is no l2 ball, which no linear programme can state."""
        from scipy import sparse

        low, high = region.tight_box()
        each = sparse.eye(region.size, format="csr")
        if region.norm != "l1":
            return cls(each, np.zeros(region.size), low, high, None)
        ends = np.concatenate([high - region.center, region.center - low])
        return cls(sparse.hstack([each, -each]), region.center, np.zeros(2 * region.size), ends, region.radius)
