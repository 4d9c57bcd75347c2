"""All combinations of listed values."""

from __future__ import annotations

from sweep.errors import ConfigError
from sweep.planning.plan import Plan, TrialSpace
from sweep.planning.swept_keys import SweptInterval


def plan(space: TrialSpace) -> Plan:
    """Return the plan of all combinations, the last key fastest.

    Raises:
        ConfigError: an interval, or no trial.
    """
    for one in space.dimensions.values():
        if isinstance(one, SweptInterval):
            raise ConfigError(
                f"{one.key}=interval({one.low},{one.high}) with search.method=grid: a grid needs single values and an interval "
                f"has none; list them, as in choice(0.5,0.8), or draw from the interval with search=random"
            )
    return space.plan(space.points())
