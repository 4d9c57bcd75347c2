"""Stage results under the hash of what made them, in a folder or at any fsspec URL."""

from sweep.store.store import Store, is_key

__all__ = ["Store", "is_key"]
