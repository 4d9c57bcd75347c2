"""The largest output of a network over all its inputs (function maximisation, the authors' second study)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sweep.config.attack_facts import CLOSEST, OUTPUT
from sweep.config.schema import Settings
from sweep.config.words import Words
from sweep.errors import ConfigError
from sweep.tasks.attacking import AttackInstance, AttackTask, hashed
from sweep.tasks.base import TaskWork

if TYPE_CHECKING:
    from surrogate.networks import ReluNetwork


class OutputTask(AttackTask):
    """The largest first output, each input in [0, 1]: one instance a trial."""

    def check(self, settings: Settings) -> None:
        if settings.attack.objective == CLOSEST:
            raise ConfigError("task=output with attack.objective=closest: an output has no distance; set one of them back")
        if settings.instances.properties is not None:
            raise ConfigError(
                f"instances.properties with attack.objective={OUTPUT}: a property says itself what is looked for; set one of "
                f"them back (instances.properties=null or attack.objective=margin)"
            )

    def counted(self, section: str, settings: Settings, found: dict[str, Any]) -> dict[str, Any] | None:
        if section == "instances":
            return {}
        if section == "attack":
            kept = {name: value for name, value in found.items() if name not in ("norm", "radius", "target")}
            return {**kept, "objective": OUTPUT}
        return found

    def count(self, settings: Settings) -> int | None:
        return 1

    def words(self, objective: str) -> Words:
        attacks = super().words(objective)
        return dataclasses.replace(
            attacks, instance="question", value="value", find="optimal", found=("optimal",), none=(), asks=False
        )

    rates = MappingProxyType({"attack/optimal_rate": "optimal"})

    def objective(self, settings: Settings) -> str:
        return OUTPUT

    def drawn(self, work: TaskWork, dense: ReluNetwork) -> tuple[Sequence[AttackInstance], int]:
        return [output_instance(dense)], 0


def output_instance(network: ReluNetwork) -> AttackInstance:
    """Return the instance for the largest first output over all inputs, each in [0, 1] as in every data set here."""
    import numpy as np

    from surrogate.attack import Instance
    from surrogate.problems import Output
    from surrogate.region import Region

    region = Region(np.zeros(network.input_size), np.ones(network.input_size))
    return AttackInstance(hashed("output", network.key, 0), "output 0", Instance(region, problem=Output(0)))
