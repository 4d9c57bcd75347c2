"""What is known of an attack from its name and its objective, without its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from surrogate.problems.objectives import CLOSEST, MARGIN, OBJECTIVES, OUTPUT

if TYPE_CHECKING:
    from surrogate.attack import Attack


def kind_of(method: str | None, objective: str | None) -> type[Attack] | None:
    """Return the class of an attack; None if no attack is called so.

    An attack that cannot have the objective is refused when the configuration is checked; until then it is what it is with
    another one.
    """
    from surrogate.attack import CLOSEST_METHODS, METHODS

    found = CLOSEST_METHODS.get(str(method)) if objective == CLOSEST else None
    return METHODS.get(str(method)) if found is None else found


def takes_surrogate(method: str | None, objective: str | None) -> bool:
    """Return whether an attack looks at a pruned network; the prunings of others can change nothing, nor are they named."""
    kind = kind_of(method, objective)
    return kind is None or kind.takes_surrogate


def reported(method: str, objective: str | None, norm: str | None) -> tuple[str, bool]:
    """Return what a report calls an attack, and whether the attack looks at a pruned network."""
    if (method, objective, norm) == ("surrogate", CLOSEST, "l2"):
        return BOUNDS, False  # no MILP states an l2 ball
    return method, takes_surrogate(method, objective)


BOUNDS = "bounds"
"""The closest perturbation in l2 by attack=surrogate: gradient steps, and pre-activation bounds that prove."""


def limit_only_ends(method: str | None, objective: str | None) -> bool:
    """Return whether a longer time limit lets an attack go on and changes nothing before."""
    kind = kind_of(method, objective)
    return kind is None or kind.limit_only_ends


__all__ = ["CLOSEST", "MARGIN", "OBJECTIVES", "OUTPUT", "kind_of", "limit_only_ends", "reported", "takes_surrogate"]
