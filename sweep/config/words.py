"""The words in which people read the answers of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sense = Literal["maximize", "minimize"]

MAXIMIZE: Sense = "maximize"
MINIMIZE: Sense = "minimize"

DENSE_MILP = "dense MILP"
"""The baseline of the tasks that MILPs answer."""


@dataclass(frozen=True)
class Words:
    """What people read of a task's answers.

    Attributes:
        instance: what one instance is called, such as ``image``; its plural has an s.
        value: what the value is called, such as ``margin``.
        sense: whether values are better larger or smaller.
        find: what it is called that something was found, such as ``adversarial``.
        found: the statuses which say that something was found.
        none: the statuses which say that there is nothing to find, proven.
        open: the statuses which say neither.
        asks: whether there is something to find, such as a counterexample. If not, values are only better or worse.
        spread: what the values of several instances are called where the terminal shows their range, such as ``norms``.
        thing: what is found, such as ``adversarial input``; its plural has an s.
        act: what a method does to an instance, such as ``attack``: a verb, and a noun whose plural has an s.
        acted: the participle of ``act``, such as ``scanned``; empty: it is ``act`` with ``ed``.
        yardstick: what :attr:`sweep.config.tasks.TaskRules.yardstick` is called in sentences, such as ``gradient attack``.
        baseline: what the trial that others are measured against is called (:attr:`sweep.config.tasks.TaskRules.baseline`).
        by_value: whether a better value counts before a sooner find.
        pooled: whether values of several networks have one unit, so that they may be tested together.
        zero_is_found: whether a value above 0 says that something was found, as a margin does.
        length_of: what the value is the length of, such as ``perturbation``. A record has it as ``l1``, ``l2`` or ``linf``, by
            its ``norm``, where something was found, and lengths are compared by their ratio. Empty: values are no lengths, and
            are compared by their difference.
        proofs: the statuses that no further search could change, because they are proven.
        left_out: why instances are drawn and then left out, such as ``the dense network misclassifies them``.
        colours: what the colours of its small pictures say, such as ``orange became darker``.
    """

    instance: str = "instance"
    value: str = "value"
    sense: Sense = "maximize"
    find: str = "found"
    found: tuple[str, ...] = ("optimal", "feasible")
    none: tuple[str, ...] = ("infeasible",)
    open: tuple[str, ...] = ("unresolved",)
    asks: bool = False
    spread: str = ""
    thing: str = "solution"
    act: str = "answer"
    acted: str = ""
    yardstick: str = ""
    baseline: str = "dense network"
    by_value: bool = False
    pooled: bool = True
    zero_is_found: bool = False
    length_of: str = ""
    colours: str = ""
    proofs: tuple[str, ...] = ("optimal", "infeasible")
    left_out: str = ""
