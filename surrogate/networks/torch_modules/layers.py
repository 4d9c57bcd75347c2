"""Networks from and to torch modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks.affine_chain import AffineChain
from surrogate.networks.arrays import FloatArray, WeightsAndBiases
from surrogate.networks.torch_modules.comparison import (
    DOUBLE,
    SUPPORTED,
    TOLERANCES,
    named,
    normalisation,
    outputs,
    points_of,
    require_layer,
    require_layers_alone,
)
from surrogate.networks.torch_modules.copies import copied_as_it_is, copied_in_float64


def read_torch(module: nn.Module) -> WeightsAndBiases:
    """Return what ``module`` computes in evaluation mode as the weights and biases of a network, in float64 in any case.

    ``module`` is a ``Sequential``, nested or not, of Linear, ReLU and BatchNorm1d; Flatten, Identity and Dropout may stand
    anywhere. Neighbouring Linear layers are folded into one, and a BatchNorm1d into those beside it. A ReLU in front of the
    first Linear or behind the last one gets an identity matrix on its other side. Weights and biases that torch makes anew in
    every forward pass (pruning masks, weight norm, spectral norm, parametrisations) are read as a forward pass has them.

    Every layer, and every ``Sequential`` as a whole, is called at a few points and held against what was read, in float64 and
    in the type and on the device that it has: a hook or a ``forward`` of its own may compute something else. All of that is
    done with copies, so ``module`` is left as it was; only what its hooks do elsewhere stays.

    Raises:
        UnsupportedLayer: another layer, a BatchNorm1d without running statistics, or a layer that computes something else than
            its weights say; gives index and type.
        InvalidNetwork: weights that are complex, not there yet or not finite, sizes that do not fit, or no Linear at all.
    """
    _require_supported(_places(module))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        double = copied_in_float64(module)
        layers = _read_double(double)
        _require_same(copied_as_it_is(module), double)
    return layers


def _read_double(module: nn.Module) -> WeightsAndBiases:
    width = _first_width(module)
    chain = AffineChain(next(_widths(module), None))
    for where, layer in _places(module):
        if isinstance(layer, nn.Linear):
            width = _read_linear(chain, layer, where)
        elif isinstance(layer, nn.ReLU):
            chain.relu(where)
            require_layer(layer, layer, width, DOUBLE, where)
        elif isinstance(layer, nn.BatchNorm1d):
            scale, shift = normalisation(layer)
            chain.elementwise(scale.numpy(), shift.numpy(), where)
            require_layer(layer, layer, width, DOUBLE, where)
        else:
            require_layer(layer, layer, width, DOUBLE, where)
    layers = chain.layers()
    require_layers_alone(module, "", _first_width(module), DOUBLE)
    return layers


def _require_same(own: nn.Module, double: nn.Module) -> None:
    """Require of a module as it is that it computes what its copy in float64 does, unless it cannot be called at all."""
    like = next(layer.weight for _, layer in _places(own) if isinstance(layer, nn.Linear))
    if like.dtype not in TOLERANCES:
        return
    width = _first_width(double)
    with torch.autocast(like.device.type, enabled=False):
        try:
            own(points_of(width, like)[0])
        except Exception:  # of several types, or on several devices: it computes nothing that could be compared
            return
        for (where, layer), (_, read) in zip(_places(own), _places(double), strict=True):
            width = require_layer(layer, read, width, like, where)
        require_layers_alone(own, "", _first_width(double), like)


def write_torch(weights: Sequence[FloatArray], biases: Sequence[FloatArray]) -> nn.Sequential:
    """Return a float64 ``Sequential`` of Linear and ReLU with the weights and biases of a network, in evaluation mode."""
    layers: list[nn.Module] = []
    for weight, bias in zip(weights, biases, strict=True):
        linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
            linear.bias.copy_(torch.tensor(bias))
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).eval()


def _places(module: nn.Module) -> list[tuple[str, Any]]:
    """Return the layers in their order, each with where it stands in words."""
    return [(f"layer {index} ({named(layer, path)})", layer) for index, (path, layer) in enumerate(_layers(module, ""))]


def _layers(module: nn.Module, path: str) -> Iterator[tuple[str, Any]]:
    if not _computes_like(module, nn.Sequential):
        yield path, module
        return
    for position, child in enumerate(cast(nn.Sequential, module)):  # named_children() would leave out a ReLU used twice
        yield from _layers(child, f"{path}.{position}" if path else str(position))


def _computes_like(layer: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether ``layer`` is a ``kind`` with that class's ``forward``: a subclass may compute something else."""
    return isinstance(layer, kind) and type(layer).forward is kind.forward


def _require_supported(layers: list[tuple[str, Any]]) -> None:
    for where, layer in layers:
        if not any(_computes_like(layer, kind) for kind in SUPPORTED):
            *names, last = (kind.__name__ for kind in SUPPORTED)
            raise UnsupportedLayer(f"{where} is not supported: expected a Sequential of {', '.join(names)} and {last}")
        if isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) != (1, -1):
            raise UnsupportedLayer(f"{where}: only Flatten(start_dim=1, end_dim=-1) is supported")
        if isinstance(layer, nn.BatchNorm1d) and (layer.running_mean is None or layer.running_var is None):
            raise UnsupportedLayer(
                f"{where} keeps no running statistics, so that what it computes of a point depends on those beside it: "
                f"expected BatchNorm1d(track_running_stats=True)"
            )
        if any(is_lazy(value) for value in layer.parameters()):
            raise InvalidNetwork(f"{where}: its weights are made in its first forward pass: call the module once before")
        if any(value.is_meta for value in layer.parameters()):
            raise InvalidNetwork(f"{where}: its weights are on the device meta, which keeps no values: load them before")


def _first_width(module: nn.Module) -> int:
    """Return the size of the points to call ``module`` with; 1 where it takes points of any size."""
    return next(_widths(module), 1)


def _widths(module: nn.Module) -> Iterator[int]:
    """Yield how many values each layer with weights takes."""
    for _, layer in _layers(module, ""):
        if isinstance(layer, nn.BatchNorm1d):
            yield layer.num_features
        elif isinstance(layer, nn.Linear) and layer.weight.ndim:
            yield int(layer.weight.shape[-1])


def _read_linear(chain: AffineChain, layer: nn.Linear, where: str) -> int:
    """Append a layer to the chain and return how many outputs it has."""
    if any(value is not None and value.is_complex() for value in (layer.weight, layer.bias)):
        raise InvalidNetwork(f"{where}: its weights are complex numbers, and those of a ReLU network are real")
    if layer.weight.ndim != 2:
        raise InvalidNetwork(f"{where}: its weight must be a matrix (out, in), got the shape {tuple(layer.weight.shape)}")
    # Pruning and the old weight norm refresh weight and bias in a forward pass only.
    outputs(layer, points_of(layer.weight.shape[-1], DOUBLE)[0], where)
    chain.affine(layer.weight.numpy(), None if layer.bias is None else layer.bias.numpy(), where)
    return require_layer(layer, layer, layer.weight.shape[-1], DOUBLE, where)
