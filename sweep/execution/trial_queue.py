"""What trials need, loaded once and shared, and the order in which they are handed out."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from surrogate.errors import SurrogateError
from sweep.config.inputs import load_data, load_networks, load_properties
from sweep.config.schema import DatasetSettings, Settings
from sweep.errors import ConfigError, sentence
from sweep.execution.assignment import Assignment
from sweep.execution.ledger import Ledger
from sweep.planning.trials import Trial
from sweep.records import TrialRecord

if TYPE_CHECKING:
    from sweep.planning.search.base import Suggester


class TrialQueue(Protocol):
    """Gives Ray Tune one trial after the other."""

    adaptive: bool
    """Whether the next trial depends on those before: then it is asked for only when there is a place for it."""

    def next(self) -> Assignment | None:
        """Return the next trial with what it needs; None: there are no more."""
        ...

    def tell(self, record: TrialRecord) -> None:
        """A trial has ended."""
        ...


class Materials:
    """Data sets, properties, dense networks and networks from files of trials.

    Args:
        share: puts a value where workers can read it and returns the reference that they get; the value itself in one process.
    """

    def __init__(self, share: Callable[[Any], Any]) -> None:
        self._share = share
        self._data: dict[DatasetSettings, tuple[Any, Any]] = {}
        self._failed: dict[DatasetSettings, Exception] = {}
        self._networks: dict[str, Any] = {}
        self._from_files: dict[str, Any] = {}

    def data(self, trial: Trial) -> Any:
        """Return the data set of a trial itself, or None.

        Raises:
            DataUnavailable, InvalidSetting, ConfigError: see :func:`sweep.config.inputs.load_data`.
        """
        return self._loaded(trial)[0]

    def shared_data(self, trial: Trial) -> Any:
        """Return the reference to the data set of a trial."""
        return self._loaded(trial)[1]

    def add_network(self, training_key: str, trained: Any) -> None:
        """Share a dense network with the trials that need it."""
        self._networks[training_key] = self._share(trained)

    def work(self, trial: Trial) -> Assignment:
        """Return a trial with all that it needs; a network that is not there yet it trains itself."""
        known, files = self._networks.get(trial.training_key), self._of_files(trial.settings)
        return Assignment(trial, self.shared_data(trial), load_properties(trial.settings), known, files)

    def _of_files(self, settings: Settings) -> dict[str, Any]:
        """Return the references to the networks of a trial's files; the same contents are shared once."""
        found = {}
        for file, network in load_networks(settings).items():
            if network.key not in self._from_files:
                self._from_files[network.key] = self._share(network)
            found[file] = self._from_files[network.key]
        return found

    def _loaded(self, trial: Trial) -> tuple[Any, Any]:
        dataset = trial.settings.dataset
        if dataset in self._failed:  # once is enough: to find out may have taken a while
            raise self._failed[dataset]
        if dataset not in self._data:
            try:
                data = load_data(trial.settings)
            except (SurrogateError, ConfigError) as error:
                self._failed[dataset] = error
                raise
            self._data[dataset] = data, self._share(data)
        return self._data[dataset]


class PlanQueue(TrialQueue):
    """Trials that are known beforehand, in their order."""

    adaptive = False

    def __init__(self, trials: Iterable[Trial], materials: Materials) -> None:
        self._trials, self._materials = iter(trials), materials

    def next(self) -> Assignment | None:
        trial = next(self._trials, None)
        return None if trial is None else self._materials.work(trial)

    def tell(self, record: TrialRecord) -> None:
        """Nothing depends on it."""


class SearchQueue(TrialQueue):
    """Trials that a search chooses by those before; one that the store has already is answered without running it.

    Args:
        suggester: the search.
        ledger: told about every trial that is chosen.
        stored: returns the record of a trial that a former sweep finished, or None.
        ended: called with the trial and record of each trial that ran here and ended.
        scheduler: of Ray Tune; what the store has counts for it as well.
    """

    adaptive = True

    def __init__(
        self,
        suggester: Suggester,
        materials: Materials,
        ledger: Ledger,
        stored: Callable[[Trial], TrialRecord | None],
        ended: Callable[[Trial, TrialRecord], None],
        scheduler: Any = None,
    ) -> None:
        self._suggester, self._materials, self._ledger = suggester, materials, ledger
        self._stored, self._ended, self._scheduler = stored, ended, scheduler
        self._tokens: dict[str, str] = {}
        self._count = 0

    def next(self) -> Assignment | None:
        while True:
            token = str(self._count)
            self._count += 1
            trial = self._suggester.suggest(token)
            if trial is None:
                return None
            self._ledger.plan(trial)
            record = self._stored(trial)
            if record is None:
                try:
                    work = self._materials.work(trial)
                except (SurrogateError, ConfigError) as error:  # without its data a trial fails, and others need not
                    self._ledger.fail(trial.key, sentence(error), "".join(traceback.format_exception(error)))
                    self._suggester.tell(token, self._ledger.records[trial.key])
                    continue
                self._tokens[trial.key] = token
                return work
            self._ledger.end(record, reused=True)
            self._suggester.tell(token, record)
            if self._scheduler is not None:
                from sweep.planning.search.tune_scheduler import play_back

                play_back(self._scheduler, record)

    def tell(self, record: TrialRecord) -> None:
        self._suggester.tell(self._tokens.pop(record.key), record)
        self._ended(self._ledger.trials[record.key], record)
