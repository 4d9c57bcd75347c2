"""The objectives of a search: which are allowed, and which ones are used if none is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from surrogate.rules import nearest
from sweep.config import rules
from sweep.config.schema import Settings, SpaceSearchSettings
from sweep.config.task_names import task_name, task_name_in
from sweep.config.tasks import task_named, task_of
from sweep.errors import ConfigError
from sweep.planning.trials import Trial
from sweep.records.objectives import objectives


def search_of(settings: Settings) -> SpaceSearchSettings:
    """Return the settings of the search; ``search=optuna`` without objectives has the usual one of the trials' task."""
    search = settings.search
    if search.objectives or search.method != rules.OPTUNA:
        return search
    return dataclasses.replace(search, objectives=[task_of(settings).usual_objective(settings.attack.objective)])


def judged_by(settings: Settings, trials: Sequence[Trial] = ()) -> tuple[str, ...]:
    """Return the objectives that say which trial of a sweep is the best; none where nobody asked for a best one.

    Of a single trial there is none either: no search has chosen it. An adaptive search gives no trials, as they come later.
    A random search without objectives has the usual one of its task, if its trials look for the same thing.
    """
    search = search_of(settings)
    if len(trials) == 1:
        return ()
    if search.objectives or search.method != rules.RANDOM:
        return tuple(search.objectives)
    looked_for = {(task_name_in(trial.config), trial.config["attack"]["objective"]) for trial in trials}
    looked_for = looked_for or {(task_name(settings), settings.attack.objective)}
    if len(looked_for) > 1:
        return ()
    name, objective = looked_for.pop()
    return (task_named(name).usual_objective(objective),)


def check_search(settings: Settings) -> None:
    """Raise ConfigError for objectives that do not exist or are missing, and a scheduler that could do nothing."""
    search, known, task = search_of(settings), objectives(task_name(settings)), task_of(settings)
    for name in search.objectives:
        if name not in known:
            near = nearest(name, known)
            raise ConfigError(f"search.objectives: {name!r} is not an objective; available: {', '.join(known)}{near}")
        if search.objectives and name not in task.objectives(settings):
            raise ConfigError(
                f"search.objectives={search.objectives} with {_looked_for(settings)}: these trials have no objective {name}; "
                f"they have {', '.join(task.objectives(settings))}; choose one of these"
            )
    twice = [name for place, name in enumerate(search.objectives) if name in search.objectives[:place]]
    if twice:
        raise ConfigError(f"search.objectives names {twice[0]} twice; name each objective once")
    halving = search.scheduler != "none"
    if not search.objectives and halving:
        raise ConfigError(
            f"search.scheduler={search.scheduler} needs search.objectives, such as "
            f"search.objectives=[{task.usual_objective(settings.attack.objective)}]; "
            f"available: {', '.join(task.objectives(settings))}"
        )
    asked = task.count(settings)
    if halving and asked is not None and asked <= search.grace:
        kept = "a trial has one instance" if asked == 1 else f"trials have {asked} instances"
        raise ConfigError(
            f"search.scheduler={search.scheduler} with search.grace={search.grace}: {kept}, so none can be stopped early; "
            f"raise instances.count above search.grace, or set search.scheduler=none"
        )


def _looked_for(settings: Settings) -> str:
    """Return the setting that says what trials look for."""
    if settings.task.name is None:
        return f"attack.objective={settings.attack.objective}"
    return f"task={task_name(settings)}"
