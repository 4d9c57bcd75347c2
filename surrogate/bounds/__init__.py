"""Pre-activation bounds over a region: one method a file. To add one, write a file with a ``BoundMethod`` and list it here."""

from surrogate.bounds.base import SLACK, BoundMethod, Bounds
from surrogate.bounds.box import Box
from surrogate.bounds.crown import AlphaCrown, Crown
from surrogate.bounds.interval import Interval
from surrogate.bounds.lp import Lp
from surrogate.checks import require_name

METHODS: dict[str, type[BoundMethod]] = {method.name: method for method in (Box, Interval, Crown, AlphaCrown, Lp)}
"""Every method by its name, loosest first."""


def method(name: str) -> BoundMethod:
    """Return the method called ``name``.

    Raises:
        InvalidSetting: there is none; lists those that there are.
    """
    require_name("bounds", name, METHODS)
    return METHODS[name]()


__all__ = ["METHODS", "SLACK", "AlphaCrown", "BoundMethod", "Bounds", "Box", "Crown", "Interval", "Lp", "method"]
