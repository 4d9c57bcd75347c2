"""The search: its members on one clock and one thread, all sharing the best decision and the bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from surrogate.errors import SolverFailure, UnsoundBounds
from surrogate.models.incumbent import Incumbent
from surrogate.models.members.dense import Dense
from surrogate.models.members.neighbourhoods import Neighbourhoods
from surrogate.models.members.steps import Steps
from surrogate.models.members.surrogates import Surrogates
from surrogate.models.members.targets import Targets
from surrogate.models.members.walks import Walks
from surrogate.models.reading import UserModel
from surrogate.models.settings import SearchSettings
from surrogate.models.shares import Shares
from surrogate.models.state import SearchState


class ModelSearch:
    """One call: what is common to its members, and whose turn it is.

    Attributes:
        state: what the members know and have found.
    """

    def __init__(self, model: UserModel, incumbent: Incumbent, settings: SearchSettings, deadline: float) -> None:
        self.state = SearchState(model, incumbent, settings, deadline)

    def run(self) -> None:
        """Search until a proof, the target, the caller or the deadline ends it."""
        state, now = self.state, time.perf_counter
        if not state.prepare():
            return
        dense = Dense(state)
        turns: dict[str, Callable[[float], bool]] = {"dense": dense.turn}
        finishes: dict[str, Callable[[], None]] = {"dense": dense.finish}
        try:
            walks = Walks(state)
            walks.start()
        except SolverFailure as error:  # numbers that HiGHS refuses: what is left is the MILP, which has units of its own
            state.failures["walks"] = str(error)
        else:
            surrogates = Surrogates(state, walks)
            finishes["surrogates"] = surrogates.finish
            targets = Targets(state, walks, walks.programme)
            turns = {
                "walks": walks.turn,
                "targets": targets.turn,
                "steps": Steps(state, walks, targets).turn,
                "neighbourhoods": Neighbourhoods(state, walks).turn,
                "surrogates": surrogates.turn,
            } | turns
        shares = Shares([name for name in turns if name in state.settings.members])
        with ExitStack() as ends:  # no solver's thread outlives the call, however it ends
            for name, finish in finishes.items():
                ends.callback(self._finish, name, finish)
            while shares.members and not state.ended:
                name = shares.next()
                begin, before, goes_on = now(), state.incumbent.value, True
                try:
                    goes_on = turns[name](min(state.deadline, begin + shares.slice_seconds))
                except (SolverFailure, UnsoundBounds) as error:
                    state.failures[name] = str(error)
                    goes_on = False
                shares.took(name, now() - begin, state.incumbent.value < before)
                if not goes_on:
                    shares.leave(name)

    def _finish(self, name: str, finish: Callable[[], None]) -> None:
        try:
            finish()
        except (SolverFailure, UnsoundBounds) as error:
            self.state.failures[name] = str(error)
