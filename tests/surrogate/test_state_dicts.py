"""State dicts, in memory, in files of torch and in safetensors: the module's own outputs, or a refusal of what is not sure."""

from __future__ import annotations

import io
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, prune

from surrogate.errors import InvalidNetwork, InvalidSetting, UnsupportedLayer
from surrogate.networks import ReluNetwork
from surrogate.networks.torch_modules import checkpoints


class Named(nn.Module):
    """Layers by name, in the order in which they were made, and ``steps`` of which they compute; ``relu`` is a ReLU."""

    def __init__(self, layers: dict[str, nn.Module], steps: Sequence[str]) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.steps = steps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            x = torch.relu(x) if step == "relu" else self.get_submodule(step)(x)
        return x


def sequential(*layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*layers)


def named(steps: Sequence[str], **layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: Named(layers, steps)


def lists() -> nn.Module:
    layers = nn.ModuleList([nn.Linear(6, 5), nn.Linear(5, 4), nn.Linear(4, 3)])
    norms = nn.ModuleList([nn.BatchNorm1d(5), nn.BatchNorm1d(4)])
    steps = ["layers.0", "norms.0", "relu", "layers.1", "norms.1", "relu", "layers.2"]
    return Named({"layers": layers, "norms": norms}, steps)


def blocks() -> nn.Module:
    parts = [
        nn.ModuleDict({"fc": nn.Linear(6, 5), "bn": nn.BatchNorm1d(5)}),
        nn.ModuleDict({"fc": nn.Linear(5, 5), "bn": nn.BatchNorm1d(5)}),
    ]
    steps = ["parts.0.fc", "parts.0.bn", "relu", "parts.1.fc", "parts.1.bn", "relu", "out"]
    return Named({"parts": nn.ModuleList(parts), "out": nn.Linear(5, 3)}, steps)


ALL = ["fc1", "bn1", "relu", "fc2", "bn2", "relu", "fc3"]

READ = {
    "a Sequential": sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)),
    "without bias, one layer": sequential(nn.Linear(6, 3, bias=False)),
    "ten layers and more": sequential(*(layer for _ in range(7) for layer in (nn.Linear(6, 6), nn.ReLU())), nn.Linear(6, 3)),
    "normalised in front of the ReLU": sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)),
    "normalised behind the ReLU": sequential(nn.Linear(6, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 3)),
    "normalised at both ends": sequential(nn.BatchNorm1d(6), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3), nn.BatchNorm1d(3)),
    "normalised without weights": sequential(
        nn.Linear(6, 5), nn.BatchNorm1d(5, affine=False), nn.ReLU(), nn.Dropout(), nn.Linear(5, 3)
    ),
    "nested": lambda: nn.Sequential(OrderedDict(body=nn.Sequential(nn.Linear(6, 5), nn.ReLU()), head=nn.Linear(5, 3))),
    "named layers": named(
        ALL, fc1=nn.Linear(6, 5), bn1=nn.BatchNorm1d(5), fc2=nn.Linear(5, 4), bn2=nn.BatchNorm1d(4), fc3=nn.Linear(4, 3)
    ),
    "normalisations made behind all layers": named(
        ALL, fc1=nn.Linear(6, 5), fc2=nn.Linear(5, 5), fc3=nn.Linear(5, 3), bn1=nn.BatchNorm1d(5), bn2=nn.BatchNorm1d(5)
    ),
    "lists of layers": lists,
    "blocks and a last layer without a number": blocks,
    "words": named(
        ["first", "relu", "then", "relu", "last"], first=nn.Linear(6, 5), then=nn.Linear(5, 4), last=nn.Linear(4, 3)
    ),
}


def built(build: Callable[[], nn.Module]) -> nn.Module:
    """The module in evaluation mode, with statistics that a normalisation does not start with."""
    module = build()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d):
            for value in (layer.running_mean, *layer.parameters()):
                nn.init.normal_(value)
            nn.init.uniform_(layer.running_var, 0.2, 2.0)
    return module.eval()


def assert_same(module: nn.Module, network: ReluNetwork) -> None:
    x = torch.randn(40, network.input_size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        expected = module.double()(x).numpy()
    np.testing.assert_allclose(network(x.numpy()), expected, atol=1e-10)


@pytest.mark.parametrize("name", READ)
def test_the_outputs_are_the_modules(name: str, tmp_path: Path) -> None:
    module = built(READ[name])
    state = module.state_dict()
    torch.save(state, tmp_path / "net.pt")
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "net.ckpt")
    save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / "net.safetensors")
    networks = [
        ReluNetwork.from_state_dict(state),
        ReluNetwork.from_state_dict({key: value.numpy() for key, value in state.items()}),
        ReluNetwork.from_checkpoint(tmp_path / "net.pt"),
        ReluNetwork.from_checkpoint(str(tmp_path / "net.ckpt")),
        ReluNetwork.load(tmp_path / "net.safetensors"),
    ]
    assert len({network.key for network in networks}) == 1
    assert_same(module, networks[0])


def test_layers_that_the_caller_names_are_taken_as_they_are(tmp_path: Path) -> None:
    layers = {"b": nn.Linear(5, 5), "a": nn.Linear(5, 5), "norm": nn.BatchNorm1d(5)}
    steps = ["relu", "a", "norm", "b", "relu"]
    module = built(named(steps, **layers))
    torch.save({"model": module.state_dict(), "optimizer": {"state": {}, "lr": 0.1}}, tmp_path / "net.pth")
    save_file(module.state_dict(), tmp_path / "net.safetensors")
    assert_same(module, ReluNetwork.from_checkpoint(tmp_path / "net.pth", steps))
    network = ReluNetwork.load(tmp_path / "net.safetensors", ["ReLU", *steps[1:]])
    assert network.hidden_sizes == (5, 5)  # an identity in front of the first ReLU, and one behind the last
    assert_same(module, network)


def test_linear_layers_in_direct_neighbourhood_are_one_map_where_the_caller_names_them() -> None:
    module = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2)).eval()
    with pytest.raises(InvalidNetwork, match="leave no place for a ReLU"):
        ReluNetwork.from_state_dict(module.state_dict())
    network = ReluNetwork.from_state_dict(module.state_dict(), ["0", "1"])
    assert network.hidden_sizes == ()
    assert_same(module, network)


def test_a_normalisation_behind_the_relu_of_named_layers_must_be_named() -> None:
    layers = {"fc1": nn.Linear(6, 5), "bn1": nn.BatchNorm1d(5), "fc2": nn.Linear(5, 3)}
    steps = ["fc1", "relu", "bn1", "fc2"]
    module = built(named(steps, **layers))
    state = module.state_dict()
    assert_same(module, ReluNetwork.from_state_dict(state, steps))
    assert_same(Named(layers, ["fc1", "bn1", "relu", "fc2"]).eval(), ReluNetwork.from_state_dict(state))


def test_masks_of_pruned_layers_hold() -> None:
    module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    prune.l1_unstructured(module[0], "weight", amount=0.5)
    network = ReluNetwork.from_state_dict(module.state_dict())
    assert (network.weights[0] == 0.0).sum() == 15
    assert_same(module, network)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_type_of_floats_is_read(dtype: torch.dtype) -> None:
    module = nn.Linear(4, 3).to(dtype)
    network = ReluNetwork.from_state_dict(module.state_dict())
    assert np.array_equal(network.weights[0], module.weight.detach().double().numpy())


UNSURE = {
    "two places for a ReLU": (
        sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2)),
        r"between 0 and 4 the numbers leave more than one place for a ReLU: name the layers in their order",
    ),
    "no place for one": (
        sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 2)),
        r"between 2 and 3 the numbers leave no place for a ReLU, as they do elsewhere: name the layers",
    ),
    "no place for any": (
        sequential(nn.Linear(4, 4), nn.Linear(4, 2)),
        r"between 0 and 1 the numbers leave no place for a ReLU: name the layers in their order",
    ),
    "no place beside a normalisation": (
        sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)),
        r"between 0 and 2 the numbers leave no place for a ReLU: name the layers in their order",
    ),
    "made in another order": (
        named([], fc2=nn.Linear(4, 4), fc1=nn.Linear(4, 4)),
        "fc1 stands behind fc2, against their numbers",
    ),
    "a normalisation made in front": (
        named([], bn1=nn.BatchNorm1d(4), fc1=nn.Linear(4, 4)),
        "bn1 stands in front of fc1, whose outputs its number says it normalises",
    ),
}


@pytest.mark.parametrize("name", UNSURE)
def test_what_the_names_leave_open_is_not_read(name: str) -> None:
    build, message = UNSURE[name]
    with pytest.raises(InvalidNetwork, match=message):
        ReluNetwork.from_state_dict(build().state_dict())


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"b": nn.Linear(4, 4), "a": nn.Linear(4, 4)}, "more than one order of the layers a, b has sizes that fit: name the"),
        ({"b": nn.Linear(4, 3), "a": nn.Linear(2, 5)}, "no order of the layers a, b has sizes that fit: name the layers"),
        ({name: nn.Linear(2, 2) for name in "abcde"}, "the names a, b, c, d, e do not say in which order"),
        (
            {"fc1": nn.Linear(6, 5), "fc2": nn.Linear(4, 2)},
            r"layer fc2 \(Linear\): takes 4 inputs, but the layer in front of it has 5",
        ),
    ],
)
def test_safetensors_keep_no_order_of_their_own(layers: dict[str, nn.Module], message: str, tmp_path: Path) -> None:
    save_file(Named(layers, ()).state_dict(), tmp_path / "net.safetensors")
    with pytest.raises(InvalidNetwork, match=rf"net\.safetensors: {message}"):
        ReluNetwork.load(tmp_path / "net.safetensors")


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a convolution": (lambda: nn.Conv2d(1, 2, 3).state_dict(), UnsupportedLayer, r"without a name has a weight of .*a Conv2d"),
    "a layer norm": (sequential(nn.Linear(4, 4), nn.LayerNorm(4)), UnsupportedLayer, "layer 1 has a weight .*LayerNorm"),
    "a recurrent layer": (
        sequential(nn.LSTM(4, 4)),
        UnsupportedLayer,
        r"layer 0 has a tensor 'weight_ih_l0': expected the tens",
    ),
    "a weight norm": (
        sequential(parametrizations.weight_norm(nn.Linear(4, 2))),
        UnsupportedLayer,
        r"layer 0 has a tensor 'parametrizations\.weight\.original0': .*remove_parametrizations\(layer, 'weight'\)",
    ),
    "an old weight norm": (
        lambda: {"0.weight_g": torch.ones(2, 1), "0.weight_v": torch.ones(2, 4)},
        UnsupportedLayer,
        r"layer 0 has a tensor 'weight_g': .*first call torch\.nn\.utils\.remove_weight_norm\(layer\)",
    ),
    "no layer": (dict, InvalidNetwork, "holds no Linear layer: expected .* got none"),
    "a normalisation alone": (sequential(nn.BatchNorm1d(3)), InvalidNetwork, "holds no Linear layer"),
    "a module": (lambda: [nn.Linear(2, 2)][0], InvalidNetwork, "a module is read by ReluNetwork.from_torch"),
    "a list": (lambda: [torch.ones(2)], InvalidNetwork, "expected a state dict, of tensors by their names, got list"),
    "a number beside": (lambda: {"w.weight": torch.ones(1, 1), "epoch": 3}, InvalidNetwork, "got int 3 as 'epoch'"),
    "two state dicts": (lambda: {"model": {}, "net": {}}, InvalidNetwork, "holds model and net, each of which"),
    "complex numbers": (lambda: {"weight": torch.ones(1, 1, dtype=torch.complex64)}, InvalidNetwork, "weight holds complex"),
    "NaN": (lambda: {"weight": torch.full((1, 1), torch.nan)}, InvalidNetwork, "NaN or infinite"),
    "a bias that does not fit": (
        lambda: {"a.weight": torch.ones(2, 3), "a.bias": torch.ones(3)},
        InvalidNetwork,
        r"layer a has a weight of shape \(2, 3\) and a bias of shape \(3,\)",
    ),
    "more numbers than bytes": (lambda: {"weight": torch.ones(1, 1).expand(2**20, 2**20)}, InvalidNetwork, "numbers allowed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    build, kind, message = REFUSED[name]
    state = build()
    state = state.state_dict() if isinstance(state, nn.Sequential) else state
    with pytest.raises(kind, match=message) as caught:
        ReluNetwork.from_state_dict(state)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["0", "relu", "4"], "layers names '4', and there are 0, 2 and relu"),
        (["0"], "layers leaves out 2: name every layer"),
        (["0", "0", "2"], "layers names 0 more than once"),
        ("0", "layers must be a list of names"),
        ([0, 2], "layers must be names, got int 0"),
    ],
)
def test_layers_that_are_not_those_of_the_file(layers: Any, message: str) -> None:
    state = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).state_dict()
    with pytest.raises(InvalidSetting, match=message):
        ReluNetwork.from_state_dict(state, layers)


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("was_run"),))


def test_nothing_in_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for archive in (True, False):
        torch.save({"0.weight": torch.ones(1, 1), "other": Harmful()}, "net.pt", _use_new_zipfile_serialization=archive)
        with pytest.raises(InvalidNetwork, match=r"net\.pt is a pickled file .* can run any code: networks are read from"):
            ReluNetwork.from_checkpoint("net.pt")
    assert not Path("was_run").exists()


def test_files_that_are_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.pt"
    with pytest.raises(InvalidNetwork, match=r"net\.pt cannot be read: No such file"):
        ReluNetwork.from_checkpoint(path)
    torch.save(nn.Linear(4, 2).state_dict(), path)
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[:-40], whole[: len(whole) // 2], b"PK\x03\x04", b"\x80\x02x"):
        path.write_bytes(content)
        with pytest.raises(InvalidNetwork, match=r"net\.pt is .*networks are read from") as caught:
            ReluNetwork.from_checkpoint(path)
        assert "\n" not in str(caught.value)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", bytes(2**22))
    path.write_bytes(buffer.getvalue())
    monkeypatch.setattr(checkpoints, "MAX_BYTES", 2**20)
    with pytest.raises(InvalidNetwork, match="has more than 1 MiB of weights"):
        ReluNetwork.from_checkpoint(path)
