"""Properties of networks from VNN-LIB files: for each of their boxes, a counterexample or a proof that there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from surrogate.errors import SurrogateError
from surrogate.problems.objectives import MARGIN
from sweep.config.files import read_properties
from sweep.config.input_sizes import network_sizes
from sweep.config.inputs import load_properties
from sweep.config.rules import TABLE
from sweep.config.schema import Settings
from sweep.config.words import Words
from sweep.errors import ConfigError, SweepError
from sweep.records import InstanceRecord
from sweep.tasks.attacking import BALL, AttackedNetwork, AttackInstance, AttackTask, hashed
from sweep.tasks.base import TaskWork

if TYPE_CHECKING:
    from surrogate.networks import ReluNetwork
    from sweep.config.files import PropertyFile


class PropertyTask(AttackTask):
    """The properties that ``instances.properties`` names, an instance for each of their input boxes."""

    def words(self, objective: str) -> Words:
        return dataclasses.replace(super().words(objective), instance="instance")

    def check(self, settings: Settings) -> None:
        where, objective = settings.instances.properties, settings.attack.objective
        if where is None:
            raise ConfigError("task=property without instances.properties: name VNN-LIB files")
        if objective != MARGIN:
            raise ConfigError(
                f"instances.properties with attack.objective={objective}: a property file already states the goal; set "
                f"instances.properties=null or attack.objective=margin"
            )
        if settings.dataset.name == TABLE and settings.network.file is not None:
            raise ConfigError(
                f"network.file={settings.network.file} with instances.properties and dataset=table: a property is about the "
                f"network as it is in its file; set dataset=none"
            )
        self._check_sizes(settings, where)

    def counted(self, section: str, settings: Settings, found: dict[str, Any]) -> dict[str, Any] | None:
        if section == "instances":
            return {"properties": [[one.name, one.key, one.expected] for one in load_properties(settings)]}
        if section == "attack":
            return {name: value for name, value in found.items() if name not in BALL}
        return found

    def count(self, settings: Settings) -> int | None:
        return None

    def count_in_files(self, settings: Settings) -> int:
        return sum(len(one.instances) for one in load_properties(settings))

    def prepare(self, work: TaskWork) -> AttackedNetwork:
        return AttackedProperties(self, work)

    def drawn(self, work: TaskWork, dense: ReluNetwork) -> tuple[Sequence[AttackInstance], int]:
        return property_instances(dense, work.inputs.properties), 0

    def _check_sizes(self, settings: Settings, where: str) -> None:
        inputs, outputs = network_sizes(settings)
        file = settings.network.file
        named = (
            f"dataset.name={settings.dataset.name}, on which the network is trained" if file is None else f"network.file={file}"
        )
        for found in read_properties(where, file):
            for instance in found.instances:
                try:
                    instance.problem.rows(outputs)
                except SurrogateError as error:
                    raise ConfigError(f"property {found.name} does not fit {named}: {error}") from error
                if instance.region.size != inputs:
                    raise ConfigError(
                        f"property {found.name} does not fit {named}: it is on {instance.region.size} inputs and the network "
                        f"has {inputs}"
                    )


class AttackedProperties(AttackedNetwork):
    """The attack on a network at its properties. The verdict of a property may be known beforehand."""

    def check(self, answers: Sequence[InstanceRecord]) -> None:
        properties = self.work.inputs.properties
        statuses = iter([answer.status for answer in answers])
        verdicts = [[next(statuses) for _ in one.instances] for one in properties]
        wrong = contradictions(properties, verdicts)
        if wrong:
            raise SweepError(
                f"{'; '.join(wrong)}: this program, its reading of the network or the list is wrong, and no verdict of this "
                f"trial should be trusted until that is known"
            )


def property_instances(network: ReluNetwork, properties: Sequence[PropertyFile]) -> list[AttackInstance]:
    """Return the instances of properties, one per input box."""
    return [
        AttackInstance(
            key=hashed("property", network.key, found.key, box),
            name=found.name if len(found.instances) == 1 else f"{found.name} box {box}",
            attacked=attacked,
            expected=found.expected,
        )
        for found in properties
        for box, attacked in enumerate(found.instances)
    ]


def contradictions(properties: Sequence[PropertyFile], verdicts: Sequence[Sequence[str]]) -> list[str]:
    """Return a sentence for each property whose statuses, one per input box, contradict the known verdict.

    A witness for any box is ``sat``, proofs for all of them are ``unsat``, everything else contradicts nothing.
    """
    found = []
    for one, statuses in zip(properties, verdicts, strict=True):
        verdict = "sat" if "adversarial" in statuses else "unsat" if set(statuses) == {"robust"} else None
        if one.expected is not None and verdict not in (None, one.expected):
            found.append(f"{one.name} came out as {verdict}, but the list of verdicts says {one.expected}")
    return found
