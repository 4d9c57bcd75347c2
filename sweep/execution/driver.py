"""The flow of a sweep on the driver: plan -> store -> networks -> trials -> tracker -> report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from sweep.config.mlflow_address import TRACKING_FOLDER, named_uri
from sweep.config.passwords import hide_in_overrides
from sweep.config.reading import read
from sweep.config.schema import Settings
from sweep.errors import StoreError
from sweep.execution.interruption import INTERRUPTIONS, Interruption
from sweep.planning.plan import Plan
from sweep.planning.sweep_config import idle_keys, sweep_config
from sweep.planning.trials import Trial
from sweep.records.cpu_share import load_sentences
from sweep.records.time_limit import limit_sentences
from sweep.terminal import streams
from sweep.terminal.exit_codes import FAILED, INTERRUPTED, OK
from sweep.terminal.progress import Progress
from sweep.terminal.wording import count

if TYPE_CHECKING:
    from sweep.execution.ledger import Ledger
    from sweep.execution.worker import OpenRun
    from sweep.store import Store
    from sweep.tracking import Tracker

MOST_NAMED = 20
"""The most trials that are named of those that were not started."""

NEXT = """What to run next:
  python -m sweep -m pruning.amount=0.3,0.5,0.8    the same with three sparsities: a sweep
  python -m sweep +experiment=digits               several ways to attack, compared; under a minute
  python -m sweep.show                             what has been run so far"""


def run(
    plan: Plan,
    overrides: Sequence[str],
    *,
    parallel: bool,
    console: Console | None = None,
    open_run: OpenRun | None = None,
) -> int:
    """Run all trials of a plan, on Ray or one after the other in this process, and return the exit code.

    Args:
        plan: the trials.
        overrides: what the plan was made of, for the tracker.
        parallel: on Ray.
        console: where to print; by default the terminal.
        open_run: what a worker of Ray does with a trial, if not :class:`sweep.trial.trial.TrialRun`: to measure all the rest.

    Raises:
        SweepError: the store or the tracker cannot be used.
    """
    console = console or streams.console()
    settings = read(plan.config)  # what concerns the sweep as a whole is the same in every trial
    from sweep.store import Store
    from sweep.tracking import Tracker

    interruption = Interruption()
    with interruption:
        try:
            progress = Progress(console, _most_trials(plan, settings), slots=1)
            store = Store(settings.sweep.store, notice=progress.say)
            patience = settings.tracking.patience_seconds
            uri, experiment = named_uri(settings.tracking.uri), settings.sweep.name
            tracker = Tracker(uri, experiment, TRACKING_FOLDER, patience, progress.say, store.trial)
            sweep = _Sweep(plan, overrides, settings, store, tracker, progress, interruption)
            try:
                return sweep.run(parallel, open_run)
            finally:
                store.drop_empty_report(sweep.name)
        except KeyboardInterrupt:
            console.print("Interrupted before the sweep had begun: nothing was started.")
            return INTERRUPTED


class _Sweep:
    """One sweep, from the parent run to the report."""

    def __init__(
        self,
        plan: Plan,
        overrides: Sequence[str],
        settings: Settings,
        store: Store,
        tracker: Tracker,
        progress: Progress,
        interruption: Interruption,
    ) -> None:
        from sweep.execution.ledger import Ledger
        from sweep.execution.runner import Runner
        from sweep.planning.search.goals import judged_by
        from sweep.report.ending import SweepEnding
        from sweep.store.manifest import free_name

        self.plan, self.settings = plan, settings
        self.overrides = hide_in_overrides(overrides)  # they are kept in the store and in MLflow, and shown
        self.store, self.tracker, self.progress, self.interruption = store, tracker, progress, interruption
        self.ledger: Ledger = Ledger(plan.trials, store, tracker, progress, interruption)
        self.runner = Runner(plan, settings, store, tracker, self.ledger, progress, interruption)
        self.name = free_name(store, f"{settings.sweep.name}-{time.strftime('%Y%m%d-%H%M%S')}")
        objectives = judged_by(settings, plan.trials)
        self.ending = SweepEnding(store, self.name, settings.sweep.name, self.overrides, objectives)
        planned = count(_most_trials(plan, settings), "trial")
        self._planned = planned if plan.suggester is None else f"at most {planned}"
        self._has_begun = self._is_closing = self._is_closed = False

    def run(self, parallel: bool, open_run: OpenRun | None) -> int:
        signal_name = None
        try:
            with self.interruption.postponed():
                keys = [trial.key for trial in self.plan.trials]
                config, idle = sweep_config(self.plan), idle_keys(self.plan)
                self.tracker.start_sweep(self.name, config, self.overrides, self._planned, keys, idle)
                self.ending.begin(self.plan.trials)
                self._has_begun = True
            for note in self.plan.notes:
                self.progress.say(note)
            with self.progress, self.interruption.deadline(self.settings.deadlines.sweep_seconds):
                self.runner.run(parallel=parallel, open_run=open_run)
        except KeyboardInterrupt:  # Ray raises its own in the middle of a wait, so the name of the signal is kept elsewhere
            signal_name = self.interruption.requested or "SIGINT"
            self.ledger.interrupt(signal_name)
        except BaseException as error:
            self.interruption.finish()
            self._close_after_fault(error)
            raise
        self.interruption.finish()
        try:
            return self._close(signal_name)
        except BaseException as error:
            self._close_after_fault(error)
            raise

    def _close(self, signal_name: str | None, fault: BaseException | None = None) -> int:
        """Report, close the parent run and return the exit code."""
        from sweep import report
        from sweep.errors import sentence
        from sweep.report.settings import SEEDS

        self._is_closing = True
        records, missing = self.ledger.ordered, self.ledger.missing
        failed = [record for record in records if record.status == "failed"]
        late = sum(record.late for record in records)
        status = "KILLED" if signal_name else "FAILED" if failed or late or fault else "FINISHED"
        others = [record for record in records if record.status != "interrupted"]  # those have just been named
        report.print_ranking(report.rank(others, SEEDS), self.progress.console)  # as the page does
        say = self.progress.say
        files, said = self.ending.finish(records, missing, status, self._is_hurried)
        for text in said:
            say(text)
        self._is_closed = True
        error = None if fault is None else f"The sweep failed: {sentence(fault)}"
        if (unwritten := self.tracker.finish_sweep(records, status, files, error=error, hurried=self._is_hurried)) is not None:
            say(unwritten)
        finished = sum(record.status == "finished" for record in records)
        stopped = sum(record.status == "stopped" for record in records) - late
        early = f", {late} ended by deadlines.trial_seconds" if late else ""
        early += f", {stopped} stopped early" if stopped else ""
        interrupted = sum(record.status == "interrupted" for record in records)
        cut = f", {interrupted} interrupted" if interrupted else ""
        cut += f", {len(missing)} not started" if missing else ""
        total = len(self.ledger.trials)
        say(f"{finished} finished ({self.progress.reused} reused){early}, {len(failed)} failed{cut} of {total} trials.")
        if signal_name or fault:
            _say_cut_off(say, f"Interrupted by {signal_name}" if signal_name else "Ended by an error", missing)
        elif failed:
            say("Run the same command again to retry the failed trials; the others are kept.")
        for text in (*load_sentences(records), *limit_sentences(self.plan.limits_note, records)):
            say(text)
        if late and not signal_name:
            say("The same command with a larger deadlines.trial_seconds goes on with the trials that were out of time.")
        if self.plan.suggester is not None and self.plan.suggester.study is not None:
            say(f"Study of the search: {self.plan.suggester.study}")
        say(f"MLflow UI: {self.tracker.ui_command}")
        say(f"This sweep in it: {self.tracker.page}")
        if not self.overrides:  # a bare python -m sweep: somebody has a first look
            say(NEXT)
        if signal_name is not None and signal_name in INTERRUPTIONS:
            return INTERRUPTED
        return FAILED if failed or late or signal_name or fault else OK

    def _is_hurried(self) -> bool:
        return self.interruption.hurried

    def _close_after_fault(self, fault: BaseException) -> None:
        """Leave nothing RUNNING in the tracker when the sweep as a whole fails; that failure is what gets reported.

        If it fails on the way, such as on a full store, that is an interruption to its trials: their state is said as after
        Ctrl-C.
        """
        from sweep.errors import sentence

        if self._has_begun and not self._is_closing and (isinstance(fault, StoreError) or self.ledger.has_begun):
            try:
                self.ledger.interrupt("the error that ended the sweep")
                self._close(None, fault)
            except Exception as error:  # the first error is the one that matters
                print(f"the end of the sweep could not be recorded: {error}", file=sys.stderr)
        if self._is_closed:
            return
        try:
            self._is_closed = True
            unwritten = self.tracker.finish_sweep(
                self.ledger.ordered, "FAILED", [], error=f"The sweep failed: {sentence(fault)}", hurried=self._is_hurried
            )
            if unwritten is not None:
                print(unwritten, file=sys.stderr)
        except Exception as error:  # the first error is the one that matters
            print(f"the tracker could not be told that the sweep failed: {error}", file=sys.stderr)


def _most_trials(plan: Plan, settings: Settings) -> int:
    """Return how many trials a sweep has; of one whose search chooses them while it runs, how many it may have."""
    return len(plan.trials) if plan.suggester is None else settings.search.samples


def _say_cut_off(say: Callable[[str], None], why: str, missing: Sequence[Trial]) -> None:
    say(f"{why}.")  # the trials that were running have had their lines when they were cut off
    if missing:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        say(f"Not started: {', '.join(trial.name for trial in missing[:MOST_NAMED])}{more}.")
    larger = ""
    if why.startswith("Interrupted by deadlines."):
        larger = ", with a larger deadlines.sweep_seconds if it was too short for a training or a single answer"
    say(f"Run the same command again to go on{larger}: finished trials and single answers are kept.")
