"""Stage results under the hash of what made them, in a folder or at any fsspec URL."""

from sweep.store.codec import is_key
from sweep.store.store import Store

__all__ = ["Store", "is_key"]
