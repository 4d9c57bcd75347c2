"""How people speak of instances and their answers, in the words of their tasks (:class:`sweep.config.words.Words`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.config.task_words import words_of
from sweep.config.words import MAXIMIZE, MINIMIZE, Sense, Words
from sweep.records.measures import Measure
from sweep.terminal.wording import a_or_an

ValueKind = tuple[str, str, Sense]
"""Name of the task, objective and sense of an instance."""


@dataclass(frozen=True)
class Phrases:
    """What instances of one kind, or of several, are called, and what is found of them.

    Attributes:
        instance: such as ``image``; ``instance`` where there are instances of several kinds.
        value: such as ``margin``; what lengths are called is not asked here.
        length_of: what values that are lengths are the lengths of, such as ``perturbation``.
        sense: whether these values are better larger or smaller; None where both occur.
        find, thing: such as ``adversarial`` and ``adversarial input``.
        act: such as ``attack``.
        acted: such as ``attacked``.
        yardstick: such as ``gradient attack``; ``yardstick without a MILP`` where there are several.
        baseline: what others are measured against, such as ``dense MILP``; ``baseline`` where there are several.
        by_value: whether a better value counts before a sooner find.
        none: what it is called that there is nothing to find, such as ``robust``.
        zero_is_found: whether a value above 0 says that something was found.
        colours: what the colours of pictures say; empty where there are several kinds.
    """

    instance: str
    value: str
    length_of: str
    sense: Sense | None
    find: str
    thing: str
    act: str
    acted: str
    yardstick: str
    baseline: str
    by_value: bool
    none: str
    zero_is_found: bool
    colours: str

    @property
    def order(self) -> tuple[Measure, ...]:
        """The measures by which settings are ordered, after what was found; the first one in which they differ decides."""
        return ("norm", "value", "time") if self.by_value else ("norm", "time", "value")

    @property
    def charted(self) -> str:
        """What the value is called on charts: a margin, whose 0 counts, is that of the dense network and none of a copy's."""
        return f"dense {self.value}" if self.zero_is_found else self.value

    @property
    def better(self) -> str:
        """What a better value is: ``larger``, ``smaller``, or ``better`` where both occur."""
        return "better" if self.sense is None else "smaller" if self.sense == MINIMIZE else "larger"

    @property
    def worse(self) -> str:
        """The opposite of :attr:`better`."""
        return "worse" if self.sense is None else "larger" if self.sense == MINIMIZE else "smaller"

    @property
    def most(self) -> str:
        """What the best value is: ``largest``, ``smallest`` or ``best``."""
        return "best" if self.sense is None else "smallest" if self.sense == MINIMIZE else "largest"

    @property
    def sign(self) -> float:
        """What a gain is multiplied with to be a difference of values."""
        return -1.0 if self.sense == MINIMIZE else 1.0

    @property
    def plus(self) -> str:
        """The sign that a value has in its format: that of one above 0 is only of use where 0 counts, as for a margin."""
        return "+" if self.zero_is_found else ""

    @property
    def noun(self) -> str:
        """The thing without the word that says that it is one, such as ``input`` of ``adversarial input``."""
        return self.thing.removeprefix(f"{self.find} ")

    @property
    def a_thing(self) -> str:
        """Such as ``an adversarial input``."""
        return a_or_an(self.thing)


def phrases_of(kinds: Sequence[ValueKind]) -> Phrases:
    """Return how people speak of instances of these kinds; of none at all in words that fit every task."""
    named = [(words_of(task, objective), sense) for task, objective, sense in kinds]
    words = [one for one, _ in named] or [Words()]
    senses = {sense for one, sense in named if not one.length_of}
    valued = [one for one in words if not one.length_of]
    valued = valued or [words_of(task, "") for task, _, _ in kinds]  # lengths have a name of their own
    return Phrases(
        instance=_common((one.instance for one in words), "instance"),
        value=_common((one.value for one in valued), "value"),
        length_of=_common((one.length_of for one in words if one.length_of), "solution"),
        sense=None if len(senses) > 1 else MINIMIZE if MINIMIZE in senses else MAXIMIZE,
        find=_common((one.find for one in words if one.asks), "found"),
        thing=_common((one.thing for one in words), "solution"),
        act=_common((one.act for one in words), "answer"),
        acted=_common((one.acted or f"{one.act}ed" for one in words), "answered"),
        yardstick=_common((one.yardstick for one in words if one.yardstick), "yardstick without a MILP"),
        baseline=_common((one.baseline for one in words), "baseline"),
        by_value=all(one.by_value for one in words),
        none=_common((one.none[0] for one in words if one.asks and one.none), "none"),
        zero_is_found=all(one.zero_is_found for one in valued),
        colours=_common((one.colours for one in words), ""),
    )


def kinds_of(rows: pd.DataFrame) -> list[ValueKind]:
    """Return task, objective and sense of rows that have such columns, once for each kind."""
    return list(rows[["task", "objective", "sense"]].drop_duplicates().itertuples(index=False, name=None))


def where(rows: pd.DataFrame, holds: Callable[[Words], bool]) -> pd.Series:
    """Return of each row whether something holds of the words of its task."""
    found = pd.Series(False, index=rows.index)
    for task, objective in rows[["task", "objective"]].drop_duplicates().itertuples(index=False, name=None):
        if holds(words_of(task, objective)):
            found |= (rows["task"] == task) & (rows["objective"] == objective)
    return found


def _common(names: Iterable[str], otherwise: str) -> str:
    """Return the one name among them, or ``otherwise`` where there are several or none."""
    found = set(names)
    return found.pop() if len(found) == 1 else otherwise
