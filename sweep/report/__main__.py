"""The program ``python -m sweep.report sweep=<name>``: reads a sweep's trials from the store and writes its report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sweep.commands.arguments import path_of, program, setting
from sweep.config.mlflow_address import existing_uri, named_uri
from sweep.errors import ConfigError, SweepError
from sweep.store.default_store import DEFAULT_STORE
from sweep.terminal import streams
from sweep.terminal.exit_codes import FAILED, OK
from sweep.terminal.streams import say

USAGE = """usage: python -m sweep.report sweep=NAME [sweep=OTHER ...] [sweep.store=FOLDER] [tracking.uri=URI] [output=FOLDER]
       python -m sweep.report files=FOLDER [files=OTHER ...] output=FOLDER

  sweep=NAME           a run such as mnist-20260131-120000, or sweep.name for the newest run of that experiment;
                       several are compared on one page, and a trial that they share counts once
  sweep.store=FOLDER   folder or URL of the store (default: store)
  tracking.uri=URI     the MLflow store whose parent run gets the report (default: what MLFLOW_TRACKING_URI
                       says, else mlruns/mlflow.db, if it is there)
  output=FOLDER        where the report goes (default: reports/NAME in the store)
  files=FOLDER         no store: trials.parquet and instances.parquet of another report, such as published ones

Exit codes: 0 written, 1 no trial has finished, or something could not be read or written, 2 the arguments were refused.
"""

OPTIONS = ("sweep", "sweep.store", "tracking.uri", "output", "files")


@dataclass(frozen=True)
class Arguments:
    """What is asked for; ``tracking_uri`` is what was named, None if nothing was."""

    sweeps: tuple[str, ...]
    store: str = DEFAULT_STORE
    tracking_uri: str | None = None
    output: Path | None = None
    files: tuple[Path, ...] = ()


def parse(arguments: Sequence[str]) -> Arguments:
    """Return the arguments.

    Raises:
        ConfigError: one that is not known or does not go with the others, or no sweep.
    """
    given = [setting(argument, OPTIONS) for argument in arguments]
    keys = [key for key, _ in given]
    others = {key: value for key, value in given if key not in ("sweep", "files")}
    if "files" in keys:
        needless = [key for key in ("sweep", "sweep.store", "tracking.uri") if key in keys]
        if needless or "output" not in keys:
            wrong = f"{needless[0]} does not go with files" if needless else "files needs output"
            raise ConfigError(f"{wrong}: python -m sweep.report files=FOLDER output=FOLDER")
        folders = dict.fromkeys(path_of(key, value) for key, value in given if key == "files")
        return Arguments((), output=path_of("output", others["output"]), files=tuple(folders))
    sweeps = [value for key, value in given if key == "sweep" and value.strip(", ")]
    if not sweeps:
        raise ConfigError("no sweep is named: sweep=NAME says whose report is wanted")
    uri = others.get("tracking.uri")
    return Arguments(
        tuple(dict.fromkeys(sweeps)),
        others.get("sweep.store", DEFAULT_STORE),
        None if uri == "null" else uri,
        path_of("output", others["output"]) if "output" in others else None,
    )


def run(arguments: Arguments, console: Console) -> int:
    """Write the report, log it to the parent run of the first sweep, and return the exit code.

    Raises:
        SweepError: the store or the tables cannot be read.
        ConfigError: there is no such sweep, or no such file.
    """
    from sweep.report.gather import gather
    from sweep.report.page import alerts
    from sweep.report.published import read_files
    from sweep.report.writing import write_results
    from sweep.store import Store
    from sweep.store.report_files import HEADLINE, PAGE

    if arguments.files:
        results = read_files(arguments.files)
    else:
        store = Store(arguments.store, write=False)
        with console.status("reading the store"):
            results = gather(store, arguments.sweeps)
    name = "+".join(state.name for state in results.sweeps)
    folder = arguments.output or store.report_folder(name)
    with console.status("") as status:
        try:
            files = write_results(results, folder, progress=lambda what: status.update(what))
        except OSError as error:
            raise SweepError(
                f"the report cannot be written to {folder}: {error.strerror or error}; set output=FOLDER"
            ) from error
        address = str(folder) if arguments.output else store.publish_report(name)
    for text in [*results.remarks, *alerts(results)]:
        say(console, text)
    say(console, (folder / HEADLINE).read_text(encoding="utf-8").strip())
    say(console, f"Report: {address}/{PAGE}")
    runs = [(state.name, state.experiment) for state in results.sweeps]
    logged = bool(arguments.files) or _log(arguments, runs, files, console)
    return OK if logged and len(results.trials) else FAILED


def _log(arguments: Arguments, sweeps: Sequence[tuple[str, str | None]], files: Sequence[Path], console: Console) -> bool:
    """Put the files on the sweep's parent run; return whether that was done, or nobody asked for it."""
    uri = existing_uri(arguments.tracking_uri)
    if uri is None:
        return True
    from sweep.tracking.reports import log_report

    name, experiment = sweeps[0]
    folder = "report" if len(sweeps) == 1 else "comparison"
    try:
        run_name = log_report(uri, experiment, name, files, folder)
    except SweepError as error:
        print(f"error: the report is written, but not logged: {error}", file=sys.stderr)
        return named_uri(arguments.tracking_uri) is None
    say(console, f"Logged to the run {run_name} in MLflow, as {folder}/.")
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: run with the arguments of the command line and return the exit code."""
    return program(USAGE, lambda given: run(parse(given), streams.console()), arguments)


if __name__ == "__main__":
    sys.exit(main())
