"""A problem with its parameters, the networks that it needs, its samples and its models."""

from __future__ import annotations

import difflib
import inspect
import math
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from surrogate.checks import is_number, require_integer, shown
from surrogate.errors import InvalidSetting, SurrogateError
from surrogate.models.place import Place
from surrogate.models.problems.base import ModelInstance, Samples, TrueValue
from surrogate.models.problems.defaults import NAMED, REQUIRED, as_default, require_same_defaults, signature
from surrogate.models.problems.given_networks import GivenNetworks
from surrogate.models.problems.tables import FETCHED
from surrogate.networks import ReluNetwork


class NetworkSizes(NamedTuple):
    """What a network of a problem reads and gives."""

    inputs: int
    outputs: int


@dataclass(frozen=True, eq=False)
class ModelProblem:
    """A problem: ``build(networks, seed, **parameters)``, and ``samples(seed, **parameters)`` that its networks are fitted to.

    Attributes:
        name: ``blending``, or ``package.module:build`` of a user's.
        build: returns a :class:`ModelInstance`; reads the networks by name.
        samples: returns the :class:`Samples` of each network by its name, given a seed and those of the parameters that it has.
            None where the networks come from elsewhere.

    Raises:
        InvalidSetting: a ``build`` or ``samples`` that cannot be called so.
    """

    name: str
    build: Callable[..., Any]
    samples: Callable[..., Any] | None

    def __post_init__(self) -> None:
        for function, first, form in (
            (self.build, ("networks", "seed"), "build(networks, seed, **parameters)"),
            (self.samples, ("seed",), "samples(seed, **parameters)"),
        ):
            if function is not None and tuple(signature(function))[: len(first)] != first:
                raise InvalidSetting(f"{self.name}: the function must have the form {form}, got {inspect.signature(function)}")
        if self.samples is not None:
            require_same_defaults(self.name, self.build, self.samples)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of ``build`` and ``samples`` by name, with their defaults; REQUIRED where there is none."""
        found: dict[str, Any] = {}
        for function in [self.build] if self.samples is None else [self.build, self.samples]:
            for name, parameter in signature(function).items():
                if name in ("networks", "seed") or parameter.kind not in NAMED:
                    continue
                if found.get(name, REQUIRED) is REQUIRED:
                    found[name] = parameter.default
        return found

    @property
    def is_open(self) -> bool:
        """Whether ``build`` takes any parameter, as ``**parameters``."""
        return any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature(self.build).values())

    def require(self, given: Mapping[str, Any]) -> None:
        """Raise InvalidSetting for parameters that the problem has not, or that it has no default for and that are missing."""
        known = self.parameters
        takes = ", ".join(known) or "none"
        for name in given:
            if name not in known and not self.is_open:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f": did you mean {near[0]}? It" if near else "; it"
                raise InvalidSetting(f"{self.name} has no parameter {name}{meant} takes {takes}")
        for name, default in known.items():
            if default is REQUIRED and name not in given:
                raise InvalidSetting(f"{self.name} needs the parameter {name}, which has no default")

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that are given, and the defaults of the others: 1 is 1.0 where the default is a float.

        Raises:
            InvalidSetting: as :meth:`require` does.
        """
        self.require(given)
        known = self.parameters
        meant = {name: as_default(one, known.get(name)) for name, one in given.items()}
        return {**known, **meant}

    def counted(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the completed parameters as they tell one instance from another.

        A public table of a built-in problem is the same wherever it lies: its checksum settles what is in it.
        """
        found = self.complete(given)
        lies_somewhere = ":" not in self.name and found.get("folder") is not None
        return {**found, "folder": FETCHED} if lies_somewhere else found

    def samples_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the completed parameters that the samples depend on, and so the networks."""
        if self.samples is None:
            return {}
        taken = signature(self.samples)
        return {name: value for name, value in self.complete(given).items() if name in taken}

    def draw(self, seed: int, given: Mapping[str, Any], elsewhere: Collection[str] = ()) -> dict[str, Samples]:
        """Return the samples of each network by its name.

        Args:
            seed: of the instance.
            given: the parameters.
            elsewhere: names of networks that need no samples. Where there are some, there may be no samples at all.

        Raises:
            InvalidSetting: parameters that are not allowed; no ``samples``; one that fails or returns something else.
        """
        require_integer("seed", seed, 0)
        if self.samples is None:
            if elsewhere:
                return {}
            raise InvalidSetting(
                f"{self.name} has no samples to fit networks to: write samples(seed, **parameters) beside it, which returns "
                'Samples(x, y) for each network by its name, such as {"cost": Samples(x, y)}, or give the networks'
            )
        found = self.called("samples", self.samples, seed, **self.samples_parameters(given))
        is_mapping = isinstance(found, Mapping) and bool(found or elsewhere)
        if not is_mapping or not all(isinstance(one, Samples) for one in found.values()):
            raise InvalidSetting(
                f"samples of {self.name} must return Samples(x, y) for each network by its name, such as "
                f'{{"cost": Samples(x, y)}}, got {type(found).__name__} {shown(found)}'
            )
        return {str(name): one for name, one in found.items()}

    def networks(self, seed: int, given: Mapping[str, Any], elsewhere: Collection[str] = ()) -> dict[str, NetworkSizes]:
        """Return what networks are to be fitted, by name, before any is there; for the arguments see :meth:`draw`.

        Raises:
            InvalidSetting: as :meth:`draw` does.
        """
        return {name: NetworkSizes(*samples.sizes) for name, samples in self.draw(seed, given, elsewhere).items()}

    def instance(self, networks: Mapping[str, ReluNetwork], seed: int, given: Mapping[str, Any]) -> ModelInstance:
        """Return the model of a seed.

        Raises:
            InvalidSetting: parameters or networks that are not allowed; a ``build`` that fails or returns something else.
        """
        require_integer("seed", seed, 0)
        handed = networks if isinstance(networks, GivenNetworks) else GivenNetworks(self.name, networks)
        found = self.called("build", self.build, handed, seed, **self.complete(given))
        if not isinstance(found, ModelInstance) or not all(isinstance(place, Place) for place in found.places):
            raise InvalidSetting(
                f"{self.name} must return ModelInstance(model, [Place(inputs, outputs, network)]), got {type(found).__name__} "
                f"{shown(found)}"
            )
        return found

    def true_value(self, instance: ModelInstance) -> TrueValue | None:
        """Return what the decision that an instance's model holds is worth in truth; None where the truth is not known.

        Raises:
            InvalidSetting: a ``true_value`` that fails or returns something else.
        """
        if instance.true_value is None:
            return None
        found = self.called("true_value", instance.true_value)
        numbers = isinstance(found, TrueValue) and is_number(found.value) and is_number(found.violation)
        if not numbers or math.isnan(found.violation):
            raise InvalidSetting(
                f"true_value of {self.name} must return TrueValue(value, violation), two numbers, got {type(found).__name__} "
                f"{shown(found)}"
            )
        return found

    def with_surrogates(
        self,
        instance: ModelInstance,
        networks: Mapping[str, ReluNetwork],
        pruned: Mapping[str, ReluNetwork],
        seed: int,
        given: Mapping[str, Any],
    ) -> list[Place]:
        """Return the places of an instance with pruned networks in them beside the dense ones.

        A place whose network is one of ``networks`` gets the pruned one of that name. Where ``build`` makes its places'
        networks from those that it is given, or two names have the same network and are pruned otherwise, it is called once
        more with the pruned ones.

        Raises:
            InvalidSetting: ``build`` fails with the pruned networks, or makes other places of them.
        """
        by_network = {network.key: pruned[name] for name, network in networks.items() if name in pruned}
        is_one = all(by_network[networks[name].key].key == network.key for name, network in pruned.items())
        if is_one and all(place.dense.key in by_network for place in instance.places):
            return [_with(place, by_network[place.dense.key]) for place in instance.places]
        sparse = self.instance({**networks, **pruned}, seed, given).places
        if len(sparse) != len(instance.places):
            raise InvalidSetting(
                f"{self.name} has {len(instance.places)} places with the dense networks and {len(sparse)} with pruned ones: "
                "the places must not depend on the networks' weights"
            )
        return [_with(place, other.dense) for place, other in zip(instance.places, sparse, strict=True)]

    def called(self, role: str, function: Callable[..., Any], *args: Any, **parameters: Any) -> Any:
        """Call a function of the problem. An error that the function raises is told in one sentence."""
        try:
            return function(*args, **parameters)
        except InvalidSetting as error:
            raise InvalidSetting(str(error) if self.name in str(error) else f"{self.name}: {error}") from error
        except SurrogateError:
            raise
        except (Exception, SystemExit) as error:
            named = f"{self.name}" if role == "build" else f"{role} of {self.name}"
            raise InvalidSetting(f"{named} failed with {type(error).__name__}: {error}; {_where(error)}") from error


def _with(place: Place, surrogate: ReluNetwork) -> Place:
    return Place(place.inputs, place.outputs, place.dense, surrogate)


def _where(error: BaseException) -> str:
    """Return in which line of the user's own code it was raised: the first that is not of this module."""
    own = [place for place in files(error) if place[0] != __file__]
    return f"called in {own[0][0]}, line {own[0][1]}: correct it there" if own else "see how it is called"


def files(error: BaseException) -> list[tuple[str, int]]:
    """Return file and line of each call that led to an error, the innermost last."""
    return [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
