"""A plan holds the trials of a sweep: what Hydra would compose, valid, reduced to what matters, without duplicates."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from composing import Composer, key_of
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from sweep.config.reading import read
from sweep.errors import ConfigError
from sweep.planning.search import plan_sweep


def test_the_combinations_are_those_that_hydra_composes(composer: Composer) -> None:
    fixed = ["dataset=digits", "pruning.seed=3"]
    groups = [["network=2x16", "network=4x32"], ["pruning=magnitude", "pruning=random"]]
    plain = [["training.seed=1", "training.seed=2"]]
    swept = ["network=2x16,4x32", "pruning=magnitude,random", "training.seed=range(1,3)"]
    expected = []
    for choice in itertools.product(*groups, *plain):
        config = OmegaConf.to_container(composer.compose_as_hydra([*fixed, *choice]), resolve=False)
        assert isinstance(config, dict)
        del config["hydra"]
        config["solver"]["threads"] = 1
        expected.append(config)
    assert [trial.config for trial in composer.plan(*fixed, *swept).trials] == expected


@pytest.fixture
def option(composer: Composer) -> Iterator[Callable[..., None]]:
    """Adds an option ``+study=<name>`` that sets values anywhere, and takes it away again."""
    store = ConfigStore.instance()

    def added(name: str, **values: Any) -> None:
        store.store(name=name, node=values, group="study", package="_global_")
        composer.forget()

    yield added
    store.repo.pop("study", None)
    composer.forget()


def test_groups_that_touch_each_other_are_left_to_hydra(composer: Composer, option: Callable[..., None]) -> None:
    """An option that changes another section must still give what Hydra gives."""
    option("a", dataset={"side": 18}, training={"epochs": 9}, instances={"count": 2})
    option("b", dataset={"side": 22}, network={"bias": False})
    found = composer.plan("+study=a,b", "network=2x16,4x32", "training.seed=1,2").trials
    for trial, (study, network, seed) in zip(found, itertools.product("ab", ("2x16", "4x32"), (1, 2)), strict=True):
        config = composer.compose_as_hydra([f"+study={study}", f"network={network}", f"training.seed={seed}"])
        for section in ("dataset", "network", "training", "instances"):
            assert trial.config[section] == config[section]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("swept", "changed"),
    [
        ("+experiment=digits,closest", "hydra.sweeper.params, sweep.name, search.where"),
        ("+experiment=choice(digits,closest)", "hydra.sweeper.params, sweep.name, search.where"),
        ("+experiment=paper_small,what_pays", "hydra.sweeper.params, sweep.name, search.where, search.together"),
    ],
)
def test_experiments_are_not_swept_without_their_own_sweeps(composer: Composer, swept: str, changed: str) -> None:
    """Either each experiment with its own plan, or none: what used to be planned were 2 trials instead of 10."""
    with pytest.raises(ConfigError) as refused:
        composer.plan(swept, "pruning.seed=3")
    names = re.findall(r"\w+(?=[,)]|$)", swept)
    commands = "; ".join(f"python -m sweep -m +experiment={name} pruning.seed=3" for name in names)
    assert str(refused.value) == (
        f"{swept}: experiment cannot be swept, because its options set {changed}, which all trials of a sweep share; run one "
        f"sweep after the other: {commands}"
    )
    assert [len(composer.experiment(name).trials) for name in ("digits", "closest")] == [6, 4]


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"search": {"where": ["pruning.amount > 0.5"]}}, "search.where"),
        ({"search": {"together": [["training.seed", "instances.seed"]]}}, "search.together"),
        ({"sweep": {"name": "mine"}}, "sweep.name"),
        ({"tracking": {"uri": "http://127.0.0.1:1"}}, "tracking.uri"),
        ({"deadlines": {"trial_seconds": 5}}, "deadlines.trial_seconds"),
        ({"hydra": {"sweeper": {"params": {"pruning.amount": "0.5,0.8"}}}}, "hydra.sweeper.params"),
    ],
)
def test_an_option_of_a_swept_group_leaves_the_sweep_as_it_is(
    composer: Composer, option: Callable[..., None], values: dict[str, Any], key: str
) -> None:
    option("a", training={"epochs": 9})
    option("b", **values)
    for swept in ("+study=a,b", "+study=b,a"):
        with pytest.raises(ConfigError, match=re.escape(f"{swept}: study cannot be swept, because its options set {key}, ")):
            composer.plan(swept, "network=2x16,4x32")
    assert len(composer.plan("+study=a", "network=2x16,4x32").trials) == 2
    assert len(composer.plan("+study=b", "network=2x16,4x32").trials) == 2


def test_the_order_of_overlapping_overrides_is_hydras(composer: Composer) -> None:
    lines = ["pruning.finetune.rounds=1,2", "pruning.finetune={rounds:5}"]
    for trial in composer.plan(*lines).trials:
        assert trial.config["pruning"]["finetune"]["rounds"] == 5
    lines.reverse()
    assert [trial.config["pruning"]["finetune"]["rounds"] for trial in composer.plan(*lines).trials] == [1, 2]


def test_the_last_override_of_a_key_wins(composer: Composer) -> None:
    plan = composer.plan("pruning.amount=0.5,0.8,0.9", "dataset=digits", "pruning.amount=0.25,0.75")
    assert [trial.config["pruning"]["amount"] for trial in plan.trials] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("sweep", "amounts"),
    [
        ("choice(0.5,0.8)", [0.5, 0.8]),
        ("range(0,1,0.25)", [0.0, 0.25, 0.5, 0.75]),
        ("0.3", [0.3]),
        ("sort(0.8,0.5)", [0.5, 0.8]),
    ],
)
def test_hydras_grammar(composer: Composer, sweep: str, amounts: list[float]) -> None:
    plan = composer.plan(f"pruning.amount={sweep}")
    assert [trial.config["pruning"]["amount"] for trial in plan.trials] == amounts


def test_glob_picks_options_of_a_group(composer: Composer) -> None:
    assert [trial.name for trial in composer.plan("network=glob(4x*)").trials] == ["4x32 magnitude 0.8", "4x64 magnitude 0.8"]


def test_what_cannot_change_a_result_makes_no_trial(composer: Composer) -> None:
    assert len(composer.plan("pruning=none", "pruning.amount=0.5,0.8,0.9").trials) == 1
    assert len(composer.plan("pruning=none", "pruning.seed=1,2", "pruning.finetune.rounds=0,1").trials) == 1
    assert len(composer.plan("pruning.finetune.epochs=1,2").trials) == 1
    assert len(composer.plan("pruning.finetune.rounds=1", "pruning.finetune.epochs=1,2").trials) == 2
    gradient = ["attack=gradient", "pruning=none,magnitude", "bounds=box,crown", "attack.polish=true,false"]
    assert len(composer.plan(*gradient).trials) == 1
    assert len(composer.plan("attack=gradient", "solver.seed=1,2", "attack.gradient_starts=1,2").trials) == 4
    assert len(composer.plan("attack.gradient_starts=1,2").trials) == 1
    assert len(composer.plan("attack.start=gradient", "attack.gradient_starts=1,2").trials) == 2


UNUSED = {
    "surrogate": [
        *("attack.free=1,2", "attack.gradient_starts=1,2", "attack.gradient_steps=1,2", "bounds=auto,crown"),
        *("attack.polish_steps=1,2", "attack.exclusion.seeds=0,1", "attack.round_seconds=1,2", "bounds.lp_seconds=1,2"),
        *("solver.relative_gap=null,1e-6", "formulation.partitions=2,4"),
    ],
    "surrogate excluding": ["attack.exclusion.subproblem_seconds=1,2"],
    "surrogate excluding from nothing": ["attack.exclusion.seeds=0,1"],
    "gradient": [
        *("attack.free=1,2", "attack.on_incumbent=check,stop", "bounds=auto,crown", "solver=highs,scip"),
        *("solver.relative_gap=null,0.1", "attack.exclusion.interrupt=true,false", "bounds.lp_seconds=1,2"),
    ],
    "branch_and_bound": [
        *("attack.free=1,2", "attack.start=none,center", "pruning.amount=0.5,0.8", "solver=highs,scip"),
        *("attack.round_seconds=1,2", "attack.polish_steps=1,2", "solver.relative_gap=null,1e-4"),
    ],
    "restriction": [
        *("attack.on_incumbent=check,stop", "attack.polish=true,false", "pruning.amount=0.5,0.8"),
        *("solver.relative_gap=null,0.1", "attack.exclusion.solve_seconds=1,2"),
    ],
    "portfolio": [
        *("attack.start=none,gradient", "attack.polish=true,false", "solver=highs,scip", "bounds=auto,alpha_crown"),
        "attack.round_seconds=1,2",
    ],
    "closest": [
        *("attack.start=none,gradient", "attack.polish=true,false", "attack.on_incumbent=check,exclude_region"),
        *("attack.polish_steps=1,2", "attack.exclusion.seeds=0,1", "solver.relative_gap=null,1e-4"),
    ],
    "closest by branch_and_bound": ["attack.on_incumbent=check,stop", "pruning.amount=0.5,0.8", "solver=highs,scip"],
}
USED = {
    "surrogate": [
        *("attack.start=none,center", "attack.on_incumbent=check,exclude_region", "bounds=auto,alpha_crown"),
        *("solver.relative_gap=null,0.1", "formulation=big_m,partition"),
    ],
    "surrogate with parts": ["formulation.partitions=2,4"],
    "surrogate excluding": [
        *("attack.exclusion.seeds=0,1", "attack.exclusion.interrupt=true,false"),
        "attack.exclusion.solve_seconds=1,2",
    ],
    "surrogate excluding from nothing": ["attack.exclusion.solve_seconds=1,2", "attack.exclusion.subproblem_seconds=1,2"],
    "surrogate polishing": ["attack.polish_steps=1,2"],
    "surrogate with linear programmes": ["bounds.lp_seconds=1,2"],
    "gradient": ["attack.gradient_starts=1,2", "attack.gradient_steps=1,2", "solver.seed=0,1"],
    "branch_and_bound": [
        "attack.gradient_starts=1,2",
        "attack.on_incumbent=check,stop",
        "bounds=auto,crown",
        "solver.relative_gap=null,0.1",
    ],
    "restriction": ["attack.gradient_steps=1,2", "attack.free=1,2", "bounds=auto,crown", "attack.round_seconds=1,2"],
    "portfolio": [
        *("attack.gradient_starts=1,2", "attack.on_incumbent=check,stop", "attack.free=1,2", "pruning.amount=0.5,0.8"),
        "solver.relative_gap=null,0.1",
    ],
    "closest": ["attack.gradient_starts=1,2", "attack.gradient_steps=1,2", "attack.radius=null,3", "bounds=auto,lp"],
    "closest by branch_and_bound": ["attack.gradient_starts=1,2", "attack.radius=null,3", "bounds=auto,lp"],
}


CHOSEN = {
    "closest": ["attack.objective=closest"],
    "closest by branch_and_bound": ["attack.objective=closest", "attack=branch_and_bound"],
    "surrogate excluding": ["attack.on_incumbent=exclude_region"],
    "surrogate excluding from nothing": ["attack.on_incumbent=dense_subproblem", "attack.start=none"],
    "surrogate polishing": ["attack.polish=true"],
    "surrogate with linear programmes": ["bounds=lp"],
    "surrogate with parts": ["formulation=partition"],
}


@pytest.mark.few(4)
@pytest.mark.parametrize("attack", USED)
def test_an_attack_has_the_keys_that_it_uses(composer: Composer, attack: str) -> None:
    chosen = CHOSEN.get(attack, [f"attack={attack}"])
    for override in UNUSED.get(attack, []):
        assert len(composer.plan(*chosen, override).trials) == 1, override
    for override in USED[attack]:
        assert len(composer.plan(*chosen, override).trials) == 2, override


def test_duplicates_are_counted_and_the_first_is_kept(composer: Composer) -> None:
    plan = composer.plan("pruning=none,magnitude", "pruning.amount=0.5,0.5,0.8")
    assert [trial.name for trial in plan.trials] == ["2x16 dense", "2x16 magnitude 0.5", "2x16 magnitude 0.8"]
    assert plan.duplicates == 3


@pytest.mark.parametrize(
    ("key", "value", "same"),
    [
        ("sweep__name", "other", True),
        ("sweep__resume", True, True),
        ("tracking__uri", "http://127.0.0.1:1", True),
        ("cluster__cpus", 1, True),
        ("dataset__folder", "/data", True),
        ("attack__gradient_starts", 9, True),
        ("pruning__amount", 0.7, False),
        ("pruning__seed", 1, True),  # magnitude draws nothing
        ("training__seed", 1, False),
        ("instances__count", 2, False),
        ("instances__seed", 8, False),
        ("solver__time_limit_seconds", 61, False),
        ("solver__seed", 1, False),
        ("attack__polish", True, False),
        ("attack__radius", 5.0, False),
        ("bounds__method", "interval", False),
    ],
)
def test_the_key_changes_with_what_can_change_the_result(composer: Composer, key: str, value: Any, same: bool) -> None:
    settings = composer.changed(**{key: value})
    assert (key_of(settings) == key_of(composer.changed())) is same


def test_keys_are_the_same_in_every_process(composer: Composer) -> None:
    """Python's hash of texts differs from process to process; a key must not depend on it."""
    code = (
        "import json, sys; from sweep.config.shared_sections import SharedSections; sections = SharedSections();"
        "print(sections.key(sections.read(json.load(sys.stdin))))"
    )
    config = composer.plain()
    text = json.dumps(config)
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, env=environment, check=True)
    key = key_of(read(config))
    assert done.stdout.strip() == key
    assert re.fullmatch(r"[0-9a-f]{16}", key)


def test_the_baseline_is_the_dense_milp_of_the_same_settings(composer: Composer) -> None:
    attacks = "attack=surrogate,gradient,branch_and_bound,restriction,portfolio"
    plan = composer.plan(attacks, "pruning=none,magnitude", "pruning.amount=0.5,0.8", "network=2x16,2x32")
    for network in ("2x16", "2x32"):
        trials = [trial for trial in plan.trials if trial.swept["network"] == network]
        (dense,) = (trial for trial in trials if trial.name == f"{network} dense")
        assert {trial.baseline_key for trial in trials} == {dense.key}
        assert len({trial.training_key for trial in trials}) == 1
    assert len({trial.training_key for trial in plan.trials}) == 2


def test_names_and_swept_values(composer: Composer) -> None:
    plan = composer.plan(
        "network=4x64,2x256",
        "attack=surrogate,gradient",
        "pruning=none,magnitude",
        "pruning.amount=0.8",
        "pruning.finetune.rounds=0,1,5",
        "training.seed=0,3",
    )
    names = [trial.name for trial in plan.trials]
    assert len(set(names)) == len(names)
    assert names[:3] == ["4x64 dense training.seed=0", "4x64 dense training.seed=3", "4x64 magnitude 0.8 training.seed=0"]
    assert "2x256 magnitude 0.8 finetuned training.seed=3" in names
    assert "2x256 magnitude 0.8 finetuned in 5 rounds training.seed=3" in names
    assert names[-1] == "2x256 gradient training.seed=3"
    assert plan.trials[0].swept == {"network": "4x64", "attack": "surrogate", "pruning": "none", "training.seed": 0}
    assert list(plan.trials[2].swept) == ["network", "attack", "pruning", "pruning.finetune.rounds", "training.seed"]


def test_where_keeps_what_satisfies_all_expressions(composer: Composer) -> None:
    plan = composer.plan(
        "pruning=none,magnitude,structured",
        "pruning.amount=0.5,0.8,0.9",
        'search.where=["pruning.method != \\"structured\\" or pruning.amount == 0.5", "pruning.amount < 0.9"]',
    )
    names = ["2x16 dense", "2x16 magnitude 0.5", "2x16 magnitude 0.8", "2x16 structured 0.5"]
    assert [trial.name for trial in plan.trials] == names
    assert plan.excluded == 4


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["pruning.amount=range(0,0)"], "the search space is empty"),
        (
            ["pruning.amount=0.5,0.8", "search.where=['pruning.amount > 2']"],
            "none of the 2 combinations satisfies search.where",
        ),
        (["search.where=['pruning.amont > 2']"], "unknown key pruning.amont (did you mean pruning.amount?)"),
        (["pruning.amount=interval(0,1)"], "a grid needs single values"),
        (["sweep.name=a,b"], "sweep.name concerns the sweep as a whole"),
        (["pruning.amount=0.5,1.5"], "pruning.amount=1.5 is not allowed"),
        (["training.seed=range(0,300)", "network.depth=1,0"], "network.depth=0 is not allowed"),
        (["pruning.amont=0.5,0.8"], "unknown key pruning.amont (did you mean pruning.amount?)"),
        (["cluster.cpus_per_trial=0", "training.seed=1,2"], "cluster.cpus_per_trial=0 is not allowed"),
        (["attack.norm=l1,l2", "attack.radius=1.0"], "attack.norm=l2 with attack.method=surrogate"),
    ],
)
def test_a_plan_is_refused_as_a_whole(composer: Composer, overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        composer.plan(*overrides)


def test_names_tell_swept_tasks_apart(composer: Composer) -> None:
    plan = composer.plan("dataset=digits", "task=image,output", "pruning=none,magnitude")
    names = [f"{name} task={task}" for task in ("image", "output") for name in ("2x16 dense", "2x16 magnitude 0.8")]
    assert [trial.name for trial in plan.trials] == names
    alone = composer.plan("dataset=digits", "task=output", "pruning=none,magnitude").trials
    assert [trial.key for trial in plan.trials[2:]] == [trial.key for trial in alone], "the task's name is in no key"
    assert [trial.name for trial in alone] == ["2x16 dense", "2x16 magnitude 0.8"]


def test_a_typo_in_a_swept_option_is_refused_before_the_space_is_composed(composer: Composer) -> None:
    composed: list[list[str]] = []

    def counting(lines: list[str]) -> DictConfig:
        composed.append(lines)
        return composer.compose_as_hydra(lines)

    with pytest.raises(HydraException):
        plan_sweep(
            composer.loader, counting, ["network=2x16,2x32,4x32,4x64", "bounds=box,crown,interval", "pruning=none,magnitud"]
        )
    assert len(composed) <= 8


def test_values_that_where_excludes_need_not_go_together(composer: Composer) -> None:
    plan = composer.plan(
        "attack.norm=l1,l2",
        "attack.radius=1.0",
        "attack=surrogate,gradient",
        'search.where=[\'attack.norm != "l2" or attack.method == "gradient"\']',
    )
    assert len(plan.trials) == 3


def test_a_trial_carries_its_settings_without_passwords_and_a_worker_reads_them_again(composer: Composer) -> None:
    first, second = composer.plan("tracking.uri=http://ada:hunter2@127.0.0.1:1", "training.seed=1,2").trials
    assert first.settings == read(first.config)
    assert first.settings is first.settings, "the settings are read once"
    assert first.settings.attack is second.settings.attack, "trials of a plan share what is equal in their settings"
    travelled = pickle.loads(pickle.dumps(first))
    assert "settings" not in vars(travelled)
    assert travelled == first
    assert travelled.settings == first.settings
