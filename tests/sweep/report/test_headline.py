"""The first sentence: pruned copies against the dense MILP, and the gradient attack beside them."""

from __future__ import annotations

import pytest
from making import IMAGES, dense, gradient, margins, pruned, results, times, trial
from making_models import modelled

from sweep.records import TrialRecord
from sweep.report.comparisons import win_table
from sweep.report.findings import Findings
from sweep.report.headline import beside, headline
from sweep.report.results import Searched, SweepState
from sweep.report.sizes import size_answers
from sweep.report.winners import winners

LEVEL = margins([0.0] * IMAGES)
ABOVE = margins([1.0] * IMAGES)
BELOW = margins([-1.0] * IMAGES)
SMALL, LARGE = (2, 32), (2, 64)


def first(*records: TrialRecord) -> str:
    found = results(*records)
    return headline(found, size_answers(found, win_table(found)), winners(found)[0])


def yardstick(*records: TrialRecord) -> str:
    found = results(*records)
    return beside(found, win_table(found))


def test_those_that_pay_come_first_and_the_others_are_said_to_do_not() -> None:
    records = [dense(LEVEL, SMALL), pruned(BELOW, size=SMALL), dense(LEVEL, LARGE), pruned(ABOVE, 0.9, size=LARGE)]
    assert first(*records) == (
        "2x64: magnitude 0.9 beats the dense MILP on 12 of 12 images (sure). 2x32: no pruned copy beats it within 20 s."
    )
    assert first(*records[:2]) == "2x32: no pruned copy beats the dense MILP within 20 s."


@pytest.mark.parametrize(
    ("copy", "images", "said"),
    [
        (ABOVE[:10] + BELOW[:2], 12, "magnitude 0.8 beats the dense MILP on 10 and is worse on 2 of 12 images (sure)."),
        (
            ABOVE[:7] + BELOW[:5],
            12,
            "magnitude 0.8 is better than the dense MILP on 7 and worse on 5 of 12 images, which may be chance.",
        ),
        (ABOVE[:4], 4, "magnitude 0.8 is better than the dense MILP on 4 of 4 images, too few to be sure."),
        (BELOW[:4], 4, "no pruned copy beats the dense MILP within 20 s (too few images to be sure)."),
    ],
)
def test_how_sure_it_is(copy: list[tuple[float | None, float | None]], images: int, said: str) -> None:
    assert first(dense(LEVEL[:images]), pruned(copy)) == f"2x16: {said}"


def test_where_only_the_time_differs_that_is_said() -> None:
    assert first(dense(times([2.0] * IMAGES)), pruned(times([1.0] * IMAGES))) == (
        "2x16: no pruned copy beats the dense MILP within 20 s, but magnitude 0.8 is sooner on 12 of 12 images (sure)."
    )


def test_many_networks_are_counted() -> None:
    def of(images: int, better: int) -> str:
        records = []
        for depth in range(1, 7):
            outcomes = ABOVE if depth <= better else LEVEL
            records += [dense(LEVEL[:images], (depth, 16)), pruned(outcomes[:images], size=(depth, 16))]
        return first(*records)

    assert of(12, 2) == "A pruned copy beats the dense MILP beyond chance on 2 of 6 networks: 1x16 and 2x16."
    assert of(12, 0) == "A pruned copy beats the dense MILP beyond chance on none of 6 networks."
    assert of(4, 1) == "On 6 networks too few images to be sure: a pruned copy is ahead of the dense MILP on 1x16."
    assert of(4, 0) == "On 6 networks too few images to be sure: a pruned copy is ahead of the dense MILP on none."


def test_without_the_dense_milp_or_a_pruned_copy_it_is_who_won() -> None:
    portfolio = trial(times([1.0] * IMAGES), "p", attack="portfolio")
    assert first(portfolio, dense(times([2.0] * IMAGES))).startswith("portfolio won on 2x16: the first adversarial input")
    assert first(pruned(times([1.0] * IMAGES)), pruned(times([2.0] * IMAGES), 0.5)).startswith("magnitude 0.8 won on 2x16")
    assert first() == "No trial has finished, so nothing has won."


def test_the_gradient_attack_beside_the_milps() -> None:
    assert yardstick(dense(LEVEL), pruned(ABOVE)) == ""
    assert yardstick(dense(LEVEL), pruned(ABOVE), gradient(margins([2.0] * IMAGES))) == (
        "The gradient attack does better than every MILP; it proves nothing."
    )
    assert yardstick(dense(LEVEL), pruned(ABOVE), gradient(BELOW)) == (
        "On 2x16, dense MILP beats the gradient attack on 12 of 12 images (sure)."
    )
    assert yardstick(dense(LEVEL), pruned(ABOVE), gradient(ABOVE)) == (
        "No MILP beats the gradient attack beyond chance; the gradient attack proves nothing."
    )
    assert yardstick(dense(LEVEL[:4]), gradient(ABOVE[:4])) == (
        "The gradient attack is ahead of every MILP, which may be chance; it proves nothing."
    )
    portfolio = trial(ABOVE, "p", attack="portfolio")
    assert "every MILP" in yardstick(dense(BELOW), portfolio, gradient(LEVEL)), "only MILPs are spoken of"


def test_whoever_has_no_report_reads_what_it_would_say_first() -> None:
    records = [dense(LEVEL), pruned(ABOVE), gradient(margins([2.0] * IMAGES))]
    assert Findings(results(*records)).first == f"{first(*records)} {yardstick(*records)}"
    assert Findings(results(*records[:2])).first == "2x16: magnitude 0.8 beats the dense MILP on 12 of 12 images (sure)."
    assert Findings(results()).first == "No trial has finished, so nothing has won."


@pytest.mark.parametrize("values", [4, 5])
def test_a_search_over_a_parameter_of_a_problem_says_what_it_found_and_no_network_for_each_value(values: int) -> None:
    records = [modelled([-1.0], "constrained", parameters={"above": place / 7}) for place in range(values)]
    for record in records:
        record.swept = {"model.parameters.above": record.config["model"]["parameters"]["above"]}
    walk = modelled([-9.0], "constrained", "walk", parameters={"above": 0.0})
    walk.name = "the walk"
    state = SweepState("s", values, values, searched=Searched(("least_value",), ("search=random",)))
    said = Findings(results(*records, walk, state=state)).first
    if values == 5:
        assert said == "Best of 6 finished trials by least_value (smaller is better): the walk with least_value -9."
    else:
        assert said.startswith("walk is ahead on constrained 2x16 above=0, on too few instances to be sure; dense MILP has")
