"""One instance: a region, and what is maximised there."""

from __future__ import annotations

from dataclasses import dataclass

from surrogate.checks import require_kind
from surrogate.errors import InvalidSetting
from surrogate.problems.problem import Margin, Problem
from surrogate.problems.region import Region


@dataclass(frozen=True, init=False)
class Instance:
    """One question: is there a point of ``region`` on which class ``target`` beats class ``label``?

    ``target=None`` is the untargeted question: any class but ``label``. Another ``problem`` may stand in place of the classes:
    ``Instance(region, problem=Output(0))``.

    Raises:
        InvalidSetting: no region; neither a label nor a problem, both, or classes that don't fit (:class:`Margin`).
    """

    region: Region
    label: int | None
    target: int | None
    problem: Problem

    def __init__(
        self, region: Region, label: int | None = None, target: int | None = None, problem: Problem | None = None
    ) -> None:
        if (label is None) == (problem is None) or (problem is not None and target is not None):
            raise InvalidSetting("an instance needs either a label (with a target, or None for any other class) or a problem")
        require_kind("region", region, Region, "Region(0.0, 1.0, center, radius, 'l1')")
        if problem is not None:
            require_kind("problem", problem, Problem, "Output(0)")
        object.__setattr__(self, "region", region)
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "problem", Margin(label, target) if label is not None else problem)
