"""Settings on the command line that no trial uses: a note names them, so that nobody waits for an effect.

Only what was written for this command is looked at: options of groups and experiments hold many values that only some trials
need. What asks for nothing, such as ``pruning=none``, gets no note either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hydra.core.override_parser.types import Override, OverrideType

from sweep.config import rules
from sweep.config.dotted_keys import is_in
from sweep.config.families import FAMILIES, name_key
from sweep.config.input_sizes import data_sizes, network_sizes, reads_files, use_of_data
from sweep.config.overrides import as_written
from sweep.config.reading import is_key
from sweep.config.schema import SECTIONS, USED, Settings
from sweep.config.task_names import SAYING_THE_TASK

Counts = Callable[[Settings, str], bool]
"""Whether a key is part of what a trial is known by (:meth:`sweep.config.shared_sections.SharedSections.counts`)."""

_ONE_HERE = ("search", "cluster.cpus", "sweep.retries")
"""Keys that have no effect on a single trial in this process."""


def sentence_on_idle(
    written: Sequence[Override], trials: Iterable[Settings], counts: Counts, *, one_here: bool = False
) -> str | None:
    """Return a sentence about the overrides that none of the trials looks at; None if there is no such override.

    Args:
        written: overrides of the command line.
        trials: settings of each trial.
        counts: see :data:`Counts`.
        one_here: whether there is one trial, and it runs in this process.
    """
    left = {one.key_or_group: one for one in written if is_key(one.key_or_group) and _asks_for_something(one)}
    for settings in trials:
        for key in list(left):
            if _looks_at(settings, _told_by(settings, left[key]), counts, one_here):
                del left[key]
        if not left:
            return None
    lines = [as_written(one.input_line) for one in left.values()]
    if len(lines) == 1:
        return f"{lines[0]} has no effect: no trial of this command uses it."
    return f"{', '.join(lines[:-1])} and {lines[-1]} have no effect: no trial of this command uses them."


def _asks_for_something(override: Override) -> bool:
    if override.type is OverrideType.DEL or override.key_or_group in SAYING_THE_TASK:
        return False
    return override.is_sweep_override() or override.value() not in (None, False, 0, "none", [])


def _told_by(settings: Settings, override: Override) -> str:
    """Return the key that an override is about: of an option such as ``solver=scip`` that by which it differs from others."""
    if override.key_or_group not in USED:  # the options of these groups differ in nothing else that counts
        return override.key_or_group
    leaf = FAMILIES[override.key_or_group].name_key
    options = list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]
    own = getattr(getattr(settings, override.key_or_group), leaf) not in options  # and may set any other key too
    return override.key_or_group if own else name_key(override.key_or_group)


def _looks_at(settings: Settings, key: str, counts: Counts, one_here: bool) -> bool:
    if one_here and is_in(key, _ONE_HERE):
        return False
    if key.split(".")[0] in SECTIONS and key != "dataset.folder" and not counts(settings, key):
        return False
    return all(rule(settings) for section, rule in _RULES.items() if is_in(key, (section,)))


def _data_count(settings: Settings) -> bool:
    """Whether a trial trains on its data, draws from them, or has an accuracy on them."""
    if settings.network.file is None or use_of_data(settings) is not None:
        return True
    data = data_sizes(settings.dataset)
    if data is None or settings.dataset.name == rules.FUNCTION:
        return False
    inputs, outputs = network_sizes(settings)
    return inputs == data[0] and outputs >= data[1]


def _is_sampled(settings: Settings) -> bool:
    return settings.search.method != rules.GRID


def _is_halved(settings: Settings) -> bool:
    return settings.search.scheduler != "none"


_RULES: dict[str, Callable[[Settings], bool]] = {
    "dataset": _data_count,
    "dataset.folder": lambda settings: reads_files(settings.dataset),
    "dataset.side": lambda settings: settings.dataset.name not in (rules.FUNCTION, rules.TABLE, rules.NO_DATASET),
    "search.samples": _is_sampled,
    "search.seed": _is_sampled,
    "search.grace": _is_halved,
    "search.reduction": _is_halved,
}
"""When a section or key counts that no method declares, and of which a trial's key has more than can change the result."""
