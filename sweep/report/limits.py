"""Which time limit pays? One run answers for all shorter limits, by what it had found by then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pandas as pd

from sweep.report.answers import FEW, NONE, NOT_ASKED, UNCLEAR, Verdict
from sweep.report.compared import Compared, compared, surrogates, too_few, why_not_compared
from sweep.report.comparisons import are_lengths, by_setting, counted, pairs_with_dense
from sweep.report.results import Results
from sweep.report.statistics import FEWEST
from sweep.report.trajectories import pairs_at, trajectories
from sweep.report.words import seconds
from sweep.terminal.wording import a_or_an, count, joined, some

STEPS = (1.0, 2.0, 5.0)
"""The limits that are tested are these times powers of ten, and the limit of the runs itself."""

MOST_LIMITS = 6
"""The most of these limits that are tested, the longest ones: each test costs the others certainty."""

FEW_CHANGES = 0.1
"""More time changes little once at most this share of the pairs still changes its winner."""

MOST_IN_ANSWER = 3
"""Networks that the answer names; the sentence names more."""

MOST_LINES = 3
"""Settings of a network of which the evidence has all counts."""

QUESTION = "Which time limit pays?"


@dataclass(frozen=True)
class LimitVerdict(Verdict):
    """The answer on the time limit.

    Attributes:
        leading: per network on which a pruned copy is ahead beyond chance at some limit, the setting that is so at most limits.
    """

    leading: Mapping[str, str] = field(default_factory=dict)


def limit_curves(results: Results) -> pd.DataFrame:
    """Return what each setting had found and won by each moment at which that changes; a row at 0 s comes first.

    Columns: ``network``, ``setting``, ``seconds``; ``won`` and ``lost``, the instances on which its best dense value by then is
    better or worse than what the dense MILP of the same settings had by then, of ``pairs`` that both attacked; ``success``, the
    instances with a witness by then, of ``instances``. Without a dense MILP to compare with ``pairs`` is 0.
    """
    instances, pairs = results.instances, pairs_with_dense(results)
    groups = instances.groupby(["network", "setting"], sort=False).size().rename("instances").reset_index()
    number = {key: place for place, key in enumerate(zip(groups["network"], groups["setting"], strict=True))}
    of_pair, of_instance = (
        np.array([number[key] for key in zip(rows["network"], rows["setting"], strict=True)], dtype=np.int64)
        for rows in (pairs, instances)
    )
    groups["pairs"] = np.bincount(of_pair, minlength=len(groups))
    steps = _changes(trajectories(results, pairs))
    first = instances["first_found_seconds"].to_numpy(dtype=float)
    found = ~np.isnan(first)
    changes = pd.concat(
        [
            pd.DataFrame({"group": np.arange(len(groups)), "seconds": 0.0}),
            steps.assign(group=of_pair[steps["pair"].to_numpy()]),
            pd.DataFrame({"group": of_instance[found], "seconds": first[found], "success": 1}),
        ]
    )
    summed = changes.groupby(["group", "seconds"])[["won", "lost", "success"]].sum()
    curves = summed.groupby("group").cumsum().astype(int).reset_index().join(groups, on="group")
    return curves[["network", "setting", "seconds", "won", "lost", "pairs", "success", "instances"]]


def limits_of(limit: float) -> list[float]:
    """Return the limits that are tested where the runs had ``limit`` seconds: of 10 s 0.2, 0.5, 1, 2, 5 and 10."""
    power = math.floor(math.log10(limit))
    steps = [step * 10.0**place for place in range(power - MOST_LIMITS, power + 1) for step in STEPS]
    return [*(step for step in steps if step < limit * (1.0 - 1e-9)), limit][-MOST_LIMITS:]


def limit_answer(results: Results) -> LimitVerdict:
    """Return from which limit on a pruned copy is ahead of the dense MILP, until when, and when more time changes little."""
    pairs = surrogates(results, pairs_with_dense(results))
    if (missing := why_not_compared(results, pairs)) is not None:
        return LimitVerdict(QUESTION, NOT_ASKED, missing)
    pairs = pairs[~are_lengths(pairs)].reset_index(drop=True)
    if pairs.empty:
        search = f"A search for the shortest {results.phrases.length_of}"
        return LimitVerdict(QUESTION, NOT_ASKED, f"{search} plans by its limit, so a run holds no answer for shorter limits.")
    steps = trajectories(results, pairs)
    parts = {str(network): part for network, part in pairs.groupby("network", sort=False)}
    tests = {network: limit_tests(results, part, steps) for network, part in parts.items()}
    every = [one for found in tests.values() for one in found]
    lines = [
        _line(results, parts[network], steps, one)
        for network, found in tests.items()
        for one in _worth_a_line(found)[:MOST_LINES]
    ]
    evidence = "\n".join([*lines, _how(every, results)])
    ahead = {network: _span(found) for network, found in tests.items() if any(one.is_better for one in found)}
    if not ahead:
        few = all(part["cluster"].nunique() < FEWEST for part in parts.values())
        answer = NONE if any(one.is_worse for one in every) else FEW if few else UNCLEAR
        longest = seconds(max(one.row["seconds"] for one in every))
        sentence = f"At no limit up to {longest} is a pruned copy ahead of the {results.phrases.baseline} beyond chance."
        return LimitVerdict(QUESTION, answer, sentence, f"{evidence} {too_few(every, results.what)}".rstrip())
    leading = {network: _worth_a_line(tests[network])[0] for network in ahead}
    names = {network: found[0].setting for network, found in leading.items()}
    if len(parts) == 1:
        ((network, span),) = ahead.items()
        mine = parts[network][parts[network]["setting"] == names[network]]
        sentence = f"{names[network]} is ahead of the {results.phrases.baseline} beyond chance {_span(leading[network])}"
        settled = _settled(results, mine, steps, leading[network])
        return LimitVerdict(QUESTION, f"{span[:1].upper()}{span[1:]}", f"{sentence}; {settled}.", evidence, names)
    named = [f"{network} {span}" for network, span in ahead.items()]
    sentence = f"A pruned copy is ahead of the {results.phrases.baseline} beyond chance on {some(named)}."
    if len(named) <= MOST_IN_ANSWER:
        return LimitVerdict(QUESTION, "; ".join(named), sentence, evidence, names)
    on = f"on {len(ahead)} of {len(parts)} networks"
    first = {min(one.row["seconds"] for one in tests[network] if one.is_better) for network in ahead}
    begins = seconds(min(first)) if len(first) == 1 else f"{seconds(min(first))} at the earliest and {seconds(max(first))}"
    stays = all(span.startswith("from") and span.endswith(" on") and " and " not in span for span in ahead.values())
    answer = (
        f"Ahead from {begins}{' at the latest' if len(first) > 1 else ' on'}, {on}" if stays else f"Ahead at some limits, {on}"
    )
    return LimitVerdict(QUESTION, answer, sentence, evidence, names)


def limit_tests(results: Results, pairs: pd.DataFrame, steps: pd.DataFrame) -> list[Compared]:
    """Return the tests of all settings in the pairs of one network at all limits; their rows have ``seconds``.

    The limits tested are those that were swept, else :func:`limits_of` that of the runs: not chosen by what was found. The last
    is the end of the runs: its tests are those of the size (:mod:`sweep.report.sizes`), corrected by Holm for one another.
    Those at the shorter limits are corrected for all settings and shorter limits.

    Args:
        results: all there is.
        pairs: of one network, by their places in ``steps``.
        steps: their :func:`~sweep.report.trajectories.trajectories`.
    """
    limit, keys = limit_of(results, pairs), set(pairs["trial_key"])
    swept = {one for record in results.records if record.key in keys for one in record.limits if one < limit}
    rows = []
    for one in [*sorted(swept), limit] if swept else limits_of(limit):
        # An attack may end a little after its limit, and what it returned then counts.
        at = pairs_at(pairs, steps, one if one < limit else math.inf)
        for (network, setting), decided in by_setting(at, "value").items():
            found = {f"value_{name}": value for name, value in counted(decided, "value").items()}
            rows.append({"network": network, "setting": setting, "seconds": one, "is_end": one == limit, **found})
    table = pd.DataFrame(rows)
    return [one for _, part in table.groupby("is_end") for one in compared(part, ("value",))]


def limit_of(results: Results, pairs: pd.DataFrame) -> float:
    """Return the longest ``solver.time_limit_seconds`` of the trials in the pairs; without one, how long their attacks took."""
    keys = set(pairs["trial_key"])
    given = [record.config.get("solver", {}).get("time_limit_seconds") for record in results.records if record.key in keys]
    known = [float(one) for one in given if one is not None]
    if known:
        return max(known)
    took = results.instances.loc[results.instances["trial_key"].isin(keys), "total_seconds"].max()
    return 1.0 if math.isnan(took) or took <= 0.0 else float(took)


def _changes(steps: pd.DataFrame) -> pd.DataFrame:
    """Return the moments at which a pair changes its winner, and by how much that changes what is ``won`` and ``lost``."""
    before = steps.groupby("pair")["win"].shift(fill_value=0.0)
    won, lost = (((sign * steps["win"] > 0).astype(int) - (sign * before > 0).astype(int)) for sign in (1.0, -1.0))
    return steps.assign(won=won, lost=lost).loc[steps["win"] != before, ["pair", "seconds", "won", "lost"]]


def _worth_a_line(tests: Sequence[Compared]) -> list[list[Compared]]:
    """Return the tests by setting, of those ahead beyond chance at some limit, at most limits first; else of the one that is
    furthest ahead over all limits."""
    by_setting: dict[str, list[Compared]] = {}
    for one in sorted(tests, key=lambda one: float(one.row["seconds"])):
        by_setting.setdefault(one.setting, []).append(one)
    ordered = sorted(
        by_setting.values(), key=lambda of: (-sum(one.is_better for one in of), sum(one.lost - one.won for one in of))
    )
    return [of for of in ordered if any(one.is_better for one in of)] or ordered[:1]


def _span(tests: Sequence[Compared]) -> str:
    """Return ``from 2 s on``, or ``from 0.5 s to 2 s``: the tested limits at which a setting is ahead, one after the other."""
    tested = sorted({one.row["seconds"] for one in tests})
    ahead = {one.row["seconds"] for one in tests if one.is_better}
    said = []
    for first, *others in (list(limits) for is_ahead, limits in groupby(tested, ahead.__contains__) if is_ahead):
        last = others[-1] if others else first
        until = "on" if last == tested[-1] else f"to {seconds(last)}"
        said.append(f"from {seconds(first)} {until}" if others or until == "on" else f"at {seconds(first)}")
    return joined(said)


def _line(results: Results, pairs: pd.DataFrame, steps: pd.DataFrame, tests: Sequence[Compared]) -> str:
    """Return what one setting had won and lost at each limit, when the dense MILP overtook it, and when little changes."""
    setting, network = tests[0].setting, tests[0].network
    if not any(one.won or one.lost for one in tests):
        return f"{network}: at every limit {setting} has the same value as the {results.phrases.baseline}."
    mine = pairs[pairs["setting"] == setting]
    changes = _changes(steps[steps["pair"].isin(mine.index)]).groupby("seconds")[["won", "lost"]].sum().cumsum()
    counts = ", ".join(f"{one.won}/{one.lost} at {seconds(one.row['seconds'])}" for one in tests)
    text = f"{network}, {setting}, better/worse than the {results.phrases.baseline} of {tests[0].of(results.what)}: {counts}."
    if any(one.won > one.lost for one in tests) and changes["won"].iloc[-1] <= changes["lost"].iloc[-1]:
        leading = changes.index[changes["won"] > changes["lost"]]
        text += f" The {results.phrases.baseline} has caught up after {seconds(changes.index[changes.index > leading[-1]][0])}."
    settled = _settled(results, mine, steps, tests)
    return f"{text} {settled[:1].upper()}{settled[1:]}."


def _settled(results: Results, pairs: pd.DataFrame, steps: pd.DataFrame, tests: Sequence[Compared]) -> str:
    """Return from when on more time changes little: the winner of at most FEW_CHANGES of the pairs."""
    last = (
        _changes(steps[steps["pair"].isin(pairs.index)]).groupby("pair")["seconds"].max().reindex(pairs.index, fill_value=0.0)
    )
    few = math.floor(FEW_CHANGES * len(pairs))
    what = results.what if pairs["cluster"].is_unique else "instance"
    since = float(np.sort(last.to_numpy())[::-1][few])
    if since > 0.5 * tests[-1].row["seconds"]:
        return f"the winner still changes after {seconds(since)}, so more time may change the answer"
    return f"after {seconds(since)} the winner changes on {f'at most {count(few, what)}' if few else f'no {what}'}"


def _how(tests: Sequence[Compared], results: Results) -> str:
    one_of_them = a_or_an(results.phrases.act).capitalize()
    limits = sorted({one.row["seconds"] for one in tests})
    return (
        f"Tested at {joined([seconds(one) for one in limits])}, not chosen by what was found. p is corrected by Holm: at the "
        f"limit of the runs over the pruned settings of a network, at shorter limits over these settings and all shorter "
        f"limits. {one_of_them} that ended before a limit keeps what it had found."
    )
