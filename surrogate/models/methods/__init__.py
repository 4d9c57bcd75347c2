"""Ways to answer an optimisation model with networks in it: one a file, each with settings of its own.

To add one, write a file with a :class:`ModelMethod` and list it here.

| method | what it does | needs pruned networks |
|---|---|---|
| ``dense`` | the MILP with the dense networks, alone | no |
| ``surrogate`` | the MILP with pruned networks; its decisions are checked on the dense ones, and repaired if wanted | yes |
| ``walk`` | the search without pruned networks and without the dense MILP: the yardstick | no |
| ``search`` | all of these together | no, but it uses those that are given |
"""

from surrogate.models.methods.base import ModelMethod
from surrogate.models.methods.dense import DenseMilp
from surrogate.models.methods.search import WholeSearch
from surrogate.models.methods.surrogate import SurrogateMilp
from surrogate.models.methods.walk import WalkAlone

METHODS: dict[str, type[ModelMethod]] = {method.name: method for method in (DenseMilp, SurrogateMilp, WalkAlone, WholeSearch)}
"""Every method by its name."""

__all__ = ["METHODS", "DenseMilp", "ModelMethod", "SurrogateMilp", "WalkAlone", "WholeSearch"]
