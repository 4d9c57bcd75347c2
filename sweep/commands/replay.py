"""What ``python -m sweep.replay <trial>`` does: runs a trial again from its recorded configuration, and compares."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console

from sweep.commands.agreement import Comparison, Finding, compare, confirm
from sweep.commands.arguments import parse
from sweep.commands.lookup import find
from sweep.errors import ConfigError, SweepError
from sweep.planning.plan import plan_one
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.terminal import streams
from sweep.terminal.exit_codes import FAILED, OK
from sweep.terminal.streams import say
from sweep.terminal.wording import duration

USAGE = """usage: python -m sweep.replay TRIAL [sweep.store=FOLDER] [tracking.uri=URI]

Runs a finished trial again, training included, in this process, from the configuration in its record, and says whether it
agrees. Nothing is read from the store but the record, and nothing is written to it.

  TRIAL                a trial's key or its first digits, the id of its run in MLflow, or its name ('4x64 dense',
                       or mnist/'4x64 dense' where several sweeps have one)
  sweep.store=FOLDER   folder or URL of the store (default: store)
  tracking.uri=URI     the MLflow store that run ids are looked up in (default: what MLFLOW_TRACKING_URI says,
                       else mlruns/mlflow.db, if it is there)

Exit codes: 0 it agrees, as far as time limits allow; 1 it does not, or could not be run; 2 the arguments were refused.
"""


def run(arguments: Sequence[str], console: Console | None = None) -> int:
    """Replay the trial that is asked for and return the exit code."""
    console = console or streams.console()
    asked = parse(arguments, "trial")
    found = find(Store(asked.store, write=False), asked.what, asked.tracking_uri)
    if found.record is None and found.status == "finished":
        raise SweepError(
            f"the record of {found.name} cannot be read any more, so there is nothing to compare with: run it again"
        )
    if found.record is None:
        raise SweepError(f"{found.name} has not finished ({found.status}), so there is nothing to compare with: run it first")
    before = found.record
    trial = planned(before)
    say(console, f"{before.name} ({before.key}), {len(before.instances)} instances, took {_took(before)} when it was recorded")
    if trial.key != before.key:
        say(
            console,
            f"Its key is {trial.key} today: the program or its data have changed since the record was made, so differences may "
            f"be intended.",
        )
    after, compared = replayed(before, trial, console)
    if after.status != "finished":
        raise SweepError(f"the trial does not finish today: {after.error}")
    for one in compared:
        say(console, f"  {_MARKS[one.finding]} {one.what}: {one.said}")
    findings = [one.finding for one in compared]
    say(console, verdict(findings))
    return FAILED if Finding.DIFFERENT in findings else OK


_MARKS = {Finding.SAME: "=", Finding.TIME: "~", Finding.DIFFERENT: "≠"}


def verdict(findings: Sequence[Finding]) -> str:
    """Return the sentence at the end."""
    different, timed = findings.count(Finding.DIFFERENT), findings.count(Finding.TIME)
    if different:
        return f"It disagrees in {different} of {len(findings)} values (≠)."
    if timed:
        return f"It agrees, but for {timed} of {len(findings)} values that a time limit decides (~)."
    return f"It agrees in all {len(findings)} values."


def planned(record: TrialRecord) -> Trial:
    """Return the trial that a record's configuration gives today.

    Raises:
        ConfigError: this version of the program refuses it.
    """
    try:
        trial = plan_one(OmegaConf.create(record.config)).trials[0]
    except ConfigError as error:
        raise ConfigError(f"this version of the program refuses the recorded configuration: {error}") from error
    return Trial(trial.key, record.name, trial.config, record.swept, trial.baseline_key, trial.training_key)


def replayed(before: TrialRecord, trial: Trial, console: Console) -> tuple[TrialRecord, list[Comparison]]:
    """Run a trial with a store of its own that is thrown away; return its record and how it compares.

    Raises:
        SurrogateError, SweepError: the data cannot be loaded, or the network not be trained.
    """
    from sweep.config.inputs import load_data, load_inputs
    from sweep.execution.local_run import local_coordinator, run_locally
    from sweep.tasks.base import TaskWork, task_to_run
    from sweep.tasks.dense_network import train_network
    from sweep.tasks.networks import Networks
    from sweep.trial.process import limit_threads

    settings = trial.settings
    limit_threads(settings.cluster.cpus_per_trial)

    def told(answered: int) -> None:
        if answered:
            status.update(f"{answered} of {len(before.instances)} instances answered")

    with console.status("loading data") as status, tempfile.TemporaryDirectory(prefix="sweep-replay-") as folder:
        inputs = load_inputs(settings, load_data(settings))
        status.update("training the dense network" if settings.network.file is None else "reading the network")
        trained = train_network(settings, inputs.data) if trial.training_key else None
        status.update("pruning, and the first instance")
        after = run_locally(trial, inputs, trained, local_coordinator(Store(folder)), told)
        compared: list[Any] = [] if after.status != "finished" else list(compare(before, after))
        if compared and before.network_key == after.network_key:
            networks = Networks.of(settings, inputs, trained)
            compared += confirm(before, task_to_run(settings), TaskWork(settings, inputs, networks, lambda text: None))
    return after, compared


def _took(record: TrialRecord) -> str:
    return duration((record.total_seconds or 0.0) + (record.train_seconds or 0.0))
