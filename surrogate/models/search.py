"""The search: its members on one clock and one thread, all sharing the best decision and the bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from surrogate.errors import SolverFailure, UnsoundBounds
from surrogate.models.common import Common
from surrogate.models.dense import Dense
from surrogate.models.incumbent import Incumbent
from surrogate.models.neighbourhood import Neighbourhoods
from surrogate.models.reading import UserModel
from surrogate.models.settings import SearchSettings
from surrogate.models.shares import Shares
from surrogate.models.sparse import Surrogates
from surrogate.models.steps import Steps
from surrogate.models.targets import Targets
from surrogate.models.walks import Walks


class Search:
    """One call: what is common to its members, and whose turn it is.

    Attributes:
        common: what the members know and have found.
    """

    def __init__(self, model: UserModel, incumbent: Incumbent, settings: SearchSettings, deadline: float) -> None:
        self.common = Common(model, incumbent, settings, deadline)

    def run(self) -> None:
        """Search until a proof, the target, the caller or the deadline ends it."""
        common, now = self.common, time.perf_counter
        if not common.prepare():
            return
        dense = Dense(common)
        turns: dict[str, Callable[[float], bool]] = {"dense": dense.turn}
        finishes: dict[str, Callable[[], None]] = {"dense": dense.finish}
        try:
            walks = Walks(common)
            walks.start()
        except SolverFailure as error:  # numbers that HiGHS refuses: what is left is the MILP, which has units of its own
            common.failures["walks"] = str(error)
        else:
            surrogates = Surrogates(common, walks)
            finishes["surrogates"] = surrogates.finish
            targets = Targets(common, walks, walks.programme)
            turns = {
                "walks": walks.turn,
                "targets": targets.turn,
                "steps": Steps(common, walks, targets).turn,
                "neighbourhoods": Neighbourhoods(common, walks).turn,
                "surrogates": surrogates.turn,
            } | turns
        shares = Shares([name for name in turns if name in common.settings.members])
        with ExitStack() as ends:  # no solver's thread outlives the call, however it ends
            for name, finish in finishes.items():
                ends.callback(self._finish, name, finish)
            while shares.members and not common.ended:
                name = shares.next()
                begin, before, goes_on = now(), common.incumbent.value, True
                try:
                    goes_on = turns[name](min(common.deadline, begin + shares.slice_seconds))
                except (SolverFailure, UnsoundBounds) as error:
                    common.failures[name] = str(error)
                    goes_on = False
                shares.took(name, now() - begin, common.incumbent.value < before)
                if not goes_on:
                    shares.leave(name)

    def _finish(self, name: str, finish: Callable[[], None]) -> None:
        try:
            finish()
        except (SolverFailure, UnsoundBounds) as error:
            self.common.failures[name] = str(error)
