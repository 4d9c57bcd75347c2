"""This project's search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.models.base import GAP, Asked, Ending, Trace
from surrogate.models import Step, optimise
from surrogate.region import Region


def run(asked: Asked, boxes: Sequence[Region], settings: dict[str, Any], trace: Trace) -> Ending:
    def note(step: Step) -> bool:
        trace.met([variable.value for variable in asked.user.variables], step.source)
        return False

    result = optimise(
        asked.model, asked.places, time_limit_seconds=trace.seconds_left, on_better=note, relative_gap=GAP, **settings
    )
    return Ending(str(result.status), result.bound, result.surrogate_value)
