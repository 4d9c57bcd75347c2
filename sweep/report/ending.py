"""Lists a sweep's trials in the store at its start, and writes its report at its end within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweep.errors import sentence
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.report.results import Searched, SweepState, Unfinished, results_of, unfinished_of
from sweep.report.searches import in_lines, search_answer
from sweep.report.writing import Budget, write_results
from sweep.store import Store
from sweep.store.default_store import store_argument
from sweep.store.manifest import Manifest, Planned, planned, save
from sweep.store.report_files import HEADLINE, PAGE
from sweep.terminal.wording import count

LIMIT_SECONDS = 60.0
"""Most seconds for the figures of a sweep that ended by itself."""

INTERRUPTED_SECONDS = 5.0
"""The same after an interrupt: a person who stops a sweep does not want to wait."""


@dataclass
class SweepEnding:
    """The list and the report of one sweep.

    Attributes:
        store: where both go.
        name: of the run.
        experiment: ``sweep.name``.
        overrides: what the sweep was made of.
        objectives: by which the best trial is told, if there are any.
    """

    store: Store
    name: str
    experiment: str
    overrides: Sequence[str]
    objectives: Sequence[str] = ()
    _began: float = field(default_factory=time.time)

    def begin(self, trials: Sequence[Trial]) -> None:
        """List the planned trials.

        Raises:
            StoreError: the store cannot be written.
        """
        save(self.store, self._manifest(planned(trials)))

    def finish(
        self,
        records: Sequence[TrialRecord],
        missing: Sequence[Trial],
        status: str,
        hurried: Callable[[], bool] = lambda: False,
    ) -> tuple[list[Path], list[str]]:
        """Write the report and say in the list how the trials ended; return the report's files and sentences for the terminal.

        Once ``hurried`` returns True no further figure is drawn. Nothing is raised: whatever goes wrong here, the sweep itself
        is done and must be closed properly.
        """
        ended = [Planned(r.key, r.name, r.status, r.error, r.limits, r.swept) for r in records]
        listed = replace(self._manifest((*ended, *planned(missing))), ended_at=time.time(), status=status)
        said: list[str] = []
        files: list[Path] = []
        try:
            save(self.store, listed)
            if any(record.status == "finished" for record in records):
                state = self._state(records, missing, killed=status == "KILLED")
                said += in_lines(search_answer(state, records))
                files = self._write(records, state, status, hurried)
                first = [file.read_text(encoding="utf-8").strip() for file in files if file.name == HEADLINE]
                said += [one for one in first if one not in said]
                said.append(f"Report: {self.store.publish_report(self.name)}/{PAGE}")
        except Exception as error:  # the boundary of the report
            said.append(
                f"The report could not be written ({sentence(error)}); nothing else is lost, and "
                f"python -m sweep.report sweep={self.name}{store_argument(self.store)} makes it again."
            )
        return files, said

    def _state(self, records: Sequence[TrialRecord], missing: Sequence[Trial], *, killed: bool) -> SweepState:
        unfinished = unfinished_of(records)
        unfinished += [Unfinished(trial.name, "not finished", "it was never started", trial.key) for trial in missing]
        finished = sum(record.status == "finished" for record in records)
        return SweepState(
            self.name,
            len(records) + len(missing),
            finished,
            tuple(unfinished),
            (f"The sweep was interrupted with {count(len(missing), 'trial')} not started.",) if killed else (),
            experiment=self.experiment,
            searched=Searched(tuple(self.objectives), tuple(self.overrides)) if self.objectives else None,
        )

    def _write(self, records: Sequence[TrialRecord], state: SweepState, status: str, hurried: Callable[[], bool]) -> list[Path]:
        results = results_of([(state, records)], pictures=lambda key: self.store.trial(key))
        budget = Budget(INTERRUPTED_SECONDS if status == "KILLED" else LIMIT_SECONDS, hurried)
        return write_results(results, self.store.report_folder(self.name), budget=budget)

    def _manifest(self, trials: tuple[Planned, ...]) -> Manifest:
        overrides, objectives = tuple(self.overrides), tuple(self.objectives)
        return Manifest(self.name, self.experiment, overrides, self._began, trials=trials, objectives=objectives)
