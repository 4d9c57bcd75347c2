"""Several networks in one model: each with its own size, training or pruning, or as the sections say for all."""

from __future__ import annotations

from pathlib import Path

import pytest
from composing import Composer, key_of
from own_models import FOUND, PYTHON, QUICK, SAMPLES, Write, of, refused, run

from sweep.commands.lookup import Found
from sweep.commands.notebook import configured
from sweep.commands.show import facts
from sweep.config.dotted_keys import flatten
from sweep.config.effect import with_effect
from sweep.config.shared_sections import SharedSections
from sweep.planning.plan import plan_one
from sweep.planning.search import plan_sweep
from sweep.records import TrialRecord
from sweep.report.settings import group
from sweep.store import Store
from sweep.tracking import content


def test_values_equal_to_those_of_the_sections_change_no_key(composer: Composer) -> None:
    for method in ("dense", "surrogate"):
        plain = composer.trial(*QUICK, f"method={method}", "pruning.amount=0.5")
        equal = ("objective.width=6", "constraint.training.epochs=3", "objective.pruning.amount=0.5", "constraint.file=null")
        assert composer.trial(*QUICK, f"method={method}", "pruning.amount=0.5", *of(*equal)).key == plain.key


@pytest.mark.parametrize(
    ("method", "own", "counts"),
    [
        ("dense", "objective.width=7", True),
        ("dense", "objective.depth=2", True),
        ("dense", "objective.bias=false", True),
        ("dense", "constraint.training.epochs=4", True),
        ("dense", "constraint.training.seed=4", True),
        ("dense", "objective.pruning.amount=0.3", False),
        ("surrogate", "objective.pruning.amount=0.3", True),
        ("surrogate", "objective.pruning.method=none", True),
        ("surrogate", "objective.pruning.finetune.rounds=1", True),
        ("surrogate", "objective.pruning.finetune.epochs=3", False),
        ("surrogate", "objective.pruning.seed=3", False),
    ],
)
def test_what_counts_in_the_key(composer: Composer, method: str, own: str, counts: bool) -> None:
    base = (*QUICK, f"method={method}", "pruning.amount=0.5")
    assert (composer.trial(*base, *of(own)).key != composer.trial(*base).key) == counts
    key, config, sections = f"networks.{own.partition('=')[0]}", composer.plain(*base, *of(own)), SharedSections()
    assert sections.counts(sections.read(config), key) == counts
    assert with_effect([key], flatten(config)) == ([key] if counts else [])


def test_a_section_that_no_network_looks_at_does_not_count(composer: Composer) -> None:
    both = of("objective.width=4", "constraint.width=5")
    first = composer.trial(*QUICK, "method=dense", *both)
    assert composer.trial(*QUICK, "method=dense", *both, "network.width=9").key == first.key
    assert composer.trial(*QUICK, "method=dense", *of("objective.width=4"), "network.width=5").key == first.key
    assert composer.trial(*QUICK, "method=dense", *of("objective.width=5", "constraint.width=4")).key != first.key
    same = composer.trial(*QUICK, "method=dense", *of("objective.width=9", "constraint.width=9"))
    assert same.key == composer.trial(*QUICK, "method=dense", "network.width=9").key
    written = ["network.width=9"]
    (note,) = plan_one(composer.config(*QUICK, "method=dense", *both, *written), written).notes
    assert note == "network.width=9 has no effect: no trial of this command uses it."
    written = of("objective.pruning.amount=0.3")
    (note,) = plan_one(composer.config(*QUICK, "method=dense", *written), written).notes
    assert note.startswith("networks.objective.pruning.amount=0.3 has no effect")


def test_keys_are_the_same_whether_sections_are_shared_or_not(composer: Composer) -> None:
    sections = SharedSections()
    base = composer.plain(*QUICK, "method=surrogate", "pruning.amount=0.5")
    amounts = [{**base["pruning"], "amount": amount} for amount in (0.5, 0.8)]
    widths = [{}, {"objective": {"width": 7}}, {"objective": {"pruning": {"amount": 0.8}}}, {"objective": {"width": 6}}]
    seen = set()
    for pruning in amounts:
        for networks in widths:
            settings = sections.read({**base, "pruning": pruning, "networks": networks})
            sections.check(settings)
            assert sections.key(settings) == key_of(settings)
            dense = sections.read(
                {**base, "pruning": pruning, "networks": networks, "method": {**base["method"], "name": "dense"}}
            )
            assert sections.baseline_key(settings) == key_of(dense)
            seen.add(sections.key(settings))
    assert len(seen) == 5  # with 0.8 for all, an own 0.8 is none; and a width that is the section's never is


def test_the_seed_of_the_samples_and_the_parameters_decide_which_networks_there_are(composer: Composer, write: Write) -> None:
    text = SAMPLES.replace("NAMES", '("cost", "yield")[:count]').replace("seed)", "seed, count=2)", 1)
    write(
        FOUND.replace('names=("cost", "yield")', "count=2").replace(
            "model = pyo", 'names = ("cost", "yield")[:count]\n    model = pyo'
        )
        + text
    )
    sections = SharedSections()
    base = composer.plain(*PYTHON, "method=dense", *of("cost.width=9"))
    for count in (2, 1):
        settings = sections.read({**base, "model": {**base["model"], "parameters": {"count": count}}})
        sections.check(settings)
        assert sections.key(settings) == key_of(settings)
        assert sections.counts(settings, "network.width") == (count == 2)


def test_widths_and_amounts_of_single_networks_are_swept(composer: Composer, tmp_path: Path) -> None:
    swept = [*of("objective.width=4,8", "constraint.pruning.amount=0.5,0.9"), "method=dense,surrogate"]
    plan = composer.plan(*QUICK, "pruning.amount=0.5", *swept)
    assert [trial.name for trial in plan.trials] == [
        "constrained objective=1x4, others 1x6 dense",
        "constrained objective=1x4, others 1x6 surrogate magnitude 0.5",
        "constrained objective=1x4, others 1x6 surrogate constraint=magnitude 0.9, others magnitude 0.5",
        "constrained objective=1x8, others 1x6 dense",
        "constrained objective=1x8, others 1x6 surrogate magnitude 0.5",
        "constrained objective=1x8, others 1x6 surrogate constraint=magnitude 0.9, others magnitude 0.5",
    ]
    assert len({trial.key for trial in plan.trials}) == 6
    assert {trial.baseline_key for trial in plan.trials} == {plan.trials[0].key, plan.trials[3].key}
    store = Store(str(tmp_path / "store"))
    records = [run(trial, store) for trial in plan.trials]
    assert len(list((tmp_path / "store" / "networks").rglob("*.json"))) == 3  # the constraint's, and two of the objective's
    for record in records:
        hidden = 4 if "objective=1x4" in record.name else 8
        (one,) = record.instances
        assert one.facts["unstable"] <= hidden + 6
    uneven = records[2].instances[0].facts["networks"]
    assert uneven["objective"]["sparsity"] == pytest.approx(0.5, abs=0.05)
    assert uneven["constraint"]["sparsity"] == pytest.approx(0.9, abs=0.05)
    assert 0.5 < (records[2].sparsity or 0.0) < 0.9
    assert [setting.network for setting in group(records)] == ["constrained objective=1x4, others 1x6"] * 3 + [
        "constrained objective=1x8, others 1x6"
    ] * 3
    assert [setting.label for setting in group(records)][:3] == [
        "dense MILP",
        "magnitude 0.5",
        "magnitude networks.objective.pruning.amount=0.5 networks.constraint.pruning.amount=0.9",
    ]
    assert content.params(records[2])["networks.objective.width"] == "4"
    sparsity = "networks.constraint.pruning.amount"
    assert sparsity not in content.params(records[0])
    assert content.params(content.with_nothing_pruned(records[0], [sparsity]))[sparsity] == "0", "the dense MILP"
    columns = configured(records)
    assert columns["networks.objective.width"] == [4, 4, 4, 8, 8, 8]
    assert columns["networks.constraint.pruning.amount"] == [None, 0.5, 0.9, None, 0.5, 0.9]
    told = list(facts(Found(records[2].key, TrialRecord(**{**vars(records[2]), "swept": {}}))))[-1]
    assert "networks.constraint.pruning.amount=0.9" in told


def test_a_network_of_its_own_training_makes_another_setting(composer: Composer) -> None:
    lines = [[], of("objective.training.epochs=4"), of("objective.training.seed=4"), of("objective.width=6")]
    trials = [composer.trial(*QUICK, "method=dense", *own) for own in lines]
    records = [TrialRecord(one.key, one.name, one.config, {}, "finished") for one in trials]
    assert len({one.key for one in trials}) == 3
    networks = [setting.network for setting in group(records, ("training.seed",))]
    own = "networks.objective.training.epochs=4 networks.constraint.training.epochs=3"
    assert networks == ["constrained 1x6", f"constrained 1x6 {own}"]  # another seed is a repetition


def test_networks_that_are_not_pruned_stay_dense_beside_those_that_are(composer: Composer) -> None:
    own = of("constraint.pruning.method=none")
    record = run(composer.trial(*QUICK, "method=surrogate", "pruning.amount=0.5", *own))
    assert record.name == "constrained 1x6 surrogate constraint=none, others magnitude 0.5"
    networks = record.instances[0].facts["networks"]
    assert networks["constraint"]["sparsity"] == 0.0
    assert networks["constraint"]["r2"] == networks["constraint"]["r2_pruned"]
    assert networks["objective"]["sparsity"] == pytest.approx(0.5, abs=0.05)
    only = of("objective.pruning.method=magnitude", "objective.pruning.amount=0.5")
    assert composer.trial(*QUICK, "method=surrogate", "pruning=none", *only).key == record.key


def test_pruning_for_regions_and_for_all_at_once_go_together(composer: Composer) -> None:
    own = of("objective.pruning.method=stable")
    trial = composer.trial(*QUICK, "method=surrogate", "pruning.amount=0.5", *own)
    record = run(trial)
    networks = record.instances[0].facts["networks"]
    assert set(networks["objective"]) == {"key", "r2"}
    assert networks["constraint"]["sparsity"] == pytest.approx(0.5, abs=0.05)
    other = run(composer.trial(*QUICK, "method=surrogate", "pruning.amount=0.5", *own, *of("objective.pruning.amount=0.9")))
    assert record.instances[0].instance_key == other.instances[0].instance_key
    assert record.key != other.key


def test_settings_of_a_network_that_do_not_go_together(composer: Composer) -> None:
    said = refused(composer, *QUICK, "method=surrogate", "pruning.finetune.rounds=1", *of("objective.pruning.method=stable"))
    assert said.startswith("pruning.finetune.rounds=1 with networks.objective.pruning.method=stable: ")
    said = refused(composer, *QUICK, "method=surrogate", *of("objective.pruning.method=none", "constraint.pruning.method=none"))
    assert "method=surrogate with pruning=none: it needs pruned networks" in said


def test_other_tasks_do_not_look_at_them(composer: Composer) -> None:
    own = of("objective.width=8")
    assert composer.trial("dataset=digits", *own).key == composer.trial("dataset=digits").key
    plan = plan_sweep(composer.loader, composer.compose_as_hydra, ["dataset=digits", *own], own)
    assert plan.notes == ("networks.objective.width=8 has no effect: no trial of this command uses it.",)
