"""The paper's way: the MILP with pruned networks in the places; its decisions are checked on the dense networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from surrogate import rules
from surrogate.models.methods.base import MilpMethod
from surrogate.settings import setting


@dataclass(frozen=True)
class SurrogateMilp(MilpMethod):
    """Solves the model with the places' pruned networks, and holds every solution that the solver meets against the dense ones.

    The check keeps the values that the networks read, and computes the outputs anew by the dense networks. Where a constraint
    fails then, the variables that no network reads or writes are optimised anew, everything else held. What fails still is no
    decision. The pruned model proves nothing of the dense one: there is no bound, and the status is ``feasible`` or
    ``unresolved``; ``infeasible`` only where the model's own constraints contradict one another.

    Attributes:
        repair: whether a walk on the dense networks begins at every solution, the newest first: the integers of the solution
            are held, and everything else is optimised anew over the dense networks' linear region around it and over
            neighbouring ones while that is better; see :class:`surrogate.models.members.repairs.Repairs`. Solve and repairs
            share one thread and the limit.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    name: ClassVar[str] = "surrogate"
    needs_surrogate: ClassVar[bool] = True
    takes_surrogate: ClassVar[bool] = True

    repair: bool = setting(False, rules.FLAG)  # never None: whether walks take part, on which that depends, is decided here

    def settings(self) -> dict[str, Any]:
        return {
            **super().settings(),
            "members": ("surrogates",),
            "first_points": False,
        }
