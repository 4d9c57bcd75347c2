"""Compares a torch module with the network that was read from it, at points of several sizes and in each type that counts."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules import module as every_module

from surrogate.checks import first_line
from surrogate.errors import UnsupportedLayer

SUPPORTED = (nn.Linear, nn.ReLU, nn.BatchNorm1d, nn.Flatten, nn.Identity, nn.Dropout)

SIZES = (0.0, 1e-6, 1e-3, 1.0, 1e3, 1e6)
"""Sizes of the points at which a module is compared with what was read of it. Clipping, for example, shows only at some."""

POINTS = 4
"""Points of each size; their coordinates are normally distributed before they are scaled."""

TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 0.02, torch.bfloat16: 0.1}
"""Largest difference between two ways to the same value, relative to the size of what is summed on the way.

Far above the rounding of a sum: a weight norm or an orthogonal weight is rounded many times before. In other types torch
does no arithmetic.
"""

DOUBLE = torch.empty(0, dtype=torch.float64, device="cpu")
"""The type and the device of the copy that is read."""


def points_of(width: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points of all sizes, and one alone: what is computed of one point must not depend on those beside it.

    They have the type and the device of ``like``; sizes that the type does not reach are left out.
    """
    generator = torch.Generator(device="cpu").manual_seed(0)
    rows = torch.randn(POINTS, width, generator=generator, dtype=torch.float64, device="cpu")
    points = torch.cat([size * rows for size in SIZES]).to(like.dtype)
    points = points[points.isfinite().all(dim=1)].to(like.device)
    return points, points[-POINTS:][:1]


def require_layer(layer: nn.Module, read: nn.Module, width: int, like: torch.Tensor, where: str) -> int:
    """Require of a layer that it computes what its kind does, with the weights of ``read``; return how many outputs it has."""
    for x in points_of(width, like):
        given = x.to("cpu", torch.float64)
        expected, size = given, given.abs()
        if isinstance(read, nn.ReLU):
            expected = given.clamp(min=0.0)
        if isinstance(read, nn.Linear):
            expected, size = nn.functional.linear(given, read.weight), nn.functional.linear(size, read.weight.abs())
            if read.bias is not None:
                expected, size = expected + read.bias, size + read.bias.abs()
        if isinstance(read, nn.BatchNorm1d):
            scale, shift = normalisation(read)
            expected, size = given * scale + shift, size * scale.abs() + shift.abs()
        _require_output(layer, x, expected, size, where)
    return len(read.weight) if isinstance(read, nn.Linear) else width


def normalisation(layer: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a batch normalisation multiplies by and then adds in evaluation mode, each of shape ``(features,)``."""
    assert layer.running_mean is not None, "a layer without running statistics is refused"
    assert layer.running_var is not None
    scale = torch.rsqrt(layer.running_var + layer.eps)
    if layer.weight is not None:
        scale = scale * layer.weight
    shift = -layer.running_mean * scale
    return scale, shift if layer.bias is None else shift + layer.bias


def require_layers_alone(module: nn.Module, path: str, width: int, like: torch.Tensor) -> int:
    """Require of every ``Sequential``, the innermost first, that it applies its layers and no more; return its width behind."""
    if not isinstance(module, nn.Sequential):
        return len(module.weight) if isinstance(module, nn.Linear) else width
    behind = width
    for position, child in enumerate(module):
        behind = require_layers_alone(child, f"{path}.{position}" if path else str(position), behind, like)
    where = named(module, path)
    for x in points_of(width, like):
        y, size = x, x.abs().amax(dim=1, keepdim=True)
        for child in module:
            y = outputs(child, y, where)
            size = torch.maximum(size, y.abs().amax(dim=1, keepdim=True))
        _require_output(module, x, y, size, where)
    return behind


def _require_output(part: nn.Module, x: torch.Tensor, expected: torch.Tensor, size: torch.Tensor, where: str) -> None:
    """Raise UnsupportedLayer unless ``part`` computes ``expected``; ``size`` is that of what is summed for each value."""
    computed = outputs(part, x, where)
    if computed.shape != expected.shape:
        how = f"its output has the shape {tuple(computed.shape)} instead of {tuple(expected.shape)}"
    else:
        y, expected, size = (value.to("cpu", torch.float64) for value in (computed, expected, size))
        # Where the sum of absolute values leaves the range of the type, the values themselves say nothing.
        most, least = torch.finfo(x.dtype).max, torch.finfo(x.dtype).tiny
        off = (y - expected).abs() / (size + least)
        wrong = ~(off <= _tolerance(x.dtype)) & (size < most)
        if not wrong.any():
            return
        at = int(off.where(wrong, -1.0).argmax())
        found, meant = float(y.flatten()[at]), float(expected.flatten()[at])
        digits = 6 if f"{found:.6g}" != f"{meant:.6g}" else 17
        how = f"an output is {found:.{digits}g} instead of {meant:.{digits}g}"
    kind = next((kind.__name__ for kind in SUPPORTED if isinstance(part, kind)), "")
    what = {"": "its layers compute one after another", "Linear": "a Linear with its weights does"}.get(kind, f"a {kind} does")
    mode = f"in evaluation mode and {_word(x)}"
    raise UnsupportedLayer(f"{where} does not compute what {what}: {mode} {how}{_cause(part)}")


def _tolerance(dtype: torch.dtype) -> float:
    if dtype == torch.float32 and not _multiplies_exactly():
        return TOLERANCES[torch.bfloat16]
    return TOLERANCES[dtype]


def _multiplies_exactly() -> bool:
    """Whether torch multiplies matrices of float32 as such, and not as those of a smaller type, which is faster."""
    try:
        return torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # it was set in the new way, and for some devices
        return False


def _word(x: torch.Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def outputs(part: nn.Module, x: torch.Tensor, where: str) -> torch.Tensor:
    try:
        outputs = part(x.clone())  # some layers and hooks write into their input
    except Exception as error:  # hooks and parametrisations raise what they like
        raise UnsupportedLayer(
            f"{where} cannot be called with a batch of shape {tuple(x.shape)} in {_word(x)}: {first_line(error)}{_cause(part)}"
        ) from error
    if not isinstance(outputs, torch.Tensor):
        raise UnsupportedLayer(f"{where} returns a {type(outputs).__name__} instead of a tensor{_cause(part)}")
    return outputs.detach()


def _cause(part: nn.Module) -> str:
    """Return what makes a forward pass of ``part`` another one than its class's, and how to mend it."""
    if "forward" in vars(part):
        return "; its forward was replaced: delete that, or state what it does as layers"
    own = [*part._forward_pre_hooks.values(), *part._forward_hooks.values()]
    shared = [*every_module._global_forward_pre_hooks.values(), *every_module._global_forward_hooks.values()]
    names = ", ".join(getattr(hook, "__name__", type(hook).__name__) for hook in own + shared)
    return f"; a forward pass runs the hooks {names}: remove them, or state what they do as layers" if names else ""


def named(module: object, path: str) -> str:
    return f"{type(module).__name__}{f' at {path}' if path else ''}"
