"""Networks from and to torch modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import nn

from surrogate.affine_chain import AffineChain
from surrogate.errors import UnsupportedLayer
from surrogate.networks import FloatArray, ReluNetwork

SUPPORTED = "Linear, ReLU, Flatten, Identity and Dropout"


def read_torch(module: nn.Module) -> ReluNetwork:
    """Return the network that ``module`` computes in evaluation mode; weights become float64.

    ``module`` is a ``Sequential``, nested or not, of Linear and ReLU; Flatten, Identity and Dropout may stand anywhere.
    Neighbouring Linear layers are folded into one. Weights masked by ``torch.nn.utils.prune`` are read as masked.

    Raises:
        UnsupportedLayer: another layer, a ReLU in front of the first Linear or at the end; gives index and type.
        InvalidNetwork: weights that are not finite, sizes that do not fit, or no Linear at all.
    """
    chain = AffineChain()
    linear_seen = False
    final_relu = None
    for index, (path, layer) in enumerate(_layers(module, "")):
        where = f"layer {index} ({type(layer).__name__}{f' at {path}' if path else ''})"
        if _computes_like(layer, nn.Linear):
            chain.affine(_float64(_weight(layer)), None if layer.bias is None else _float64(layer.bias), where)
            linear_seen, final_relu = True, None
        elif _computes_like(layer, nn.ReLU):
            if not linear_seen:
                raise UnsupportedLayer(f"{where}: a ReLU is only supported behind a Linear layer")
            chain.relu(where)
            final_relu = where
        elif _computes_like(layer, nn.Flatten):
            if (layer.start_dim, layer.end_dim) != (1, -1):
                raise UnsupportedLayer(f"{where}: only Flatten(start_dim=1, end_dim=-1) is supported")
        elif not (_computes_like(layer, nn.Identity) or _computes_like(layer, nn.Dropout)):
            raise UnsupportedLayer(f"{where} is not supported: expected a Sequential of {SUPPORTED}")
    if final_relu is not None:
        raise UnsupportedLayer(f"{final_relu}: a network cannot end in a ReLU, its logits must be affine: add a Linear layer")
    return chain.network()


def write_torch(network: ReluNetwork) -> nn.Sequential:
    """Return a float64 ``Sequential`` of Linear and ReLU with the weights of ``network``, in evaluation mode."""
    layers: list[nn.Module] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
            linear.bias.copy_(torch.tensor(bias))
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).eval()


def _layers(module: nn.Module, path: str) -> Iterator[tuple[str, Any]]:
    if not _computes_like(module, nn.Sequential):
        yield path, module
        return
    for position, child in enumerate(cast(nn.Sequential, module)):  # named_children() would leave out a ReLU used twice
        yield from _layers(child, f"{path}.{position}" if path else str(position))


def _computes_like(layer: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether ``layer`` is a ``kind`` with that class's ``forward``: a subclass may compute something else."""
    return isinstance(layer, kind) and type(layer).forward is kind.forward


def _weight(layer: Any) -> torch.Tensor:
    if hasattr(layer, "weight_orig") and hasattr(layer, "weight_mask"):  # torch refreshes .weight only in a forward pass
        return layer.weight_orig * layer.weight_mask
    return layer.weight


def _float64(tensor: torch.Tensor) -> FloatArray:
    return tensor.detach().to(device="cpu", dtype=torch.float64).numpy()
