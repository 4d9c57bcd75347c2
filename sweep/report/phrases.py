"""How people speak of instances and their answers, in the words of their tasks (:class:`sweep.config.tasks.Words`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.config.attack_facts import CLOSEST, MARGIN
from sweep.config.tasks import IMAGE, words_of
from sweep.config.words import MAXIMIZE, MINIMIZE, Sense

Kind = tuple[str, str, Sense]
"""Name of the task, objective and sense of an instance."""


@dataclass(frozen=True)
class Phrases:
    """What instances of one kind, or of several, are called, and what is found of them.

    Attributes:
        instance: such as ``image``; ``question`` where there are several kinds.
        value: such as ``margin``; what lengths are called is not asked here.
        sense: whether these values are better larger or smaller; None where both occur.
        find, thing: such as ``adversarial`` and ``adversarial input``.
        act: such as ``attack``.
        yardstick: such as ``gradient attack``; ``yardstick without a MILP`` where there are several.
        asks: whether there is anything to find.
        by_value: whether a better value counts before a sooner find.
        none: what it is called that there is nothing to find, such as ``robust``.
    """

    instance: str
    value: str
    sense: Sense | None
    find: str
    thing: str
    act: str
    yardstick: str
    asks: bool = True
    by_value: bool = False
    none: str = "robust"

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
    def acted(self) -> str:
        """Such as ``attacked``."""
        return f"{self.act}ed"

    @property
    def a_thing(self) -> str:
        """Such as ``an adversarial input``."""
        return f"{'an' if self.thing[:1] in 'aeiou' else 'a'} {self.thing}"


def phrases_of(kinds: Sequence[Kind]) -> Phrases:
    """Return how people speak of instances of these kinds; of none at all as of images."""
    kinds = kinds or [(IMAGE, MARGIN, MAXIMIZE)]
    words = [words_of(task, objective) for task, objective, _ in kinds]
    valued = [(one.value, sense) for one, (_, objective, sense) in zip(words, kinds, strict=True) if objective != CLOSEST]
    values, senses = ({one[place] for one in valued} for place in (0, 1))
    sense: Sense | None = None if len(senses) > 1 else MINIMIZE if MINIMIZE in senses else MAXIMIZE
    return Phrases(
        instance=_common((one.instance for one in words), "question"),
        value=_common(values, "value") if values else "margin",
        sense=sense,
        find=_common((one.find for one in words if one.asks), "found"),
        thing=_common((one.thing for one in words), "solution"),
        act=_common((one.act for one in words), "answer"),
        yardstick=_common((one.yardstick for one in words if one.yardstick), "yardstick without a MILP"),
        asks=any(one.asks for one in words),
        by_value=all(one.by_value for one in words),
        none=_common((one.none[0] for one in words if one.asks and one.none), "none"),
    )


def kinds_of(rows: pd.DataFrame) -> list[Kind]:
    """Return task, objective and sense of rows that have such columns, once for each kind."""
    return list(rows[["task", "objective", "sense"]].drop_duplicates().itertuples(index=False, name=None))


def _common(names: Iterable[str], otherwise: str) -> str:
    """Return the one name among them, or ``otherwise`` where there are several or none."""
    found = set(names)
    return found.pop() if len(found) == 1 else otherwise
