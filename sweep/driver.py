"""The flow of a sweep on the driver: plan -> store -> networks -> trials -> tracker -> report."""

from __future__ import annotations

import functools
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

from surrogate.errors import SurrogateError
from sweep.consistency import available_cpus
from sweep.errors import SweepError
from sweep.interruption import Interruption
from sweep.plan import Plan, Trial, training_recipe
from sweep.progress import Progress
from sweep.schema import DatasetSettings, Settings, read
from sweep.trial import (
    Inputs,
    TrainedNetwork,
    limit_threads,
    load_data,
    load_properties,
    mark_failed,
    new_record,
    run_trial,
    still_valid,
    train_network,
    warm_up,
)

if TYPE_CHECKING:
    from surrogate.datasets import Dataset
    from sweep.ledger import Ledger
    from sweep.records import TrialRecord
    from sweep.store import Store
    from sweep.tracking import Tracker
    from sweep.tuning import RayCluster

EXIT_OK, EXIT_FAILED, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 1, 2, 130

TRACKING_FOLDER = Path("mlruns")


def execute(plan: Plan, overrides: Sequence[str], *, parallel: bool) -> NoReturn:
    """Run a plan and end the program with its exit code; an error of the sweep as a whole is one sentence, no traceback."""
    try:
        code = run(plan, overrides, parallel=parallel)
    except (SweepError, SurrogateError) as error:
        print(f"error: {error}", file=sys.stderr)
        code = EXIT_FAILED
    except Exception:  # a fault of the program: Hydra must not take it for one of the configuration
        traceback.print_exc()
        code = EXIT_FAILED
    raise SystemExit(code)


def run(plan: Plan, overrides: Sequence[str], *, parallel: bool, console: Console | None = None) -> int:
    """Run all trials of a plan, on Ray or one after the other in this process, and return the exit code.

    Raises:
        SweepError: the store or the tracker cannot be used.
        DataUnavailable: a data set can neither be read nor fetched.
    """
    console = console or Console()
    settings = read(plan.trials[0].config)  # what concerns the sweep as a whole is the same in every trial
    if settings.sweep.dry_run:
        _print_plan(plan, console)
        return EXIT_OK
    from sweep.store import Store
    from sweep.tracking import Tracker

    interruption = Interruption()
    with interruption:
        try:
            store = Store(settings.sweep.store)
            tracker = Tracker(settings.tracking.uri, settings.sweep.name, TRACKING_FOLDER)
            return _Sweep(plan, overrides, settings, store, tracker, console, interruption).run(parallel)
        except KeyboardInterrupt:
            console.print("Interrupted before the sweep had begun: nothing was started.")
            return EXIT_INTERRUPTED


class _Sweep:
    """One sweep, from the parent run to the report."""

    def __init__(
        self,
        plan: Plan,
        overrides: Sequence[str],
        settings: Settings,
        store: Store,
        tracker: Tracker,
        console: Console,
        interruption: Interruption,
    ) -> None:
        from sweep.ledger import Ledger
        from sweep.store import LocalStages

        self.plan, self.overrides, self.settings = plan, list(overrides), settings
        self.store, self.tracker, self.console, self.interruption = store, tracker, console, interruption
        self.stages = LocalStages(store, settings.sweep.resume)
        self.cpus = settings.cluster.cpus or available_cpus()
        slots = self.cpus // settings.cluster.cpus_per_trial
        self.progress = Progress(console, len(plan.trials), slots)
        self.ledger: Ledger = Ledger(plan.trials, store, tracker, self.progress, interruption)
        self.name = f"{settings.sweep.name}-{time.strftime('%Y%m%d-%H%M%S')}"

    def run(self, parallel: bool) -> int:
        signal_name = None
        try:
            with self.interruption.postponed():
                self.tracker.start_sweep(self.name, self.plan.trials[0].config, self.overrides)
            with self.progress:
                self._run_trials(parallel)
        except KeyboardInterrupt:  # Ray raises its own in the middle of a wait, so the name of the signal is kept elsewhere
            signal_name = self.interruption.requested or "SIGINT"
            self.ledger.interrupt(signal_name)
        except BaseException:
            self.interruption.finish()
            self._close_after_fault()
            raise
        self.interruption.finish()
        return self._close(signal_name)

    def _run_trials(self, parallel: bool) -> None:
        open_trials = self._reuse()
        if not open_trials:
            return
        inputs = self._load_inputs(open_trials)
        if parallel:
            from sweep.tuning import RayCluster

            cluster = RayCluster(self.cpus, self.settings.cluster.cpus_per_trial, self.settings.sweep.retries)
            self.progress.activity(f"starting Ray on {self.cpus} CPUs")
            try:
                with self.interruption.postponed():  # a half-started Ray would leave processes behind
                    cluster.__enter__()
                self.interruption.install()  # Ray has set its own handler of SIGTERM
                self._run_on_ray(cluster, open_trials, inputs)
            finally:
                cluster.__exit__(None, None, None)
        else:
            self._run_here(open_trials, inputs)

    def _reuse(self) -> list[Trial]:
        """Book the trials that a former sweep finished; return the others."""
        if not self.settings.sweep.resume:
            return self.plan.trials
        still_open = []
        for trial in self.plan.trials:
            record = self.store.trial(trial.key)
            if record is None or not still_valid(record, read(trial.config)):
                still_open.append(trial)
                continue
            record.name, record.config, record.swept = trial.name, trial.config, trial.swept
            self.ledger.end(record, reused=True)
        return still_open

    def _load_inputs(self, trials: Sequence[Trial]) -> dict[str, Inputs]:
        """Return the inputs of each trial by trial key, every data set and property loaded once."""
        self.progress.activity("loading data")
        loaded: dict[DatasetSettings, Dataset | None] = {}
        inputs = {}
        for trial in trials:
            settings = read(trial.config)
            if settings.dataset not in loaded:
                loaded[settings.dataset] = load_data(settings)
            inputs[trial.key] = Inputs(loaded[settings.dataset], load_properties(settings))
        return inputs

    def _run_on_ray(self, cluster: RayCluster, trials: Sequence[Trial], inputs: dict[str, Inputs]) -> None:
        data = {key: one.data for key, one in inputs.items()}
        shared = {identity: cluster.share(one) for identity, one in {id(one): one for one in data.values()}.items()}
        references = {key: shared[id(one)] for key, one in data.items()}
        properties = {key: one.properties for key, one in inputs.items()}
        networks, missing = self._stored_networks(trials)
        for key, trial in [(key, trial) for key, trial in missing.items() if read(trial.config).network.file is not None]:
            settings = read(missing.pop(key).config)
            networks[key] = train_network(settings, data[trial.key])  # read here: a worker need not have the file
            self._keep_network(key, networks[key], settings)
        jobs = {key: (read(trial.config), references[trial.key]) for key, trial in missing.items()}
        self._say_training(jobs)
        for key, outcome in cluster.train(jobs):
            if isinstance(outcome, TrainedNetwork):
                networks[key] = outcome
                self._keep_network(key, outcome, jobs[key][0])
            else:
                for trial in trials:
                    if trial.training_key == key:
                        self.ledger.fail(trial.key, f"its dense network failed: {outcome.error}", outcome.detail)
        self.progress.activity("")
        ready = [trial for trial in trials if trial.training_key in networks]
        if ready:
            cluster.run(ready, references, networks, self.ledger, properties=properties)

    def _run_here(self, trials: Sequence[Trial], inputs: dict[str, Inputs]) -> None:
        for trial in trials:
            self.ledger.start(trial.key)
            record, trained = _in_thread(lambda trial=trial: self._one(trial, inputs[trial.key]))
            if trained is not None:
                self._keep_network(trial.training_key, trained, read(trial.config))
            self.ledger.end(record)

    def _one(self, trial: Trial, inputs: Inputs) -> tuple[TrialRecord, TrainedNetwork | None]:
        """Run one trial; also return its network if it was trained here."""
        limit_threads(self.settings.cluster.cpus_per_trial)
        warm_up()
        stored = self.store.network(trial.training_key)
        if stored is not None:
            return run_trial(trial, inputs, stored, self.stages), None
        record = new_record(trial)
        try:
            trained = train_network(read(trial.config), inputs.data)
        except Exception as error:  # the boundary of a training, as in sweep.tuning
            mark_failed(record, error)
            record.ended_at = time.time()
            return record, None
        return run_trial(trial, inputs, trained, self.stages), trained

    def _stored_networks(self, trials: Sequence[Trial]) -> tuple[dict[str, TrainedNetwork], dict[str, Trial]]:
        """Return the networks that the store has, and for each that it lacks one of the trials that need it."""
        networks: dict[str, TrainedNetwork] = {}
        missing: dict[str, Trial] = {}
        for key, trial in {trial.training_key: trial for trial in trials}.items():
            stored = self.store.network(key)
            if stored is None:
                missing[key] = trial
            else:
                networks[key] = stored
                self.tracker.log_network(stored.network.key, stored.network)
        return networks, missing

    def _say_training(self, jobs: dict[str, tuple[Settings, Any]]) -> None:
        if jobs:
            names = ", ".join(f"{s.network.name} on {s.dataset.title}" for s, _ in jobs.values())
            self.progress.activity(f"training {names}")

    def _keep_network(self, key: str, trained: TrainedNetwork, settings: Settings) -> None:
        with self.interruption.postponed():
            self.store.save_network(key, trained, training_recipe(settings))
            self.tracker.log_network(trained.network.key, trained.network)
        on, found = f" on {settings.dataset.title}", ""
        if trained.accuracy is not None:
            found = f": {100 * trained.accuracy:.2f} % of the test images"
        if trained.train_seconds is None:
            self.progress.say(f"read {settings.network.name}{on + found if found else ''}")
        else:
            self.progress.say(f"trained {settings.network.name}{on} in {trained.train_seconds:.1f} s{found}")

    def _close(self, signal_name: str | None) -> int:
        """Report, close the parent run and return the exit code."""
        from sweep import report

        records, missing = self.ledger.ordered, self.ledger.missing
        failed = [record for record in records if record.status == "failed"]
        status = "KILLED" if signal_name else "FAILED" if failed else "FINISHED"
        files: list[Path] = []
        if any(record.status == "finished" for record in records):
            folder = self.store.report_folder(self.name)
            files = report.write_report(records, folder)
        report.print_ranking(report.rank(records), self.console)
        if files:
            self.progress.say(f"Report: {files[0].parent}")
        self.tracker.finish_sweep(records, status, files)
        say = self.progress.say
        finished = sum(record.status == "finished" for record in records)
        say(f"{finished} finished ({self.progress.reused} reused), {len(failed)} failed of {len(self.plan.trials)} trials.")
        if signal_name:
            self._say_interrupted(signal_name, records, missing)
        elif failed:
            say("Run the same command again to retry the failed trials; the others are kept.")
        say(f"MLflow UI: {self.tracker.ui_command}")
        say(f"This sweep in it: {self.tracker.page}")
        return EXIT_INTERRUPTED if signal_name else EXIT_FAILED if failed else EXIT_OK

    def _say_interrupted(self, signal_name: str, records: Sequence[TrialRecord], missing: Sequence[Trial]) -> None:
        interrupted = [record.name for record in records if record.status == "interrupted"]
        self.progress.say(f"Interrupted by {signal_name}. Running then: {', '.join(interrupted) or 'none'}.")
        if missing:
            self.progress.say(f"Not started: {', '.join(trial.name for trial in missing)}.")
        self.progress.say("Run the same command again to go on: finished trials are kept.")

    def _close_after_fault(self) -> None:
        """Leave nothing RUNNING in the tracker when the sweep as a whole fails; that failure is what gets reported."""
        try:
            self.tracker.finish_sweep(self.ledger.ordered, "FAILED", [])
        except Exception as error:  # the first error is the one that matters
            print(f"the tracker could not be told that the sweep failed: {error}", file=sys.stderr)


def _in_thread(work: Any) -> Any:
    """Call ``work`` in a thread while this one waits, where a signal is seen at once even if a solver holds the other."""
    outcome: list[Any] = []

    def target() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=target, name="trial", daemon=True)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def _print_plan(plan: Plan, console: Console) -> None:
    say = functools.partial(console.print, highlight=False, markup=False, soft_wrap=True)
    width = max(len(trial.name) for trial in plan.trials)
    for trial in plan.trials:
        swept = " ".join(f"{key}={value}" for key, value in trial.swept.items())
        say(f"{trial.key}  {trial.name:{width}}  {swept}".rstrip())
    trainings = len({trial.training_key for trial in plan.trials})
    say(
        f"{len(plan.trials)} trials, {trainings} dense networks to train or reuse; {plan.duplicates} duplicates dropped, "
        f"{plan.excluded} combinations excluded by search.where. Dry run: nothing was started."
    )
