"""The suggestions of an adaptive search, kept in the store so that the same command can continue the search."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sweep.store import Store
from sweep.store.stage_results import Entry

Suggestion = Mapping[str, Any]
"""A value for every swept key."""

MOST_CHARACTERS = 100
"""Letters of a sweep's name that the name of its study has."""


class SearchMemory:
    """The suggestions of searches, kept with one entry each.

    A search chooses by the trials that have ended so far. Trials that run side by side end in another order each time, so that
    the same search would choose others when it is run again: its suggestions are kept to be made again.

    Args:
        store: where the suggestions are kept.
        resume: False to use no suggestion that is in the store; new suggestions replace those.
        name: ``sweep.name``, with which names of studies begin.
    """

    def __init__(self, store: Store, resume: bool, name: str = "search") -> None:
        self._store, self.resume = store, resume
        self._name = re.sub(r"[^0-9A-Za-z_.-]", "_", name)[:MOST_CHARACTERS]

    def load(self, key: str) -> Iterator[Suggestion]:
        """Return all that the search of this key suggested, in order, up to the first one that is missing.

        Raises:
            StoreError: the store cannot be read.
        """
        for number in itertools.count() if self.resume else ():
            entry = self._store.get("searches", _entry(key, number))
            values = None if entry is None else entry.facts.get("values")
            if not isinstance(values, dict):
                return
            yield values

    def keep(self, key: str, number: int, values: Suggestion) -> None:
        """Keep the suggestion of this number, from 0, in the place of one that is there.

        Raises:
            StoreError: the store cannot be written.
        """
        self._store.put("searches", _entry(key, number), Entry({"values": dict(values)}), replace=True)

    def study_file(self, key: str) -> Path:
        """Return the file on this machine of the study of this search; its folder is there."""
        return self._store.study_file(f"{self._name}-{key}")

    def study_address(self, key: str) -> str:
        """Return where the study of this search is once it is published."""
        return self._store.study_address(f"{self._name}-{key}")

    def publish_study(self, key: str) -> None:
        """Bring the study of this search to the store, if that is elsewhere.

        Raises:
            StoreError: the store cannot be written.
        """
        self._store.publish_study(f"{self._name}-{key}")

    def say(self, text: str) -> None:
        """Tell whoever listens to the store."""
        self._store.notice(text)


def _entry(key: str, number: int) -> str:
    return f"{key}-{number:06d}"
