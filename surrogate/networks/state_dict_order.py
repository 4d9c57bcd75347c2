"""The order of the layers of a state dict, and the places of the ReLUs: from names, and from sizes that must fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from surrogate.errors import InvalidNetwork
from surrogate.networks.state_dict_layers import Layer, Linear

MOST_ROWS, MOST_LAYERS = 4, 100
"""Most rows of layers, each with numbers of its own, and layers in all of them, that are joined by their sizes."""

NAME_THEM = "name the layers in their order, such as layers=['fc1', 'bn1', 'relu', 'fc2']"

OrderedLayers = list[Layer | None]
"""Layers in the order in which they compute; None is a ReLU."""


def in_order(layers: Sequence[Layer], *, is_ordered: bool) -> list[Layer]:
    """Return the layers in the order in which they compute.

    A batch normalisation that is numbered as a Linear layer, such as ``bn1`` as ``fc1``, stands behind that.

    Args:
        layers: as the file has them.
        is_ordered: whether that is the order in which they were made, which their numbers must then not contradict. Without
            it, layers with names that are equal but for their numbers come in the order of these, and rows of such layers are
            joined in the only way in which sizes fit.

    Raises:
        InvalidNetwork: several orders are possible, or none.
    """
    rows = _rows(layers)
    companions = _companions(rows)
    following = set(itertools.chain(*companions.values()))
    followed = [(layer, *companions.get(layer.name, ())) for layer in layers if layer not in following]
    if not is_ordered:
        return _joined(followed)
    places = {layer.name: place for place, layer in enumerate(layers)}
    for layer, later in itertools.chain.from_iterable(map(itertools.pairwise, rows)):
        if later.numbers < layer.numbers:
            raise InvalidNetwork(f"{later.name} stands behind {layer.name}, against their numbers: {NAME_THEM}")
    for linear, *norms in followed:
        for norm in norms:
            if places[norm.name] < places[linear.name]:
                raise InvalidNetwork(
                    f"{norm.name} stands in front of {linear.name}, whose outputs its number says it normalises: {NAME_THEM}"
                )
    return list(itertools.chain(*followed))


def with_relus(layers: Sequence[Layer]) -> OrderedLayers:
    """Return the layers with a ReLU between every Linear and the next.

    It stands in the place that the numbers of a ``Sequential`` leave free. Where layers have names of their own, or stand in a
    list, it is assumed behind the batch normalisations that follow the first of the two.

    Raises:
        InvalidNetwork: the numbers of a ``Sequential`` leave several places free, or none.
    """
    linears = [position for position, layer in enumerate(layers) if isinstance(layer, Linear)]
    pieces = [list(layers[start : end + 1]) for start, end in itertools.pairwise(linears)]
    gaps = [_free_places(piece) for piece in pieces]
    leaves_places = any(gap for gap in gaps)
    is_bare = all(layer.template == "#" for layer in layers)
    steps: OrderedLayers = list(layers[: linears[0] + 1]) if linears else []
    for piece, gap in zip(pieces, gaps, strict=True):
        between = f"between {piece[0].name} and {piece[-1].name}"
        if gap is None or (not gap and not leaves_places and not is_bare):  # names, or a ModuleList such as layers.0, layers.1
            place = len(piece) - 1
        elif len(gap) == 1:
            place = gap[0]
        elif gap:
            raise InvalidNetwork(f"{between} the numbers leave more than one place for a ReLU: {NAME_THEM}")
        else:
            elsewhere = ", as they do elsewhere" if leaves_places else ""
            raise InvalidNetwork(f"{between} the numbers leave no place for a ReLU{elsewhere}: {NAME_THEM}")
        steps += [*piece[1:place], None, *piece[place:]]
    return steps + list(layers[linears[-1] + 1 :])


def _free_places(piece: Sequence[Layer]) -> list[int] | None:
    """Return in front of which layers a number is left free; None where they are not numbered as in a ``Sequential``."""
    if len({layer.template for layer in piece}) > 1 or piece[0].template.rpartition(".")[2] != "#":
        return None
    if len({layer.numbers[:-1] for layer in piece}) > 1:
        return None
    steps = [later.numbers[-1] - layer.numbers[-1] for layer, later in itertools.pairwise(piece)]
    return [position for position, step in enumerate(steps, 1) if step > 1]


def _rows(layers: Sequence[Layer]) -> list[list[Layer]]:
    """Group the layers by their names without the numbers, in the order of the file."""
    rows: dict[str, list[Layer]] = {}
    for layer in layers:
        rows.setdefault(layer.template, []).append(layer)
    return list(rows.values())


def _companions(rows: Sequence[Sequence[Layer]]) -> dict[str, list[Layer]]:
    """Return the batch normalisations that belong to each Linear layer, by the name of that layer.

    They stand in a row without Linear layers, and have the numbers and the size of the Linear layer.
    """
    linears = [layer for row in rows for layer in row if isinstance(layer, Linear)]
    found: dict[str, list[Layer]] = {}
    for row in rows:
        if any(isinstance(layer, Linear) for layer in row):
            continue
        for norm in row:
            same = [linear for linear in linears if linear.numbers == norm.numbers and norm.numbers]
            if len(same) == 1 and same[0].outputs == norm.inputs:
                found.setdefault(same[0].name, []).append(norm)
    return found


def _joined(units: Sequence[tuple[Layer, ...]]) -> list[Layer]:
    """Return the layers of rows in the only order in which each row's numbers rise and all sizes fit."""
    rows: dict[str, list[tuple[Layer, ...]]] = {}
    for unit in sorted(units, key=lambda unit: unit[0].numbers):
        rows.setdefault(unit[0].template, []).append(unit)
    if len(rows) == 1:
        return list(itertools.chain(*next(iter(rows.values()))))
    names = ", ".join(sorted(layer.name for unit in units for layer in unit))
    if len(rows) > MOST_ROWS or len(units) > MOST_LAYERS:
        raise InvalidNetwork(f"the names {names:.200} do not say in which order the layers compute: {NAME_THEM}")
    found = list(itertools.islice(_fitting(list(rows.values()), (0,) * len(rows), None, set()), 2))
    if len(found) != 1:
        why = "more than one order" if found else "no order"
        raise InvalidNetwork(f"{why} of the layers {names} has sizes that fit: {NAME_THEM}")
    return found[0]


def _fitting(
    rows: Sequence[Sequence[tuple[Layer, ...]]], done: tuple[int, ...], width: int | None, dead: set[Any]
) -> Iterator[list[Layer]]:
    """Yield the orders of the layers left once ``done`` layers of each row have their places; ``dead`` ends lead nowhere."""
    if all(count == len(row) for count, row in zip(done, rows, strict=True)):
        yield []
        return
    if (done, width) in dead:
        return
    leads_on = False
    for index, (count, row) in enumerate(zip(done, rows, strict=True)):
        if count < len(row) and width in (None, row[count][0].inputs):
            unit = row[count]
            for rest in _fitting(rows, (*done[:index], count + 1, *done[index + 1 :]), unit[-1].outputs, dead):
                leads_on = True
                yield [*unit, *rest]
    if not leads_on:
        dead.add((done, width))
