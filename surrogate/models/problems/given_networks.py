"""The networks that a ``build`` is given, by name, and which of them it asks for."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from surrogate.checks import shown
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork


class MissingNetwork(InvalidSetting):
    """A ``build`` asks for a network of a name that there is none of.

    Args:
        problem: name of the problem.
        name: of the network.
        there: names of the networks that there are.
    """

    def __init__(self, problem: str, name: Any, there: Mapping[str, ReluNetwork]) -> None:
        super().__init__(
            f"{problem} asks for a network named {shown(name)}, and there is {', '.join(map(str, there)) or 'none'}: the names "
            "in build must be those that samples returns"
        )
        self.name = name


class GivenNetworks(dict[str, ReluNetwork]):
    """Networks by name. Asking for one that there is none of says which there are.

    Attributes:
        asked: the names that were asked for. Whoever goes through all networks asks for each.

    Raises:
        MissingNetwork: when one is asked for that there is none of.
    """

    def __init__(self, problem: str, networks: Mapping[str, ReluNetwork]) -> None:
        super().__init__(networks)
        self._problem = problem
        self.asked: set[str] = set()

    def __missing__(self, name: str) -> ReluNetwork:
        raise MissingNetwork(self._problem, name, self)

    def __getitem__(self, name: str) -> ReluNetwork:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        self._all()
        return super().__iter__()

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # a dictionary's own view has a type that cannot be named
        self._all()
        return super().keys()

    def values(self) -> ValuesView[ReluNetwork]:  # type: ignore[override]
        self._all()
        return super().values()

    def items(self) -> ItemsView[str, ReluNetwork]:  # type: ignore[override]
        self._all()
        return super().items()

    def _all(self) -> None:
        self.asked.update(super().keys())
