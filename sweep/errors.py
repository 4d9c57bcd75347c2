"""The exceptions of the sweep; the text of each is one sentence meant for a person, shown without a traceback."""

from __future__ import annotations

from surrogate.errors import SurrogateError


class SweepError(Exception):
    """Base class of every error that the sweep raises on purpose."""


class ConfigError(SweepError, ValueError):
    """A configuration that is refused before anything starts (exit code 2); names the key, the value and what is allowed."""


class StoreError(SweepError, OSError):
    """A stored result that cannot be written or read; names the file and how to mend it."""


def sentence(error: BaseException) -> str:
    """Return one sentence about an error: our own as they are, others with their type."""
    text = " ".join(str(error).split())
    if isinstance(error, (SurrogateError, SweepError)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
