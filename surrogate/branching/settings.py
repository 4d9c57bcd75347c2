"""How branch and bound searches: the settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from surrogate.bounds.steps import Polyak, Rates
from surrogate.checks import require_counts, require_integer, require_kind, require_number


@dataclass(frozen=True)
class BranchAndBound:
    """Split unstable neurons until every domain's bound is at most a threshold.

    Domains are bounded by :class:`surrogate.bounds.relaxation.Relaxation` with the multipliers of their splits. Each domain's
    row attains its bound at a point of the region, which is offered as a candidate: it costs nothing and is often better than
    what a gradient method finds.

    Attributes:
        batch: domains split at once, at most.
        root_steps: gradient steps on the multipliers of the root.
        steps: gradient steps on a child's multipliers, which start from its parent's.
        root_rates: of the root's steps.
        rates: of a child's steps; the target of :class:`Polyak` is the threshold.
        candidates: neurons that are tried, without steps, before one is split (strong branching).
        refine_depth: a domain that is so many splits deep may get pre-activation bounds of its own, for all below it.
        refine_share: the share of the time that may go into that. It costs most of the speed where domains are small.
        refine_steps: gradient steps on each of these bounds.
        offered: each row of a batch attains its bound at a point; so many of the best of these are offered as candidates.
        most_open: when more domains are open, those nearest to being closed go first, which bounds the memory.

    Raises:
        InvalidSetting: a count below 1, negative steps, a share outside [0, 1], or something else than rates.
    """

    batch: int = 64
    root_steps: int = 50
    steps: int = 10
    root_rates: Rates = field(default_factory=Rates)
    rates: Rates | Polyak = field(default_factory=Rates)
    candidates: int = 4
    refine_depth: int = 5
    refine_share: float = 0.5
    refine_steps: int = 5
    offered: int = 4
    most_open: int = 100_000

    def __post_init__(self) -> None:
        require_counts(batch=self.batch, candidates=self.candidates, offered=self.offered, most_open=self.most_open)
        for name in ("root_steps", "steps", "refine_depth", "refine_steps"):
            require_integer(name, getattr(self, name), 0)
        require_number("refine_share", self.refine_share, "a number in [0, 1]", lambda value: 0.0 <= value <= 1.0)
        require_kind("root_rates", self.root_rates, Rates, "Rates()")
        if not isinstance(self.rates, Polyak):
            require_kind("rates", self.rates, Rates, "Rates()")
