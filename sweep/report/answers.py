"""What an answer of the report is: a question, a few words, one sentence, and evidence that folds out."""

from __future__ import annotations

from dataclasses import dataclass

YES, NO, MIXED, NONE = "Yes", "No", "It depends", "None of them"
UNCLEAR, FEW, NOT_ASKED = "No clear difference", "Not enough data", "Not asked"

PAYS, DOES_NOT_PAY, UNSURE, TOO_FEW, UNCOMPARED = "pays", "does not pay", "not sure", "too few", "not asked"
"""Whether pruning pays on a network: it does beyond chance; it does not; that may be chance; there are too few instances to
tell; nothing is compared with the dense MILP."""

OPEN = (UNCLEAR, FEW, NOT_ASKED)
"""Answers that leave their question open."""


@dataclass(frozen=True)
class Verdict:
    """One question of the report with its answer.

    Attributes:
        question: ends with a question mark.
        answer: a few words.
        sentence: the answer as one short sentence.
        evidence: counts, intervals and p-values, on lines of their own where there are many; empty where there are none.
    """

    question: str
    answer: str
    sentence: str
    evidence: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether the answer is beyond chance."""
        return self.answer not in OPEN
