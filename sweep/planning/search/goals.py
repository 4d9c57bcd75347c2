"""The objectives of a search: which it may have, and which it has where none is named."""

from __future__ import annotations

from collections.abc import Iterable

from surrogate.rules import nearest
from sweep.config import attack_facts, rules
from sweep.config.schema import Settings
from sweep.errors import ConfigError
from sweep.planning.search.early_stopping import questions
from sweep.planning.trials import Trial
from sweep.records.objectives import OBJECTIVES

USUAL = {attack_facts.MARGIN: "margin", attack_facts.CLOSEST: "norm", attack_facts.OUTPUT: "margin"}
"""The objective by which trials are judged where none is named: the value at the time limit, by ``attack.objective``."""


def judged_by(settings: Settings, trials: Iterable[Trial] = ()) -> tuple[str, ...]:
    """Return the objectives that say which trial of a sweep is the best; none where nobody asked for a best one.

    A random search without objectives has the usual one (:data:`USUAL`) if its trials look for the same thing.
    """
    search = settings.search
    if search.objectives or search.method != rules.RANDOM:
        return tuple(search.objectives)
    goals = {trial.config["attack"]["objective"] for trial in trials} or {settings.attack.objective}
    return (USUAL[goals.pop()],) if len(goals) == 1 else ()


def check_search(settings: Settings) -> None:
    """Raise ConfigError for objectives that do not exist or are missing, and a scheduler that could do nothing."""
    search, known = settings.search, ", ".join(OBJECTIVES)
    for name in search.objectives:
        if name not in OBJECTIVES:
            near = nearest(name, OBJECTIVES)
            raise ConfigError(f"search.objectives: {name!r} is not an objective; available: {known}{near}")
        goals = OBJECTIVES[name].goals
        if settings.attack.objective not in goals:
            raise ConfigError(
                f"search.objectives={search.objectives} with attack.objective={settings.attack.objective}: {name} is a number "
                f"of trials with attack.objective={' or '.join(goals)} only; choose another objective"
            )
    twice = [name for place, name in enumerate(search.objectives) if name in search.objectives[:place]]
    if twice:
        raise ConfigError(f"search.objectives names {twice[0]} twice; name each objective once")
    adaptive, halving = search.method == rules.OPTUNA, search.scheduler != "none"
    if not search.objectives and (adaptive or halving):
        key = "search.method=optuna" if adaptive else f"search.scheduler={search.scheduler}"
        raise ConfigError(f"{key} needs search.objectives, such as search.objectives=[margin]; available: {known}")
    asked = questions(settings)
    if halving and asked is not None and asked <= search.grace:
        kept = "a trial is asked one question" if asked == 1 else f"trials are asked {asked} questions"
        raise ConfigError(
            f"search.scheduler={search.scheduler} with search.grace={search.grace}: {kept} and none could be stopped early; "
            f"raise instances.count above search.grace, or set search.scheduler=none"
        )
