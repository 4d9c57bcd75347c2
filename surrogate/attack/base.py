"""What every attack must offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from surrogate.attack.result import AttackResult
from surrogate.networks import ReluNetwork
from surrogate.problems.instance import Instance
from surrogate.problems.objectives import MARGIN, OUTPUT
from surrogate.pruning import Stabilised
from surrogate.settings import Configurable


@dataclass(frozen=True)
class Attack(Configurable, ABC):
    """A search for an input of a region that a network misclassifies, or for the largest value of what is asked.

    Attributes:
        name: by which settings choose it.
        objectives: those of ``surrogate.problems.objectives`` that it can optimise.
        takes_surrogate: whether it looks at a pruned copy of the network; the others are given None.
        searches_dense: whether it searches the dense network too where it has a pruned copy, so that what it finds says little
            of the copy.
        limit_only_ends: whether a time limit only ends the attack: with a longer one it meets the same points at the same
            moments, and then goes on. False where the attack plans by its limit: what it has met at some moment is not what
            it would have met with a limit of that moment.
        takes_l2: whether the region may be an l2 ball.
    """

    objectives: ClassVar[tuple[str, ...]] = (MARGIN, OUTPUT)
    takes_surrogate: ClassVar[bool] = False
    searches_dense: ClassVar[bool] = False
    limit_only_ends: ClassVar[bool] = True
    takes_l2: ClassVar[bool] = True

    @abstractmethod
    def answer(self, dense: ReluNetwork, surrogate: ReluNetwork | Stabilised | None, instance: Instance) -> AttackResult:
        """Attack one instance.

        Args:
            dense: the network in question.
            surrogate: a pruned copy of it, with or without bounds on its error; None where the attack needs none.
            instance: the region and the question.

        Raises:
            InvalidSetting: networks and instance that do not fit together.
        """


@dataclass(frozen=True)
class DenseAttack(Attack):
    """An attack on the dense network alone."""

    @abstractmethod
    def run(self, dense: ReluNetwork, instance: Instance) -> AttackResult:
        """Attack one instance."""

    def answer(self, dense: ReluNetwork, surrogate: ReluNetwork | Stabilised | None, instance: Instance) -> AttackResult:
        return self.run(dense, instance)


def network_of(surrogate: ReluNetwork | Stabilised | None) -> ReluNetwork:
    """Return a surrogate without the bounds on its error."""
    assert surrogate is not None, "an attack that needs a surrogate is given one"
    return surrogate.network if isinstance(surrogate, Stabilised) else surrogate
