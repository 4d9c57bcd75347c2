"""What a search found: the best trial and the command that runs it again, or with several objectives the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.config.dotted_keys import flatten
from sweep.config.task_names import task_name_in
from sweep.planning.search.alone import command
from sweep.records import TrialRecord
from sweep.records.measures import VALUE_TOLERANCE
from sweep.records.objectives import Objective, objectives
from sweep.records.time_limit import KEY as TIME_LIMIT
from sweep.report.results import Results, SweepState
from sweep.terminal.wording import count

MOST_ROWS = 30
"""Trials of the Pareto front in its table; the figure has them all."""

NOT_SET = "—"
"""The value of a swept key that changes nothing in a trial."""

BETTER = {"maximize": "larger is better", "minimize": "smaller is better"}


@dataclass(frozen=True)
class JudgedTrial:
    """A finished trial that has a value of each objective.

    Attributes:
        number: its place among the finished trials of the sweep, from 1.
        record: the trial.
        values: of the objectives.
    """

    number: int
    record: TrialRecord
    values: tuple[float, ...]


@dataclass(frozen=True)
class SearchAnswer:
    """The answer of one sweep that has objectives.

    Attributes:
        objectives: the first one counts first.
        candidates: in the order of the plan.
        front: those of them that no other one beats: none is as good in all objectives and better in one. With one objective
            the first of them is the best trial.
        finished: how many trials have finished, with all values or not.
        overrides: what the sweep was made of.
    """

    objectives: tuple[Objective, ...]
    candidates: tuple[JudgedTrial, ...]
    front: tuple[JudgedTrial, ...]
    finished: int
    overrides: tuple[str, ...]

    @property
    def meaning(self) -> str:
        """The objectives with their directions."""
        return " and ".join(f"{one.name} ({BETTER[one.direction]})" for one in self.objectives)

    @property
    def sentence(self) -> str:
        """What was found."""
        of = f"of {count(self.finished, 'finished trial')}"
        if not self.candidates:
            return f"None {of} has a value of {self.meaning}: there is no best one."
        if len(self.objectives) == 1:
            best, others = self.front[0], self.as_good
            tied = f" {count(others, 'other trial')} {'is' if others == 1 else 'are'} as good." if others else ""
            return f"Best {of} by {self.meaning}: {best.record.name} with {self.told(best)}.{tied}{self._lacks}"
        return (
            f"{len(self.front)} {of} {'is' if len(self.front) == 1 else 'are'} on the Pareto front of {self.meaning}: no other "
            f"trial is as good in all of them and better in one."
        )

    @property
    def _lacks(self) -> str:
        """A sentence on instances without a value, which the medians of the ranking leave out; empty where none lacks one."""
        if not any(one.lacks_count for one in self.objectives):
            return ""
        if all(instance.value is not None for one in self.candidates for instance in one.record.instances):
            return ""
        return " Here an instance without a value counts as the worst; the ranking's medians leave it out."

    @property
    def as_good(self) -> int:
        """How many trials have the same value as the best one, up to the tolerance of values."""
        best = self.front[0].values[0]
        slack = {"rel_tol": VALUE_TOLERANCE, "abs_tol": VALUE_TOLERANCE}
        return sum(math.isclose(one.values[0], best, **slack) for one in self.candidates) - 1

    def told(self, one: JudgedTrial) -> str:
        """Return the values of a trial with the names of the objectives."""
        return ", ".join(f"{o.name} {value:.5g}" for o, value in zip(self.objectives, one.values, strict=True))

    def command(self, one: JudgedTrial) -> str:
        """Return the command that runs a trial again, alone."""
        limit = one.record.config["solver"]["time_limit_seconds"]  # of several that were swept one run has the longest
        return command(self.overrides, {TIME_LIMIT: limit, **one.record.swept})

    @property
    def best(self) -> list[tuple[str, JudgedTrial]]:
        """The best trial, or with several objectives the trial of the front that is best in each, and what it is called."""
        if len(self.objectives) == 1 or not self.front:
            return [("Best", one) for one in self.front[:1]]
        return [
            (f"Best {objective.name}", min(self.front, key=lambda one: _cost(objective, one.values[place])))
            for place, objective in enumerate(self.objectives)
        ]

    @property
    def again(self) -> list[tuple[str, str]]:
        """Of each trial of :attr:`best` what it reached, as far as :attr:`sentence` has not said it, and its command."""
        found = []
        for called, one in self.best:
            about = "" if len(self.objectives) == 1 else f"{called}: {one.record.name} with {self.told(one)}. "
            found.append((f"{about}To run it again alone:", self.command(one)))
        return found

    @property
    def numbers(self) -> pd.DataFrame:
        """A row for each candidate: ``number``, ``front``, and a column for each objective by its name."""
        columns = {one.name: [candidate.values[i] for candidate in self.candidates] for i, one in enumerate(self.objectives)}
        on_it = {one.number for one in self.front}
        numbers = [one.number for one in self.candidates]
        return pd.DataFrame({"number": numbers, "front": [number in on_it for number in numbers], **columns})

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The values of the swept keys of each candidate; all have the same keys."""
        keys = dict.fromkeys(key for one in self.candidates for key in one.record.swept)
        flat = [flatten(one.record.config) for one in self.candidates]
        return [
            {key: one.record.swept.get(key, config.get(key, NOT_SET)) for key in keys}
            for one, config in zip(self.candidates, flat, strict=True)
        ]


def search_answer(state: SweepState, records: Sequence[TrialRecord]) -> SearchAnswer | None:
    """Return the answer of a sweep by the records of its trials; None for one without objectives.

    There is none either where an objective is not known here, such as that of a user's task whose module is not here.
    """
    known = objectives(*dict.fromkeys(task_name_in(record.config) for record in records))
    if state.searched is None or not known.keys() >= set(state.searched.objectives):
        return None
    judged = tuple(known[name] for name in state.searched.objectives)
    finished = [record for record in records if record.status == "finished"]
    candidates = []
    for number, record in enumerate(finished, 1):
        values = tuple(value for one in judged if (value := one.value(record)) is not None)
        if len(values) == len(judged):
            candidates.append(JudgedTrial(number, record, values))
    costs = np.array([[_cost(o, v) for o, v in zip(judged, one.values, strict=True)] for one in candidates])
    front = tuple(candidates[place] for place in on_front(costs)) if candidates else ()
    return SearchAnswer(judged, tuple(candidates), front, len(finished), state.searched.overrides)


def answer_of(results: Results) -> SearchAnswer | None:
    """Return the answer of the one sweep that a report is about; None for several, which are not one search."""
    return search_answer(results.sweeps[0], results.records) if len(results.sweeps) == 1 else None


def on_front(costs: NDArray[np.float64]) -> list[int]:
    """Return the rows that no other row beats, the smallest first column first; of equal rows, all.

    Args:
        costs: (n, k), the smaller the better.
    """
    front: list[int] = []
    for place in np.lexsort(costs.T[::-1]):  # a later row beats no earlier one
        kept = costs[front]
        if not np.any(np.all(kept <= costs[place], axis=1) & np.any(kept < costs[place], axis=1)):
            front.append(int(place))
    return front


def in_lines(answer: SearchAnswer | None) -> list[str]:
    """Return the answer for the terminal, line by line."""
    if answer is None:
        return []
    return [answer.sentence, *(f"{about} {command}" for about, command in answer.again)]


def in_markdown(answer: SearchAnswer) -> str:
    """Return the answer for MLflow's note."""
    commands = [f"{about}\n\n```\n{command}\n```" for about, command in answer.again]
    return "\n\n".join([answer.sentence, *commands]) + "\n"


def _cost(objective: Objective, value: float) -> float:
    return value if objective.direction == "minimize" else -value


def front_rows(answer: SearchAnswer) -> list[Mapping[str, str]]:
    """Return the table of the Pareto front, with a column for each objective; nothing where there is one objective."""
    if len(answer.objectives) == 1:
        return []
    return [
        {
            "trial": one.record.name,
            **{o.name: f"{value:.5g}" for o, value in zip(answer.objectives, one.values, strict=True)},
            "command": answer.command(one),
        }
        for one in answer.front[:MOST_ROWS]
    ]


def importance_of(answer: SearchAnswer) -> dict[str, dict[str, float]]:
    """Return the share of each swept key in what explains an objective, by its name; nothing where that cannot be told."""
    from sweep.planning.search.importance import importances

    found = {}
    for place, objective in enumerate(answer.objectives):
        shares = importances(answer.settings, [one.values[place] for one in answer.candidates])
        if shares:
            found[objective.name] = shares
    return found


def too_few(answer: SearchAnswer) -> str | None:
    """Return a sentence where there are too few trials to tell which setting matters; None where there are enough."""
    from sweep.planning.search.importance import FEWEST

    there = len(answer.candidates)
    if there >= FEWEST or len({key for one in answer.candidates for key in one.record.swept}) < 2:
        return None
    return (
        f"To say which setting the objective depends on takes {FEWEST} finished trials with a value; there "
        f"{'is' if there == 1 else 'are'} {there}."
    )
