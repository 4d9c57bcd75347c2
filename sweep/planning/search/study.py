"""The trials of a search as a study of Optuna's in a SQLite file, which optuna-dashboard and ``optuna.load_study`` open.

The search itself reads its memory and the store. The study is a view of both that is written while the search runs: a trial is
added when it is suggested, and gets its values when it has ended. Each write is a transaction, so that a process may be killed
at any moment. The same search goes on with the same file: a trial that is there is not added again.
"""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep.config.mlflow_address import sqlite_address
from sweep.planning.search.memory import SearchMemory
from sweep.planning.search.parameters import plain, readable
from sweep.planning.swept_keys import Dimension
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.records.objectives import Objective

TRIAL_KEY = "trial_key"
"""The attribute of a trial of the study that says which trial of the sweep it is."""

BUSY_SECONDS = 20.0
"""How long a write waits for another process that has the file, such as a dashboard."""


class KeptStudy:
    """The study of one search.

    Nothing is raised: what goes wrong with the file is said once, and the search goes on without it.

    Args:
        memory: says which file it is, and whether its trials of before count; told what goes wrong.
        key: of the search.
        objectives: of the search.
        dimensions: the swept keys.
    """

    def __init__(
        self, memory: SearchMemory, key: str, objectives: Sequence[Objective], dimensions: Mapping[str, Dimension]
    ) -> None:
        self._memory, self._key, self._objectives = memory, key, objectives
        self._distributions = {name: readable(dimension) for name, dimension in dimensions.items()}
        self._there: dict[str, FrozenTrial] = {}
        """The last trial of the study for each trial of the search, by its key."""
        self._storage: RDBStorage | None = None
        self._study_id = 0
        self._try(self._open)

    @property
    def address(self) -> str | None:
        """How to look at it, in words for the terminal; None if it is not kept."""
        if self._storage is None:
            return None
        file, where = self._memory.study_file(self._key), self._memory.study_address(self._key)
        if where == str(file):
            return f"optuna-dashboard {shlex.quote(sqlite_address(file))}"
        return f"{where}; copy it to this machine, then optuna-dashboard {sqlite_address(Path(file.name))}"

    def begin(self, trial: Trial) -> None:
        """A trial is suggested: it is added as running, unless it is there."""
        self._try(self._begin, trial)

    def end(self, record: TrialRecord) -> None:
        """A trial has ended: its values and its state are set. An interrupted trial has not ended."""
        if record.status != "interrupted":
            self._try(self._end, record)

    def close(self) -> None:
        """Mark what has not ended as waiting, since the same search goes on with it, and let go of the file."""
        self._try(self._close)

    def _open(self) -> None:
        path = self._memory.study_file(self._key)
        if not self._memory.resume:
            for name in (path, path.with_name(f"{path.name}-journal")):  # a journal would be played back into the new file
                name.unlink(missing_ok=True)
        storage = RDBStorage(sqlite_address(path), engine_kwargs={"connect_args": {"timeout": BUSY_SECONDS}})
        study = optuna.create_study(
            storage=storage,
            study_name=path.stem,
            directions=[objective.direction for objective in self._objectives],
            load_if_exists=True,
        )
        with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
            study.set_metric_names([objective.name for objective in self._objectives])
        self._study_id = storage.get_study_id_from_name(path.stem)
        for trial in storage.get_all_trials(self._study_id, deepcopy=False):
            self._there[str(trial.user_attrs.get(TRIAL_KEY))] = trial
        self._storage = storage

    def _begin(self, storage: RDBStorage, trial: Trial) -> None:
        there = self._there.get(trial.key)
        if there is None:
            self._add(storage, trial.key, trial.name, trial.swept)
        elif there.state is TrialState.WAITING:
            self._set(storage, trial.key, TrialState.RUNNING)

    def _end(self, storage: RDBStorage, record: TrialRecord) -> None:
        found = [objective.value(record) for objective in self._objectives]
        values = [value for value in found if value is not None]
        state = _STATES.get(record.status, TrialState.FAIL)
        missing = [one.name for one, value in zip(self._objectives, found, strict=True) if value is None]
        if state is TrialState.COMPLETE and missing:
            state = TrialState.FAIL
        there = self._there[record.key]
        if there.state.is_finished():
            if there.state is state and (state is not TrialState.COMPLETE or there.values == values):
                return
            # Optuna lets nobody change a trial that has ended: a failed one that was run again is a new one, as in Optuna.
            self._add(storage, record.key, record.name, record.swept)
            there = self._there[record.key]
        why = record.error or (f"no value of {', '.join(missing)}" if missing else None)
        if why is not None:
            storage.set_trial_user_attr(there._trial_id, "why", why)
        if state is TrialState.PRUNED and len(values) == len(found) == 1:
            storage.set_trial_intermediate_value(there._trial_id, len(record.instances), values[0])
        self._set(storage, record.key, state, None if missing or state is TrialState.FAIL else values)

    def _add(self, storage: RDBStorage, key: str, name: str, swept: Mapping[str, Any]) -> None:
        new = create_trial(
            state=TrialState.RUNNING,
            params={key: plain(value) for key, value in swept.items()},
            distributions={key: self._distributions[key] for key in swept},
            user_attrs={TRIAL_KEY: key, "name": name},
        )
        self._there[key] = storage.get_trial(storage.create_new_trial(self._study_id, template_trial=new))

    def _set(self, storage: RDBStorage, key: str, state: TrialState, values: Sequence[float] | None = None) -> None:
        number = self._there[key]._trial_id
        storage.set_trial_state_values(number, state, values)
        self._there[key] = storage.get_trial(number)

    def _close(self, storage: RDBStorage) -> None:
        for key, trial in self._there.items():
            if trial.state is TrialState.RUNNING:
                self._set(storage, key, TrialState.WAITING)
        storage.remove_session()
        storage.engine.dispose()
        self._memory.publish_study(self._key)

    def _try(self, act: Callable[..., None], *given: Any) -> None:
        """Write to the study, if it is kept; it is not kept on after the first failure."""
        opening = act == self._open
        if self._storage is None and not opening:
            return
        try:
            act(*given) if opening else act(self._storage, *given)
        except Exception as error:  # of SQLAlchemy, of Optuna, of the file system, of a file that is no study
            self._storage = None
            why = " ".join(str(error.__cause__ or error).split())
            self._memory.say(
                f"The Optuna study {self._memory.study_file(self._key)} is not kept ({type(error).__name__}: {why:.300}): the "
                f"search goes on without it; move the file away, and the same command writes it anew."
            )


_STATES = {"finished": TrialState.COMPLETE, "stopped": TrialState.PRUNED}
