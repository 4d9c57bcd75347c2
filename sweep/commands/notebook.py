"""Results for a notebook: the instances of sweeps as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from sweep.config.shown_keys import IN_TABLES

if TYPE_CHECKING:
    import pandas as pd

    from sweep.records import TrialRecord

ALWAYS = (*IN_TABLES, "instances.seed", "pruning.seed", "solver.seed")
"""The keys of the configuration that are columns of every table; a key that differs between trials is one as well."""


def results(*names: str, store: str | PathLike[str] = "store", limit: float | None = None) -> pd.DataFrame:
    """Return a row for each instance of the finished trials of some sweeps, each trial once.

    The columns are:

    * ``sweep``, ``trial_key``, ``network``, ``setting`` and others of the trial, accuracies (0 to 1) among them;
    * keys of the configuration, such as ``pruning.amount`` and ``solver.time_limit_seconds``: those of :data:`ALWAYS` and every
      key that was swept or differs between the trials. A value that cannot change its trial is missing (NaN or None), such as
      ``pruning.amount`` of the dense MILP; of several time limits it is the longest, whose timeline holds the shorter ones;
    * the fields of :class:`sweep.records.InstanceRecord`: values on the dense networks, seconds, norms; NaN is "no value";
    * the solutions met as lists ``timeline_seconds``, ``timeline_dense_value``, ...

    A report keeps the same in ``instances.parquet`` (``docs/report.md``), without the keys of the configuration. What the table
    lacks is said in ``frame.attrs["notes"]``, a list of sentences.

    Args:
        names: a run such as ``mnist-20260131-120000``, or ``sweep.name`` for the newest run of that experiment.
        store: folder or URL of the store, relative to the working directory.
        limit: a time limit in seconds; every row is then what its attack had by that time (:mod:`sweep.records.time_limit`).
            Trials whose standing at that time is not known are left out. By default a row is what its attack had at its end.

    Raises:
        ConfigError: no name, a limit that is not above 0, or there is no such sweep; near ones are named.
        StoreError: the store cannot be read.
    """
    import pandas as pd

    from sweep.errors import ConfigError
    from sweep.report.gather import gather
    from sweep.report.tables import with_timelines
    from sweep.store import Store

    if not names:
        raise ConfigError('results needs the name of a sweep, as in results("mnist"); python -m sweep.show lists them')
    if limit is not None and not limit > 0.0:
        raise ConfigError(f"limit={limit:g} of results must be a number of seconds above 0")
    gathered = gather(Store(store, write=False), names)
    if limit is not None:
        gathered = gathered.at_limit(limit)
    frame = with_timelines(gathered)
    of_trial = {record.key: place for place, record in enumerate(gathered.records)}
    rows = [of_trial[key] for key in frame["trial_key"]]
    place = frame.columns.get_loc("setting") + 1
    keys = {key: pd.Series(values).iloc[rows].to_numpy() for key, values in configured(gathered.records).items()}
    frame = pd.concat([frame.iloc[:, :place], pd.DataFrame(keys, index=frame.index), frame.iloc[:, place:]], axis=1)
    notes = [note for state in gathered.sweeps for note in state.notes]
    notes += [f"{one.name} is {one.status}: {one.error}" for state in gathered.sweeps for one in state.unfinished]
    frame.attrs["notes"] = notes
    return frame


def configured(records: Sequence[TrialRecord]) -> dict[str, list[Any]]:
    """Return the values of the keys in :data:`ALWAYS`, and of those that were swept or differ, by key; a value for each record.

    None stands for a value that cannot change its trial.
    """
    from sweep.config.dotted_keys import flatten
    from sweep.config.effect import with_effect
    from sweep.config.schema import SECTIONS

    flat = [flatten({name: part for name, part in record.config.items() if name in SECTIONS}) for record in records]
    counting = [{key: one[key] for key in with_effect(one, one)} for one in flat]
    swept = {key for record in records for key in record.swept}
    values = {key: {repr(one[key]) for one in counting if key in one} for key in _keys(flat)}
    wanted = [key for key, several in values.items() if key in ALWAYS or key in swept or len(several) > 1]
    return {key: [one.get(key) for one in counting] for key in wanted}


def _keys(several: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    """Return all keys, in the order of their first appearance."""
    return dict.fromkeys(key for one in several for key in one)
