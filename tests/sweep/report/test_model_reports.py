"""What people see of a sweep over optimisation models: in the task's words, and better as each problem's own sense has it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from drawing import KINDS, drawn, look_at
from making import results
from making_models import MODELS, modelled
from rich.console import Console

from sweep.records import TrialRecord
from sweep.report.answers import NO, NOT_ASKED, YES, Verdict
from sweep.report.comparisons import ALL, win_table
from sweep.report.findings import Findings
from sweep.report.page.heatmap import heat_map
from sweep.report.page.rendering import page
from sweep.report.published import read_files
from sweep.report.ranking import rank
from sweep.report.ranking_table import print_ranking
from sweep.report.settings import SEEDS
from sweep.report.sizes import size_answers
from sweep.report.tables import write_tables
from sweep.report.trajectories import trajectories
from sweep.report.truth import three_values
from sweep.report.verdicts import verdicts
from sweep.tracking import content

BETTER = {"blending": 1.0, "constrained": -1.0}
OF_IMAGES = ("adversarial", "image", "margin", "perturbation", "length", "gradient", "attack")


def of(problem: str, gain: float, method: str = "dense", **changed: object) -> TrialRecord:
    """Return a trial whose values are better than those of the dense MILP by ``gain`` and a little more each."""
    values = [10.0 + seed + BETTER[problem] * gain * (1.0 + 0.01 * seed) for seed in range(MODELS)]
    return modelled(values, problem, method, **changed)


def both(problem: str) -> list[TrialRecord]:
    return [
        of(problem, 0.0, seconds=1.0),
        of(problem, 1.0, "surrogate", amount=0.8, promised=2.0 * BETTER[problem], true=-0.5, violation=0.1),
        of(problem, 2.0, "surrogate", amount=0.8, repair=True, true=0.25, violation=0.0),
        of(problem, 3.0, "walk", true=0.0),
    ]


def everything() -> list[TrialRecord]:
    return [*both("blending"), *both("constrained")]


def answer(words: str, *records: TrialRecord) -> Verdict:
    found = results(*records)
    (one,) = (one for one in verdicts(found, win_table(found)) if words in one.question)
    return one


def test_the_table_speaks_of_models() -> None:
    printed = io.StringIO()
    console = Console(file=printed, width=160)
    print_ranking(rank(everything(), SEEDS), console)
    text = printed.getvalue()
    assert not [word for word in OF_IMAGES if word in text]
    assert "feasible: models with a checked feasible decision" in text
    assert "value: larger is better on blending 2x16, smaller is better on constrained 2x16" in text
    assert text.count("12/12") >= 8
    of_one = [one for one in everything() if one.instances[0].sense == "minimize"]
    print_ranking(rank(of_one, SEEDS), console)
    assert "value: smaller is better;" in printed.getvalue()


@pytest.mark.parametrize("problem", BETTER)
def test_better_is_as_the_sense_has_it(problem: str) -> None:
    found = results(*both(problem))
    wins = win_table(found)
    against = wins[(wins["yardstick"] == "dense MILP") & (wins["network"] == f"{problem} 2x16")].set_index("setting")
    assert list(against["value_wins"]) == [MODELS] * 3
    assert (against["value_effect"] > 0.0).all()
    assert (wins.loc[wins["yardstick"] == "walk", "value_losses"] == MODELS).all()
    assert list(rank(found.records)["setting"]) == ["magnitude 0.8 repaired", "magnitude 0.8", "dense MILP", "walk"]


@pytest.mark.parametrize("problem", BETTER)
def test_values_over_time_are_compared_in_the_sense(problem: str) -> None:
    from sweep.report.comparisons import pairs_with_dense

    found = results(*both(problem))
    pairs = pairs_with_dense(found)
    steps = trajectories(found, pairs)
    assert (steps["win"] > 0).all(), "the dense MILP is later and worse"
    data = KINDS["value"].data(found, look_at(found))
    last = data.groupby("setting")["value"].last()  # type: ignore[union-attr]
    assert last["dense MILP"] == pytest.approx(15.5)
    assert BETTER[problem] * (last["walk"] - last["dense MILP"]) > 0.0


def test_values_of_several_problems_are_not_pooled() -> None:
    assert ALL not in set(win_table(results(*everything()))["network"])


def test_verdicts_of_models() -> None:
    records = everything()
    assert answer("feasible decisions sooner", *records).answer == YES
    assert answer("Which pruning pays", *records).is_sure
    repaired = answer("repairing", *records)
    assert repaired.answer == YES
    assert "blending 2x16: The repaired copy ended with the larger value on 12 of 12 models" in repaired.evidence
    assert "constrained 2x16: The repaired copy ended with the smaller value on 12 of 12 models" in repaired.evidence
    assert answer("the walk", *records).answer == NO
    assert answer("finetuning", *records).answer == NOT_ASKED
    tuned = of("constrained", 1.5, "surrogate", amount=0.8, rounds=1)
    assert answer("finetuning", *records, tuned).answer == YES


def test_the_first_sentence_and_the_cards() -> None:
    found = results(*both("constrained"))
    assert Findings(found).first == (
        "constrained 2x16: magnitude 0.8 repaired beats the dense MILP on 12 of 12 models (sure). "
        "The walk does better than every MILP; it proves nothing."
    )
    (card,) = size_answers(found, win_table(found))
    assert card.headline.endswith("with a value 2.11 smaller (median).")


def test_parameters_are_named_where_a_problem_has_several_values_of_them() -> None:
    one, other = (of("blending", gain, parameters={"budget": budget}) for gain, budget in ((0.0, 0.3), (1.0, 0.4)))
    assert results(one, of("constrained", 0.0)).networks == ["blending 2x16", "constrained 2x16"]
    assert results(one, other).networks == ["blending 2x16 budget=0.3", "blending 2x16 budget=0.4"]


def test_the_heat_map_has_a_row_a_problem() -> None:
    found = results(*everything())
    heat = heat_map(found, win_table(found))
    assert heat is not None
    assert [name for name, _ in heat.rows] == ["blending 2x16", "constrained 2x16"]
    assert heat.value == "a better value"


def test_three_values_side_by_side() -> None:
    blending, repaired, walked, *others = three_values(results(*everything()))
    assert (blending.surrogate_excess, blending.dense_excess) == (2.0, 0.5)
    assert (blending.violating, blending.judged) == (MODELS, MODELS)
    assert (repaired.dense_excess, repaired.violating, repaired.judged) == (-0.25, 0, MODELS)
    assert walked.cells[-1] == "—"
    assert (others[0].network, others[0].surrogate_excess, others[0].dense_excess) == ("constrained 2x16", 2.0, -0.5)
    assert three_values(results(modelled([1.0]))) == []


def test_the_page_and_its_tables(tmp_path: Path) -> None:
    found = results(*everything())
    findings = Findings(found)
    text = page(findings, [], [], [])
    shown = text.partition("<body>")[2].partition('id="datatables"')[0]
    assert not [word for word in ("adversarial", "perturbation", "gradient attack", "attacked") if word in shown]
    assert "Who was fooled?" in shown
    write_tables(findings, tmp_path)
    assert (tmp_path / "truth.csv").exists()
    read_back = three_values(read_files([tmp_path]))
    assert [one.cells for one in read_back] == [one.cells for one in three_values(found)]


def test_figures_of_models_are_drawn() -> None:
    found = results(*everything())
    look = look_at(found)
    for name in ("value", "success", "pareto", "duel"):
        data = KINDS[name].data(found, look)
        drawn(KINDS[name], data, look)
        said = f"{KINDS[name].heading(look.phrases)} {KINDS[name].caption(data, look)}"
        assert not [word for word in OF_IMAGES if word in said.lower()], said


def test_metrics_of_models() -> None:
    record = both("blending")[1]
    found = content.metrics(record)
    assert (found["fit/dense"], found["fit/pruned"]) == (0.9, 0.7)
    assert (found["network/unstable"], found["network/big_m"], found["true_violation"]) == (128.0, 1000.0, 0.1)
