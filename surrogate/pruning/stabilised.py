"""A surrogate for one region, and by how much it differs from the dense network there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region


@dataclass(frozen=True, eq=False)
class Stabilised:
    r"""A surrogate with fewer unstable neurons, and by how much its outputs differ from the dense network's over the region.

    Attributes:
        network: the surrogate, of the dense network's shape. Outside the region it means nothing.
        dense_key: the dense network's key.
        region: where the surrogate stands for it.
        rows: the matrix ``(k, o)`` of the output rows that the bounds are for.
        lower, upper: sound bounds ``(k,)`` on ``rows @ (f(x) - network(x))`` for every ``x`` of the region.
        replaced: number of unstable neurons that became affine.
    """

    network: ReluNetwork
    dense_key: str
    region: Region
    rows: FloatArray
    lower: FloatArray
    upper: FloatArray
    replaced: int

    @property
    def error(self) -> FloatArray:
        """Bounds ``(k,)`` on the absolute differences."""
        return np.maximum(np.abs(self.lower), np.abs(self.upper))

    def upper_error(self, dense: ReluNetwork, region: Region, rows: FloatArray) -> float:
        """Return by how much the dense network's largest row can exceed the surrogate's at any point of the region.

        So the surrogate's largest value over the region, plus this, is an upper bound on the dense network's.

        Raises:
            InvalidSetting: the bounds are for another network, region, or matrix of rows.
        """
        for what, same in (
            ("dense network", dense.key == self.dense_key),
            ("region", region.same_as(self.region)),
            ("question (output rows)", rows.shape == self.rows.shape and bool((rows == self.rows).all())),
        ):
            if not same:
                raise InvalidSetting(
                    f"the surrogate's error is bounded for another {what}: stabilise the network for this attack's region and "
                    f"problem, or pass the surrogate alone (its .network), which proves nothing"
                )
        return float(self.upper.max())
