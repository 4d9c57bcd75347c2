"""Region-aware pruning: fewer unstable neurons, and so fewer binaries, over one region."""

from __future__ import annotations

from typing import ClassVar

from surrogate.bounds import Crown
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region
from surrogate.pruning.base import RegionMethod
from surrogate.pruning.stabilise import stabilise
from surrogate.pruning.stabilised import Stabilised


class Stable(RegionMethod):
    """The ``round(amount * n)`` of the ``n`` neurons unstable over the region that matter least become affine.

    Neurons are unstable, and ranked, by CROWN's bounds. No weight is pruned but those of neurons that are never active. See
    :func:`~surrogate.pruning.stabilise.stabilise`.
    """

    name: ClassVar[str] = "stable"

    def rewrite(self, network: ReluNetwork, amount: float, region: Region, rows: FloatArray | None = None) -> Stabilised:
        return stabilise(network, region, Crown().compute(network, region), amount, rows)
