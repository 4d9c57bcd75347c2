"""The study that Optuna keeps of a search, read as a user of Optuna reads it."""

from __future__ import annotations

from pathlib import Path

import optuna


def study_of(folder: Path) -> list[optuna.trial.FrozenTrial]:
    """Return the trials of the one study in a folder's store."""
    (file,) = (folder / "store" / "studies").glob("*.db")
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    trials = optuna.load_study(study_name=file.stem, storage=storage).trials
    storage.remove_session()
    storage.engine.dispose()
    return trials
