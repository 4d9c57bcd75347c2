"""HiGHS without its banner."""

from __future__ import annotations

import highspy


class QuietHighs(highspy.Highs):
    """highspy prints its banner while it is constructed, before any option can be set: this hook runs just before that."""

    def enableCallbacks(self) -> None:  # noqa: N802 -- highspy's name
        self.silent()
        super().enableCallbacks()

    def run(self) -> highspy.HighsStatus:
        """Solve, with the number of threads that was asked for.

        HiGHS keeps its workers from solve to solve of one thread of the program, and refuses to run with another number:
        a model of the user's own, solved before by any interface with HiGHS's default, would leave each of ours unsolved.
        """
        status = super().run()
        if status == highspy.HighsStatus.kError and self.getModelStatus() == highspy.HighsModelStatus.kNotset:
            getattr(self, "resetThreadScheduler", self.resetGlobalScheduler)(True)  # the former name is of 1.16 and later
            status = super().run()
        return status
