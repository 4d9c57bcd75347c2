"""The table of all settings on all networks, which the page lets people filter and sort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.records.measures import VALUES
from sweep.report.compared import Compared, against_dense, compared_by_network
from sweep.report.phrases import Phrases
from sweep.report.results import Results
from sweep.report.settings import SURROGATE, RankedSetting
from sweep.report.words import Row, p_number
from sweep.terminal.wording import MISSING

MOST_ROWS = 1000
"""Rows on the page; ranking.csv and wins.csv have all."""

LAST = 1e99
"""Where a row without a number is sorted to."""


@dataclass(frozen=True)
class TableCell:
    """What is read, and what the row is sorted by: a number, or nothing where it is the text itself."""

    text: str
    order: float | None = None
    is_text: bool = False

    @property
    def search(self) -> str:
        """What a filter of numbers compares with; nothing where there is none."""
        return "" if self.text == MISSING or self.order is None else f"{self.order:g}"


@dataclass(frozen=True)
class SettingsTable:
    """Titles and cells; ``choices`` are the places of columns that are filtered by choosing among their values."""

    titles: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    choices: tuple[int, ...]
    total: int


def settings_table(results: Results, ranking: pd.DataFrame, wins: pd.DataFrame) -> SettingsTable:
    """Return the rows of the ranking (seeds pooled), each with what it won against both yardsticks; best first."""
    measure = "norm" if (wins["norm_pairs"] > 0).any() and not (wins["value_pairs"] > 0).any() else "value"
    against = {(row["yardstick"], row["network"], row["setting"]): row for row in wins.to_dict("records")}
    judged = compared_by_network(against_dense(results, wins), VALUES)
    tested = {(one.network, one.setting): one for one in judged if one.measure == measure}
    rows = []
    for row in ranking.head(MOST_ROWS).to_dict("records"):
        key = (row["network"], row["setting"])
        extra = {name: against.get((name, *key)) for name in (results.phrases.baseline, *results.yardsticks)}
        setting = results.settings[row["setting"]]
        rows.append({**row, **extra, _SETTING: setting, _TESTED: tested.get(key), **dict(setting.extras)})
    extras = list(dict.fromkeys(name for setting in results.settings.values() for name, _ in setting.extras))
    phrases = results.phrases
    proven = f"proven {phrases.none}"
    settings = _setting()
    columns = [*settings, *((name, _word(name)) for name in extras), *_reached(proven, phrases.plus)]
    columns += [("better than dense", of_wins(phrases.baseline, measure))]
    columns += [("sooner than dense", of_wins(phrases.baseline, "time"))]
    columns += [(f"better than {name}", of_wins(name, measure)) for name in results.yardsticks]
    columns.append(("p", _p))
    cells = {title: [cell(row) for row in rows] for title, cell in columns}
    shown = [title for title in cells if any(cell.text != MISSING for cell in cells[title])]
    shown = [title for title in shown if title != proven or any(cell.order for cell in cells[title])]
    named = {title for title, _ in settings} | set(extras)
    choices = tuple(place for place, title in enumerate(shown) if title in named)
    return SettingsTable(
        tuple(shown), tuple(zip(*(cells[title] for title in shown), strict=True)) if rows else (), choices, len(ranking)
    )


def _word(name: str) -> Callable[[Row], TableCell]:
    return lambda row: TableCell(MISSING if row.get(name) is None or row[name] != row[name] else str(row[name]), is_text=True)


def _number(name: str, form: Callable[[float], str]) -> Callable[[Row], TableCell]:
    def cell(row: Row) -> TableCell:
        value = row[name]
        return TableCell(MISSING, LAST) if pd.isna(value) else TableCell(form(float(value)), float(value))

    return cell


def _of(name: str, total: str) -> Callable[[Row], TableCell]:
    def cell(row: Row) -> TableCell:
        if pd.isna(row[name]) or not row[total]:
            return TableCell(MISSING, -1.0)
        return TableCell(f"{row[name]}/{row[total]}", 100.0 * row[name] / row[total])

    return cell


def of_wins(yardstick: str, measure: str) -> Callable[[Row], TableCell]:
    """Return the cell that says on how many of the pairs the setting was better than a yardstick."""

    def cell(row: Row) -> TableCell:
        won = row[yardstick]
        if won is None or not won[f"{measure}_pairs"]:
            return TableCell(MISSING, -1.0)
        wins, pairs = won[f"{measure}_wins"], won[f"{measure}_pairs"]
        return TableCell(f"{wins}/{pairs}", 100.0 * wins / pairs)

    return cell


_SETTING = "setting itself"
"""What a row has of the setting as an object."""

_TESTED = "tested"
"""What a row has of the comparison that the answers look at."""


def _p(row: Row) -> TableCell:
    one: Compared | None = row[_TESTED]
    return TableCell(MISSING, LAST) if one is None else TableCell(p_number(one.p), one.p)


def _task(row: Row) -> TableCell:
    setting: RankedSetting = row[_SETTING]
    return TableCell(setting.task or MISSING, is_text=True)


def _attack(row: Row) -> TableCell:
    """Return the method; the baseline and its pruned copies are called so."""
    setting: RankedSetting = row[_SETTING]
    pruned = "pruned MILP" if setting.attack == SURROGATE else setting.attack if setting.names_method else "pruned copy"
    return TableCell(pruned if setting.is_surrogate else setting.baseline or setting.attack, is_text=True)


def _pruning(row: Row) -> TableCell:
    return TableCell(MISSING if pd.isna(row["method"]) or row["method"] == "none" else str(row["method"]), is_text=True)


def _finetuned(row: Row) -> TableCell:
    rounds = row["finetune_rounds"]
    text = MISSING if pd.isna(rounds) else "no" if not rounds else "1 round" if rounds == 1 else f"{rounds:g} rounds"
    return TableCell(text, is_text=True)


TableColumns = Sequence[tuple[str, Callable[[Row], TableCell]]]
"""Titles, and what makes a row's cell."""


def _setting() -> TableColumns:
    return (
        ("network", _word("network")),
        ("task", _task),
        ("method", _attack),
        ("pruning", _pruning),
        ("sparsity", _number("amount", "{:g}".format)),
        ("finetuned", _finetuned),
    )


def _reached(proven: str, plus: str) -> TableColumns:
    """Return the columns of results; that of ``proven`` is shown only where something is. Values have the sign ``plus``."""
    return (
        ("found", _of("successes", "asked")),
        (proven, _of("robust", "instances")),
        ("first found, s", _number("first_found_seconds", "{:.3g}".format)),
        ("value", _number("value", f"{{:{plus}.3g}}".format)),
        ("length", _number("norm", "{:.3f}".format)),
        ("accuracy, %", _number("accuracy_surrogate", lambda share: f"{100.0 * share:.1f}")),
        ("R²", _number("r2_surrogate", "{:.3f}".format)),
        ("binaries", _number("binaries", "{:.0f}".format)),
    )


def legend(phrases: Phrases) -> str:
    """Return what the columns mean."""
    value = (
        f"median of the best {phrases.charted}; above 0 it is {phrases.find}"
        if phrases.zero_is_found
        else f"median of the best {phrases.value} on the dense networks"
    )
    return (
        f"found: on how many instances {phrases.a_thing} was found and checked. first found: median seconds to it, over the "
        f"instances with one. value: {value}. better, sooner than dense: on how many of the instances that both "
        f"{phrases.acted}. p: the probability of so large a difference in value between a pruned copy and the "
        f"{phrases.baseline} by chance alone, corrected for all pruned copies of its network (Holm); below 0.05 the difference "
        f"is beyond chance. To filter by a count such as 9/12, enter a percentage."
    )
