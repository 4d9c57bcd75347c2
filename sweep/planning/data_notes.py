"""Notes, printed before a sweep starts, on what networks take and give where the data are the user's table or images."""

from __future__ import annotations

from collections.abc import Iterable

from sweep.config.schema import Settings
from sweep.config.tasks import task_of
from sweep.config.users_data import USERS, read_data
from sweep.terminal.wording import count

MOST = 3
"""The most data sets that get a sentence."""


def sentences_on_data(trials: Iterable[Settings]) -> list[str]:
    """Return a sentence for each table, and each set of images, that trials look at: what was made of its columns and rows.

    Raises:
        ConfigError: one cannot be read; a plan has read it already.
    """
    found: dict[str, None] = {}
    for settings in {id(settings.dataset): settings for settings in trials}.values():  # many trials share a section
        task = task_of(settings)
        if settings.dataset.name in USERS and task.takes_data(settings):
            data = read_data(settings.dataset)
            rows = f"{len(data.train_images) + len(data.test_images)} rows, of which training.seed holds some out"
            made = f"{data.what_it_maps}; {rows}" if task.fed_by_table else data.description
            found[f"{settings.dataset.file}: {made}."] = None
    said = list(found)
    return said if len(said) <= MOST else [*said[:MOST], f"... and {count(len(said) - MOST, 'data set')} more."]
