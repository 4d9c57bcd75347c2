"""Torch modules read and written: same outputs, and a refusal for everything that would be misread."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import random_network
from torch import nn
from torch.nn.utils import prune

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks import ReluNetwork


def assert_same_outputs(module: nn.Module, network: ReluNetwork, shape: tuple[int, ...]) -> None:
    x = torch.rand(30, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        expected = module.double().eval()(x).numpy()
    np.testing.assert_allclose(network(x.reshape(30, -1).numpy()), expected, atol=1e-12)


def shared_relu() -> nn.Module:
    relu = nn.ReLU()
    return nn.Sequential(nn.Linear(6, 5), relu, nn.Linear(5, 4), relu, nn.Linear(4, 3))


def normalised(size: int, **settings: bool) -> list[nn.Module]:
    """A batch normalisation whose statistics and weights are not those it starts with."""
    layer = nn.BatchNorm1d(size, **settings)
    for value in (layer.running_mean, *layer.parameters()):
        nn.init.normal_(value)
    nn.init.uniform_(layer.running_var, 0.2, 2.0)
    return [layer]


MODULES = {
    "plain": (lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), (6,), (5,)),
    "one Linear": (lambda: nn.Linear(6, 3), (6,), ()),
    "Flatten in front": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), (2, 3), (5,)),
    "without bias": (
        lambda: nn.Sequential(nn.Linear(6, 5, bias=False), nn.ReLU(), nn.Linear(5, 3, bias=False)),
        (6,),
        (5,),
    ),
    "nested": (
        lambda: nn.Sequential(nn.Sequential(nn.Linear(6, 5), nn.ReLU()), nn.Sequential(nn.Sequential(nn.Linear(5, 3)))),
        (6,),
        (5,),
    ),
    "Identity and Dropout": (
        lambda: nn.Sequential(nn.Identity(), nn.Linear(6, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3), nn.Identity()),
        (6,),
        (5,),
    ),
    "neighbouring Linear folded": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4), nn.Dropout(), nn.Linear(4, 3)),
        (6,),
        (5,),
    ),
    "two ReLUs in a row": (lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.ReLU(), nn.Linear(5, 3)), (6,), (5,)),
    "one ReLU used twice": (shared_relu, (6,), (5, 4)),
    "ReLU at both ends": (lambda: nn.Sequential(nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Dropout()), (6,), (6, 5)),
    "batch normalisation on both sides of the ReLU, and of the inputs": (
        lambda: nn.Sequential(*normalised(6), nn.Linear(6, 5), *normalised(5), nn.ReLU(), *normalised(5), nn.Linear(5, 3)),
        (6,),
        (5,),
    ),
    "batch normalisation without weights, then a ReLU": (
        lambda: nn.Sequential(*normalised(6, affine=False), nn.ReLU(), nn.Linear(6, 3)),
        (6,),
        (6,),
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_outputs_agree(name: str) -> None:
    build, shape, hidden = MODULES[name]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = build()
    network = ReluNetwork.from_torch(module)
    assert network.hidden_sizes == hidden
    assert all(weight.dtype == np.float64 for weight in network.weights)
    assert_same_outputs(module, network, shape)


def test_round_trip_is_exact_and_leaves_the_random_state_alone() -> None:
    network = random_network(np.random.default_rng(0), (6, 5, 4, 3))
    state = torch.random.get_rng_state()
    module = network.to_torch()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert ReluNetwork.from_torch(module).key == network.key
    assert_same_outputs(module, network, (6,))
    module[0].weight.data.zero_()  # the module is a copy
    assert network.weights[0].any()


def test_weights_pruned_by_torch_are_read_as_masked() -> None:
    module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    prune.l1_unstructured(module[0], "weight", amount=0.5)
    with torch.no_grad():
        module[0].weight_orig.add_(1.0)  # as an optimiser would; torch masks again in the next forward pass only
    network = ReluNetwork.from_torch(module)
    assert (network.weights[0] == 0.0).sum() == 15
    assert_same_outputs(module, network, (6,))


class Doubling(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2.0 * super().forward(x)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 3)), ("layer 1", "Sigmoid", "Linear, ReLU")),
        (nn.Sequential(nn.Flatten(), nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(5, 3)), ("layer 1", "Conv2d")),
        (nn.Sequential(nn.Linear(6, 5), nn.Sequential(nn.ReLU(), nn.LayerNorm(5))), ("layer 2", "LayerNorm", "1.1")),
        (
            nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5, track_running_stats=False)),
            ("layer 1", "BatchNorm1d", "no running statistics"),
        ),
        (nn.Sequential(Doubling(6, 5), nn.ReLU(), nn.Linear(5, 3)), ("layer 0", "Doubling")),
        (nn.Sequential(nn.Flatten(0), nn.Linear(6, 5)), ("layer 0", "Flatten(start_dim=1")),
        (nn.ModuleList([nn.Linear(6, 5)]), ("layer 0", "ModuleList")),
        ("a string", ("layer 0", "str")),
    ],
)
def test_unsupported_layers_are_named(module: nn.Module, words: tuple[str, ...]) -> None:
    with pytest.raises(UnsupportedLayer) as caught:
        ReluNetwork.from_torch(module)
    for word in words:
        assert word in str(caught.value)


def test_networks_that_are_no_networks() -> None:
    with pytest.raises(InvalidNetwork, match="no affine layer"):
        ReluNetwork.from_torch(nn.Sequential(nn.Flatten()))
    with pytest.raises(InvalidNetwork, match=r"layer 2.*takes 4 inputs.*5 outputs"):
        ReluNetwork.from_torch(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(4, 3)))
    broken = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3))
    with torch.no_grad():
        broken[0].weight[0, 0] = float("nan")
    with pytest.raises(InvalidNetwork, match=r"layer 0.*NaN"):
        ReluNetwork.from_torch(broken)
