"""Which member of the search is next: each has a share of the time, and the one furthest behind its share gets the turn."""

from __future__ import annotations

from collections.abc import Sequence

WEIGHTS = {"walks": 3.0, "targets": 1.5, "steps": 2.0, "neighbourhoods": 2.0, "surrogates": 1.0, "dense": 3.0}

MEMBERS = tuple(WEIGHTS)
"""The members of the search, beside the drawing of the points that all members start from."""

MILPS = ("surrogates", "dense")
"""The members that hand a MILP to the given solver, so that the model must be one that this solver takes."""

SLICE = 0.1
"""A turn lasts this share of the time that is over, and at least this many seconds."""

LEAST = 0.1
"""The least share of its weight that a member keeps when it has found nothing for long: the proof gets the rest."""


class Shares:
    """Turns on one thread.

    A member whose turn took longer than it was given waits until the others have caught up. Members that look for better
    decisions lose weight with each turn in which they find none, and have it back with the next that they find.

    Attributes:
        members: those that take part.
    """

    def __init__(self, members: Sequence[str]) -> None:
        self.members = list(members)
        self._taken = dict.fromkeys(self.members, 0.0)
        self._weight = {member: WEIGHTS[member] for member in self.members}

    @property
    def slice_seconds(self) -> float:
        """How long the next turn may last."""
        return SLICE * max(1.0, sum(self._taken.values()))

    @property
    def waiting(self) -> list[str]:
        """Those that have had no turn yet."""
        return [member for member in self.members if self._taken[member] == 0.0]

    def next(self) -> str:
        """Return the member that is furthest behind its share; the first one if none is behind."""
        return min(self.members, key=lambda member: self._taken[member] / self._weight[member])

    def leave(self, member: str) -> None:
        """A member has done all that it can."""
        self.members.remove(member)

    def took(self, member: str, seconds: float, found: bool) -> None:
        """Note what a turn took, and whether it led to a better decision."""
        self._taken[member] += max(seconds, 0.1 * self.slice_seconds)  # a member that can do nothing yet waits too
        if found:
            self._weight = {name: WEIGHTS[name] for name in self.members}
        elif member != "dense":
            self._weight[member] = max(0.8 * self._weight[member], LEAST * WEIGHTS[member])
