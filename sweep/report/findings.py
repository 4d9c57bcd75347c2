"""What a report says of results: each part is computed once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from sweep.report.answers import Verdict
from sweep.report.comparisons import win_table
from sweep.report.headline import beside, headline
from sweep.report.results import Results
from sweep.report.searches import SearchAnswer, answer_of
from sweep.report.sizes import SizeAnswer, size_answers
from sweep.report.verdicts import verdicts
from sweep.report.winners import Winner, winners


@dataclass(frozen=True)
class Findings:
    """What is found in some results."""

    results: Results

    @cached_property
    def _won(self) -> tuple[Sequence[Winner], pd.DataFrame]:
        return winners(self.results)

    @property
    def ranking(self) -> pd.DataFrame:
        """The settings of each network, seeds pooled, best first."""
        return self._won[1]

    @cached_property
    def wins(self) -> pd.DataFrame:
        """The win table."""
        return win_table(self.results)

    @cached_property
    def sizes(self) -> Sequence[SizeAnswer]:
        """What is known of each network."""
        return size_answers(self.results, self.wins, self.ranking)

    @cached_property
    def answers(self) -> Sequence[Verdict]:
        """The verdicts."""
        return verdicts(self.results, self.wins, self.sizes)

    @cached_property
    def headline(self) -> str:
        """The first sentence."""
        return headline(self.results, self.sizes, self._won[0])

    @cached_property
    def yardstick(self) -> str:
        """The sentence on the yardstick without a MILP; empty where there was none."""
        return beside(self.results, self.wins)

    @property
    def first(self) -> str:
        """What a report says first, on the terminal and in MLflow too."""
        return f"{self.headline} {self.yardstick}".rstrip()

    @cached_property
    def search(self) -> SearchAnswer | None:
        """What the search found, if the sweep was one."""
        return answer_of(self.results)
