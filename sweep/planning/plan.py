"""From overrides to trials: composed by Hydra, validated, reduced to what matters, keyed, without duplicates. Pure: no Ray."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from sweep.config.schema import Settings
from sweep.config.shared_sections import SharedSections
from sweep.config.task_names import SAYING_THE_TASK
from sweep.config.trial_names import is_named
from sweep.errors import ConfigError
from sweep.planning.data_notes import sentences_on_data
from sweep.planning.search.goals import check_search
from sweep.planning.search_axes import Axes
from sweep.planning.space import Compose, Point, Space, plain_config, satisfies
from sweep.planning.time_limit_axis import LimitAxis, one_limit, sentence_on_limits
from sweep.planning.together import KEY, groups_of, sentences_on_unswept
from sweep.planning.trials import Candidate, Trial, trial_of, with_several_values
from sweep.planning.unused_settings import sentence_on_idle
from sweep.records.time_limit import KEY as TIME_LIMIT

if TYPE_CHECKING:
    from sweep.planning.search.base import Suggester


CORNERS = 1000
"""The most corners of a space in which settings that change nothing are looked for."""


@dataclass(frozen=True)
class Plan:
    """The trials of a sweep.

    Attributes:
        trials: those that are known beforehand; none where a suggester chooses them while the sweep runs.
        duplicates: how many combinations fell away because another gives the same trial.
        excluded: how many ``search.where`` excluded.
        suggester: chooses trials while the sweep runs.
        base: a configuration of the sweep, with the passwords that only the driver has; by default that of the first trial.
        each: configurations in which every listed value that a suggester may choose stands at least once.
        notes: sentences that whoever asked for the plan should read.
        limits_note: the one of them that says how swept time limits are run; None if none are.
    """

    trials: list[Trial]
    duplicates: int = 0
    excluded: int = 0
    suggester: Suggester | None = None
    base: dict[str, Any] | None = None
    each: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    limits_note: str | None = None

    @property
    def config(self) -> dict[str, Any]:
        """A configuration of the sweep: what concerns it as a whole is the same in every trial."""
        return self.trials[0].config if self.base is None else self.base


def plan_one(config: DictConfig, written: Sequence[str] = ()) -> Plan:
    """Return the plan of a single trial.

    Args:
        config: as Hydra composed it.
        written: the overrides of the command line, of which the plan's notes say what changes nothing.

    Raises:
        ConfigError: the configuration is not valid.
    """
    sections, plain = SharedSections(), plain_config(config)
    settings = sections.read(plain)
    _check(settings, sections)
    candidate = Candidate(sections.key(settings), sections.any_limit_key(settings), plain, settings, {})
    trial = trial_of(candidate, sections, ())
    overrides = OverridesParser.create().parse_overrides(list(written))
    said = sentence_on_idle(overrides, [settings], sections.counts, one_here=settings.cluster.name != "attach")
    return Plan([trial], base=plain, notes=(*sentences_on_data([settings]), *(() if said is None else (said,))))


class TrialSpace:
    """What a search chooses from: the trials of all combinations of overrides in Hydra's grammar.

    Attributes:
        dimensions: the swept keys in their order: :class:`~sweep.planning.swept_keys.Choices` or
            :class:`~sweep.planning.swept_keys.SweptInterval`.
        axes: the same, with one axis for keys whose values go together.
        drawn: the axes by name, with one value of time limits that are listed: :meth:`plan` looks at all of them at each point.
        overrides: as given.
        config: the configuration with the first value of each axis.
        settings: the same, read.

    Raises:
        ConfigError, HydraException: a key or a value that is not allowed, or a key without values. Each value is looked at on
            its own before any other combination: a typo is found after a few compositions, however large the space.
    """

    def __init__(self, loader: ConfigLoader, compose: Compose, overrides: Sequence[str], written: Sequence[str] = ()) -> None:
        self._space = Space(loader, compose, overrides)
        self._written = [one for one in self._space.overrides if one.input_line in written]
        self._sections = SharedSections()
        self.overrides, self.dimensions = tuple(overrides), self._space.dimensions
        self._shown = [key for key in self.dimensions if not is_named(key)]
        if any(not one.ends for one in self.dimensions.values()):
            raise ConfigError(f"the search space is empty: {' '.join(overrides)} gives no combination of values")
        together = self._sections.read(self._space.config(self._space.first)).search.together
        groups = groups_of(together, self.dimensions, self._space.overrides, self._space.replaced)
        asked = together if any(one.key_or_group == KEY for one in self._written) else ()
        self._on_groups = (*(one.sentence for one in groups), *sentences_on_unswept(asked, self.dimensions))
        self.axes = Axes(self.dimensions, groups)
        for point in self.axes.alone():
            config = self._space.config(point)
            satisfies(self._sections.read(config), config)
        self._axis, self.drawn = LimitAxis.of(self.axes.dimensions), one_limit(self.axes.dimensions)
        self.config = self._space.config(self.axes.first)
        self.settings = self._sections.read(self.config)

    @property
    def size(self) -> int | None:
        """How many combinations of :attr:`drawn` there are; None if there is no end of them."""
        count = 1
        for one in self.drawn.values():
            if one.options is None:
                return None
            count *= len(one.options)
        return count

    def points(self) -> Iterator[Point]:
        """Yield all points on the axes :attr:`drawn`, of which none is an interval, the last axis fastest."""
        return itertools.product(*(one.ends for one in self.drawn.values()))

    def at(self, values: Mapping[str, Any]) -> Trial | None:
        """Return the trial with one value for each swept key, or None if ``search.where`` excludes it.

        Different values give the same trial (one key) where they differ in what cannot change its result.

        Raises:
            ConfigError: values that are not allowed.
            ValueError: a value that is not among those listed.
        """
        candidate = self._candidate(self._space.point(values))
        return None if candidate is None else trial_of(candidate, self._sections, self._shown)

    def plan(self, points: Iterable[Point], most: int | None = None, patience: int | None = None) -> Plan:
        """Return the plan of the different trials at some points.

        Args:
            points: where to look, on the axes.
            most: end with so many trials.
            patience: end after so many points in a row that gave no new trial.

        Raises:
            ConfigError: values that are not allowed together, or not one trial.
        """
        unique: dict[str, Candidate] = {}
        looked = excluded = duplicates = idle = 0
        for point in points:
            candidates, left_out = self._candidates(point)
            looked, excluded, idle = looked + left_out, excluded + left_out, idle + 1
            for candidate in candidates:
                combinations = len(candidate.limits) or 1
                looked += combinations
                identity = candidate.any_limit_key if candidate.limits else candidate.key
                known = unique.get(identity)
                if known is None:
                    unique[identity], idle = candidate, 0
                else:
                    unique[identity], duplicates = known.joined(candidate), duplicates + combinations
                if len(unique) == most:
                    break
            if len(unique) == most or idle == patience:
                break
        if not unique:
            raise ConfigError(
                f"the search space is empty: none of the {looked} combinations satisfies search.where "
                f"({'; '.join(self.settings.search.where)})"
            )
        found = list(unique.values())
        shown = with_several_values(candidate.swept for candidate in found)
        trials = [trial_of(candidate, self._sections, shown) for candidate in found]
        limits = None
        if self._axis is not None:
            limits = sentence_on_limits((c.settings, c.limits) for c in found)
        data = sentences_on_data(candidate.settings for candidate in found)
        idle_note = self._on_idle(candidate.settings for candidate in found)
        notes = (*data, *self._on_groups, *(() if limits is None else (limits,)), *idle_note)
        return Plan(trials, duplicates, excluded, base=self.config, notes=notes, limits_note=limits)

    def each(self) -> tuple[dict[str, Any], ...]:
        """Return configurations in which every listed value stands at least once, whatever ``search.where`` excludes."""
        return tuple(self._space.config(point) for point in self.axes.alone())

    def notes(self) -> tuple[str, ...]:
        """Return the notes of a plan whose trials are chosen while the sweep runs.

        A note says what data of the user's are, or names the settings that no trial looks at. To find them, the corners of the
        space are read in the place of its trials, ``search.where`` aside. A space with more than :data:`CORNERS` corners has no
        notes of the latter kind.
        """
        corners = itertools.product(*(one.ends for one in self.axes.dimensions.values()))
        tried = list(itertools.islice(corners, CORNERS + 1))
        if len(tried) > CORNERS:
            return (*sentences_on_data([self.settings]), *self._on_groups)
        settings = [self._sections.read(self._space.config(self.axes.point(corner))) for corner in tried]
        return (*sentences_on_data(settings), *self._on_groups, *self._on_idle(settings))

    def _on_idle(self, trials: Iterable[Settings]) -> tuple[str, ...]:
        """Return what is said of overrides of the command line that change nothing in these trials."""
        said = sentence_on_idle(self._written, trials, self._sections.counts)
        return () if said is None else (said,)

    def _candidates(self, point: Point) -> tuple[list[Candidate], int]:
        """Return the trials at a point on the axes, and the number of combinations there which ``search.where`` excludes.

        Where time limits are swept, a point stands for one combination with each of the listed limits. The trial with the
        longest allowed limit holds the answers for the shorter ones, unless its attack plans by its limit: then each limit has
        a trial.
        """
        if self._axis is None:
            candidate = self._candidate(self.axes.point(point))
            return ([], 1) if candidate is None else ([candidate], 0)
        places = [(limit, self.axes.point(beside)) for limit, beside in self._axis.points(point)]
        allowed = [(limit, place) for limit, place in places if self._is_allowed(place)]
        excluded = len(places) - len(allowed)
        limits = tuple(limit for limit, _ in reversed(allowed))
        found = [self._candidate(place, limits) for _, place in allowed[:1]]
        if not any(one is not None and one.limits for one in found):
            found += [self._candidate(place) for _, place in allowed[1:]]
        return [one for one in reversed(found) if one is not None], excluded

    def _is_allowed(self, point: Point) -> bool:
        """Whether ``search.where`` allows a point."""
        if not self.settings.search.where:
            return True
        config = self._space.config(point)
        return satisfies(self._sections.read(config), config)

    def _candidate(self, point: Point, limits: tuple[float, ...] = ()) -> Candidate | None:
        """Return the trial at a point, for answers with several time limits if it can hold those; None if it is excluded."""
        sections, config = self._sections, self._space.config(point)
        settings = sections.read(config)
        if not satisfies(settings, config):
            return None
        _check(settings, sections)
        # The name of a task is in no trial's key where other sections tell the task already. People need the name all the same.
        swept = {
            key: value
            for key, value in self._space.values(point).items()
            if key in SAYING_THE_TASK or sections.counts(settings, key)
        }
        any_limit_key = sections.any_limit_key(settings)
        held = limits if any_limit_key else ()
        if held:
            swept.pop(TIME_LIMIT, None)
        return Candidate(sections.key(settings), any_limit_key, config, settings, swept, held)


def _check(settings: Settings, sections: SharedSections) -> None:
    """Raise ConfigError for values that are allowed one by one but not together."""
    sections.check(settings)
    sections.ask(check_search, settings)
