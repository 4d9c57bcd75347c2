"""The report's answers, which comparisons give. An answer has a few words, one sentence, and evidence that folds out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.report.compared import Compared, strongest, too_few
from sweep.report.results import Results
from sweep.report.statistics import FEWEST

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


def judged(
    question: str,
    found: Sequence[Compared],
    results: Results,
    told: Sequence[Compared] | None = None,
    answers: tuple[str, str] = (YES, NO),
    in_truth: bool = False,
) -> Verdict:
    """Answer yes if all that differs beyond chance is better, no if it is worse, and with the strongest of either kind.

    Args:
        question: as people read it.
        found: the comparisons that decide.
        results: all there is.
        told: those that are the evidence; by default the strongest ones.
        answers: the words for yes and no.
        in_truth: whether these are comparisons of two networks in truth (:mod:`sweep.report.in_truth`).
    """
    kinds = [one for one in found if one.is_better], [one for one in found if one.is_worse]
    leading = [strongest(some) for some in kinds if some]
    told = (leading or [strongest(found)]) if told is None else told
    with_networks = in_truth or len({one.network for one in found}) > 1
    evidence = "\n".join(f"{one.network}: {one.text(results)}" if with_networks else one.text(results) for one in told)
    if not leading:
        sentence = f"Nothing differs beyond chance{' in truth' if in_truth else ''}. {too_few(found, results.what)}".rstrip()
        return Verdict(question, unsure(found), sentence, evidence)
    answer = MIXED if len(leading) > 1 else answers[0] if leading[0].is_better else answers[1]
    said = [one.short(results, _on_its_network(one) if with_networks else one.setting) for one in leading]
    return Verdict(question, answer, " ".join(said), evidence)


def unsure(found: Sequence[Compared]) -> str:
    """Return the answer where nothing differs beyond chance."""
    return FEW if all(one.clusters < FEWEST for one in found) else UNCLEAR


def _on_its_network(one: Compared) -> str:
    return f"On {one.network}, {one.setting.replace('The ', 'the ', 1)}"
