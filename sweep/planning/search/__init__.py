"""How trials are chosen from the space of a sweep: all of them, a random sample, or by what earlier trials gave.

A new search is a module with ``plan(space) -> Plan``, a line in :data:`SEARCHES`, its name in
:data:`sweep.config.rules.SEARCHES`, and a file in ``conf/search``. One that chooses while trials run returns a plan with a
:class:`~sweep.planning.search.base.Suggester`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader

    from sweep.planning.plan import Plan, TrialSpace
    from sweep.planning.space import Compose


def _grid(space: TrialSpace) -> Plan:
    from sweep.planning.search import grid

    return grid.plan(space)


def _random(space: TrialSpace) -> Plan:
    from sweep.planning.search import sampling

    return sampling.plan(space)


def _optuna(space: TrialSpace) -> Plan:
    from sweep.planning.search import optuna_search

    return optuna_search.plan(space)


SEARCHES: dict[str, Callable[[TrialSpace], Plan]] = {"grid": _grid, "random": _random, "optuna": _optuna}
"""Every search by its name in ``search.method``; what one needs is imported only when it is used."""


def plan_sweep(loader: ConfigLoader, compose: Compose, overrides: Sequence[str], written: Sequence[str] = ()) -> Plan:
    """Return the plan of a sweep over overrides in Hydra's grammar, by ``search.method``; the last override of a key wins.

    The plan's notes say which of those overrides that were ``written`` on the command line change nothing.

    Raises:
        ConfigError: an override or a value that is not allowed, wherever in the sweep, or a search space without trials.
        HydraException: Hydra's own refusals.
    """
    from sweep.planning.plan import TrialSpace

    with _without_collector():
        space = TrialSpace(loader, compose, overrides, written)
        return SEARCHES[space.settings.search.method](space)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Switch off the collector of circular garbage.

    A plan keeps nearly all that it makes. The collector would look through all of it again and again as the plan grows: about
    a tenth of the time of a plan of 100,000 trials (docs/performance.md).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
