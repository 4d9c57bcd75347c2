"""What is known of every attack by its name: what it can optimise, and which settings cannot change its results.

Nothing here builds an attack (:mod:`sweep.trial.attacks` does): these facts are all that checks, keys and names of trials need.
"""

from __future__ import annotations

MARGIN, CLOSEST, OUTPUT = OBJECTIVES = ("margin", "closest", "output")
"""What an attack optimises: the margin within a radius, the length of an adversarial perturbation, or the first output."""

WITHOUT_SURROGATE = ("gradient", "branch_and_bound", "restriction")
"""The attacks on the dense network alone: how it would be pruned can't change their results, nor is it part of their names."""

PLANNING_BY_LIMIT = ("portfolio",)
"""The attacks that plan by their time limit: the portfolio gives its dense search a fifth of it first. What they have met by a
moment is then not what they would have met with a limit that ends there."""

CLOSEST_ATTACKS = ("surrogate", "branch_and_bound")
"""The attacks that can minimise the length of the perturbation (``attack.objective=closest``)."""

GOALS_BY_POLICY = ("branch_and_bound", "portfolio")
"""The attacks without a MILP of their own for which ``attack.on_incumbent`` says when they may end."""

GOAL_OF = {"check": "optimum", "stop": "verdict"}
"""What ``attack.on_incumbent`` means to :data:`GOALS_BY_POLICY`: go on to the optimum, or end when the question is decided."""

EXCLUDING = ("exclude_region", "dense_subproblem")
"""The values of ``attack.on_incumbent`` that exclude activation regions."""

_POLISHING = ("attack.polish", "attack.polish_steps")
_MILP = ("formulation", "solver.name", "solver.threads", "attack.start", *_POLISHING, "attack.exclusion")
_GRADIENT = ("attack.gradient_starts", "attack.gradient_steps")
_RESTRICTION = ("attack.free", "attack.round_seconds")

UNUSED: dict[str, tuple[str, ...]] = {
    "surrogate": _RESTRICTION,
    "gradient": ("pruning", "bounds", *_MILP, "solver.relative_gap", "attack.on_incumbent", *_RESTRICTION),
    "branch_and_bound": ("pruning", *_MILP, *_RESTRICTION),
    "restriction": ("pruning", *_MILP, "solver.relative_gap", "attack.on_incumbent"),
    "portfolio": (*_MILP, "attack.round_seconds"),
}
"""The configuration keys that can't change an attack's results, whatever the others are."""

NAMES = tuple(UNUSED)
"""Every attack that ``attack.method`` can name."""


def limit_only_ends(method: str, objective: str) -> bool:
    """Whether a longer time limit lets an attack go on and changes nothing before.

    The closest perturbation plans too: the ball that would prove it the shortest has nine tenths of what time is left.
    """
    return method not in PLANNING_BY_LIMIT and objective != CLOSEST


def unused_keys(method: str, objective: str, start: str, on_incumbent: str, polish: bool) -> tuple[str, ...]:
    """Return the configuration keys that can't change the results of an attack, by ``attack.method`` and others of attack."""
    unused = UNUSED.get(method, ())
    if method == "branch_and_bound" and objective == CLOSEST:
        return (*unused, "attack.on_incumbent")
    if method != "surrogate":
        return unused
    if objective == CLOSEST:
        return (*unused, "attack.on_incumbent", "attack.start", *_POLISHING, "attack.exclusion")
    excluding = on_incumbent in EXCLUDING
    return (
        *unused,
        *(() if start == "gradient" else _GRADIENT),
        *(() if polish else ("attack.polish_steps",)),
        *(() if excluding else ("attack.exclusion",)),
        *(("attack.exclusion.seeds",) if excluding and start == "none" else ()),
    )
