"""From overrides to trials: composed by Hydra, validated, reduced to what matters, keyed, without duplicates. Pure: no Ray."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from sweep.canonical import FORMAT_VERSION, canonical, key_of, training_recipe
from sweep.consistency import check
from sweep.dimensions import Choices
from sweep.errors import ConfigError
from sweep.idle import sentence_on_idle
from sweep.naming import NAMED, full_name
from sweep.schema import Settings
from sweep.sharing import SharedSections
from sweep.space import Compose, Point, Space, plain_config, satisfies

if TYPE_CHECKING:
    from sweep.search.base import Suggester

__all__ = ["FORMAT_VERSION", "Plan", "Trial", "TrialSpace", "canonical", "key_of", "plan_one", "plan_sweep", "training_recipe"]


@dataclass(frozen=True)
class Trial:
    """A trial that is ready to run.

    Attributes:
        key: hash of everything that can change the result, 16 hex digits.
        name: short readable name.
        config: the whole resolved configuration, with stars for passwords: it goes to workers, and into all that is kept.
            Trials of a plan share its sections, which must not be changed.
        swept: the swept keys that matter to this trial, with its values, in the order in which they were swept.
        baseline_key: key of the same settings with attack surrogate and pruning none, the dense MILP.
        training_key: hash of what makes the dense network.
    """

    key: str
    name: str
    config: dict[str, Any]
    swept: dict[str, Any]
    baseline_key: str
    training_key: str


@dataclass(frozen=True)
class Plan:
    """The trials of a sweep.

    Attributes:
        trials: those that are known beforehand; none where a suggester chooses them while the sweep runs.
        duplicates: how many combinations fell away because another gives the same trial.
        excluded: how many ``search.where`` excluded.
        suggester: chooses trials while the sweep runs.
        base: a configuration of the sweep, with the passwords that only the driver has; by default that of the first trial.
        notes: sentences that whoever asked for the plan should read.
    """

    trials: list[Trial]
    duplicates: int = 0
    excluded: int = 0
    suggester: Suggester | None = None
    base: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

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
    check(settings)
    trial = _trial(_Candidate(sections.key(settings), plain, settings, {}), sections, ())
    overrides = OverridesParser.create().parse_overrides(list(written))
    said = sentence_on_idle(overrides, [settings], sections.counts, one_here=settings.cluster.name != "attach")
    return Plan([trial], base=plain, notes=() if said is None else (said,))


def plan_sweep(loader: ConfigLoader, compose: Compose, overrides: Sequence[str], written: Sequence[str] = ()) -> Plan:
    """Return the plan of a sweep over overrides in Hydra's grammar, by ``search.method``; the last override of a key wins.

    The plan's notes say which of those overrides that were ``written`` on the command line change nothing.

    Raises:
        ConfigError: an override or a value that is not allowed, wherever in the sweep, or a search space without trials.
        HydraException: Hydra's own refusals.
    """
    from sweep.search import SEARCHES

    space = TrialSpace(loader, compose, overrides, written)
    return SEARCHES[space.settings.search.method](space)


class TrialSpace:
    """What a search chooses from: the trials of all combinations of overrides in Hydra's grammar.

    Attributes:
        dimensions: the swept keys in their order: :class:`~sweep.dimensions.Choices` or :class:`~sweep.dimensions.Interval`.
        overrides: as given.
        config: the configuration with the first value of each key.
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
        self._shown = [key for key in self.dimensions if key not in NAMED]
        if any(isinstance(one, Choices) and not one.values for one in self.dimensions.values()):
            raise ConfigError(f"the search space is empty: {' '.join(overrides)} gives no combination of values")
        for point in self._space.alone():
            config = self._space.config(point)
            satisfies(self._sections.read(config), config)
        self.config = self._space.config(self._space.first)
        self.settings = self._sections.read(self.config)

    @property
    def size(self) -> int | None:
        """How many combinations there are; None if there is no end of them."""
        count = 1
        for one in self.dimensions.values():
            if isinstance(one, Choices):
                count *= len(one.values)
            elif one.integer:
                count *= int(one.high) - int(one.low) + 1
            else:
                return None
        return count

    def points(self) -> Iterator[Point]:
        """Yield all combinations of listed values, the last key fastest."""
        return itertools.product(*(range(len(one.values)) for one in self.dimensions.values() if isinstance(one, Choices)))

    def at(self, values: Mapping[str, Any]) -> Trial | None:
        """Return the trial with one value for each swept key, or None if ``search.where`` excludes it.

        Different values give the same trial (one key) where they differ in what cannot change its result.

        Raises:
            ConfigError: values that are not allowed.
            ValueError: a value that is not among those listed.
        """
        candidate = self._candidate(self._space.point(values))
        return None if candidate is None else _trial(candidate, self._sections, self._shown)

    def plan(self, points: Iterable[Point], most: int | None = None, patience: int | None = None) -> Plan:
        """Return the plan of the different trials at some points.

        Args:
            points: where to look.
            most: end with so many trials.
            patience: end after so many points in a row that gave no new trial.

        Raises:
            ConfigError: values that are not allowed together, or not one trial.
        """
        unique: dict[str, _Candidate] = {}
        looked = excluded = idle = 0
        for point in points:
            looked += 1
            candidate = self._candidate(point)
            excluded += candidate is None
            if candidate is not None and candidate.key not in unique:
                unique[candidate.key], idle = candidate, 0
            else:
                idle += 1
            if len(unique) == most or idle == patience:
                break
        if not unique:
            raise ConfigError(
                f"the search space is empty: none of the {looked} combinations satisfies search.where "
                f"({'; '.join(self.settings.search.where)})"
            )
        shown = _with_several_values(candidate.swept for candidate in unique.values())
        trials = [_trial(candidate, self._sections, shown) for candidate in unique.values()]
        said = sentence_on_idle(self._written, (candidate.settings for candidate in unique.values()), self._sections.counts)
        notes = () if said is None else (said,)
        return Plan(trials, duplicates=looked - excluded - len(trials), excluded=excluded, base=self.config, notes=notes)

    def _candidate(self, point: Point) -> _Candidate | None:
        config = self._space.config(point)
        settings = self._sections.read(config)
        if not satisfies(settings, config):
            return None
        check(settings)
        swept = {key: value for key, value in self._space.values(point).items() if self._sections.counts(settings, key)}
        return _Candidate(self._sections.key(settings), config, settings, swept)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A trial without its name, which depends on the others."""

    key: str
    config: dict[str, Any]
    settings: Settings
    swept: dict[str, Any]


def _trial(candidate: _Candidate, sections: SharedSections, shown: Iterable[str]) -> Trial:
    return Trial(
        key=candidate.key,
        name=full_name(candidate.settings, candidate.swept, shown),
        config=sections.to_keep(candidate.config),
        swept=candidate.swept,
        baseline_key=sections.baseline_key(candidate.settings),
        training_key=sections.training_key(candidate.settings),
    )


def _with_several_values(swept: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys, in the order of their first appearance, whose values differ and are not in short names already."""
    first: dict[str, Any] = {}
    several: set[str] = set()
    for values in swept:
        for key, value in values.items():
            if key not in first:
                first[key] = value
            elif first[key] != value:
                several.add(key)
    return [key for key in first if key in several and key not in NAMED]
