"""The networks of a model's instance: trained on its samples or read from files, pruned, and measured on held-out samples.

They are trained and pruned on standardised samples, and folded back into the units of the model. Samples that are equal once
they are standardised train one network, however many instances and trials have them; each has a network in its own units.

A network from a file is in the units of the model as it is. It is pruned on standardised samples too, where its problem has
samples for it: then the same share of weights means the same, and it can be finetuned. Without samples it is pruned as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sweep.config.files import read_network
from sweep.config.own_networks import settings_of
from sweep.config.schema import Settings
from sweep.config.sections import method_of

if TYPE_CHECKING:
    from surrogate.data import Dataset
    from surrogate.models.problems import ModelProblem, Samples
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Pruning
    from sweep.tasks.networks import Networks

HELD_OUT = 0.2
"""Share of the samples that a network is measured on and not trained on, drawn by ``training.seed``."""


OF_FILES = 0
"""The seed by which samples are held out from the pruning of a network from a file: nothing of ``training`` counts for it."""


@dataclass(frozen=True, eq=False)
class ModelNetwork:
    """One network of an instance, in the units of the model.

    Attributes:
        dense: the network.
        pruned: its copy; None where the method takes none, or one for each region.
        region_pruning: how it is pruned for a region; None where it is not.
        held_out: what it is measured on; None where there are no samples.
    """

    dense: ReluNetwork
    pruned: ReluNetwork | None = None
    region_pruning: Pruning | None = None
    held_out: Samples | None = None

    def facts(self) -> dict[str, Any]:
        """Return what is recorded of it: its key, and how well it and its pruned copy fit."""
        from surrogate.models.problems import fit_measure, fit_quality
        from surrogate.pruning import sparsity

        found: dict[str, Any] = {"key": self.dense.key}
        if self.held_out is not None:
            measure = fit_measure(self.held_out)
            found[measure] = fit_quality(self.dense, self.held_out)
            if self.pruned is not None:
                found[f"{measure}_pruned"] = fit_quality(self.pruned, self.held_out)
        if self.pruned is not None:
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
        files: of the networks that come from one, by the networks' names.
        contents: of the files that are read already, by their paths.
        takes_surrogates: whether the method takes pruned networks.
    """

    problem: ModelProblem
    parameters: Mapping[str, Any]
    networks: Networks
    settings: Settings
    files: Mapping[str, str]
    contents: Mapping[str, ReluNetwork]
    takes_surrogates: bool
    _known: dict[Any, tuple[ReluNetwork, ReluNetwork | None]] = field(default_factory=dict)
    _dense: dict[str, ReluNetwork] = field(default_factory=dict)
    _copies: dict[Any, ReluNetwork] = field(default_factory=dict)

    def of_seed(self, seed: int) -> dict[str, ModelNetwork]:
        """Return the networks of an instance by name.

        Raises:
            InvalidSetting: the samples cannot be had.
            TrainingDiverged: a training ended in numbers that are not finite.
            ConfigError: a file cannot be read.
        """
        samples = self.problem.draw(seed, self.parameters, self.files)
        names = [*samples, *(name for name in self.files if name not in samples)]
        settings = {name: settings_of(self.settings, name) for name in names}
        prunings: dict[str, Pruning] = {}
        if self.takes_surrogates:
            prunings = {name: method_of("pruning", one) for name, one in settings.items()}
        if not any(pruning.prunes for pruning in prunings.values()):
            prunings = {}
        return {name: self._made(name, settings[name], samples.get(name), prunings.get(name)) for name in names}

    def _made(self, name: str, settings: Settings, samples: Samples | None, pruning: Pruning | None) -> ModelNetwork:
        """Return a network, with a copy of itself for its surrogate where others are pruned and it is not."""
        regional = pruning if pruning is not None and pruning.needs_region else None
        copies = pruning is not None and regional is None
        if name in self.files:
            dense, pruned, held_out = self._of_a_file(name, settings, samples, copies)
        else:
            assert samples is not None, "a network without samples and without a file is refused"
            dense, pruned, held_out = self._fitted(name, settings, samples, copies)
        return ModelNetwork(dense, pruned, regional, held_out)

    def _fitted(
        self, name: str, settings: Settings, samples: Samples, copies: bool
    ) -> tuple[ReluNetwork, ReluNetwork | None, Samples]:
        from surrogate.models.problems import in_units, split, standard_dataset

        fitted, held_out = split(samples, HELD_OUT, settings.training.seed)
        data, scales = standard_dataset(name, fitted, held_out)
        standard, pruned = self._standard(settings, data, copies)
        return in_units(standard, *scales), None if pruned is None else in_units(pruned, *scales), held_out

    def _standard(self, settings: Settings, data: Dataset, copies: bool) -> tuple[ReluNetwork, ReluNetwork | None]:
        """Return a network in standard units and its pruned copy: what samples that differ in nothing but units share."""
        made_by = data.checksum, settings.network, settings.training, settings.pruning, copies
        known = self._known.get(made_by)
        if known is None:
            networks = self.networks.of_settings(settings)
            dense = networks.fitted(data).network
            known = self._known[made_by] = dense, networks.pruned(dense, data) if copies else None
        return known

    def _of_a_file(
        self, name: str, settings: Settings, samples: Samples | None, copies: bool
    ) -> tuple[ReluNetwork, ReluNetwork | None, Samples | None]:
        from surrogate.models.problems import in_units, split, standard_dataset

        dense = self._read(name)
        if samples is None:
            return dense, self._copy(name, dense, settings) if copies else None, None
        fitted, held_out = split(samples, HELD_OUT, OF_FILES)
        if not copies or not method_of("pruning", settings).prunes:
            return dense, dense if copies else None, held_out
        data, scales = standard_dataset("samples", fitted, held_out)
        return dense, in_units(self._copy(name, in_units(dense, *scales.undone()), settings, data), *scales), held_out

    def _read(self, name: str) -> ReluNetwork:
        """Return the network of a file: an object for each name, because places are told apart by it."""
        from surrogate.networks import ReluNetwork

        if name not in self._dense:
            read = self.contents.get(self.files[name]) or read_network(self.files[name])
            self._dense[name] = ReluNetwork(read.weights, read.biases)
            self.networks.given(self._dense[name])
        return self._dense[name]

    def _copy(self, name: str, dense: ReluNetwork, settings: Settings, data: Dataset | None = None) -> ReluNetwork:
        """Return the pruned copy of a network from a file; what it took counts once, however many instances have it."""
        made_by = name, dense.key, None if data is None else data.checksum
        if made_by not in self._copies:
            self._copies[made_by] = self.networks.of_settings(settings).pruned(dense, data)
        return self._copies[made_by]
