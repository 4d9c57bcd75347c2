"""The search: its members on one clock and one thread, all sharing the best decision and the bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from surrogate.errors import SolverFailure, UnsoundBounds
from surrogate.models.incumbent import Incumbent
from surrogate.models.members.dense import Dense
from surrogate.models.members.draws import Draws
from surrogate.models.members.neighbourhoods import Neighbourhoods
from surrogate.models.members.steps import Steps
from surrogate.models.members.surrogates import Surrogates
from surrogate.models.members.targets import Targets
from surrogate.models.members.walks import Walks
from surrogate.models.programmes.pace import NoTime
from surrogate.models.reading import UserModel
from surrogate.models.settings import SearchSettings
from surrogate.models.shares import MILPS, Shares
from surrogate.models.state import SearchState

NO_TURN = "the time limit ended the search before its first turn: raise the limit"
"""What is said of a member that would have taken part."""


class ModelSearch:
    """One call: what is common to its members, and whose turn it is.

    Attributes:
        state: what the members know and have found.
    """

    def __init__(self, model: UserModel, incumbent: Incumbent, settings: SearchSettings, deadline: float) -> None:
        self.state = SearchState(model, incumbent, settings, deadline)
        self._points: Draws | None = None

    def run(self) -> None:
        """Search until a proof, the target, the caller or the deadline ends it."""
        state = self.state
        if not state.prepare():
            return
        linear = not state.model.products.size
        waiting = self._take_turns() if not state.ended else [m for m in state.settings.members if linear or m in MILPS]
        state.hold_bound_against_best()
        if not state.decided:
            state.failures.update(dict.fromkeys(waiting, NO_TURN))

    def _take_turns(self) -> list[str]:
        """Have the members search in turns; return those that had none."""
        state, now = self.state, time.perf_counter
        turns, finishes = self._members()
        shares = Shares([name for name in turns if name in state.settings.members])
        with ExitStack() as ends:  # no solver's thread outlives the call, however it ends
            for name, finish in finishes.items():
                ends.callback(self._finish, name, finish)
            while shares.members and not state.ended:
                name = shares.next()
                begin, before, goes_on = now(), state.incumbent.value, True
                try:
                    goes_on = turns[name](min(state.deadline, begin + shares.slice_seconds))
                except NoTime as error:
                    if name not in state.sizes:  # it has solved nothing, and that is worth a word
                        state.failures[name] = str(error)
                    goes_on = False
                except (SolverFailure, UnsoundBounds) as error:
                    state.failures[name] = str(error)
                    goes_on = False
                shares.took(name, now() - begin, state.incumbent.value < before)
                state.hold_bound_against_best()
                if not goes_on:
                    shares.leave(name)
            while self._points is not None and not state.ended:  # the MILPs have ended, and nothing is proven
                self._points.begin_anew()
        return shares.waiting

    def _members(self) -> tuple[dict[str, Callable[[float], bool]], dict[str, Callable[[], None]]]:
        """Return the turns of all members that there can be, in their order, and how those end that have threads."""
        state, settings = self.state, self.state.settings
        dense, walks = Dense(state), None
        if settings.needs_walks:
            try:
                walks = Walks(state)
                if settings.first_points:
                    walks.draws.begin()
            except SolverFailure as error:  # numbers that HiGHS refuses: what is left is the MILP, which has units of its own
                state.failures["walks"] = str(error)
                return {"dense": dense.turn}, {"dense": dense.finish}
        if state.model.products.size and walks is not None:
            self._points = walks.draws
            walks = None  # the programmes of walks are linear: of a quadratic model they relax what the rows say
        surrogates = Surrogates(state, walks)
        turns: dict[str, Callable[[float], bool]] = {"surrogates": surrogates.turn, "dense": dense.turn}
        if walks is not None:
            targets = Targets(state, walks, walks.programme)
            turns = {
                "walks": walks.turn,
                "targets": targets.turn,
                "steps": Steps(state, walks, targets).turn,
                "neighbourhoods": Neighbourhoods(state, walks).turn,
            } | turns
        return turns, {"dense": dense.finish, "surrogates": surrogates.finish}

    def _finish(self, name: str, finish: Callable[[], None]) -> None:
        try:
            finish()
        except (SolverFailure, UnsoundBounds, NoTime) as error:
            self.state.failures[name] = str(error)
