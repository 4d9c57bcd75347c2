"""Results for a notebook: the instances of sweeps as a table."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def results(*names: str, store: str | PathLike[str] = "store") -> pd.DataFrame:
    """Return a row for each instance of the finished trials of some sweeps, each trial once.

    The columns are those of ``instances.parquet`` in a report (``docs/report.md``): the fields of
    :class:`sweep.records.InstanceRecord` (margins of the dense network, seconds, norms; NaN is "no value"), of the trial
    ``sweep``, ``trial_key``, ``network``, ``setting``, ``sparsity``, accuracies (0 to 1) and others, and the solutions met as
    lists ``timeline_seconds``, ``timeline_margin``, ... What is missing is in ``frame.attrs["notes"]``, a list of sentences.

    Args:
        names: a run such as ``mnist-20260131-120000``, or ``sweep.name`` for the newest run of that experiment.
        store: folder or URL of the store, relative to the working directory.

    Raises:
        ConfigError: no name, or there is no such sweep; near ones are named.
        StoreError: the store cannot be read.
    """
    from sweep.errors import ConfigError
    from sweep.report.gather import gather
    from sweep.report.tables import with_timelines
    from sweep.store import Store

    if not names:
        raise ConfigError('results needs the name of a sweep, as in results("mnist")')
    gathered = gather(Store(store, write=False), names)
    frame = with_timelines(gathered)
    notes = [note for state in gathered.sweeps for note in state.notes]
    notes += [f"{one.name} is {one.status}: {one.error}" for state in gathered.sweeps for one in state.unfinished]
    frame.attrs["notes"] = notes
    return frame
