"""HiGHS without its banner."""

from __future__ import annotations

import highspy


class QuietHighs(highspy.Highs):
    """highspy prints its banner while it is constructed, before any option can be set: this hook runs just before that."""

    def enableCallbacks(self) -> None:  # noqa: N802 -- highspy's name
        self.silent()
        super().enableCallbacks()
