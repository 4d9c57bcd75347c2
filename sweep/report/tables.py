"""The tables of a report as files: CSV and Markdown for people, Parquet for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweep.report.findings import Findings
from sweep.report.phrases import Phrases
from sweep.report.ranking import rank
from sweep.report.ranking_table import markdown_ranking
from sweep.report.results import EVENT, Results
from sweep.report.train_or_prune import is_trained_for, truth_table
from sweep.report.truth import as_table, three_values
from sweep.report.words import interval_text, number, of_pairs, p_number, percent
from sweep.store.report_files import RANKING, VERDICTS
from sweep.terminal.wording import MISSING

STATES = "sweeps"
"""The attribute of the table of trials, in its file too, that has what is known of their sweeps."""

MOST_WINS = 60
"""Rows of the win table that people are shown; the CSV has them all."""


def write_tables(findings: Findings, folder: Path) -> list[Path]:
    """Write ``ranking`` (seeds apart, and pooled in the Markdown), ``wins`` and ``verdicts`` as CSV and Markdown,
    ``unfinished.csv``, ``truth.csv`` and ``train_or_prune.csv`` where there is something in them, and ``trials.parquet`` and
    ``instances.parquet``, into ``folder``.

    Return their paths.
    """
    results, wins, answers = findings.results, findings.wins, findings.answers
    said = pd.DataFrame(
        [[one.question, one.answer, one.sentence, one.evidence.replace("\n", " ")] for one in answers],
        columns=["question", "answer", "sentence", "evidence"],
    )
    unfinished = [
        (state.name, one.name, one.key, one.status, one.error) for state in results.sweeps for one in state.unfinished
    ]
    tables = {"ranking": rank(results.records), "wins": wins, "verdicts": said}
    if unfinished:
        tables["unfinished"] = pd.DataFrame(unfinished, columns=["sweep", "trial", "key", "status", "error"])
    if truth := three_values(results):
        tables["truth"] = as_table(truth)
    if is_trained_for(results) and not (compared := truth_table(results)).empty:
        tables["train_or_prune"] = compared
    written = []
    for name, table in tables.items():
        path = folder / f"{name}.csv"
        table.to_csv(path, index=False)
        written.append(path)
    baseline = results.phrases.baseline
    texts = {
        RANKING: markdown_ranking(findings.ranking),
        "wins.md": markdown(win_rows(wins, baseline, results.phrases)[:MOST_WINS])
        or f"Nothing was compared with the {baseline}.",
        VERDICTS: "\n".join(f"- **{one.question}** {one.answer}. {one.sentence}" for one in answers),
    }
    for name, text in texts.items():
        path = folder / name
        path.write_text(text + "\n", encoding="utf-8")
        written.append(path)
    trials = results.trials.copy(deep=False)
    trials.attrs[STATES] = [dataclasses.asdict(state) for state in results.sweeps]
    for name, frame in (("trials", trials), ("instances", with_timelines(results))):
        path = folder / f"{name}.parquet"
        frame.to_parquet(path, index=False, engine="pyarrow", compression="zstd", write_page_checksum=True)
        written.append(path)
    return written


def with_timelines(results: Results) -> pd.DataFrame:
    """Return the instances with their timelines as columns of lists: ``timeline_seconds``, ``timeline_dense_value``, ...."""
    events = results.events.sort_values("row", kind="stable")
    ends = np.searchsorted(events["row"].to_numpy(), np.arange(1, len(results.instances)))
    lists: dict[str, list[Any]] = {}
    for name in EVENT:
        values = events[name].to_numpy()
        if not np.isnan(values).all():
            lists[f"timeline_{name}"] = np.split(values, ends) if len(results.instances) else []
    return results.instances.assign(**lists)


def win_rows(wins: pd.DataFrame, yardstick: str, phrases: Phrases) -> list[dict[str, str]]:
    """Return the rows of the win table against one yardstick as people read them; measures that nobody has are left out."""
    part = wins[wins["yardstick"] == yardstick]
    measures = [name for name in ("time", "value", "norm") if (part[f"{name}_pairs"] > 0).any()]
    titles = {"time": "sooner", "value": f"{phrases.better} {phrases.value}", "norm": "shorter"}
    effects = {"time": "times as fast", "value": f"{phrases.value} gained", "norm": "length saved"}
    rows = []
    for _, row in part.iterrows():
        cells = {"network": str(row["network"]), "setting": str(row["setting"])}
        for name in measures:
            pairs = int(row[f"{name}_pairs"])
            share = interval_text(row[f"{name}_share_low"], row[f"{name}_share_high"], percent).removeprefix(", 95 % interval ")
            cells[titles[name]] = of_pairs(row, name) + (f" ({share})" if share else "") if pairs else MISSING
            cells[effects[name]] = _effect(row, name)
            cells[f"p ({titles[name]})"] = p_number(row[f"{name}_p_holm"]) if pairs else MISSING
        rows.append(cells)
    return rows


def markdown(rows: Sequence[dict[str, str]]) -> str:
    """Return rows with the same keys as a Markdown table; nothing where there are none."""
    if not rows:
        return ""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "|".join(" --- " for _ in rows[0]) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row.values()) + " |" for row in rows)])


def _effect(row: pd.Series, name: str) -> str:
    value = row[f"{name}_effect"]
    if pd.isna(value):
        return MISSING
    return f"{value:+.3g}" if name == "value" else number(value) if name == "time" else percent(value)
