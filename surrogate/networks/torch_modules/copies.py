"""Copies of torch modules, to be called in the modules' place: other threads may use the modules meanwhile."""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import nn

from surrogate.checks import first_line
from surrogate.errors import UnsupportedLayer


def copied_in_float64(module: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode, with float64 tensors on the CPU.

    Raises:
        UnsupportedLayer: a tensor has no such copy.
    """
    return _copied(module, double=True)


def copied_as_it_is(module: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode, with tensors of the same dtype on the same device."""
    return _copied(module, double=False)


def _copied(module: nn.Module, *, double: bool) -> nn.Module:
    """Copy every part with its hooks; ``deepcopy`` fails on weights that a hook makes, and on what hooks keep."""
    copies: dict[nn.Module, Any] = {part: object.__new__(type(part)) for part in module.modules()}
    for path, part in module.named_modules():

        def copy(name: str, value: Any, path: str = path) -> Any:
            if isinstance(value, torch.Tensor):
                return _tensor(value, f"{path}.{name}".lstrip("."), double=double)
            if isinstance(value, MethodType) and value.__self__ in copies:  # a forward of its own
                return MethodType(value.__func__, copies[value.__self__])
            return value

        state = {name: copy(name, value) for name, value in vars(part).items()}
        for kept in ("_parameters", "_buffers"):
            state[kept] = {name: copy(name, value) for name, value in state[kept].items()}
        state["_modules"] = {name: child if child is None else copies[child] for name, child in part._modules.items()}
        # What compile() prepared stands for the forward pass, and would be compiled for other tensors first.
        copies[part].__dict__.update(state, _compiled_call_impl=None)
    whole: nn.Module = copies[module]
    return whole.eval()


def _tensor(value: torch.Tensor, name: str, *, double: bool) -> torch.Tensor:
    if not double:
        copy = value.detach().clone()
    else:
        dtype = torch.float64 if value.is_floating_point() else value.dtype
        try:
            copy = value.detach().to(device="cpu", dtype=dtype, copy=True).to_dense()
        except (RuntimeError, TypeError) as error:  # also NotImplementedError: quantised tensors, and those of other packages
            raise UnsupportedLayer(f"{name} cannot be copied to the CPU in float64: {first_line(error)}") from error
    return nn.Parameter(copy, requires_grad=False) if isinstance(value, nn.Parameter) else copy
