"""The one exception of this package."""

from __future__ import annotations

from surrogate.errors import SurrogateError


class InvalidProperty(SurrogateError, ValueError):
    """A VNN-LIB file that cannot be read as a property; the text gives file and line."""
