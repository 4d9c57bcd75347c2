"""The win table's numbers against hand-computed ones."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from making import closest, dense, gradient, margins, pruned, results, times, trial

from sweep.records import TrialRecord
from sweep.report.comparisons import (
    ALL,
    MEASURES,
    counted,
    outcomes,
    pairs_of_settings,
    pairs_with_dense,
    pairs_without_milp,
    win_table,
    with_clusters,
    with_seeds,
)
from sweep.report.results import Results
from sweep.report.statistics import holm
from sweep.report.variations import FINETUNING, variation_pairs


def row_of(table: pd.DataFrame, setting: str = "magnitude 0.8", network: str = "2x16", yardstick: str = "dense MILP") -> Any:
    keys = (table["yardstick"] == yardstick) & (table["network"] == network) & (table["setting"] == setting)
    (row,) = table[keys].to_dict("records")
    return row


@pytest.fixture
def duel() -> Results:
    """Wins, a tie, a loss, and on the last image neither finds anything."""
    yardstick = dense([(1.0, 2.0), (3.0, 4.0), (-1.0, None), (2.0, 1.0), (None, None)])
    return results(yardstick, pruned([(2.0, 1.0), (3.0 + 1e-7, 8.0), (-2.0, None), (0.5, None), (None, None)]))


def test_wins_losses_and_ties(duel: Results) -> None:
    row = row_of(win_table(duel))
    assert row["pairs"] == 5
    assert (row["value_wins"], row["value_losses"], row["value_pairs"]) == (1, 2, 5)
    assert (row["time_wins"], row["time_losses"], row["time_pairs"]) == (1, 2, 3)
    assert row["value_share"] == 0.2
    assert row["value_effect"] == 0.0  # of 1, 0, -1, -1.5 and 0
    assert row["time_effect"] == pytest.approx(1.0)  # twice as fast on one, half as fast on another, and no third has both
    assert math.isnan(row["time_effect_low"])
    assert row["time_p"] == 1.0
    # Ranks 1.5 and -1.5 (tied), -3: z = (1.5 - 3) / sqrt(14/4 - 6/48) = -0.816.
    assert row["value_p"] == pytest.approx(0.4142, abs=1e-4)
    assert row["value_differing"] == 3
    assert row["norm_pairs"] == 0
    assert math.isnan(row["norm_p"])


def test_the_margin_test_is_by_ranks_and_the_time_test_by_signs() -> None:
    better = results(
        dense([(0.0, 1.0)] * 6),
        pruned([(0.1 * image, 0.5 if image < 6 else 2.0) for image in range(1, 7)]),
    )
    row = row_of(win_table(better))
    assert row["value_p"] == pytest.approx(2 / 64)
    assert row["time_p"] == pytest.approx(2 * (1 + 6) / 64)


def test_a_value_is_better_than_none_and_has_no_size_beside_it() -> None:
    row = row_of(win_table(results(dense(margins([None] * 3 + [1.0])), pruned(margins([-5.0] * 3 + [2.0])))))
    assert (row["value_wins"], row["value_losses"], row["value_pairs"], row["value_differing"]) == (4, 0, 4, 4)
    assert row["value_effect"] == 1.0


def test_one_witness_is_sooner_than_none() -> None:
    found = results(dense(times([None, 5.0])), pruned(times([100.0, None])))
    row = row_of(win_table(found))
    assert (row["time_wins"], row["time_losses"]) == (1, 1)
    assert math.isnan(row["time_effect"])


def test_an_instance_that_only_one_attacked_is_no_pair() -> None:
    lone = pruned(times([1.0] * 5))
    lone.instances = lone.instances[3:]
    found = results(dense(times([2.0] * 4)), lone)
    assert row_of(win_table(found))["pairs"] == 1
    assert len(pairs_with_dense(found)) == 1


def test_a_single_pair_has_hardly_an_interval_and_no_significance() -> None:
    row = row_of(win_table(results(dense(times([2.0])), pruned(times([1.0])))))
    assert (row["time_share"], row["time_share_low"], row["time_share_high"]) == pytest.approx((1.0, 0.025, 1.0))
    assert row["time_p"] == 1.0
    assert row["time_effect"] == pytest.approx(2.0)


def test_the_closest_perturbation_is_compared_by_its_length() -> None:
    found = results(
        closest([2.0, 2.0, None, 2.0, None]), closest([1.0, 2.0 + 1e-5, 3.0, None, None], "s", method="magnitude", amount=0.8)
    )
    row = row_of(win_table(found))
    assert (row["norm_wins"], row["norm_losses"], row["norm_pairs"]) == (2, 1, 5)
    assert row["norm_effect"] == 0.0  # half of the length saved on one; equal on another, and where neither found any
    assert row["value_pairs"] == 0


def test_networks_are_pooled_but_an_image_counts_once() -> None:
    """Six images won on both networks are six wins, not twelve: the test has p = 2/64."""
    records = [make(times([s] * 6), size=size) for size in ((2, 16), (4, 64)) for make, s in ((dense, 2.0), (pruned, 1.0))]
    table = win_table(results(*records))
    row = row_of(table, network=ALL)
    assert (row["time_wins"], row["time_pairs"], row["time_clusters"], row["time_differing"]) == (12, 12, 6, 6)
    assert row["time_p"] == pytest.approx(2 / 64)
    assert row["time_share_low"] == pytest.approx(0.025 ** (1 / 6))
    assert list(table["network"]) == [ALL, "2x16", "4x64"]


def test_an_image_won_and_lost_is_a_tie() -> None:
    records = [dense(times([2.0])), pruned(times([1.0]))]
    records += [dense(times([2.0]), (4, 64)), pruned(times([3.0]), size=(4, 64))]
    row = row_of(win_table(results(*records)), network=ALL)
    assert (row["time_wins"], row["time_losses"], row["time_p"], row["time_differing"]) == (1, 1, 1.0, 0)


def test_where_more_pairs_but_fewer_images_are_won_it_speaks_for_neither_side() -> None:
    """One image won on ten networks, six lost on one each: as signs of images that would be p = 0.125 against."""
    win = [1.0] * 10 + [-1.0] * 6
    decided = pd.DataFrame({"win": win, "difference": win, "cluster": [*"aaaaaaaaaa", *"bcdefg"]})
    for measure in ("value", "time"):
        found = counted(decided, measure)
        assert (found["wins"], found["losses"], found["clusters"], found["p"]) == (10, 6, 7, 1.0)
    assert counted(decided[9:], "time")["p"] == pytest.approx(0.125), "one image against six, a pair each"


def seeded(record: TrialRecord, **seeds: int) -> TrialRecord:
    """Return the trial with other seeds, as a sweep over them has it."""
    record.key += "".join(f"-{name}-{seed}" for name, seed in seeds.items())
    for name, seed in seeds.items():
        record.config[name]["seed"] = seed
    return record


def two_settings(*records: TrialRecord) -> list[list[float]]:
    instances = with_seeds(results(*records))
    first, second = dict.fromkeys(instances["setting"])
    pairs = pairs_of_settings(*(instances[instances["setting"] == label] for label in (first, second)))
    times_of: list[list[float]] = pairs[["first_found_seconds_mine", "first_found_seconds_other"]].to_numpy().tolist()
    return times_of


def test_surrogates_of_one_seed_are_compared_with_those_of_the_same() -> None:
    records = [seeded(pruned(times([s + 1.0]), amount), pruning=s) for amount in (0.5, 0.8) for s in (0, 1, 2)]
    for record, late in zip(records[3:], (10.0, 20.0, 30.0), strict=True):
        record.instances[0].first_found_seconds = late
    assert two_settings(*records) == [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
    assert two_settings(records[2], *records[3:]) == [[3.0, 30.0]], "the others have no other half"


def test_surrogates_of_networks_that_are_pruned_by_seeds_of_their_own_are_compared_with_those_of_the_same() -> None:
    records = [pruned(times([s + 1.0]), amount) for amount in (0.5, 0.8) for s in (0, 1)]
    for record, seed, late in zip(records, (0, 1, 0, 1), (1.0, 2.0, 10.0, 20.0), strict=True):
        record.key += f"-{seed}"
        own = {"networks": {"cost": {"pruning": {"seed": seed}}}}
        record.config |= {"task": {"name": "model"}, "method": {"name": "surrogate"}, **own}
        record.instances[0].first_found_seconds = late
    assert two_settings(*records) == [[1.0, 10.0], [2.0, 20.0]]


def test_an_attack_without_pruning_is_compared_with_the_surrogates_of_all_seeds() -> None:
    records = [seeded(pruned(times([s + 1.0])), pruning=s) for s in (0, 1)]
    assert two_settings(dense(times([9.0])), *records) == [[9.0, 1.0], [9.0, 2.0]]
    assert two_settings(*records, dense(times([9.0]))) == [[1.0, 9.0], [2.0, 9.0]]


def test_surrogates_without_a_common_seed_are_compared_all_the_same() -> None:
    assert two_settings(seeded(pruned(times([1.0]), 0.5), pruning=1), pruned(times([2.0]))) == [[1.0, 2.0]]


def test_seeds_of_the_solver_are_matched_too() -> None:
    records = [seeded(one, solver=s) for s in (0, 1) for one in (dense(times([s + 1.0])), pruned(times([s + 4.0])))]
    assert two_settings(*records) == [[1.0, 4.0], [2.0, 5.0]]


def test_finetuning_is_judged_by_surrogates_of_the_same_seed() -> None:
    records = [seeded(pruned(times([9.0 - s]), rounds=rounds), pruning=s) for rounds in (0, 1) for s in (0, 1)]
    pairs = variation_pairs(results(*records), FINETUNING)
    assert pairs["first_found_seconds_mine"].tolist() == pairs["first_found_seconds_other"].tolist() == [9.0, 8.0]


def test_p_values_are_corrected_within_yardstick_and_measure() -> None:
    records = [dense(times([2.0] * 8)), *(pruned(times([1.0] * 8), amount) for amount in (0.5, 0.8, 0.9))]
    records.append(gradient(times([0.5] * 8)))
    table = win_table(results(*records))
    for yardstick in ("dense MILP", "gradient"):
        part = table[table["yardstick"] == yardstick]
        for measure in MEASURES:
            p, corrected = part[f"{measure}_p"].to_numpy(), part[f"{measure}_p_holm"].to_numpy()
            assert corrected == pytest.approx(holm(p), nan_ok=True)
    assert row_of(table)["time_p_holm"] == pytest.approx(4 * 2 / 256)


def test_the_yardstick_is_the_trial_of_the_same_settings() -> None:
    slow, fast = dense(times([9.0])), trial(times([1.0]), "fast")
    fast.config["solver"]["time_limit_seconds"] = slow.config["solver"]["time_limit_seconds"] * 2.0
    mine = pruned(times([5.0]))
    for baseline, wins in ((slow.key, 1), (fast.key, 0)):
        mine.baseline_key = baseline
        decided = outcomes(pairs_with_dense(results(slow, fast, mine)), "time")
        is_mine = decided["setting"].str.startswith("magnitude")
        assert int((decided.loc[is_mine, "win"] > 0).sum()) == wins


def test_of_several_gradient_attacks_the_strongest_is_the_yardstick() -> None:
    weak, strong = gradient(margins([0.0])), trial(margins([2.0]), "strong", attack="gradient")
    weak.config["attack"]["gradient_starts"], strong.config["attack"]["gradient_starts"] = 1, 1000
    pairs = pairs_without_milp(results(weak, strong, pruned(margins([1.0]))), "gradient")
    assert list(pairs["best_value_other"]) == [2.0]


def test_questions_without_an_image_are_told_apart_by_their_names() -> None:
    record = dense(times([1.0, 1.0]))
    for place, instance in enumerate(record.instances):
        instance.image, instance.question = None, f"prop {place}"
    assert list(with_clusters(results(record).instances)["cluster"]) == ["digits prop 0", "digits prop 1"]


def test_without_a_yardstick_or_a_trial_the_table_is_empty_but_whole() -> None:
    for table in (win_table(results(pruned(times([1.0])))), win_table(results())):
        assert table.empty
        assert {"yardstick", "time_wins", "value_clusters", "norm_p_holm"} <= set(table.columns)
