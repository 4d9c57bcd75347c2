"""Things in sentences: how many there are, or one of them."""

from __future__ import annotations

MISSING = "—"
"""Stands in a table where there is no value."""


def count(number_of: int, what: str) -> str:
    """Return ``1 trial``, or ``1,200 trials``."""
    return f"{number_of:,} {what}" + ("" if number_of == 1 else "s")


def a_or_an(what: str) -> str:
    """Return ``an attack``, or ``a row``."""
    return f"{'an' if what[:1] in 'aeiou' else 'a'} {what}"
