"""Torch modules whose attributes do not say what they compute: read as a forward pass has them, or refused with the layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks import ReluNetwork


def built(change: Callable[[nn.Linear], object] | None = None, seed: int = 1) -> nn.Sequential:
    """Return a small module, each of whose Linear layers was changed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Dropout(), nn.Sequential(nn.Linear(5, 3), nn.Identity()))
        for layer in (module[0], module[3][0]):
            if change is not None:
                change(layer)
    return module


def assert_same(module: nn.Module, network: ReluNetwork, relative: float = 1e-5) -> None:
    x = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = module.eval()(x.to(next(module.parameters()).dtype)).double().numpy()
    np.testing.assert_allclose(network(x.double().numpy()), expected, atol=relative * np.abs(expected).max())


def pruned(layer: nn.Linear) -> None:
    prune.l1_unstructured(layer, "weight", amount=0.5)
    prune.l1_unstructured(layer, "bias", amount=2)


REMADE = {
    "weight_norm": nn.utils.weight_norm,
    "spectral_norm": nn.utils.spectral_norm,
    "weight_norm as a parametrisation": parametrizations.weight_norm,
    "spectral_norm as a parametrisation": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "pruned weights and biases": pruned,
}


@pytest.mark.filterwarnings("ignore:.*is deprecated.*:FutureWarning")
@pytest.mark.parametrize("name", REMADE)
@pytest.mark.parametrize("how", ["loaded", "stepped", "stepped in training mode"])
def test_weights_made_in_the_forward_pass_are_read_as_the_next_one_has_them(name: str, how: str) -> None:
    module = built(REMADE[name])
    if how == "loaded":
        module.load_state_dict(built(REMADE[name], seed=2).state_dict())
    else:
        module.train(how.endswith("mode"))
        optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
        module(torch.ones(4, 6)).square().sum().backward()
        optimizer.step()
    assert_same(copy_of(module, REMADE[name]), ReluNetwork.from_torch(module))


def copy_of(module: nn.Sequential, change: Callable[[nn.Linear], object]) -> nn.Module:
    """Return a module of its own: what is compared must not have been refreshed by what reads."""
    copied = built(change, seed=3)
    copied.load_state_dict(module.state_dict())
    return copied


def doubled(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    return 2.0 * output


def shifted(part: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
    return (inputs[0] + 1.0,)


def clipped(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    return output.clamp(-1000.0, 1000.0)


def centred(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    return output - output.mean(dim=0)


def noisy(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    return output + 0.1 * torch.randn_like(output)


def cut(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    return output[:, :2]


def doubled_in_float32(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    return 2.0 * output if output.dtype == torch.float32 else output


def paired(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> tuple[torch.Tensor, str]:
    return output, "and more"


def broken(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("no such thing\nin two lines")


def kept(part: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    part.seen = output


def replaced(self: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return nn.functional.linear(x, self.weight)


def replaced_sequence(self: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    return -self[3](self[2](self[1](self[0](x))))


class AlwaysDropping(nn.Dropout):
    """Monte Carlo dropout as it is often written."""

    def train(self, mode: bool = True) -> AlwaysDropping:
        return super().train(True)


def put(path: str, value: nn.Module) -> Callable[[nn.Module], object]:
    return lambda module: module.set_submodule(path, value)


CHANGED: dict[str, tuple[Callable[[nn.Module], object], tuple[str, ...]]] = {
    "a hook on a Linear": (
        lambda m: m[0].register_forward_hook(doubled),
        ("layer 0 (Linear at 0)", "an output", "hooks doubled"),
    ),
    "a hook on a ReLU": (
        lambda m: m[1].register_forward_hook(doubled),
        ("layer 1 (ReLU at 1)", "an output", "hooks doubled"),
    ),
    "a hook on a Dropout": (lambda m: m[2].register_forward_hook(doubled), ("layer 2 (Dropout at 2)", "hooks doubled")),
    "a hook before": (lambda m: m[3][0].register_forward_pre_hook(shifted), ("layer 3 (Linear at 3.0)", "hooks shifted")),
    "a hook on the whole": (
        lambda m: m.register_forward_hook(doubled),
        ("Sequential does not compute", "doubled"),
    ),
    "a hook on a part": (lambda m: m[3].register_forward_pre_hook(shifted), ("Sequential at 3 does not compute", "shifted")),
    "a hook that clips": (lambda m: m[0].register_forward_hook(clipped), ("layer 0", "an output is", "hooks clipped")),
    "a hook that clips the end": (lambda m: m.register_forward_hook(clipped), ("Sequential", "an output is", "hooks clipped")),
    "a hook over the batch": (lambda m: m[1].register_forward_hook(centred), ("layer 1", "an output is", "hooks centred")),
    "a hook that draws": (lambda m: m[3][1].register_forward_hook(noisy), ("layer 4 (Identity at 3.1)", "hooks noisy")),
    "a hook that cuts": (lambda m: m.register_forward_hook(cut), ("Sequential", "the shape (24, 2) instead of (24, 3)")),
    "a hook that adds": (lambda m: m[0].register_forward_hook(paired), ("layer 0", "returns a tuple instead of a tensor")),
    "a hook that raises": (lambda m: m[0].register_forward_hook(broken), ("layer 0", "shape (24, 6)", "no such thing; a")),
    "a hook in its own type": (
        lambda m: m[0].register_forward_hook(doubled_in_float32),
        ("layer 0 (Linear at 0)", "and float32 an output", "hooks doubled_in_float32"),
    ),
    "a hook in its own type on the whole": (
        lambda m: m.register_forward_hook(doubled_in_float32),
        ("Sequential does not compute", "and float32 an output", "hooks doubled_in_float32"),
    ),
    "another forward": (lambda m: setattr(m[0], "forward", MethodType(replaced, m[0])), ("layer 0", "forward was replaced")),
    "another forward of the whole": (
        lambda m: setattr(m, "forward", MethodType(replaced_sequence, m)),
        ("Sequential does not compute what its layers compute", "forward was replaced"),
    ),
    "a Dropout that goes on": (
        put("2", AlwaysDropping()),
        ("layer 2 (AlwaysDropping at 2)", "a Dropout does: in evaluation"),
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_module_that_computes_something_else_is_refused_by_the_layer(name: str) -> None:
    change, words = CHANGED[name]
    module = built()
    change(module)
    with pytest.raises(UnsupportedLayer) as refused:
        ReluNetwork.from_torch(module)
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refusal_shows_where_the_values_differ_most() -> None:
    """At a large point, that of a hook which adds 1 is the same in six digits."""
    module = built()
    module[0].register_forward_pre_hook(shifted)
    with pytest.raises(UnsupportedLayer) as refused:
        ReluNetwork.from_torch(module)
    shown = re.search(r"an output is (\S+) instead of ([^;]+);", str(refused.value))
    assert shown is not None
    assert abs(float(shown[1]) - float(shown[2])) > 0.01 * abs(float(shown[2]))


def test_a_module_is_never_another_one_meanwhile() -> None:
    """Another thread may call it, or read it too."""
    module, seen = built().train(), set()
    module[1].register_forward_hook(
        lambda part, inputs, output: seen.add((module[0].weight.dtype, module.training, id(module[0].weight)))
    )
    ReluNetwork.from_torch(module)
    assert seen == {(torch.float32, True, id(module[0].weight))}


def test_autocast_is_no_matter() -> None:
    module = built()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ReluNetwork.from_torch(module).key == ReluNetwork.from_torch(built()).key


def test_what_torch_rounds_on_purpose_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """With torch.set_float32_matmul_precision; the machine of a test need not have what it makes faster."""
    module = built()
    module[0].register_forward_hook(
        lambda part, inputs, output: output.bfloat16().to(output.dtype) if output.dtype == torch.float32 else None
    )
    with pytest.raises(UnsupportedLayer, match="and float32 an output"):
        ReluNetwork.from_torch(module)
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "medium")
    assert ReluNetwork.from_torch(module).key == ReluNetwork.from_torch(built()).key


def test_layers_of_several_types_are_read() -> None:
    """They compute nothing together as they are."""
    module = built()
    module[3].double()
    assert ReluNetwork.from_torch(module).key == ReluNetwork.from_torch(built()).key


@pytest.fixture
def hook_on_all() -> Iterator[None]:
    handle = nn.modules.module.register_module_forward_hook(
        lambda part, inputs, output: 2.0 * output if isinstance(part, nn.ReLU) else None
    )
    yield
    handle.remove()


def test_a_hook_on_all_modules_counts(hook_on_all: None) -> None:
    with pytest.raises(UnsupportedLayer, match=r"layer 1 \(ReLU at 1\).*an output is.*runs the hooks <lambda>: remove them"):
        ReluNetwork.from_torch(built())


def test_a_forward_that_its_class_was_given_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Linear, "forward", replaced)
    with pytest.raises(UnsupportedLayer, match=r"layer 0 \(Linear at 0\) does not compute"):
        ReluNetwork.from_torch(built())


def test_hooks_that_only_look_are_no_matter() -> None:
    module, seen = built(), []
    for part in (module, module[0], module[1]):
        part.register_forward_hook(lambda part, inputs, output: seen.append(output.shape))
        part.register_full_backward_hook(doubled)  # type: ignore[arg-type]
    assert ReluNetwork.from_torch(module).key == ReluNetwork.from_torch(built()).key
    assert seen


def test_a_compiled_module_is_read_without_compiling() -> None:
    module = built()
    module._compiled_call_impl = lambda *inputs: pytest.fail("it was compiled")  # as module.compile() sets it
    assert ReluNetwork.from_torch(module).key == ReluNetwork.from_torch(built()).key


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_weights_of_any_precision_are_read_exactly(dtype: torch.dtype) -> None:
    module = built().to(dtype)
    network = ReluNetwork.from_torch(module)
    np.testing.assert_array_equal(network.weights[0], module[0].weight.detach().double().numpy())
    assert_same(module, network, {torch.float64: 1e-12, torch.bfloat16: 0.05, torch.float16: 0.005}[dtype])


def test_sparse_weights_are_read() -> None:
    module = built()
    with pytest.warns(UserWarning, match="Sparse CSR"):
        module[0].weight = nn.Parameter(module[0].weight.detach().to_sparse_csr())
    assert ReluNetwork.from_torch(module).key == ReluNetwork.from_torch(built()).key


@pytest.mark.filterwarnings("ignore:Initializing zero-element:UserWarning")
def test_weights_that_are_no_real_numbers_yet() -> None:
    scalar = nn.Sequential(nn.Linear(6, 5))
    scalar[0].weight = nn.Parameter(torch.tensor(2.0))
    with pytest.raises(InvalidNetwork, match=r"layer 0 \(LazyLinear at 0\).*call the module once before"):
        ReluNetwork.from_torch(nn.Sequential(nn.LazyLinear(5), nn.ReLU(), nn.Linear(5, 3)))
    with pytest.raises(InvalidNetwork, match=r"layer 2 \(Linear at 2\).*device meta"):
        ReluNetwork.from_torch(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3, device="meta")))
    with pytest.raises(InvalidNetwork, match=r"layer 1 \(Linear at 1\): its weights are complex"):
        ReluNetwork.from_torch(nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3, dtype=torch.complex64)))
    with pytest.raises(InvalidNetwork, match=r"layer 0 \(Linear at 0\): its weight must be a matrix"):
        ReluNetwork.from_torch(scalar)
    with pytest.raises(InvalidNetwork, match="no outputs"):
        ReluNetwork.from_torch(nn.Sequential(nn.Linear(6, 0)))


@pytest.mark.filterwarnings("ignore:.*is deprecated.*:FutureWarning")
@pytest.mark.parametrize("name", [*REMADE, "a refusal"])
def test_a_module_is_left_as_it_was(name: str) -> None:
    module = built(REMADE.get(name))
    module.train()
    module[0].eval()
    module(torch.ones(4, 6)).sum().backward()
    module[1].register_forward_hook(
        noisy if name == "a refusal" else lambda part, inputs, output: setattr(part, "seen", output)
    )
    attributes = [dict(vars(part)) for part in module.modules()]
    state = {key: value.clone() for key, value in module.state_dict().items()}
    gradients = [None if value.grad is None else value.grad.clone() for value in module.parameters()]
    random = torch.random.get_rng_state()
    if name == "a refusal":
        with pytest.raises(UnsupportedLayer, match="hooks noisy"):
            ReluNetwork.from_torch(module)
    else:
        ReluNetwork.from_torch(module)
    assert torch.equal(torch.random.get_rng_state(), random)
    for part, before in zip(module.modules(), attributes, strict=True):
        assert vars(part).keys() == before.keys()
        assert all(vars(part)[key] is value for key, value in before.items())
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())
    for value, before in zip(module.parameters(), gradients, strict=True):
        assert (value.grad is None) == (before is None)
        assert before is None or torch.equal(value.grad, before)
