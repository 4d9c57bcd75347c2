"""Values that go together: a group of keys is one dimension of every search, and each trial has the keys one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from composing import QUICK, Composer
from pages import blocks
from test_search_optuna import record as ended
from test_search_optuna import run

from sweep.commands.preview import look_ahead, show
from sweep.commands.preview.capacity import Room
from sweep.config.reading import read
from sweep.errors import ConfigError
from sweep.planning.plan import Plan
from sweep.planning.search import plan_sweep
from sweep.planning.search.memory import SearchMemory
from sweep.planning.sweep_config import sweep_config
from sweep.planning.trials import Trial
from sweep.store import Store
from sweep.terminal.streams import console

SEEDS = ("training.seed=0,3,12", "instances.seed=100,101,102", "search.together=[[training.seed,instances.seed]]")
PAIRS = [(0, 100), (3, 101), (12, 102)]


def values(trials: Sequence[Trial], *keys: str) -> list[tuple[Any, ...]]:
    """Return what the configuration of each trial has for some keys."""

    def value(trial: Trial, key: str) -> Any:
        found: Any = trial.config
        for name in key.split("."):
            found = found[name]
        return found

    return [tuple(value(trial, key) for key in keys) for trial in trials]


def pairs(plan: Plan) -> list[tuple[Any, ...]]:
    return values(plan.trials, "training.seed", "instances.seed")


def test_a_grid_has_the_first_values_then_the_second_with_every_value_of_other_keys(composer: Composer) -> None:
    plan = composer.plan(*QUICK, *SEEDS, "pruning.amount=0.5,0.8")
    assert values(plan.trials, "training.seed", "instances.seed", "pruning.amount") == [
        (*pair, amount) for pair in PAIRS for amount in (0.5, 0.8)
    ]
    assert (plan.duplicates, plan.excluded) == (0, 0)


def test_an_experiment_says_it_as_the_page_on_searches_does(composer: Composer) -> None:
    (block,) = blocks("docs/search.md", "yaml")
    written = yaml.safe_load(block.text)
    groups = ",".join(f"[{','.join(group)}]" for group in written["search"]["together"])
    lines = [f"{key}={values}" for key, values in written["hydra"]["sweeper"]["params"].items()]
    plan = composer.plan(*QUICK, *lines, f"search.together=[{groups}]")
    by_command = composer.plan(*QUICK, *SEEDS, "pruning.amount=0.5,0.8")
    assert [trial.key for trial in plan.trials] == [trial.key for trial in by_command.trials]


def test_a_trial_is_the_one_that_its_values_give_and_shows_each_key(composer: Composer) -> None:
    trial = composer.plan(*QUICK, *SEEDS).trials[1]
    assert trial.key == composer.trial(*QUICK, "training.seed=3", "instances.seed=101").key
    assert trial.swept == {"training.seed": 3, "instances.seed": 101}
    assert trial.name == "1x6 magnitude 0.8 training.seed=3 instances.seed=101"


def test_the_order_of_keys_is_that_in_which_they_are_swept(composer: Composer) -> None:
    lines = ("instances.seed=100,101,102", "pruning.amount=0.5,0.8", "training.seed=0,3,12", SEEDS[-1])
    plan = composer.plan(*QUICK, *lines)
    assert list(plan.trials[0].swept) == ["instances.seed", "pruning.amount", "training.seed"]
    assert values(plan.trials, "instances.seed", "pruning.amount", "training.seed") == [
        (images, amount, training) for training, images in PAIRS for amount in (0.5, 0.8)
    ]


def test_options_of_a_group_go_together_with_values(composer: Composer) -> None:
    plan = composer.plan("network=4x32,2x16,2x64", "dataset.side=8,10,12", "search.together=[[network,dataset.side]]")
    found = values(plan.trials, "network.depth", "network.width", "dataset.side")
    assert found == [(4, 32, 8), (2, 16, 10), (2, 64, 12)]


def test_ranges_and_globs_are_listed_as_everywhere(composer: Composer) -> None:
    plan = composer.plan("network=glob(4x*)", "training.seed=range(5,7)", "search.together=[[training.seed,network]]")
    assert values(plan.trials, "network.width", "training.seed") == [(32, 5), (64, 6)]


def test_three_keys_and_several_groups(composer: Composer) -> None:
    plan = composer.plan(
        *("training.seed=1,2", "pruning.amount=0.5,0.8", "instances.seed=3,4", "pruning.seed=5,6", "solver.seed=7,8"),
        "search.together=[[training.seed,instances.seed,pruning.seed],[pruning.amount,solver.seed]]",
    )
    found = values(plan.trials, "training.seed", "instances.seed", "pruning.seed", "pruning.amount", "solver.seed")
    assert found == [(*three, *two) for three in [(1, 3, 5), (2, 4, 6)] for two in [(0.5, 7), (0.8, 8)]]


def test_conditions_hold_for_groups_too_and_equal_trials_are_one(composer: Composer) -> None:
    where = "search.where=['instances.seed != 101']"
    plan = composer.plan(*QUICK, *SEEDS, where)
    assert pairs(plan) == [(0, 100), (12, 102)]
    assert plan.excluded == 1
    lines = ("pruning=none,none,magnitude", "pruning.amount=0.5,0.6,0.7", "search.together=[[pruning,pruning.amount]]")
    plan = composer.plan(*QUICK, *lines)
    assert [trial.name for trial in plan.trials] == ["1x6 dense", "1x6 magnitude 0.7"]
    assert plan.duplicates == 1


LONG = tuple(f"{key}=range(0,1000)" for key in ("training.seed", "instances.seed", "pruning.seed", "solver.seed"))
"""A product of 10^12 combinations."""


def test_the_product_is_never_gone_through(composer: Composer) -> None:
    together = "search.together=[[training.seed,instances.seed,pruning.seed,solver.seed]]"
    plan = composer.plan(*QUICK, *LONG, together)
    assert values(plan.trials, "training.seed", "solver.seed") == [(seed, seed) for seed in range(1000)]
    assert plan.notes == (
        "training.seed, instances.seed, pruning.seed and solver.seed go together: (0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2), "
        "(3, 3, 3, 3), (4, 4, 4, 4), (5, 5, 5, 5) and 994 more.",
    )
    drawn = composer.plan(*QUICK, *LONG, together, "search=random", "search.samples=7")
    assert len(drawn.trials) == 7
    assert all(len(set(four)) == 1 for four in values(drawn.trials, "training.seed", "instances.seed", "solver.seed"))
    searched = composer.plan(*QUICK, *LONG, together, "search=optuna", "search.samples=3")
    assert searched.notes == plan.notes


def test_a_sample_is_of_the_combinations(composer: Composer) -> None:
    plan = composer.plan(*QUICK, *SEEDS, "search=random", "search.samples=9")
    assert sorted(pairs(plan)) == PAIRS
    assert plan.notes[-1] == "search.samples=9, but the space has only 3 different trials: all of them are taken"
    mixed = composer.plan(*QUICK, *SEEDS, "pruning.amount=interval(0.1,0.9)", "search=random", "search.samples=30")
    assert set(pairs(mixed)) == set(PAIRS)
    assert len({trial.key for trial in mixed.trials}) == 30


def test_an_adaptive_search_suggests_combinations_until_there_are_no_more(composer: Composer) -> None:
    suggester = composer.plan(*QUICK, *SEEDS, "search=optuna", "search.samples=9").suggester
    assert suggester is not None
    assert [one.key for one in suggester.dimensions] == ["training.seed", "instances.seed"]
    trials = run(suggester, lambda trial: ended(trial, 1.0))
    assert sorted(values(trials, "training.seed", "instances.seed")) == PAIRS
    assert suggester.notice == "The search ended after 3 of 9 trials: the space has no more."


def test_an_adaptive_search_goes_on_with_its_combinations(composer: Composer, store: Store) -> None:
    def searched(samples: int) -> list[str]:
        lines = (*QUICK, *SEEDS, "pruning.amount=interval(0.1,0.9)", "search=optuna", f"search.samples={samples}")
        suggester = composer.plan(*lines).suggester
        assert suggester is not None
        memory = SearchMemory(store, resume=True)
        suggester.remember(memory)
        former = [trial.key for trial in suggester.former(memory)]
        found = [trial.key for trial in run(suggester, lambda trial: ended(trial, trial.config["pruning"]["amount"]))]
        suggester.close()
        assert found[: len(former)] == former
        return found

    first = searched(6)
    assert searched(12)[:6] == first


def test_limits_that_go_together_with_other_values_have_a_run_each(composer: Composer) -> None:
    together = "search.together=[[solver.time_limit_seconds,pruning.amount]]"
    plan = composer.plan(*QUICK, "solver.time_limit_seconds=5,30", "pruning.amount=0.5,0.8", "instances.seed=1,2", together)
    found = values(plan.trials, "solver.time_limit_seconds", "pruning.amount", "instances.seed")
    assert found == [(5, 0.5, 1), (5, 0.5, 2), (30, 0.8, 1), (30, 0.8, 2)]
    assert [trial.limits for trial in plan.trials] == [()] * 4
    assert plan.limits_note is None
    one = composer.plan(*QUICK, "solver.time_limit_seconds=5,30", *SEEDS)
    assert [trial.limits for trial in one.trials] == [(5.0, 30.0)] * 3, "limits beside a group are read from one run"


TOGETHER = "search.together=[[training.seed,instances.seed]]"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["search.together=[[training.sed,instances.seed]]"], "unknown key training.sed (did you mean training.seed?)"),
        (["training.seed=1,2", "instances.seed=1,2,3", TOGETHER], "training.seed has 2 values and instances.seed has 3 values"),
        (["training.seed=1,2", "instances.seed=1", TOGETHER], "training.seed has 2 values and instances.seed has 1 value, but"),
        (["training.seed=1,2", TOGETHER], "instances.seed goes together with training.seed, but has no values; list as many"),
        (["training.seed=1,2", "search.together=[[training.seed]]"], "[training.seed] has 1 key, but a group has at least two"),
        (["training.seed=1,2", "search.together=[[]]"], "[] has 0 keys, but a group has at least two keys"),
        (
            ["training.seed=1,2", "search.together=[[training.seed,training.seed]]"],
            "search.together names training.seed twice; write all keys that go together with training.seed into one group",
        ),
        (
            ["training.seed=1,2", "search.together=[[training.seed,instances.seed],[training.seed,pruning.seed]]"],
            "search.together names training.seed twice",
        ),
        (
            ["training.seed=1,2", "pruning.amount=interval(0.1,0.5)", "search.together=[[training.seed,pruning.amount]]"],
            "pruning.amount=interval(0.1,0.5): search.together names pruning.amount, so list its values",
        ),
        (
            ["search.together=training.seed,instances.seed"],
            "in the shell as in 'search.together=[[training.seed,instances.seed]]'",
        ),
        (
            ["instances.seed=1,2", "search.together=[[sweep.name,instances.seed]]"],
            "search.together names sweep.name, which concerns the sweep as a whole and cannot be swept; leave sweep.name out",
        ),
        (["training.seed=1,-2", "instances.seed=1,2", TOGETHER], "training.seed=-2 is not allowed"),
    ],
)
def test_groups_that_cannot_be_meant_are_refused(composer: Composer, lines: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        composer.plan(*QUICK, *lines)


def test_a_group_of_which_no_key_is_swept_changes_nothing(composer: Composer) -> None:
    plan = composer.plan(*QUICK, TOGETHER, "pruning.amount=0.5,0.8", "training.seed=3")
    assert [trial.swept for trial in plan.trials] == [{"pruning.amount": 0.5}, {"pruning.amount": 0.8}]
    assert plan.notes == (), "that an experiment has it is no news"


@pytest.mark.parametrize("search", [(), ("search=optuna", "search.samples=2")])
def test_a_group_of_the_command_line_of_which_no_key_is_swept_is_named(composer: Composer, search: tuple[str, ...]) -> None:
    together = "search.together=[[training.seed,instances.seed],[network.width,pruning.amount]]"
    lines = [*QUICK[:2], "network.width=6,8", "pruning.amount=0.5,0.8", together, *search]
    said = ("search.together: [training.seed, instances.seed] has no effect: none of these keys is swept.",)
    assert plan_sweep(composer.loader, composer.compose_as_hydra, lines, written=lines).notes[1:] == said


def test_a_preview_says_which_values_go_together(composer: Composer, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for search in ([], ["search=optuna", "search.samples=2"]):
        plan = composer.plan(*QUICK, *SEEDS, *search, f"sweep.store={store.url}")
        show(look_ahead(plan, read(plan.config), store, Room(1, "here")), console())
        said = " ".join(capsys.readouterr().out.split())
        assert "training.seed and instances.seed go together: (0, 100), (3, 101), (12, 102)." in said


def test_the_sweep_is_recorded_with_its_groups_and_the_values_of_each_key(composer: Composer) -> None:
    for search in ([], ["search=optuna", "search.samples=2"]):
        config = sweep_config(composer.plan(*QUICK, *SEEDS, *search))
        assert config["swept"] == {"training.seed": [0, 3, 12], "instances.seed": [100, 101, 102]}
        assert config["search"]["together"] == [["training.seed", "instances.seed"]]
