"""Numbers of things in sentences."""

from __future__ import annotations


def count(number_of: int, what: str) -> str:
    """Return ``1 trial``, or ``1,200 trials``."""
    return f"{number_of:,} {what}" + ("" if number_of == 1 else "s")
