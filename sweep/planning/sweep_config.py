"""The configuration of a sweep as a whole: what all trials have in common, and what differs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from sweep.config.dotted_keys import flatten
from sweep.config.passwords import WITH_ADDRESSES, hide_in_config, hide_in_values
from sweep.config.reading import read
from sweep.config.schema import SECTIONS
from sweep.config.shared_sections import SharedSections
from sweep.config.tasks import task_of
from sweep.planning.plan import Plan
from sweep.planning.swept_keys import Choices, Dimension
from sweep.planning.trials import Trial

LISTED = 20
"""More values of a key are not listed one by one."""

LOOKED_THROUGH = 1000
"""The most trials of a plan that are looked through, one by one, for what counts of their configurations."""

SWEPT = "(swept)"
"""What stands in the place of a value that differs from trial to trial."""


def sweep_config(plan: Plan) -> dict[str, Any]:
    """Return the configuration of a sweep, without passwords: ``swept`` has the keys whose values differ between trials, with
    these values; in the sections, :data:`SWEPT` stands in their places. Each trial's own configuration is with the trial."""
    swept = _differing(plan.trials)
    if plan.suggester is not None:
        swept |= {one.key: _choices(one) for one in plan.suggester.dimensions}
    swept = {key: hide_in_values(value) if key.partition(".")[0] in WITH_ADDRESSES else value for key, value in swept.items()}
    config = copy.deepcopy(hide_in_config(plan.config))
    for key in swept:
        *parents, leaf = key.split(".")
        section: Any = config
        for name in parents:
            section = section.get(name) if isinstance(section, dict) else None
        if isinstance(section, dict):
            section[leaf] = SWEPT
    return {"swept": swept, **config}


def idle_keys(plan: Plan) -> frozenset[str]:
    """Return the keys in :data:`sweep.config.schema.SECTIONS` that can change the result of no trial.

    A plan may have more than :data:`LOOKED_THROUGH` trials, which would take too long, or a search may choose its trials later.
    Then only keys are returned whose section no trial's task has.
    """
    chosen = plan.suggester is not None
    all_settings = [read(config) for config in plan.each] if chosen else [trial.settings for trial in plan.trials]
    in_tasks = {name for task in {task_of(one) for one in all_settings} for name in (*task.sections, "task")}
    keys = [key for key in flatten(plan.config) if key.partition(".")[0] in SECTIONS and key != "task.name"]
    idle = {key for key in keys if key.partition(".")[0] not in in_tasks}
    if chosen or len(all_settings) > LOOKED_THROUGH:
        return frozenset(idle)
    counting = SharedSections().counting(all_settings)

    def counts(key: str) -> bool:
        parents = (key[:place] for place, letter in enumerate(key) if letter == ".")
        return key in counting or any("." in parent and parent in counting for parent in parents)

    return frozenset(key for key in keys if not counts(key))


def _differing(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the keys whose values differ, in the order of the configuration."""
    sections: dict[str, dict[int, Any]] = {}
    for trial in trials:  # trials share their sections: hundreds of a hundred thousand are different
        for name, section in trial.config.items():
            sections.setdefault(name, {}).setdefault(id(section), section)
    found: dict[str, Any] = {}
    for name, several in sections.items():
        values: dict[str, dict[str, Any]] = {}
        for section in several.values():
            for key, value in flatten({name: section}).items():
                values.setdefault(key, {}).setdefault(repr(value), value)
        found |= {key: _values(list(each.values())) for key, each in values.items() if len(each) > 1}
    return found


def _values(values: list[Any]) -> Any:
    if len(values) <= LISTED:
        return values
    if all(isinstance(value, int | float) for value in values):
        return f"{len(values)} values from {min(values)} to {max(values)}"
    return f"{len(values)} values, such as {', '.join(str(value) for value in values[:3])}"


def _choices(one: Dimension) -> Any:
    return _values(list(one.values)) if isinstance(one, Choices) else one.written
