"""What ``python -m sweep.show`` does: lists the sweeps of a store, or the trials of a sweep, or prints one trial."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from sweep.commands import listing
from sweep.commands.arguments import Asked, parse
from sweep.commands.lookup import Found, find
from sweep.config.dotted_keys import flatten, is_in
from sweep.config.effect import with_effect
from sweep.config.shown_keys import IN_TABLES
from sweep.config.task_names import task_name_in
from sweep.config.task_words import task_on_record, words_of
from sweep.config.words import Words
from sweep.errors import ConfigError
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.cpu_share import load_sentences
from sweep.report.words import number, percent, seconds
from sweep.store import Store
from sweep.terminal import streams
from sweep.terminal.exit_codes import FAILED, OK
from sweep.terminal.streams import say
from sweep.terminal.wording import MISSING, count

USAGE = """usage: python -m sweep.show [sweep.store=FOLDER]
       python -m sweep.show sweep=NAME [sweep.store=FOLDER]
       python -m sweep.show TRIAL [sweep.store=FOLDER] [tracking.uri=URI]

  without a name       the sweeps in the store, the newest first
  sweep=NAME           the trials of a run such as mnist-20260131-120000, or of the newest run of an experiment
  TRIAL                a trial's key or its first digits, the id of its run in MLflow, or its name ('4x64 dense',
                       or mnist/'4x64 dense' where several sweeps have one)
  sweep.store=FOLDER   folder or URL of the store (default: store)
  tracking.uri=URI     the MLflow store that run ids are looked up in (default: what MLFLOW_TRACKING_URI says,
                       else mlruns/mlflow.db, if it is there)

Exit codes: 0 shown, 1 the trial has not finished, or something could not be read, 2 the arguments were refused.
A report on a sweep, with figures: python -m sweep.report sweep=NAME
"""

WIDTH = 160


def run(arguments: Sequence[str], console: Console | None = None) -> int:
    """Print the sweeps, the trials of a sweep, or the trial that is asked for, and return the exit code."""
    console = console or wide_console()
    asked = parse(arguments, "trial", ["sweep"], optional=True)
    store = Store(asked.store, write=False)
    sweep = asked.others.get("sweep")
    if sweep is not None and asked.what:
        raise ConfigError(f"name a trial together with its sweep: python -m sweep.show {shlex.quote(f'{sweep}/{asked.what}')}")
    if sweep is not None:
        for line in listing.trials(store, sweep):
            say(console, line)
        return OK
    if not asked.what:
        table, said = listing.sweeps(store)
        if table.rows:
            console.print(table)
        for line in said:
            say(console, line)
        return OK
    return _show(asked, store, console)


def _show(asked: Asked, store: Store, console: Console) -> int:
    found = find(store, asked.what, asked.tracking_uri)
    address, log = store.log(found.key) or (None, "")
    if found.record is None:
        say(console, f"{found.name} ({found.key}) has not finished: {found.status}{f': {found.error}' if found.error else ''}")
        if address is not None:
            say(console, f"Its log, {address}:\n{log}")
        return FAILED
    for line in facts(found):
        say(console, line)
    console.print(instances(found.record))
    if address is not None:
        say(console, f"Each step with its time: {address}")
    say(console, f"The same again, compared with this: python -m sweep.replay {found.key}")
    return OK


def wide_console() -> Console:
    """Return a console that is wide enough for a table where no terminal says how wide it is."""
    console = streams.console()
    return console if console.is_terminal else streams.console(width=WIDTH)


def facts(found: Found) -> Iterator[str]:
    """Yield what is known of a trial as a whole, line by line."""
    record = found.record
    assert record is not None
    yield f"{record.name}   key {record.key}   {record.status}"
    ended = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.ended_at))
    where = record.host or "an unknown machine"
    yield f"ended {ended} on {where}, {_seconds(record.total_seconds)} wall, {_seconds(record.cpu_seconds)} CPU"
    yield from load_sentences([record])
    trained = f", trained in {_seconds(record.train_seconds)}" if record.train_seconds is not None else ", from a file"
    fit = f"accuracy {_share(record.accuracy_dense)}" if record.r2_dense is None else f"R² {record.r2_dense:.4f}"
    yield f"dense network {record.network_key}, {fit}{trained}"
    if record.sparsity is not None:
        fit = f", accuracy {_share(record.accuracy_surrogate)}" if record.accuracy_surrogate is not None else ""
        fit += f", R² {record.r2_surrogate:.4f}" if record.r2_surrogate is not None else ""
        yield f"surrogate: sparsity {_share(record.sparsity)}{fit}, pruned in {_seconds(record.prune_seconds)}"
    if record.skipped:
        words = _words(record)
        why = f": {words.left_out}" if words.left_out else ""
        yield f"{count(record.skipped, f'drawn {words.instance}')} {'was' if record.skipped == 1 else 'were'} left out{why}"
    swept = " ".join(f"{key}={value}" for key, value in record.swept.items())
    yield f"swept: {swept or 'nothing'}"
    flat = flatten(record.config)
    shown = with_effect([key for key in flat if is_in(key, SHOWN)], flat)
    told = [f"{key}={flat[key]}" for key in shown if flat[key] is not None and key not in record.swept]
    yield f"settings: {' '.join(told)}"


SHOWN = (
    *(*IN_TABLES, "dataset.file", "network.file", "attack.objective", "attack.norm", "attack.radius", "attack.on_incumbent"),
    *("attack.start", "task", "model", "method", "networks"),
)
"""The settings that are shown where they can change the trial: keys, and sections with all of their keys."""


def instances(record: TrialRecord) -> Table:
    """Return a table with a row for each instance."""
    words = _words(record)
    table = Table(box=None, pad_edge=False)
    titles = ["instance", "status", words.value, "dense bound", f"first {words.find}", "wall", "CPU"]
    for title in [*titles, "binaries", "nodes", "ended by"]:
        table.add_column(title, no_wrap=True, justify="left" if title in ("instance", "status", "ended by") else "right")
    for one in record.instances:
        table.add_row(
            task_on_record(one.task).described(one),
            one.status,
            _number(one.value),
            _number(one.bound),
            _seconds(one.first_found_seconds),
            _seconds(one.total_seconds),
            _seconds(one.cpu_seconds),
            MISSING if one.binaries is None else str(one.binaries),
            MISSING if one.nodes is None else f"{one.nodes:,}",
            _end(one),
        )
    return table


def _words(record: TrialRecord) -> Words:
    """Return the words of a trial's answers; of a trial without any, those that its configuration's task has."""
    if record.instances:
        return record.instances[0].words
    return words_of(task_name_in(record.config), str(record.config.get("attack", {}).get("objective")))


def _end(one: InstanceRecord) -> str:
    cut = "" if one.cut_from_seconds is None else f", cut from {_seconds(one.cut_from_seconds)}"
    return f"{one.solver_status or MISSING}{cut}{', starved of CPU' if one.starved else ''}"


def _number(value: float | None) -> str:
    return MISSING if value is None else number(value)


def _share(value: float | None) -> str:
    return "unknown" if value is None else percent(value) if value in (0.0, 1.0) else f"{100.0 * value:.1f} %"


def _seconds(value: float | None) -> str:
    return MISSING if value is None else seconds(value)
