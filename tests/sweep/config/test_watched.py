"""Answers are remembered by what was looked at for them: no more is asked than needed, and nothing is remembered wrongly."""

from __future__ import annotations

import dataclasses

import pytest
from composing import Composer

from sweep.config.schema import NetworkSettings, Settings
from sweep.config.task_names import task_name
from sweep.config.watched import Fact, Memory, once, remembered


@pytest.fixture
def memory() -> Memory:
    return Memory([task_name])


def test_a_function_is_asked_again_where_a_section_that_it_looked_at_is_another(composer: Composer, memory: Memory) -> None:
    asked: list[float] = []

    def amount(settings: Settings) -> float:
        asked.append(settings.pruning.amount)
        return asked[-1]

    settings, other = composer.changed(pruning__amount=0.5), composer.changed(pruning__amount=0.25)
    assert [memory.ask(amount, one) for one in (settings, other, settings, settings.changed(solver=other.solver))] == [
        *(0.5, 0.25, 0.5, 0.5)
    ]
    assert asked == [0.5, 0.25]


def test_what_is_looked_at_only_sometimes_counts_too(composer: Composer, memory: Memory) -> None:
    def told(settings: Settings) -> int:
        return settings.solver.seed if settings.pruning.method == "none" else -1

    first, second = (composer.changed(pruning__method="none", solver__seed=seed) for seed in (3, 4))
    pruned = composer.changed().changed(solver=first.solver)
    assert [memory.ask(told, one) for one in (pruned, first, second.changed(pruning=first.pruning), pruned)] == [-1, 3, 4, -1]


def test_a_fact_is_noted_in_the_place_of_its_section(composer: Composer, memory: Memory) -> None:
    seed, asked = Fact(lambda settings: settings.solver.seed), []

    def parity(settings: Settings) -> int:
        asked.append(seed(settings))
        return asked[-1] % 2

    settings = [composer.changed(solver__seed=1, solver__threads=threads) for threads in (1, 2)]
    assert [memory.ask(parity, one) for one in (*settings, composer.changed(solver__seed=2))] == [1, 1, 0]
    assert asked == [1, 2]


def test_what_inner_questions_look_at_counts_for_the_outer(composer: Composer, memory: Memory) -> None:
    asked: list[str] = []

    @remembered
    def inner(key: str, settings: Settings) -> int:
        asked.append(key)
        return getattr(settings.solver, key)

    def outer(settings: Settings) -> int:
        return inner("seed", settings) + settings.pruning.seed

    first, second = (composer.changed(solver__seed=seed) for seed in (1, 2))
    pruned = first.changed(pruning=composer.changed(pruning__seed=5).pruning)
    assert [memory.ask(outer, one) for one in (first, pruned, second, first)] == [1, 6, 2, 1]
    assert asked == ["seed", "seed"], "once for each solver"
    assert inner("seed", second) == 2, "settings that are not watched are read as they are"


def test_changed_settings_are_told_apart_by_what_they_were_made_from(composer: Composer, memory: Memory) -> None:
    @remembered
    def width(settings: Settings) -> int:
        return settings.network.width

    def doubled(settings: Settings) -> tuple[int, str]:
        wider = once(settings, wider_network, settings.network)
        return width(settings.changed(network=wider)), task_name(settings.changed(network=wider))

    def by_replacing(settings: Settings) -> int:
        return width(dataclasses.replace(settings, network=wider_network(settings.network)))

    for function in (lambda one: doubled(one)[0], by_replacing):
        assert [memory.ask(function, composer.changed(network__width=size)) for size in (3, 4)] == [6, 8]


def wider_network(network: NetworkSettings) -> NetworkSettings:
    return dataclasses.replace(network, width=2 * network.width)


def test_a_changed_dataset_has_a_task_of_its_own(composer: Composer, memory: Memory) -> None:
    table = composer.changed(dataset__name="table").dataset

    def both(settings: Settings) -> tuple[str, str]:
        return task_name(settings), task_name(settings.changed(dataset=table))

    assert memory.ask(both, composer.changed()) == ("image", "row")


def test_an_error_is_raised_each_time(composer: Composer, memory: Memory) -> None:
    def refused(settings: Settings) -> None:
        raise ValueError(settings.pruning.amount)

    settings = composer.changed(pruning__amount=0.5)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"0\.5"):
            memory.ask(refused, settings)


def test_watched_settings_are_settings(composer: Composer, memory: Memory) -> None:
    def same(settings: Settings) -> bool:
        return settings == plain and vars(settings) == vars(plain) and isinstance(settings, Settings)

    plain = composer.changed()
    assert memory.ask(same, plain)
