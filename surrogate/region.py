"""Where users find :class:`Region`; the class itself is in :mod:`surrogate.problems.region`."""

from surrogate.problems.region import LENGTHS, NORMS, Region

__all__ = ["LENGTHS", "NORMS", "Region"]
