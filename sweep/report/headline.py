"""The sentence that page, terminal and MLflow begin with: which pruned copy beats the dense MILP, and what the gradient
attack does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from sweep.config.dotted_keys import is_in
from sweep.records.measures import VALUES
from sweep.report import winners
from sweep.report.answers import PAYS, TOO_FEW, UNCOMPARED
from sweep.report.compared import compared_by_network
from sweep.report.comparisons import ALL
from sweep.report.phrases import Phrases
from sweep.report.results import Results
from sweep.report.searches import SearchAnswer, answer_of
from sweep.report.settings import PARAMETERS
from sweep.report.sizes import SizeAnswer
from sweep.report.winners import Winner
from sweep.report.words import seconds
from sweep.terminal.wording import MOST_NAMED, some


def headline(results: Results, answers: Sequence[SizeAnswer], won: Sequence[Winner]) -> str:
    """Return the first sentence: the best pruned copy of each network against the dense MILP, those beyond chance first.

    Of more than :data:`~sweep.terminal.wording.MOST_NAMED` networks those on which pruning pays are counted. Where nothing is
    compared with the dense MILP it is who won (:func:`~sweep.report.winners.headline`). Where a search has drawn a problem's
    parameters it is what the search found: each value makes another model, on which next to nothing else was tried.

    Args:
        results: all there is.
        answers: of all networks (:func:`~sweep.report.sizes.size_answers`).
        won: the winners.
    """
    found = _drawn_models(results)
    if found is not None:
        return found.sentence
    asked = [one for one in answers if one.verdict != UNCOMPARED]
    if not asked:
        return winners.headline(won)
    paying, baseline = [one for one in asked if one.verdict == PAYS], results.phrases.baseline
    if len(asked) > MOST_NAMED and all(one.verdict == TOO_FEW for one in asked):
        ahead = [one.network for one in asked if one.won > one.lost]
        named = f"on {some(ahead)}" if ahead else "on none"
        return f"On {len(asked)} networks too few {results.what}s to be sure: a pruned copy is ahead of the {baseline} {named}."
    if len(asked) > MOST_NAMED:
        named = f": {some([one.network for one in paying])}" if paying else ""
        return f"A pruned copy beats the {baseline} beyond chance on {len(paying) or 'none'} of {len(asked)} networks{named}."
    ordered = (*paying, *(one for one in asked if one.verdict != PAYS))
    return " ".join(_clause(one, bool(paying), results.phrases) for one in ordered)


def _drawn_models(results: Results) -> SearchAnswer | None:
    """Return the answer of a search over more values of a problem's parameter than can be named; None if there is none."""
    values: dict[str, set[str]] = defaultdict(set)
    for record in results.records:
        for key, value in record.swept.items():
            if is_in(key, (PARAMETERS,)):
                values[key].add(str(value))
    return answer_of(results) if any(len(found) > MOST_NAMED for found in values.values()) else None


def _clause(answer: SizeAnswer, said: bool, phrases: Phrases) -> str:
    """Return the sentence on one network; it says "it" for the baseline if an earlier one has named that (``said``)."""
    where, who = f"{answer.network}:", answer.setting
    if answer.verdict == PAYS:
        worse = f" and is worse on {answer.lost}" if answer.lost else ""
        return f"{where} {who} beats the {phrases.baseline} on {answer.won}{worse} of {answer.of} (sure)."
    if answer.won > answer.lost:
        worse = f" and worse on {answer.lost}" if answer.lost else ""
        why = "too few to be sure" if answer.verdict == TOO_FEW else "which may be chance"
        return f"{where} {who} is better than the {phrases.baseline} on {answer.won}{worse} of {answer.of}, {why}."
    does = "beats it" if said else f"beats the {phrases.baseline}"
    within = f" within {seconds(answer.limit_seconds)}" if answer.limit_seconds is not None else ""
    few = f" (too few {phrases.instance}s to be sure)" if answer.verdict == TOO_FEW else ""
    also = f", but {answer.also} (sure)" if answer.also else ""
    return f"{where} no pruned copy {does}{within}{few}{also}."


def beside(results: Results, wins: pd.DataFrame) -> str:
    """Return one sentence on the yardstick of every MILP, such as the gradient attack; nothing where there was none.

    Nor where the headline is what a search found.
    """
    if _drawn_models(results) is not None:
        return ""
    is_milp = wins["setting"].map(lambda label: results.settings[label].is_milp).astype(bool)
    rows = wins[(wins["yardstick"] != results.phrases.baseline) & (wins["network"] != ALL) & is_milp]
    name = results.phrases.yardstick
    found = compared_by_network(rows, VALUES)
    if not found:
        return ""
    better = [one for one in found if one.is_better]
    if better:
        most = max(better, key=lambda one: (one.won - one.lost) / one.pairs)
        return f"On {most.network}, {most.setting} beats the {name} on {most.won} of {most.of(results.what)} (sure)."
    if all(one.is_worse for one in found):
        return f"The {name} does better than every MILP; it proves nothing."
    if all(one.won < one.lost for one in found):
        return f"The {name} is ahead of every MILP, which may be chance; it proves nothing."
    return f"No MILP beats the {name} beyond chance; the {name} proves nothing."
