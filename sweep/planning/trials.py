"""Trials as a plan has them, and the candidates that they are made of."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sweep.config.reading import read
from sweep.config.schema import Settings
from sweep.config.shared_sections import SharedSections
from sweep.config.trial_names import full_name, is_named, short_name


@dataclass(frozen=True)
class Trial:
    """A trial that is ready to run.

    Attributes:
        key: hash of everything that can change the result, 16 hex digits.
        name: short readable name.
        config: the whole resolved configuration, with stars for passwords: it goes to workers, and into all that is kept.
            Trials of a plan share its sections, which must not be changed.
        swept: the swept keys that matter to this trial, with its values, in the order in which they were swept.
        baseline_key: key of the trial that this one is measured against, as its task says: mostly the dense MILP of the same
            settings.
        training_key: hash of what makes the dense network.
        any_limit_key: key that it shares with trials of other time limits whose answers it can take; empty if there are none.
        limits: the time limits in seconds that the sweep asks about, the shortest first, where they are swept and this trial,
            which has the longest, holds the answers for all.
        checked: the settings of ``config`` where they have been read; they become :attr:`settings`.
    """

    key: str
    name: str
    config: dict[str, Any]
    swept: dict[str, Any]
    baseline_key: str
    training_key: str
    any_limit_key: str = ""
    limits: tuple[float, ...] = ()
    checked: dataclasses.InitVar[Settings | None] = None

    def __post_init__(self, checked: Settings | None) -> None:
        if checked is not None:
            vars(self)["settings"] = checked

    @functools.cached_property
    def settings(self) -> Settings:
        """The checked settings of :attr:`config`.

        Trials of a plan share sections of them. They do not travel: a worker reads them again, once.
        """
        return read(self.config)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "settings"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trial without its name, which depends on the others."""

    key: str
    any_limit_key: str
    config: dict[str, Any]
    settings: Settings
    swept: dict[str, Any]
    limits: tuple[float, ...] = ()

    def joined(self, other: Candidate) -> Candidate:
        """Return the one of two with the longer time limit, for the limits of both; the first where none is shared."""
        if not self.limits or other.limits == self.limits:
            return self
        longer = other if other.limits[-1] > self.limits[-1] else self
        return dataclasses.replace(longer, limits=tuple(sorted({*self.limits, *other.limits})))


def trial_of(candidate: Candidate, sections: SharedSections, shown: Iterable[str]) -> Trial:
    """Return the trial of a candidate, whose name has the values of the swept keys that are ``shown``."""
    config = sections.to_keep(candidate.config)
    return Trial(
        key=candidate.key,
        name=full_name(sections.ask(short_name, candidate.settings), candidate.swept, shown),
        config=config,
        swept=candidate.swept,
        baseline_key=sections.baseline_key(candidate.settings),
        training_key=sections.training_key(candidate.settings),
        any_limit_key=candidate.any_limit_key,
        limits=candidate.limits,
        checked=candidate.settings if config is candidate.config else sections.read(config),  # no passwords here either
    )


def with_several_values(swept: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys, in the order of their first appearance, whose values differ and are not in short names already."""
    first: dict[str, Any] = {}
    several: set[str] = set()
    for values in swept:
        for key, value in values.items():
            if key not in first:
                first[key] = value
            elif first[key] != value:
                several.add(key)
    return [key for key in first if key in several and not is_named(key)]
