"""The standing of an answer at a shorter time limit, and which answers of other limits can be taken."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import synthetic

from surrogate.attack import Exclusion, GradientAttack, Instance, SurrogateAttack
from surrogate.networks import ReluNetwork
from surrogate.region import Region
from surrogate.solvers import HighsSolver
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.time_limit import (
    at_limit,
    is_known_at,
    limit_sentences,
    records_at_limit,
    taken_for,
    trial_at_limit,
)

NORMS = {"l0": 9.0, "l1": 4.5, "l2": 1.5, "linf": 0.5}
END = (
    "surrogate_bound",
    "dense_bound",
    "norm_bound",
    "gap",
    "nodes",
    "simplex_iterations",
    "cpu_seconds",
    "solve_seconds",
    "regions",
)


def answer(**changed: Any) -> InstanceRecord:
    """Return an answer that its limit of 30 s ended, with a witness after 12 s and a better one after 21 s."""
    values: dict[str, Any] = {
        "limit_seconds": 30.0,
        "total_seconds": 30.2,
        "solver_status": "time_limit",
        "first_found_seconds": 12.0,
        "dense_value": 2.0,
        "dense_bound": 9.0,
        "surrogate_bound": 9.0,
        "gap": 3.5,
        "regions": 4,
        "region_visits": [{"seconds": 1.0}],
        **NORMS,
        "timeline": [
            {"seconds": 0.1, "dense_value": -2.0, "surrogate_value": -1.0, "source": "start"},
            {"seconds": 12.0, "dense_value": 1.0, "surrogate_value": 2.0, "source": "incumbent"},
            {"seconds": 13.0, "dense_value": 0.5, "surrogate_value": 2.5, "source": "incumbent"},
            {"seconds": 21.0, "dense_value": 2.0, "surrogate_value": None, "source": "polish"},
        ],
    }
    return synthetic.instance(**{**values, **changed})


def test_what_had_been_met_by_then_stands() -> None:
    cut = at_limit(answer(), 15.0)
    assert (cut.status, cut.dense_value, cut.surrogate_value, cut.first_found_seconds) == ("adversarial", 1.0, 2.5, 12.0)
    assert [event["seconds"] for event in cut.timeline] == [0.1, 12.0, 13.0]
    assert (cut.total_seconds, cut.limit_seconds, cut.cut_from_seconds, cut.solver_status) == (15.0, 15.0, 30.0, "time_limit")
    assert [getattr(cut, name) for name in END] == [None] * len(END), "nobody wrote down when that was reached"
    assert cut.region_visits == []
    assert (cut.perturbed, cut.l0, cut.l1, cut.l2, cut.linf) == (None,) * 5, "of the point that was met after 21 s"
    assert (cut.binaries, cut.bounds_seconds, cut.build_seconds) == (60, 0.02, 0.1)
    early = at_limit(answer(), 11.9)
    assert (early.status, early.dense_value, early.first_found_seconds) == ("unresolved", -2.0, None)
    at_once = at_limit(answer(), 0.05)
    assert (at_once.status, at_once.dense_value, at_once.timeline) == ("unresolved", None, [])
    assert (at_once.binaries, at_once.build_seconds) == (None, None), "the model was not built"


def test_the_best_point_is_kept_where_it_had_been_met() -> None:
    whole = answer()
    cut = at_limit(whole, 25.0)
    assert (cut.dense_value, cut.perturbed) == (2.0, whole.perturbed)
    assert {name: getattr(cut, name) for name in NORMS} == NORMS


def test_an_attack_that_had_ended_by_then_stays_as_it_is() -> None:
    proven = answer(status="robust", total_seconds=8.0, solver_status="optimal", first_found_seconds=None)
    assert at_limit(proven, 8.0) is proven
    assert at_limit(proven, 29.0) is proven
    cut = at_limit(proven, 7.9)
    assert (cut.status, cut.dense_bound, cut.solver_status) == ("unresolved", None, "time_limit")
    over = answer()
    assert at_limit(over, 30.0) is over, "0.2 s over its own limit it is still an answer at that limit"


def test_a_shorter_perturbation_that_came_later_does_not_count() -> None:
    timeline = [
        {"seconds": 1.0, "dense_value": -1.0, "surrogate_value": None, "source": "start"},
        {"seconds": 3.0, "dense_value": 0.4, "surrogate_value": None, "source": "gradient", "norm": 5.0},
        {"seconds": 20.0, "dense_value": 0.1, "surrogate_value": None, "source": "shrink", "norm": 4.5},
    ]
    whole = answer(objective="closest", timeline=timeline, dense_value=0.1, first_found_seconds=3.0, norm_bound=4.0)
    cut = at_limit(whole, 10.0)
    assert (cut.value, cut.dense_value, cut.l2, cut.norm_bound) == (5.0, 0.4, None, None)
    assert at_limit(whole, 2.0).value is None
    assert at_limit(whole, 2.0).dense_value == -1.0


def test_a_cut_answer_is_cut_again_and_says_from_what() -> None:
    twice = at_limit(at_limit(answer(), 25.0), 15.0)
    assert twice == at_limit(answer(), 15.0)


def test_a_killed_attack_is_cut_before_its_deadline() -> None:
    killed = answer(solver_status="killed", total_seconds=120.0, deadline_seconds=120.0)
    cut = at_limit(killed, 15.0)
    assert (cut.deadline_seconds, cut.solver_status, cut.dense_value) == (None, "time_limit", 1.0)
    assert at_limit(killed, 30.0) is killed


ENDED = {"total_seconds": 8.0, "solver_status": "optimal"}


@pytest.mark.parametrize(
    ("changed", "seconds", "taken"),
    [
        ({}, 30.0, "as it is"),
        ({}, 10.0, "cut"),
        ({}, 60.0, None),  # it might have gone on
        (ENDED, 60.0, "as it is"),
        (ENDED, 8.0, "as it is"),
        (ENDED, 5.0, "cut"),
        ({"solver_status": None, "total_seconds": 0.2}, 60.0, "as it is"),  # a gradient attack at its end
        ({"solver_status": None}, 60.0, None),  # and one that its limit ended
        ({"total_seconds": 29.9}, 60.0, None),  # the solver's clock was a little early
        ({"status": "robust", **ENDED}, 60.0, "as it is"),
        ({"status": "robust", **ENDED}, 5.0, None),  # the bound may have been below 0 by then, and nobody knows
        ({"status": "optimal", **ENDED}, 5.0, "cut"),  # this ends as soon as it is known
        ({"starved": True}, 10.0, None),
        ({"deadline_seconds": 120.0, "solver_status": "killed"}, 10.0, None),
        ({"cut_from_seconds": 60.0}, 10.0, None),
        ({"limit_seconds": None}, 10.0, None),  # of an earlier version
        ({"bounds_seconds": 6.0, "solve_seconds": 24.0}, 10.0, None),  # with 10 s, bounds would have had 5
        ({"bounds_seconds": 4.0, "solve_seconds": 26.0}, 10.0, "cut"),
        ({"bounds_seconds": 4.0, "solve_seconds": 23.0}, 10.0, None),  # 3 s of gradients before them
        ({"bounds_seconds": 15.0, "solve_seconds": 10.0, "total_seconds": 25.0, "solver_status": "optimal"}, 60.0, None),
    ],
)
def test_what_can_be_taken_for_another_limit(changed: dict[str, Any], seconds: float, taken: str | None) -> None:
    whole = answer(**{"solve_seconds": 29.5, **changed})
    found = taken_for(whole, seconds)
    if taken is None:
        assert found is None
    elif taken == "as it is":
        assert found is whole
    else:
        assert found == at_limit(whole, seconds)
        assert found.cut_from_seconds == 30.0


def test_after_its_limit_only_an_attack_that_ended_by_itself_is_known() -> None:
    assert is_known_at(answer(), 30.0)
    assert not is_known_at(answer(), 30.1)
    assert is_known_at(answer(**ENDED), 1000.0)


@pytest.mark.parametrize("attack", ["check", "exclude_region", "gradient"])
def test_a_longer_limit_changes_nothing_on_the_way(attack: str) -> None:
    """What a run meets is what one with a longer limit meets first: the standing at a shorter limit can be read from it.

    Branch and bound goes by the clock in the size of its batches, so that no two runs of it are the same, whatever the limit.
    """
    rng = np.random.default_rng(5)
    sizes = (12, 40, 40, 40, 4)
    network = ReluNetwork(
        [rng.normal(size=(m, n)) for n, m in itertools.pairwise(sizes)], [rng.normal(size=m) * 0.1 for m in sizes[1:]]
    )
    center = np.full(12, 0.5)
    instance = Instance(Region(0.0, 1.0, center, 4.0, "l1"), label=int(np.argmax(network(center[None]))))

    def met(seconds: float) -> list[tuple[str, float]]:
        gradient = GradientAttack(starts=4, time_limit_seconds=seconds)
        if attack == "gradient":
            found = replace(gradient, starts=10**9).run(network, instance)
        else:
            solver = HighsSolver(time_limit_seconds=seconds)
            exclusion = Exclusion(interrupt=True, solve_seconds=60.0)
            milp = SurrogateAttack(solver=solver, on_incumbent=attack, exclusion=exclusion, start="gradient", gradient=gradient)
            found = milp.run(network, network, instance)
        # What the limit itself cut short, in its last moments, is left out.
        return [(event.source, event.margin) for event in found.timeline if event.seconds < 0.8 * seconds]

    short, long = met(0.5), met(1.5)
    common = min(len(short), len(long))  # on a busy machine the longer one may come less far
    assert common > 2
    assert [source for source, _ in short[:common]] == [source for source, _ in long[:common]]
    assert [margin for _, margin in short[:common]] == pytest.approx([margin for _, margin in long[:common]])


def swept(limit: float, method: str = "surrogate", key: str | None = None, baseline: str = "dense30") -> TrialRecord:
    config = synthetic.config(attack=method)
    config["solver"] = {**config["solver"], "time_limit_seconds": limit}
    one = answer(limit_seconds=limit, total_seconds=limit + 0.1)
    return synthetic.trial(key or f"{method}{limit:g}", [one], config=config, baseline_key=baseline)


def test_a_decision_that_was_met_later_takes_its_truth_with_it() -> None:
    later = [{"seconds": 1.0, "value": 5.0, "source": "walks"}, {"seconds": 8.0, "value": 3.0, "source": "dense"}]
    whole = dataclasses.replace(
        answer(limit_seconds=10.0, total_seconds=10.1), task="model", objective="model", sense="minimize"
    )
    whole = whole.answered(
        status="feasible",
        value=3.0,
        timeline=later,
        first_found_seconds=1.0,
        true_value=2.0,
        facts={"true_violation": 0.5, "unstable": 7},
    )
    cut = at_limit(whole, 5.0)
    assert (cut.status, cut.value, cut.true_value, cut.facts) == ("feasible", 5.0, None, {"unstable": 7})
    late = at_limit(whole, 9.0)
    assert (late.value, late.true_value, late.facts["true_violation"]) == (3.0, 2.0, 0.5)
    assert at_limit(whole, 0.5).status == "unresolved"


def test_trials_at_a_limit_are_cut_where_their_limit_only_ends_them() -> None:
    dense = swept(30.0, key="dense30")
    apart = [swept(10.0, "portfolio", baseline="dense10"), swept(30.0, "portfolio")]
    short = swept(5.0, key="short")
    at_ten = records_at_limit([dense, *apart, short], 10.0)
    assert [record.key for record in at_ten] == ["dense30", "portfolio10"], "of 5 s nobody knows what 10 s would give"
    assert at_ten[0].instances[0].cut_from_seconds == 30.0
    assert dense.instances[0].cut_from_seconds is None, "the records that were given stay as they are"
    assert at_ten[1].baseline_key == "dense30", "which is cut at the same limit"
    at_thirty = records_at_limit([dense, *apart, short], 30.0)
    assert [record.key for record in at_thirty] == ["dense30", "portfolio30"]
    assert at_thirty[0].instances == dense.instances


def test_records_of_earlier_versions_have_the_limit_of_their_trial() -> None:
    record = swept(30.0)
    record.instances = [dataclasses.replace(one, limit_seconds=None) for one in record.instances]
    cut = trial_at_limit(record, 15.0)
    assert cut is not None
    assert (cut.instances[0].dense_value, cut.instances[0].cut_from_seconds) == (1.0, 30.0)
    assert trial_at_limit(record, 31.0) is None
    closest = swept(30.0)
    closest.config["attack"]["objective"] = "closest"
    assert trial_at_limit(closest, 15.0) is None


def test_what_was_cut_is_said() -> None:
    whole, cut = swept(30.0), swept(30.0)
    cut.instances = [at_limit(one, 15.0) for one in cut.instances]
    assert limit_sentences(None, [whole]) == []
    swept_note, said = limit_sentences("two limits", [whole, cut])
    assert swept_note == "two limits"
    assert said == "1 answer of 1 trial was read from stored runs with a longer solver.time_limit_seconds."
