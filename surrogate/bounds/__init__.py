"""Pre-activation bounds over a region: one method a file. To add one, write a file with a ``BoundMethod`` and list it here."""

from surrogate.bounds.base import SLACK, BoundMethod, Bounds
from surrogate.bounds.box import Box
from surrogate.bounds.crown import AlphaCrown, Crown
from surrogate.bounds.interval import Interval
from surrogate.bounds.lp import Lp
from surrogate.checks import require_name

METHODS: dict[str, type[BoundMethod]] = {method.name: method for method in (Box, Interval, Crown, AlphaCrown, Lp)}
"""Every method by its name, loosest first."""


def method(chosen: str | BoundMethod) -> BoundMethod:
    """Return the method of this name with its default settings; a method itself, such as ``Lp(seconds=1.0)``, comes back.

    Raises:
        InvalidSetting: no method has this name; lists those that there are.
    """
    if isinstance(chosen, BoundMethod):
        return chosen
    require_name("bounds", chosen, METHODS)
    return METHODS[chosen]()


__all__ = ["METHODS", "SLACK", "AlphaCrown", "BoundMethod", "Bounds", "Box", "Crown", "Interval", "Lp", "method"]
