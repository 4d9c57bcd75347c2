"""Networks from and to torch modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn
from torch.nn.modules import module as every_module
from torch.nn.parameter import is_lazy

from surrogate.affine_chain import AffineChain
from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks import ReluNetwork

SUPPORTED = (nn.Linear, nn.ReLU, nn.Flatten, nn.Identity, nn.Dropout)

SIZES = (0.0, 1e-6, 1e-3, 1.0, 1e3, 1e6)
"""Sizes of the points at which a module is held against what was read of it: what clips, for one, shows at some only."""

POINTS = 4
"""Points of each size; their coordinates are normally distributed before they are scaled."""

TOLERANCE = 1e-9
"""Largest difference between two ways to the same value in float64, relative to the size of what is summed on the way."""


def read_torch(module: nn.Module) -> ReluNetwork:
    """Return the network that ``module`` computes in evaluation mode, in float64 whatever its weights are kept in.

    ``module`` is a ``Sequential``, nested or not, of Linear and ReLU; Flatten, Identity and Dropout may stand anywhere.
    Neighbouring Linear layers are folded into one. Weights and biases that torch makes anew in every forward pass (pruning
    masks, weight norm, spectral norm, parametrisations) are read as a forward pass has them.

    Every layer, and every ``Sequential`` as a whole, is called at a few points and held against what was read: a hook or a
    ``forward`` of its own may compute something else. ``module`` is left as it was; only what its hooks do elsewhere stays.

    Raises:
        UnsupportedLayer: another layer, a ReLU in front of the first Linear or at the end, or a layer that computes something
            else than its weights say; gives index and type.
        InvalidNetwork: weights that are complex, not there yet or not finite, sizes that do not fit, or no Linear at all.
    """
    layers = [(f"layer {index} ({_named(layer, path)})", layer) for index, (path, layer) in enumerate(_layers(module, ""))]
    _require_supported(layers)
    chain = AffineChain()
    with _in_float64(module):
        width = _first_width(module)
        for where, layer in layers:
            if isinstance(layer, nn.Linear):
                width = _read_linear(chain, layer, where)
                continue
            if isinstance(layer, nn.ReLU):
                chain.relu(where)
            for x in _batches(width):
                _require_output(layer, x, x.clamp(min=0.0) if isinstance(layer, nn.ReLU) else x, x.abs(), where)
        network = chain.network()
        _require_layers_alone(module, "", _first_width(module))
    return network


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


def _named(module: object, path: str) -> str:
    return f"{type(module).__name__}{f' at {path}' if path else ''}"


def _computes_like(layer: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether ``layer`` is a ``kind`` with that class's ``forward``: a subclass may compute something else."""
    return isinstance(layer, kind) and type(layer).forward is kind.forward


def _require_supported(layers: list[tuple[str, Any]]) -> None:
    linear_seen = False
    final_relu = None
    for where, layer in layers:
        if not any(_computes_like(layer, kind) for kind in SUPPORTED):
            *names, last = (kind.__name__ for kind in SUPPORTED)
            raise UnsupportedLayer(f"{where} is not supported: expected a Sequential of {', '.join(names)} and {last}")
        if isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) != (1, -1):
            raise UnsupportedLayer(f"{where}: only Flatten(start_dim=1, end_dim=-1) is supported")
        if isinstance(layer, nn.ReLU):
            if not linear_seen:
                raise UnsupportedLayer(f"{where}: a ReLU is only supported behind a Linear layer")
            final_relu = where
        if isinstance(layer, nn.Linear):
            linear_seen, final_relu = True, None
            if any(is_lazy(value) for value in layer.parameters()):
                raise InvalidNetwork(f"{where}: its weights are made in its first forward pass: call the module once before")
            if any(value.is_meta for value in layer.parameters()):
                raise InvalidNetwork(f"{where}: its weights are on the device meta, which keeps no values: load them before")
    if final_relu is not None:
        raise UnsupportedLayer(f"{final_relu}: a network cannot end in a ReLU, its logits must be affine: add a Linear layer")


@contextmanager
def _in_float64(module: nn.Module) -> Iterator[None]:
    """Have ``module`` in evaluation mode with float64 copies of its tensors on the CPU; then it is again what it was."""
    before = [(part, dict(part.__dict__)) for part in module.modules()]
    try:
        for path, part in module.named_modules():
            tensors = {name: _copied(value, f"{path}.{name}") for name, value in vars(part).items()}
            parameters = {name: _copied(value, f"{path}.{name}") for name, value in part._parameters.items()}
            buffers = {name: _copied(value, f"{path}.{name}") for name, value in part._buffers.items()}
            # What compile() prepared stands for the forward pass, and would be compiled for float64 first.
            part.__dict__.update(tensors, _parameters=parameters, _buffers=buffers, _compiled_call_impl=None)
        module.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        for part, attributes in before:
            part.__dict__.clear()
            part.__dict__.update(attributes)


def _copied(value: Any, name: str) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    dtype = torch.float64 if value.is_floating_point() else value.dtype
    try:
        copy = value.detach().to(device="cpu", dtype=dtype, copy=True).to_dense()
    except (RuntimeError, TypeError) as error:  # also NotImplementedError: quantised tensors, and those of other packages
        raise UnsupportedLayer(f"{name.lstrip('.')} cannot be copied to the CPU in float64: {_first_line(error)}") from error
    return nn.Parameter(copy, requires_grad=False) if isinstance(value, nn.Parameter) else copy


def _first_width(module: nn.Module) -> int:
    """Return the size of the points to call ``module`` with; 1 where it takes points of any size."""
    weights = (layer.weight for _, layer in _layers(module, "") if isinstance(layer, nn.Linear))
    return next((weight.shape[-1] for weight in weights if weight.ndim), 1)


def _batches(width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points of all sizes, and one alone: what is computed of one point must not depend on those beside it."""
    generator = torch.Generator(device="cpu").manual_seed(0)
    rows = torch.randn(POINTS, width, generator=generator, dtype=torch.float64, device="cpu")
    points = torch.cat([size * rows for size in SIZES])
    return points, points[-POINTS:][:1]


def _read_linear(chain: AffineChain, layer: nn.Linear, where: str) -> int:
    """Append a layer to the chain and return how many outputs it has."""
    if any(value is not None and value.is_complex() for value in (layer.weight, layer.bias)):
        raise InvalidNetwork(f"{where}: its weights are complex numbers, and those of a ReLU network are real")
    if layer.weight.ndim != 2:
        raise InvalidNetwork(f"{where}: its weight must be a matrix (out, in), got the shape {tuple(layer.weight.shape)}")
    batches = _batches(layer.weight.shape[-1])
    _outputs(layer, batches[0], where)  # pruning and the old weight norm refresh weight and bias in a forward pass only
    weight, bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach()
    chain.affine(weight.numpy(), None if bias is None else bias.numpy(), where)
    shift = torch.zeros(len(weight), dtype=torch.float64, device="cpu") if bias is None else bias
    for x in batches:
        _require_output(layer, x, x @ weight.T + shift, x.abs() @ weight.abs().T + shift.abs(), where)
    return len(weight)


def _require_layers_alone(module: nn.Module, path: str, width: int) -> int:
    """Require of every ``Sequential``, the innermost first, that it applies its layers and no more; return its width behind."""
    if not isinstance(module, nn.Sequential):
        return len(module.weight) if isinstance(module, nn.Linear) else width
    behind = width
    for position, child in enumerate(module):
        behind = _require_layers_alone(child, f"{path}.{position}" if path else str(position), behind)
    where = _named(module, path)
    for x in _batches(width):
        y, size = x, x.abs().amax(dim=1, keepdim=True)
        for child in module:
            y = _outputs(child, y, where)
            size = torch.maximum(size, y.abs().amax(dim=1, keepdim=True))
        _require_output(module, x, y, size, where)
    return behind


def _require_output(part: nn.Module, x: torch.Tensor, expected: torch.Tensor, size: torch.Tensor, where: str) -> None:
    """Raise UnsupportedLayer unless ``part`` computes ``expected``; ``size`` is that of what is summed for each value."""
    computed = _outputs(part, x, where)
    if computed.shape != expected.shape:
        how = f"its output has the shape {tuple(computed.shape)} instead of {tuple(expected.shape)}"
    else:
        off = (computed - expected).abs()
        # Where the sum of absolute values leaves double precision, the values themselves say nothing.
        wrong = ~(off <= TOLERANCE * size) & size.isfinite()
        if not wrong.any():
            return
        at = wrong.nonzero()[-1].tolist()
        how = f"an output is {float(computed[*at]):.6g} instead of {float(expected[*at]):.6g}"
    kind = next((kind.__name__ for kind in SUPPORTED if isinstance(part, kind)), "")
    meant = {"": "its layers compute one after another", "Linear": "a Linear with its weights does"}.get(kind, f"a {kind} does")
    raise UnsupportedLayer(f"{where} does not compute what {meant}: in evaluation mode {how}{_cause(part)}")


def _outputs(part: nn.Module, x: torch.Tensor, where: str) -> torch.Tensor:
    try:
        outputs = part(x.clone())  # some layers and hooks write into their input
    except Exception as error:  # hooks and parametrisations raise what they like
        raise UnsupportedLayer(
            f"{where} cannot be called with a batch of shape {tuple(x.shape)} in float64: {_first_line(error)}{_cause(part)}"
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


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
