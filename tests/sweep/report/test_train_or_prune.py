"""Train for it, or prune? Networks that are trained for it are told apart, and their decisions are compared in truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import synthetic
from making import results
from making_models import MODELS, modelled

from sweep.records import TrialRecord
from sweep.report.answers import FEW, MIXED, NOT_ASKED, UNCLEAR, Verdict
from sweep.report.comparisons import win_table
from sweep.report.settings import SEEDS, group
from sweep.report.train_or_prune import PRUNE, QUESTION, TRAIN, is_trained_for, plain_name, train_or_prune, truth_table
from sweep.report.verdicts import verdicts
from sweep.report.writing import Budget

BETTER = {"blending": 1.0, "constrained": -1.0}


def made(
    gain: float,
    problem: str = "blending",
    count: int = MODELS,
    *,
    training: dict[str, Any] | None = None,
    missing: tuple[int, ...] = (),
    violations: dict[int, float] | None = None,
    **changed: Any,
) -> TrialRecord:
    """Return a trial whose decisions are worth ``gain`` more in truth than 10, and a little more each."""
    values = [None if seed in missing else 10.0 + seed for seed in range(count)]
    record = modelled(values, problem, true=0.0, **changed)
    for seed, one in enumerate(record.instances):
        if one.true_value is not None:
            one.true_value += BETTER[problem] * gain * (1.0 + 0.01 * seed)
        one.facts["true_violation"] = (violations or {}).get(seed, 0.0)
    if training is not None:
        record.config["training"] = {**record.config["training"], **training}
        record.key += str(training)
        record.baseline_key += str(training)
        for one in record.instances:  # another network, so another instance
            one.instance_key += str(training)
    return record


L1, STEADY = {"l1": 1e-3, "stability": 0.0}, {"l1": 0.0, "stability": 0.01}


def plain(problem: str = "blending", count: int = MODELS, gain: float = 1.0) -> list[TrialRecord]:
    return [made(0.5, problem, count), made(gain, problem, count, method="surrogate", amount=0.8, repair=True)]


def asked(*records: TrialRecord) -> Verdict:
    return train_or_prune(results(*records))


def test_networks_are_told_apart_by_what_is_on() -> None:
    records = [*plain(), made(2.0, training=L1), made(2.0, training=STEADY)]
    networks = [setting.network for setting in group(records, SEEDS)]
    names = ["blending 2x16", "blending 2x16 training.l1=0.001", "blending 2x16 training.stability=0.01"]
    assert list(dict.fromkeys(networks)) == names
    assert [plain_name(name) for name in names] == [names[0]] * 3
    assert is_trained_for(results(*records))
    assert not is_trained_for(results(*plain()))
    assert plain()[0].config["training"].keys() == {"epochs", "seed"}, "a record of before there were these settings"


@pytest.mark.parametrize("problem", BETTER)
@pytest.mark.parametrize(("gain", "answer"), [(2.0, TRAIN), (0.0, PRUNE)])
def test_the_truth_decides_in_its_own_sense(problem: str, gain: float, answer: str) -> None:
    found = asked(*plain(problem), made(gain, problem, training=L1))
    assert (found.question, found.answer) == (QUESTION, answer)
    better, worse = (MODELS, 0) if answer == TRAIN else (0, MODELS)
    assert found.sentence == (
        f"On {problem} 2x16, l1=0.001 dense MILP (against magnitude 0.8) has the truly better decision on {better} "
        f"and the worse one on {worse} of {MODELS} models."
    )
    assert "sign test p < 0.001" in found.evidence
    assert "(against dense MILP)" in found.evidence


def test_both_ways_and_neither() -> None:
    both = asked(*plain(), made(2.0, training=L1), made(0.0, training=STEADY))
    assert both.answer == MIXED
    assert "l1=0.001 dense MILP" in both.sentence
    assert "stability=0.01 dense MILP" in both.sentence
    assert asked(*plain(), made(1.0, training=L1)).answer == UNCLEAR
    few = asked(*plain(count=4), made(2.0, count=4, training=L1))
    assert few.answer == FEW
    assert "A test needs 6 models that differ; here there are at most 4." in few.sentence


def test_a_decision_that_holds_is_better_than_one_that_breaks_and_that_than_none() -> None:
    broken, worse = dict.fromkeys(range(MODELS), 0.1), dict.fromkeys(range(MODELS), 0.2)
    pruned = {"method": "surrogate", "amount": 0.8, "repair": True}

    def against(mine: TrialRecord, other: TrialRecord) -> tuple[int, int]:
        table = truth_table(results(made(0.5), other, mine))
        row = table[table["pruned"]].iloc[0]
        return int(row["truth_wins"]), int(row["truth_losses"])

    assert against(made(9.0, training=L1, violations=broken), made(1.0, **pruned)) == (0, MODELS)
    assert against(made(0.0, training=L1), made(1.0, violations=broken, **pruned)) == (MODELS, 0)
    assert against(made(0.0, training=L1, violations=broken), made(1.0, violations=worse, **pruned)) == (MODELS, 0)
    assert against(made(1.0, training=L1, violations=broken), made(1.0, violations=broken, **pruned)) == (0, 0)
    everything = tuple(range(MODELS))
    assert against(made(0.0, training=L1, violations=worse), made(1.0, missing=everything, **pruned)) == (MODELS, 0)
    assert against(made(0.0, training=L1, missing=everything), made(1.0, missing=everything, **pruned)) == (0, 0)


@pytest.mark.parametrize("network", [None, "quality"])
def test_pairs_have_the_seed_of_the_training_in_common(network: str | None) -> None:
    def seeded(record: TrialRecord, seed: int) -> TrialRecord:
        if network is None:
            record.config["training"] = {**record.config["training"], "seed": seed}
        else:  # one of several networks, which alone is trained by this seed
            record.config["networks"] = {network: {"training": {"seed": seed}}}
        record.key += f" seed {seed}"
        for one in record.instances:
            one.instance_key += f" seed {seed}"
        return record

    pruned = [seeded(made(gain, method="surrogate", amount=0.8, repair=True), seed) for seed, gain in enumerate((5.0, 1.0))]
    trained = [seeded(made(gain, training=L1), seed) for seed, gain in enumerate((6.0, 2.0))]
    row = truth_table(results(*pruned, *trained)).iloc[0]
    assert (row["pairs"], row["truth_wins"], row["truth_clusters"]) == (2 * MODELS, 2 * MODELS, MODELS)


def test_what_cannot_be_asked_is_said() -> None:
    assert asked(made(0.5), made(2.0, training=L1)).answer == NOT_ASKED
    records = [*plain(), made(2.0, training=L1)]
    for record in records:
        for one in record.instances:
            one.true_value = None
    assert asked(*records).sentence == "Decisions on different networks can only be compared in truth, which is not known here."


def test_report_and_tables_have_it(tmp_path: Path) -> None:
    records = [*plain(), *plain("constrained"), made(2.0, training=L1), made(0.0, "constrained", training=L1)]
    found = results(*records)
    wins = win_table(found)
    answers = verdicts(found, wins)
    assert [one.answer for one in answers if one.question == QUESTION] == [MIXED]
    assert not [one for one in verdicts(results(*plain()), win_table(results(*plain()))) if one.question == QUESTION]
    paths = synthetic.write_report(records, tmp_path, budget=Budget(seconds=-1.0))
    table = pd.read_csv(tmp_path / "train_or_prune.csv")
    assert tmp_path / "train_or_prune.csv" in paths
    assert list(table["network"]) == ["blending 2x16"] * 2 + ["constrained 2x16"] * 2
    assert list(table["setting"].unique()) == ["l1=0.001 dense MILP"]
    page = (tmp_path / "report.html").read_text()
    assert QUESTION in page
    told = re.findall(r"<dt>(.*?)</dt>", page)
    assert "Train for it, or prune" in told
    assert "Pruning that pays" not in told, "of one pruned setting it was not asked"
