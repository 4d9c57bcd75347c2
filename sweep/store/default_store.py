"""The store that is used where the command line names none."""

from __future__ import annotations

import shlex
from pathlib import Path

from sweep.store.store import Store

DEFAULT_STORE = "store"
"""The folder that is read where the command line names no store."""


def store_argument(store: Store) -> str:
    """Return ``sweep.store=...`` with a space before it, for a command that reads this store; nothing for the default store."""
    is_default = Path(store.url).resolve() == Path(DEFAULT_STORE).resolve()
    return "" if is_default else f" {shlex.quote(f'sweep.store={store.address}')}"
