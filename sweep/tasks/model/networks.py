"""The networks of a model's instance: trained on its samples, pruned, and measured on samples that were held out.

They are trained and pruned on standardised samples, and folded back into the units of the model. Samples that are equal once
they are standardised train one network, however many instances and trials have them; each has a network in its own units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sweep.config.schema import Settings

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.models.problems import ModelProblem, Samples, Scales
    from surrogate.networks import ReluNetwork
    from sweep.tasks.networks import Networks

HELD_OUT = 0.2
"""Share of the samples that a network is measured on and not trained on, drawn by ``training.seed``."""


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """One network of an instance.

    Attributes:
        dense: in the units of the model.
        standard: the same in standard units, as it was trained.
        data, scales: what it was trained on, and the way from its units to the model's.
        held_out: what it is measured on, in the units of the model.
        pruned: in the units of the model; None where the method takes none, or one for each region.
    """

    dense: ReluNetwork
    standard: ReluNetwork
    data: Dataset
    scales: Scales
    held_out: Samples
    pruned: ReluNetwork | None = None

    def facts(self) -> dict[str, Any]:
        """Return what is recorded of it: its key, and how well it and its pruned copy fit."""
        from surrogate.models.problems import fit_measure, fit_quality
        from surrogate.pruning import sparsity

        measure = fit_measure(self.held_out)
        found: dict[str, Any] = {"key": self.dense.key, measure: fit_quality(self.dense, self.held_out)}
        if self.pruned is not None:
            found[f"{measure}_pruned"] = fit_quality(self.pruned, self.held_out)
            found["sparsity"] = sparsity(self.dense, self.pruned)
        return found


@dataclass
class NetworkMaker:
    """Makes the networks of a trial's instances.

    Attributes:
        problem: whose samples the networks are trained on.
        parameters: of the problem, completed.
        networks: trains and prunes, or takes what others have made.
        settings: of the trial.
        prunes: whether pruned copies are wanted, of a pruning that serves all regions.
    """

    problem: ModelProblem
    parameters: Mapping[str, Any]
    networks: Networks
    settings: Settings
    prunes: bool
    _known: dict[str, tuple[ReluNetwork, ReluNetwork | None]] = field(default_factory=dict)

    def of_seed(self, seed: int) -> dict[str, FittedNetwork]:
        """Return the networks of an instance by name.

        Raises:
            InvalidSetting: the samples cannot be had.
            TrainingDiverged: a training ended in numbers that are not finite.
        """
        return {name: self._fitted(name, samples) for name, samples in self.problem.draw(seed, self.parameters).items()}

    def _fitted(self, name: str, samples: Samples) -> FittedNetwork:
        from surrogate.models.problems import in_units, split, standard_dataset

        fitted, held_out = split(samples, HELD_OUT, self.settings.training.seed)
        data, scales = standard_dataset(name, fitted, held_out)
        standard, pruned = self._standard(data)
        return FittedNetwork(
            in_units(standard, *scales),
            standard,
            data,
            scales,
            held_out,
            None if pruned is None else in_units(pruned, *scales),
        )

    def _standard(self, data: Dataset) -> tuple[ReluNetwork, ReluNetwork | None]:
        """Return a network in standard units and its pruned copy: what samples that differ in nothing but units share."""
        known = self._known.get(data.checksum)
        if known is None:
            dense = self.networks.fitted(data).network
            known = self._known[data.checksum] = dense, self.networks.pruned(dense, data) if self.prunes else None
        return known
