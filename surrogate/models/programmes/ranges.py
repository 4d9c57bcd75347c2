"""The ranges of a model's columns, and the ranges of the networks' neurons that follow from them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surrogate import bounds as bound_methods
from surrogate.bounds import BoundMethod, Bounds
from surrogate.errors import InvalidSetting
from surrogate.models.programmes.pace import NoTime
from surrogate.models.programmes.safe import SafeProgramme
from surrogate.models.reading import Link, UserModel
from surrogate.networks import FloatArray
from surrogate.problems.region import LARGEST, Region

MARGIN = 1e-6
"""A range that HiGHS states and no dual values prove is widened by this, relative to its size where that is above 1."""


OPTIONAL = 0.05
"""Most of the time limit for inputs that are bounded without linear programmes, and only loosely so."""


class NoDecision(Exception):
    """The model's own constraints exclude every decision, whatever the networks are."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """Sound ranges.

    Attributes:
        regions: per link the box of the network's inputs.
        bounds: per link the bounds of its neurons over that box.
    """

    regions: list[Region]
    bounds: list[Bounds]


def find_ranges(model: UserModel, method: str | BoundMethod, tolerance: float, deadline: float) -> Ranges:
    """Return boxes for all places' inputs and bounds for all neurons over them.

    A box is what the variables' own bounds say. For an input that these leave open, and for an expression of several variables,
    which they bound loosely, two linear programmes say what the model's constraints make of it, without the networks. Outputs
    that another place reads are bounded by the network that writes them. Rows, and bounds of outputs, count as kept where they
    are violated by no more than ``tolerance``, as everywhere.

    Raises:
        NoDecision: the constraints contradict one another.
        NoTime: the deadline came before an input that its own bounds leave open was bounded.
        InvalidSetting: an input that neither its own bounds nor the model's constraints bound; names it.
    """
    chosen = bound_methods.method(method)
    now = time.perf_counter()
    optional_until = now + OPTIONAL * (deadline - now)
    lower, upper = model.columns_within(tolerance)
    programme = SafeProgramme(model.matrix, *model.rows_within(tolerance), lower, upper)
    regions: list[Region] = []
    found: list[Bounds] = []
    known: dict[tuple[str, bytes, bytes], Bounds] = {}
    for at, link in enumerate(model.links):
        low, high = _reach(link, lower, upper)
        several = np.diff(link.matrix.indptr) > 1
        for j in range(low.size):
            is_open = not np.isfinite([low[j], high[j]]).all()
            if is_open or (several[j] and time.perf_counter() < optional_until):
                low[j], high[j] = _tightened(model, programme, link, j, low[j], high[j], deadline)
            if is_open and time.perf_counter() >= deadline:
                raise NoTime(
                    f"input {model.places[model.order[at]].inputs[j]} lacks a bound of its own, and the time limit was too "
                    "short to derive one from the constraints: give it bounds, or raise the limit"
                )
            if not (np.isfinite([low[j], high[j]]).all() and max(abs(low[j]), abs(high[j])) <= LARGEST):
                place = model.places[model.order[at]]
                raise InvalidSetting(
                    f"input {place.inputs[j]} lacks a bound of its own, and the constraints give it none "
                    f"(it may go from {low[j]:g} to {high[j]:g}): give it bounds"
                )
            if low[j] > high[j] + MARGIN * max(1.0, abs(high[j])):
                raise NoDecision
            high[j] = max(high[j], low[j])
        region = Region(low, high)
        key = (link.network.key, region.lower.tobytes(), region.upper.tobytes())
        if key not in known:
            known[key] = chosen.compute(link.network, region, deadline)
        regions.append(region)
        found.append(known[key])
        lower[link.outputs] = np.maximum(lower[link.outputs], known[key].lower[-1])
        upper[link.outputs] = np.minimum(upper[link.outputs], known[key].upper[-1])
    return Ranges(regions, found)


def within_reach(
    links: Sequence[Link], bounds: Sequence[Bounds], lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return columns' bounds ``(columns,)``, those of outputs no further than the networks reach; ``bounds`` are per link."""
    low, high = lower.copy(), upper.copy()
    for link, bound in zip(links, bounds, strict=True):
        low[link.outputs] = np.maximum(low[link.outputs], bound.lower[-1])
        high[link.outputs] = np.minimum(high[link.outputs], bound.upper[-1])
    return low, high


def _reach(link: Link, lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return between which values each input can lie, by the columns' bounds."""
    data, columns, inputs = link.matrix.data, link.matrix.indices, link.matrix.shape[0]
    row = np.repeat(np.arange(inputs), np.diff(link.matrix.indptr))
    with np.errstate(invalid="ignore"):
        ends = [
            np.where(data == 0.0, 0.0, data * np.where(data > 0.0, one[columns], other[columns]))
            for one, other in ((lower, upper), (upper, lower))
        ]
    low, high = (np.bincount(row, weights=end, minlength=inputs) + link.constant for end in ends)
    return low, high


def _tightened(
    model: UserModel, programme: SafeProgramme, link: Link, j: int, low: float, high: float, deadline: float
) -> tuple[float, float]:
    row = np.asarray(link.matrix[[j]].todense()).ravel()
    sides = []
    for sign in (1.0, -1.0):
        least = programme.least(sign * row, deadline)
        if programme.infeasible and model.doubt is None:
            raise NoDecision
        if least is None:  # columns without bounds leave nothing to prove: HiGHS's own word, with a margin
            value = programme.programme.value if programme.solved else -np.inf
            least = value - MARGIN * max(1.0, abs(value))
        sides.append(sign * least + link.constant[j])
    return max(low, sides[0]), min(high, sides[1])
