"""The settings of a search, with the usual objective if none is named."""

from __future__ import annotations

import dataclasses

from sweep.config import rules
from sweep.config.schema import SearchSettings, Settings
from sweep.config.tasks import task_of


def search_of(settings: Settings) -> SearchSettings:
    """Return the settings of the search; ``search=optuna`` without objectives has the usual one of the trials' task."""
    search = settings.search
    if search.objectives or search.method != rules.OPTUNA:
        return search
    return dataclasses.replace(search, objectives=[task_of(settings).usual_objective(settings.attack.objective)])
