"""What a store holds, as lists for people: its sweeps, and the trials of one of them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator

from rich.table import Table

from sweep.errors import ConfigError
from sweep.report.findings import Findings
from sweep.report.gather import gather
from sweep.store import Store
from sweep.store import manifest as manifests
from sweep.store.default_store import store_argument
from sweep.store.manifest import Manifest
from sweep.store.report_files import HEADLINE, PAGE
from sweep.terminal.progress import outcome
from sweep.terminal.wording import count

MOST_SWEEPS = 20
"""The most sweeps that are listed, the newest ones."""

MOST_TRIALS = 1000
"""A headline that no report has is made from all trials of a sweep, unless they are more than this: that takes too long."""


def sweeps(store: Store) -> tuple[Table, list[str]]:
    """Return a table with a row for each sweep, the newest first, and sentences on what to do with it.

    Raises:
        StoreError: the store cannot be read.
    """
    known = manifests.all_of(store)
    finished = store.keys("trials")
    table = Table(box=None, pad_edge=False)
    for title in ("sweep", "trials", "when"):
        table.add_column(title, no_wrap=True, justify="right" if title == "trials" else "left")
    table.add_column("headline", overflow="fold")
    for one in known[:MOST_SWEEPS]:
        ended = sum(trial.status == "finished" or (trial.status is None and trial.key in finished) for trial in one.trials)
        table.add_row(one.name, f"{ended:,}/{len(one.trials):,}", _when(one), _headline(store, one))
    if not known:
        return table, [f"There is no sweep in {store.address}: run one first, or set sweep.store to where it is."]
    said = [f"{count(len(known) - MOST_SWEEPS, 'older sweep')} not shown."] if len(known) > MOST_SWEEPS else []
    where, newest = store_argument(store), known[0].name
    said += [f"The trials of one: python -m sweep.show sweep={newest}{where}"]
    return table, [*said, *_report(store, newest)]


def trials(store: Store, name: str) -> Iterator[str]:
    """Yield lines on a sweep and each of its trials.

    Raises:
        ConfigError: there is none of that name, and near ones are named; or more than one.
        StoreError: the store cannot be read.
    """
    results = gather(store, [name])
    if len(results.sweeps) > 1:
        raise ConfigError(f"sweep={name} names {len(results.sweeps)} sweeps: their trials are shown one sweep at a time")
    state = results.sweeps[0]
    planned = state.finished if state.planned is None else state.planned
    made_of = manifests.load(store, state.name)
    when = "" if made_of is None else f", {_when(made_of)}"
    yield f"{state.name}: {state.finished:,} of {count(planned, 'trial')} finished{when}"
    if made_of is not None and made_of.overrides:
        last = {one.partition("=")[0]: one for one in made_of.overrides}  # which is the one that counts
        yield f"made of: {shlex.join(last.values())}"
    yield from state.notes
    yield (store.report_text(state.name, HEADLINE) or Findings(results).first).strip()
    yield ""
    rows = [(record.key, record.name, outcome(record)) for record in results.records]
    rows += [(one.key, one.name, f"{one.status}: {one.error}") for one in state.unfinished]
    width = max((len(row[1]) for row in rows), default=0)
    for key, trial, said in rows:
        yield f"{key:16}  {trial:{width}}  {said}"
    yield ""
    if rows:
        yield f"One trial, instance by instance: python -m sweep.show {rows[0][0]}{store_argument(store)}"
    yield from _report(store, state.name)


def _when(one: Manifest) -> str:
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.started_at))
    return began if one.ended_at is not None else f"{began}, end not recorded"


def _headline(store: Store, one: Manifest) -> str:
    if (said := store.report_text(one.name, HEADLINE)) is not None:
        return said.strip()
    if len(one.trials) > MOST_TRIALS:
        return f"none without its report: it has more than {MOST_TRIALS:,} trials"
    return Findings(gather(store, [one.name])).first


def _report(store: Store, name: str) -> Iterator[str]:
    address = store.report_address(name, PAGE)
    again = f"python -m sweep.report sweep={shlex.quote(name)}{store_argument(store)}"
    yield f"Report: {address} (made again by {again})" if address is not None else f"Its report is made by: {again}"
