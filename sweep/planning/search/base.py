"""What a search must offer that chooses each trial by the results of earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sweep.planning.search.memory import SearchMemory
    from sweep.planning.swept_keys import Dimension
    from sweep.planning.trials import Trial
    from sweep.records import TrialRecord


class Suggester(Protocol):
    """Chooses trials one at a time, while others run. It is called by one thread, on the driver."""

    @property
    def dimensions(self) -> Sequence[Dimension]:
        """What it chooses values of."""
        ...

    def former(self, memory: SearchMemory) -> list[Trial]:
        """Return the trials that were suggested in earlier runs of this search, without a change to this one."""
        ...

    def remember(self, memory: SearchMemory) -> None:
        """Keep all suggestions in ``memory``, after those that are there; called before the first suggestion, or never."""
        ...

    @property
    def notice(self) -> str | None:
        """A sentence for the end of the sweep, if there is something to say."""
        ...

    @property
    def study(self) -> str | None:
        """How to look at the study that it keeps, in words for the terminal; None if there is none."""
        ...

    def suggest(self, token: str) -> Trial | None:
        """Return the next trial, or None: there are no more. ``token`` names it in :meth:`tell`."""
        ...

    def tell(self, token: str, record: TrialRecord) -> None:
        """Say how a trial ended, whatever its status; called once for each trial that was suggested."""
        ...

    def close(self) -> None:
        """The sweep is over, however it ended: what has not ended is left for the same command to go on with."""
        ...
