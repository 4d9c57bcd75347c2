"""Three values of a decision side by side: what the surrogate said, what the dense networks say, and what the truth says.

An optimiser looks for the places where a network errs in its favour. The three values show this at once: the surrogate promises
what the dense networks do not give, or the dense networks promise what the truth does not give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from sweep.report.comparisons import signs
from sweep.report.results import Results
from sweep.terminal.wording import MISSING

TOLERANCE = 1e-6
"""A true constraint that is violated by more than this does not hold: as much as a decision may violate the model's own."""


@dataclass(frozen=True)
class ThreeValues:
    """The decisions of one setting on one network, of which the truth is known; medians, NaN where there is none.

    Attributes:
        network, setting: which.
        decisions: how many.
        surrogate, value, true: what is said of them by the surrogates, by the dense networks and by the truth.
        surrogate_excess: by how much the surrogates promise better values than the dense networks give.
        dense_excess: by how much the dense networks promise better values than the truth gives.
        violating, judged: how many break a constraint in truth, of how many of which that is known.
    """

    network: str
    setting: str
    decisions: int
    surrogate: float
    value: float
    true: float
    surrogate_excess: float
    dense_excess: float
    violating: int
    judged: int

    @property
    def cells(self) -> tuple[str, ...]:
        """What people read, in the order of :data:`TITLES`."""
        return (
            self.network,
            self.setting,
            str(self.decisions),
            *(_text(one, "{:.5g}") for one in (self.surrogate, self.value, self.true)),
            *(_text(one, "{:+.3g}") for one in (self.surrogate_excess, self.dense_excess)),
            f"{self.violating}/{self.judged}" if self.judged else MISSING,
        )


TITLES = (
    *("network", "setting", "decisions", "surrogate said", "dense says", "truth says"),
    *("surrogate promised too much", "dense promised too much", "broken in truth"),
)


def three_values(results: Results) -> list[ThreeValues]:
    """Return a row for each network and setting that has a decision whose true value is known, in order of appearance."""
    known = results.instances[results.instances["true_value"].notna()]
    if known.empty:
        return []
    sign = signs(known)
    said, value, true = (known[name] for name in ("surrogate_value", "best_value", "true_value"))
    rows = known.assign(surrogate_excess=sign * (said - value), dense_excess=sign * (value - true))
    return [
        _row(str(network), str(setting), part) for (network, setting), part in rows.groupby(["network", "setting"], sort=False)
    ]


def as_table(rows: list[ThreeValues]) -> pd.DataFrame:
    """Return the rows as a table for programs."""
    return pd.DataFrame([vars(row) for row in rows])


def _row(network: str, setting: str, part: pd.DataFrame) -> ThreeValues:
    violation = part["true_violation"].dropna()
    return ThreeValues(
        network=network,
        setting=setting,
        decisions=len(part),
        surrogate=float(part["surrogate_value"].median()),
        value=float(part["best_value"].median()),
        true=float(part["true_value"].median()),
        surrogate_excess=float(part["surrogate_excess"].median()),
        dense_excess=float(part["dense_excess"].median()),
        violating=int((violation > TOLERANCE).sum()),
        judged=len(violation),
    )


def _text(value: float, form: str) -> str:
    return MISSING if math.isnan(value) else form.format(value + 0.0)
