"""The exceptions of the sweep; the text of each is one sentence meant for a person, shown without a traceback."""


class SweepError(Exception):
    """Base class of every error that the sweep raises on purpose."""


class ConfigError(SweepError, ValueError):
    """A configuration that is refused before anything starts (exit code 2); names the key, the value and what is allowed."""


class StoreError(SweepError, OSError):
    """A stored result that cannot be written or read; names the file and how to mend it."""
