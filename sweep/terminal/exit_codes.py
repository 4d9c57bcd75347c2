"""What the exit codes of all programs say."""

from __future__ import annotations

OK = 0
"""Everything that was asked for is done."""

FAILED = 1
"""Some trials failed, or something could not be read or written."""

REFUSED = 2
"""The configuration or an argument is not allowed; nothing was started."""

INTERRUPTED = 130
"""The program was interrupted: what a shell reports of one that SIGINT (2) ended, 128 + 2."""

UNREAD = 141
"""The reader of the output has gone: what a shell reports of a program that SIGPIPE (13) ended, 128 + 13."""
