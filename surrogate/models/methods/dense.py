"""The MILP with the dense networks, alone: what everything else is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from surrogate.models.methods.base import MilpMethod, meets


@dataclass(frozen=True)
class DenseMilp(MilpMethod):
    """States the dense networks in the model and hands it to the solver, which finds decisions and proves a bound.

    The bounds of the networks' neurons are tightened by the whole model for the first tenth of a second. No point is drawn, so
    that decisions are the solver's own.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.

    Example:
        >>> import pyomo.environ as pyo
        >>> from surrogate.models import Place
        >>> from surrogate.networks import ReluNetwork
        >>> model = pyo.ConcreteModel()
        >>> model.x, model.y = pyo.Var(bounds=(-1, 1)), pyo.Var()
        >>> model.largest = pyo.Objective(expr=model.y, sense=pyo.maximize)
        >>> result = DenseMilp().answer(model, Place([model.x], [model.y], ReluNetwork([[[1.0]], [[2.0]]], [[0.5], [0.0]])))
        >>> str(result.status), round(result.value, 4)
        ('optimal', 3.0)
    """

    name: ClassVar[str] = "dense"

    def settings(self) -> dict[str, Any]:
        return {
            **super().settings(),
            "members": ("dense",),
            "relative_gap": meets(self.solver),
            "first_points": False,
        }
