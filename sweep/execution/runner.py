"""Runs the trials of a sweep: books those in the store, trains networks, and runs the rest on Ray or in this process."""

from __future__ import annotations

import dataclasses
import functools
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from surrogate.errors import SurrogateError
from sweep.config.canonical import training_recipe
from sweep.config.inputs import Inputs, load_inputs
from sweep.config.schema import Settings
from sweep.config.task_names import task_name
from sweep.config.tasks import task_of
from sweep.config.users_modules import users_modules
from sweep.errors import ConfigError, sentence
from sweep.execution.interruption import Interruption
from sweep.execution.ledger import Ledger
from sweep.execution.local_run import local_coordinator, run_locally
from sweep.execution.trial_queue import Materials, PlanQueue, SearchQueue
from sweep.planning.plan import Plan
from sweep.planning.search.early_stopping import stop_key
from sweep.planning.search.goals import search_of
from sweep.planning.search.memory import SearchMemory
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.records.trial_log import log_text
from sweep.store import Store
from sweep.store.networks import TrainedNetwork
from sweep.tasks.dense_network import train_network
from sweep.terminal.progress import Progress
from sweep.tracking import Tracker
from sweep.trial.limit_reuse import trial_of_another_limit
from sweep.trial.process import limit_threads
from sweep.trial.trial import TrialRun, mark_failed, new_record, still_valid

if TYPE_CHECKING:
    from sweep.execution.ray_tune import RayCluster
    from sweep.execution.worker import OpenRun


@dataclass
class Runner:
    """Runs a plan to its end; whatever ends is in the ledger at that moment."""

    plan: Plan
    settings: Settings
    store: Store
    tracker: Tracker
    ledger: Ledger
    progress: Progress
    interruption: Interruption
    _logged: set[str] = field(default_factory=set)

    def run(self, *, parallel: bool, open_run: OpenRun | None = None) -> None:
        """Run all trials that are not done yet, on Ray or one after the other in this process.

        Args:
            parallel: on Ray.
            open_run: what a worker of Ray does with a trial, if not :class:`sweep.trial.trial.TrialRun`.

        Raises:
            SweepError: Ray, the store or the tracker cannot be used.
        """
        open_trials = [trial for trial in self.plan.trials if not self._is_reused(trial)]
        suggester = self.plan.suggester
        if not open_trials and suggester is None:
            return
        if parallel:
            self._run_on_ray(open_trials, open_run)
        else:
            self._run_here(open_trials)

    def _stored(self, trial: Trial) -> TrialRecord | None:
        """Return the record of a trial that a former sweep finished, or its search stopped, under the names of this one."""
        if not self.settings.sweep.resume:
            return None
        record = self.store.trial(trial.key)
        if record is None and trial.settings.search.scheduler != "none":
            record = self.store.stopped(stop_key(trial.key, trial.settings))
        if record is None or not still_valid(record, trial.settings):
            return self._of_another_limit(trial)
        return dataclasses.replace(record, name=trial.name, config=trial.config, swept=trial.swept, limits=list(trial.limits))

    def _of_another_limit(self, trial: Trial) -> TrialRecord | None:
        """Return the record of a trial from one with another time limit, kept as its own; None if an attack is to be run."""
        record, _ = trial_of_another_limit(self.store, trial)
        if record is not None:
            with self.interruption.postponed():
                self.store.save_trial(record)
            self.store.save_log(record.key, log_text(record))
        return record

    def _is_reused(self, trial: Trial) -> bool:
        record = self._stored(trial)
        if record is not None:
            self.ledger.end(record, reused=True)
        return record is not None

    def _run_here(self, trials: Sequence[Trial]) -> None:
        limit_threads(self.settings.cluster.cpus_per_trial)
        self.progress.activity("loading data")
        materials = Materials(share=lambda value: value)
        loaded = [
            (trial, load_inputs(trial.settings, materials.data(trial))) for trial in trials if self._has_data(materials, trial)
        ]
        self.progress.activity("")
        coordinator = local_coordinator(self.store, self.settings.sweep.resume)
        for trial, inputs in loaded:
            self.ledger.start(trial.key)
            try:
                trained = None
                if trial.training_key:
                    trained = self._stored_network(trial.training_key) or self._train_here(trial, inputs)
            except Exception as error:  # the boundary of a training, as in sweep.execution.ray_tune
                record = new_record(trial)
                mark_failed(record, error)
                record.ended_at = time.time()
            else:
                record = run_locally(trial, inputs, trained, coordinator, functools.partial(self.ledger.advance, trial.key))
            self.ledger.end(record)

    def _has_data(self, materials: Materials, trial: Trial) -> bool:
        """Load the data set of a trial; without it the trial fails, and others need not."""
        try:
            materials.data(trial)
        except (SurrogateError, ConfigError) as error:
            self.ledger.fail(trial.key, sentence(error), "".join(traceback.format_exception(error)))
            return False
        return True

    def _train_here(self, trial: Trial, inputs: Inputs) -> TrainedNetwork:
        settings = trial.settings
        if settings.network.file is None:
            self._say_training({trial.training_key: settings})
        try:
            trained = train_network(settings, inputs.data, functools.partial(self.progress.train, trial.training_key))
        finally:
            self.progress.end_training(trial.training_key)
        self._keep_network(trial.training_key, trained, settings)
        return trained

    def _run_on_ray(self, trials: Sequence[Trial], open_run: OpenRun | None) -> None:
        from sweep.execution.ray_tune import RayCluster

        modules = users_modules([*(trial.config for trial in trials), *self.plan.each])
        cluster = RayCluster(self.settings.cluster, self.settings.sweep.retries, modules)
        self.progress.activity(cluster.activity)
        try:
            with self.interruption.alone():  # a half-started Ray would leave processes behind
                cluster.__enter__()
            self.progress.widen(cluster.slots)
            materials = Materials(cluster.share)
            self.progress.activity("loading data")
            trials = [trial for trial in trials if self._has_data(materials, trial)]
            ready = self._prepare_networks(cluster, materials, trials)
            self.progress.activity("")
            self._run_queue(cluster, materials, ready, open_run)
        finally:
            with self.interruption.postponed():  # an interrupted end of Ray would end this process too, without a word
                cluster.__exit__(None, None, None)

    def _run_queue(self, cluster: RayCluster, materials: Materials, ready: Sequence[Trial], open_run: OpenRun | None) -> None:
        suggester, scheduler = self.plan.suggester, self._scheduler()
        queue: PlanQueue | SearchQueue
        if suggester is None:
            if not ready:
                return
            queue = PlanQueue(ready, materials)
        else:
            suggester.remember(SearchMemory(self.store, self.settings.sweep.resume, self.settings.sweep.name))
            queue = SearchQueue(suggester, materials, self.ledger, self._stored, self._log_network_of, scheduler)
        try:
            cluster.run(
                queue,
                self.ledger,
                store=self.store.url,
                resume=self.settings.sweep.resume,
                scheduler=scheduler,
                open_run=open_run or TrialRun,
            )
        finally:
            if suggester is not None:
                with self.interruption.postponed():
                    suggester.close()
        self.progress.expect(len(self.ledger.trials))  # a search may have ended sooner
        for trial in self.ledger.missing:
            self.ledger.fail(trial.key, "Ray Tune returned no result for this trial")
        if suggester is not None and suggester.notice is not None:
            self.progress.say(suggester.notice)

    def _scheduler(self) -> Any:
        """Return what stops trials early, or None."""
        if self.settings.search.scheduler == "none":
            return None
        from sweep.planning.search.tune_scheduler import scheduler

        asked = [trial.settings for trial in self.plan.trials] or [self.settings]
        counts = [task_of(settings).count(settings) for settings in asked]
        known = [count for count in counts if count is not None]
        most = max(known) if len(known) == len(counts) else None
        return scheduler(search_of(self.settings), most, self.ledger.ordered, dict.fromkeys(map(task_name, asked)))

    def _prepare_networks(self, cluster: RayCluster, materials: Materials, trials: Sequence[Trial]) -> list[Trial]:
        """Share the dense network of every trial, trained unless the store has it; return the trials that have theirs."""
        failed: set[str] = set()
        missing: dict[str, Trial] = {}
        for key, trial in {trial.training_key: trial for trial in trials if trial.training_key}.items():
            stored = self._stored_network(key)
            settings = trial.settings
            if stored is None and settings.network.file is not None:
                stored = train_network(settings, materials.data(trial))  # read here: a worker need not have the file
                self._keep_network(key, stored, settings)
            if stored is None:
                missing[key] = trial
            else:
                materials.add_network(key, stored)
        jobs = {key: (trial.settings, materials.shared_data(trial)) for key, trial in missing.items()}
        self._say_training({key: settings for key, (settings, _) in jobs.items()})
        for key, outcome in cluster.train(jobs, self.progress.train):
            self.progress.end_training(key)
            if isinstance(outcome, TrainedNetwork):
                self._keep_network(key, outcome, jobs[key][0])
                materials.add_network(key, outcome)
                continue
            failed.add(key)
            for trial in trials:
                if trial.training_key == key:
                    self.ledger.fail(trial.key, f"its dense network failed: {outcome.error}", outcome.detail)
        return [trial for trial in trials if trial.training_key not in failed]

    def _stored_network(self, key: str) -> TrainedNetwork | None:
        stored = self.store.network(key) if self.settings.sweep.resume else None
        if stored is not None:
            self._log_network(stored)
            self.ledger.trained(key, "the dense network was in the store")
        return stored

    def _log_network_of(self, trial: Trial, _record: TrialRecord) -> None:
        """A trial that a search chose has trained its network itself, if it came so far."""
        stored = self.store.network(trial.training_key) if trial.training_key else None
        if stored is not None:
            self._log_network(stored)

    def _log_network(self, trained: TrainedNetwork) -> None:
        if trained.network.key not in self._logged:
            self._logged.add(trained.network.key)
            self.tracker.log_network(trained.network.key, trained.network)

    def _say_training(self, jobs: Mapping[str, Settings]) -> None:
        """Show the trainings, and print a line on them where no live display does."""
        names = [f"{settings.network.name} on {settings.dataset.title}" for settings in jobs.values()]
        for name, (key, settings) in zip(names, jobs.items(), strict=True):
            self.progress.start_training(key, name, settings.training.epochs)
        if names:
            several = [f"{name} ({number} networks)" if number > 1 else name for name, number in Counter(names).items()]
            self.progress.activity(f"training {', '.join(several)}")
            self.progress.activity("")

    def _keep_network(self, key: str, trained: TrainedNetwork, settings: Settings) -> None:
        with self.interruption.postponed():
            self.store.save_network(key, trained, training_recipe(settings))
            self._log_network(trained)
        on, found = f" on {settings.dataset.title}", ""
        if trained.accuracy is not None:
            found = f": {100 * trained.accuracy:.2f} % of the test {settings.dataset.points}"
        elif trained.r2 is not None:
            found = f": R² {trained.r2:.4f} on the test {settings.dataset.points}"
        if trained.train_seconds is None:
            said = f"read {settings.network.name}{on + found if found else ''}"
        else:
            said = f"trained {settings.network.name}{on} in {trained.train_seconds:.1f} s{found}"
        self.ledger.trained(key, said)
        self.progress.say(said)
