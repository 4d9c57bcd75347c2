"""The heat map of sizes and sparsities: what a cell says, and in which colour."""

from __future__ import annotations

from making import closest, dense, gradient, margins, pruned, results, times

from sweep.records import TrialRecord
from sweep.report.comparisons import win_table
from sweep.report.page.heatmap import MOST_COLUMNS, HeatMap, heat_map


def map_of(*records: TrialRecord) -> HeatMap | None:
    found = results(*records)
    return heat_map(found, win_table(found))


def luminance(color: str) -> float:
    """Return the luminance of a colour as WCAG defines it."""
    channels = [int(color[place : place + 2], 16) / 255.0 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_rows_are_networks_and_columns_sparsities_finetuned_ones_beside() -> None:
    lost = [dense(margins([0.0] * 12)), gradient(times([0.1] * 12))]
    won = [pruned(margins([1.0] * 12), amount, rounds) for amount in (0.9, 0.8) for rounds in (0, 1)]
    found = map_of(*lost, *won, dense(margins([0.0] * 4), (4, 64)), pruned(margins([-1.0] * 4), 0.9, size=(4, 64)))
    assert found is not None
    assert found.families == (("magnitude", 2), ("magnitude finetuned", 2))
    assert found.sparsities == ("0.8", "0.9", "0.8", "0.9")
    assert [network for network, _ in found.rows] == ["2x16", "4x64", "all networks"]
    assert [cell.text for cell in found.rows[0][1]] == ["12/12"] * 4
    assert [cell.text for cell in found.rows[1][1]] == ["", "0/4", "", ""], "what was not compared has no text"
    assert (found.value, found.left_out) == ("a larger value", "")


def test_colour_is_the_share_and_marks_are_beyond_chance() -> None:
    better, worse, equal = [0.0] * 12, [2.0] * 12, [1.0] * 12
    found = map_of(
        dense(margins([1.0] * 12)),
        pruned(margins(worse), 0.5),
        pruned(margins(better), 0.8),
        pruned(margins(equal), 0.9),
        pruned(margins([2.0] * 3 + [1.0] * 9), 0.95),
    )
    assert found is not None
    won, lost, even, some = found.rows[0][1]
    assert (won.text, won.mark, won.background) == ("12/12", "▲", "#0072b2")
    assert (lost.text, lost.mark, lost.background) == ("0/12", "▼", "#d55e00")
    assert (even.text, even.mark, even.background) == ("0/12", "", "#ffffff")
    assert (some.text, some.mark) == ("3/12", "")
    assert "worse on 12, beyond chance" in lost.said
    assert some.said == "magnitude 0.95 on 2x16: a larger value on 3 of 12, worse on 0, which may be chance"


def test_letters_can_be_read_on_every_colour() -> None:
    for wins in range(13):
        for sign in (1.0, -1.0):
            values = [sign] * wins + [0.0] * (12 - wins)
            found = map_of(dense(margins([0.0] * 12)), pruned(margins(values)))
            assert found is not None
            ((cell,),) = (cells for _, cells in found.rows)
            below = luminance(cell.background)
            ink = 1.0 if cell.is_dark else 0.0
            assert (max(below, ink) + 0.05) / (min(below, ink) + 0.05) >= 4.5, (wins, sign, cell.background)


def test_lengths_are_compared_where_they_were_asked_for() -> None:
    found = map_of(closest([2.0] * 7), closest([1.0] * 7, "s", method="magnitude", amount=0.8))
    assert found is not None
    assert found.value == "a shorter perturbation"
    assert found.rows[0][1][0].text == "7/7"


def test_without_a_pruned_setting_there_is_no_map() -> None:
    assert map_of(dense(times([1.0])), gradient(times([0.1]))) is None
    assert map_of(pruned(times([1.0]))) is None


def test_what_does_not_fit_is_said() -> None:
    amounts = [0.5 + 0.01 * place for place in range(MOST_COLUMNS + 2)]
    found = map_of(dense(margins([0.0])), *(pruned(margins([1.0]), amount) for amount in amounts))
    assert found is not None
    assert len(found.sparsities) == MOST_COLUMNS
    assert found.left_out == " Not shown: 2 more settings; wins.csv has them."
