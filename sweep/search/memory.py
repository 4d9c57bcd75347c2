"""What an adaptive search has suggested, kept in the store, so that the same command goes on where it stopped."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from sweep.stages import Entry
from sweep.store import Store

Values = Mapping[str, Any]
"""A value for every swept key."""


class SearchMemory:
    """The suggestions of searches, one entry each: the order in which trials end side by side cannot be had again, they can.

    Args:
        store: where they are.
        resume: False to go by none that are there; new ones take their places.
    """

    def __init__(self, store: Store, resume: bool) -> None:
        self._store, self._resume = store, resume

    def load(self, key: str) -> Iterator[Values]:
        """Return all that the search of this key suggested, in order, up to the first one that is missing.

        Raises:
            StoreError: the store cannot be read.
        """
        for number in itertools.count() if self._resume else ():
            entry = self._store.get("searches", _name(key, number))
            values = None if entry is None else entry.facts.get("values")
            if not isinstance(values, dict):
                return
            yield values

    def keep(self, key: str, number: int, values: Values) -> None:
        """Keep the suggestion of this number, from 0, in the place of one that is there.

        Raises:
            StoreError: the store cannot be written.
        """
        self._store.put("searches", _name(key, number), Entry({"values": dict(values)}), replace=True)


def _name(key: str, number: int) -> str:
    return f"{key}-{number:06d}"
