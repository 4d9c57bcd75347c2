"""The perturbation set: a box intersected with a norm ball, the one object that bounds, attacks, models and checks share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from surrogate.checks import is_number, numbers, require_name, shown
from surrogate.errors import InvalidRegion
from surrogate.networks import FloatArray
from surrogate.problems.spending import l1_lengths, l1_shift, l2_scale

NORMS = ("l1", "l2", "linf", "none")
"""Accepted values of ``Region.norm``; ``none`` is the box alone."""

LENGTHS = ("l1", "l2", "linf")
"""Norms in which :meth:`Region.distance` measures."""

MEMBERSHIP_TOLERANCE = 1e-9
"""A point counts as inside if it violates no side of the box, and the radius, by more than this: far below the 1e-6 to which
a MILP solver works, and far above the rounding of a sum of a thousand numbers."""

LARGEST = 1e15
"""Largest coordinate and radius: squares and sums of these are still far from overflow, and a solver takes no larger ones."""


@dataclass(frozen=True, eq=False)
class Region:
    r"""The set :math:`\{x : \|x - c\|_p \le r,\ \mathrm{lower} \le x \le \mathrm{upper}\}` with :math:`p \in \{1, 2, \infty\}`.

    ``lower``, ``upper`` and ``center`` have shape ``(d,)``; scalars are spread over ``d``. With ``norm="none"`` there is no
    ball, ``radius`` must be None and ``center`` (default: the middle of the box) only serves as a start.

    Raises:
        InvalidRegion: bounds that cross, are not finite or do not contain the center; a radius that is not positive.

    Example:
        >>> region = Region(lower=0.0, upper=1.0, center=[0.5, 0.0], radius=0.75, norm="l1")
        >>> values, points = region.support([[1.0, 2.0]])
        >>> values, points
        (array([2.]), array([[0.5 , 0.75]]))
    """

    lower: FloatArray
    upper: FloatArray
    center: FloatArray
    radius: float | None
    norm: str

    def __init__(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        center: ArrayLike | None = None,
        radius: float | None = None,
        norm: str = "none",
    ) -> None:
        require_name("norm", norm, NORMS, InvalidRegion)
        low, high = _vector(lower, "lower"), _vector(upper, "upper")
        middle = (low + high) / 2.0 if center is None else _vector(center, "center")
        try:
            low, high, middle = (np.array(a) for a in np.broadcast_arrays(low, high, middle))
        except ValueError as error:
            raise InvalidRegion(
                f"lower, upper and center must have one length, got {low.size}, {high.size} and {middle.size}"
            ) from error
        if low.size == 0:
            raise InvalidRegion("a region needs at least one coordinate")
        for name, array in (("lower", low), ("upper", high), ("center", middle)):
            if not np.isfinite(array).all():
                raise InvalidRegion(f"{name} must be finite, but entry {int(np.argmin(np.isfinite(array)))} is not")
            j = int(np.argmax(np.abs(array)))
            if abs(array[j]) > LARGEST:
                raise InvalidRegion(f"{name} must lie within {LARGEST:g}, but entry {j} is {array[j]}")
            array.flags.writeable = False
        if (low > high).any():
            j = int(np.argmax(low > high))
            raise InvalidRegion(f"the box is empty: lower[{j}] = {low[j]} is above upper[{j}] = {high[j]}")
        if ((middle < low) | (middle > high)).any():
            j = int(np.argmax((middle < low) | (middle > high)))
            raise InvalidRegion(
                f"the center must lie in the box, but center[{j}] = {middle[j]} is not in [{low[j]}, {high[j]}]"
            )
        if norm == "none":
            if radius is not None:
                raise InvalidRegion(f'norm="none" is the box alone and takes no radius, got {radius}')
        elif not is_number(radius) or not 0.0 < radius <= LARGEST:  # type: ignore[operator]
            raise InvalidRegion(
                f"radius must be a positive finite number of at most {LARGEST:g} with norm={norm!r}, got {radius!r}"
            )
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)
        object.__setattr__(self, "center", middle)
        object.__setattr__(self, "radius", None if radius is None else float(radius))
        object.__setattr__(self, "norm", norm)

    @property
    def size(self) -> int:
        """Number of inputs ``d``."""
        return int(self.center.size)

    def same_as(self, other: Region) -> bool:
        """Whether box, center, norm and radius are exactly those of ``other``."""
        if not isinstance(other, Region):
            return False
        arrays = ((self.lower, other.lower), (self.upper, other.upper), (self.center, other.center))
        same = all(np.array_equal(mine, theirs) for mine, theirs in arrays)
        return same and (self.norm, self.radius) == (other.norm, other.radius)

    def without_ball(self) -> Region:
        """Return the box alone, with the same center: what tools bound over that know no norms."""
        return Region(self.lower, self.upper, self.center)

    def tight_box(self) -> tuple[FloatArray, FloatArray]:
        """Return the smallest box ``(lower, upper)`` around the region: every coordinate alone can spend the whole radius."""
        if self.radius is None:
            return self.lower, self.upper
        return np.maximum(self.lower, self.center - self.radius), np.minimum(self.upper, self.center + self.radius)

    def support(self, C: ArrayLike) -> tuple[FloatArray, FloatArray]:
        r"""Return :math:`\max_{x \in R} C_i x` for every row, and points where it is attained.

        For l1 this is a fractional knapsack: sort :math:`|C_{ij}|` and fill the capacities (distance from the center to the
        side of the box) until the radius is spent. For l2 the optimality conditions give
        :math:`|\delta_j| = \min(\mu |C_{ij}|, \mathrm{cap}_j)` with the one :math:`\mu` that spends the radius, found among its
        breakpoints. For linf and for the box alone every coordinate is on its own.

        Args:
            C: directions, shape ``(k, d)``.

        Returns:
            values ``(k,)`` and maximisers ``(k, d)``; exact up to the rounding of one dot product.
        """
        rows = self._rows(C)
        if self.norm in ("none", "linf"):
            low, high = self.tight_box()
            points = np.where(rows > 0.0, high, low)
            indifferent = rows == 0.0
            if indifferent.any():
                points = np.where(indifferent, self.center, points)
            return np.einsum("kd,kd->k", rows, points), points
        gain = np.abs(rows)
        capacity = np.where(rows >= 0.0, self.upper - self.center, self.center - self.lower)
        assert self.radius is not None
        if self.norm == "l1":
            length = l1_lengths(gain, capacity, self.radius)
        else:
            scale = l2_scale(gain, capacity, self.radius)
            with np.errstate(invalid="ignore"):  # 0 * inf: a direction without gain stays at the center
                length = np.where(gain > 0.0, np.minimum(gain * scale[:, None], capacity), 0.0)
        points = self.center + np.sign(rows) * length
        return rows @ self.center + np.einsum("kd,kd->k", gain, length), points

    def project(self, x: ArrayLike) -> FloatArray:
        """Return the Euclidean projection of every row of ``x`` ``(n, d)``, or of one point ``(d,)``, onto the region."""
        points = self._rows(np.atleast_2d(numbers("points", x, InvalidRegion)))
        if self.norm in ("none", "linf"):
            projected = np.clip(points, *self.tight_box())
        else:
            assert self.radius is not None
            step = points - self.center
            wanted = np.abs(step)
            capacity = np.where(step >= 0.0, self.upper - self.center, self.center - self.lower)
            if self.norm == "l1":
                length = np.clip(wanted - l1_shift(wanted, capacity, self.radius)[:, None], 0.0, capacity)
            else:
                scale = np.minimum(l2_scale(wanted, capacity, self.radius), 1.0)
                length = np.minimum(wanted * scale[:, None], capacity)
            projected = np.clip(self.center + np.sign(step) * length, self.lower, self.upper)
        return projected[0] if np.ndim(x) == 1 else projected

    def inside(self, x: ArrayLike) -> FloatArray:
        """Return the point ``(d,)`` moved into the region so that no comparison in float64 finds it outside.

        A projection is exact up to rounding, and a network with large weights tells a point on the side of the box from one
        1e-16 beyond it. So the point is projected if it is outside, then clipped to the box, then drawn towards the center,
        ever further, until the ball holds it; the center itself always does.
        """
        point = self._rows(numbers("the point", x, InvalidRegion)[None])[0]
        point = np.clip(point if self.contains(point) else self.project(point), self.lower, self.upper)
        step, shortened = point - self.center, np.finfo(np.float64).eps
        while self.radius is not None and self.distance(point)[0] > self.radius:
            point = np.clip(self.center + step * max(1.0 - shortened, 0.0), self.lower, self.upper)
            shortened *= 4.0
        return point

    def distance(self, x: ArrayLike, norm: str | None = None) -> FloatArray:
        """Return ``||x - center||`` of every row of ``x`` ``(n, d)``; ``norm`` defaults to the region's own (l2 if none)."""
        if norm is not None:
            require_name("norm", norm, LENGTHS, InvalidRegion)
        step = np.abs(self._rows(np.atleast_2d(numbers("points", x, InvalidRegion))) - self.center)
        chosen = norm or ("l2" if self.norm == "none" else self.norm)
        if chosen == "l1":
            return step.sum(axis=1)
        return np.sqrt((step**2).sum(axis=1)) if chosen == "l2" else step.max(axis=1)

    def violation(self, x: ArrayLike) -> float:
        """Return how far one point ``(d,)`` is outside box or ball, whichever is farther; inf if it is not finite."""
        point = numbers("the point", x, InvalidRegion)
        if point.shape != self.center.shape or not np.isfinite(point).all():
            return float("inf")
        outside = max(0.0, float((self.lower - point).max()), float((point - self.upper).max()))
        if self.radius is not None:
            outside = max(outside, float(self.distance(point)[0]) - self.radius)
        return outside

    def contains(self, x: ArrayLike, tolerance: float = MEMBERSHIP_TOLERANCE) -> bool:
        """Whether one point ``(d,)`` is finite and inside, up to ``tolerance``."""
        if not is_number(tolerance):
            raise InvalidRegion(f"tolerance must be a number, got {shown(tolerance)}")
        return self.violation(x) <= tolerance

    def _rows(self, C: ArrayLike) -> FloatArray:
        rows = numbers("the rows", C, InvalidRegion)
        if rows.ndim != 2 or rows.shape[1] != self.size:
            raise InvalidRegion(f"expected rows of shape (k, {self.size}), got {rows.shape}")
        return rows


def _vector(values: ArrayLike, name: str) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidRegion(f"{name} must be a number or a vector of numbers: {error}") from error
    if array.ndim > 1:
        raise InvalidRegion(f"{name} must be a number or a vector, got shape {array.shape}")
    return np.atleast_1d(array)
