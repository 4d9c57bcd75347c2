"""Networks from a state dict. A state dict names the layers' tensors, but not what is between the layers.

If the names leave the order of the layers open, or the place of a ReLU in a ``Sequential``, no network is read, and the caller
has to name the layers. Between layers with names of their own a ReLU is assumed
(:func:`surrogate.networks.state_dict_order.with_relus`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from surrogate.checks import list_of, shown
from surrogate.errors import InvalidSetting
from surrogate.networks.affine_chain import AffineChain
from surrogate.networks.arrays import WeightsAndBiases
from surrogate.networks.state_dict_layers import BatchNorm, Layer, Linear, layers_of
from surrogate.networks.state_dict_order import in_order, with_relus

RELU = "relu"
"""What stands for a ReLU in a list of layers, in upper or lower case."""

Tensors = Mapping[str, NDArray[Any]]


def read_state_dict(tensors: Tensors, layers: Sequence[str] | None = None, *, is_ordered: bool = True) -> WeightsAndBiases:
    """Return the weights and biases of the network of Linear, BatchNorm1d and ReLU layers that a state dict holds.

    ``layers`` names them in the order in which they compute, such as ``["fc1", "bn1", "relu", "fc2"]``, and nothing is added
    to that. Without it, the order is that of the numbers in their names, or else the one in which the state dict has them, and
    a ReLU stands between two Linear layers, behind a BatchNorm1d that follows the first of them. A place that is left free in
    the numbers of a ``Sequential`` is that of its ReLU. A state dict doesn't tell a ReLU from another activation.

    Args:
        tensors: every tensor by its name; of a pruned layer also ``weight_orig`` and ``weight_mask``.
        layers: names of layers, and ``relu``.
        is_ordered: whether the tensors stand in the order in which their layers were made.

    Raises:
        UnsupportedLayer: a tensor that belongs to no such layer; gives its name.
        InvalidNetwork: sizes that do not fit, or an order or the place of a ReLU that the names leave open.
        InvalidSetting: ``layers`` names a layer that there is not, or leaves one out.
    """
    found = layers_of(tensors)
    steps = with_relus(in_order(list(found.values()), is_ordered=is_ordered)) if layers is None else _given(found, layers)
    first = next(step for step in steps if step is not None)
    chain = AffineChain(first.inputs)
    for position, step in enumerate(steps):
        if step is None:
            chain.relu(f"layer {position} (ReLU)")
        elif isinstance(step, Linear):
            chain.affine(step.weight, step.bias, f"layer {step.name} (Linear)")
        elif isinstance(step, BatchNorm):
            chain.elementwise(*step.scale_and_shift(), f"layer {step.name} (BatchNorm1d)")
    return chain.layers()


def _given(found: Mapping[str, Layer], layers: Sequence[str]) -> list[Layer | None]:
    names = list_of("layers", layers, "names of layers and relu, such as ['fc1', 'relu', 'fc2']")
    steps: list[Layer | None] = []
    for name in names:
        if not isinstance(name, str):
            raise InvalidSetting(f"layers must be names, got {type(name).__name__} {shown(name)}")
        if name not in found and name.lower() != RELU:
            raise InvalidSetting(f"layers names {name!r}, and there are {', '.join(found)} and {RELU}")
        steps.append(found.get(name))
    missing = [name for name in found if name not in names]
    twice = sorted({name for name in names if name in found and names.count(name) > 1})
    if missing or twice:
        what = f"leaves out {', '.join(missing)}" if missing else f"names {', '.join(twice)} more than once"
        raise InvalidSetting(f"layers {what}: name every layer with weights once")
    return steps
