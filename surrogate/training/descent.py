"""Mini-batch descent of a cross-entropy or squared loss on plain tensors; the part of training that needs torch."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from surrogate.errors import TrainingDiverged
from surrogate.networks import BoolArray, ReluNetwork
from surrogate.training.intervals import InputBox
from surrogate.training.penalties import penalty_of
from surrogate.training.settings import SMALL_WEIGHT, Training

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
"""One class per name in ``surrogate.training.settings.OPTIMIZERS``."""


class _OneThread:
    """Holds torch to one thread while any training of this process runs, and then gives it back those that it had.

    Sums round by how many threads share them: with two, the same seed trains another network than with one.
    """

    def __init__(self) -> None:
        self._lock, self._depth, self._before = threading.Lock(), 0, 1

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            if not self._depth:
                self._before = torch.get_num_threads()
            self._depth += 1
            torch.set_num_threads(1)
        try:
            yield
        finally:
            with self._lock:
                self._depth -= 1
                if not self._depth:
                    torch.set_num_threads(self._before)


_ONE_THREAD = _OneThread()


def train_new(
    training: Training, sizes: Sequence[int], x: NDArray[Any], y: NDArray[Any], box: InputBox, watch: Callable[[int], object]
) -> ReluNetwork:
    """Train a network with layers of ``sizes`` (inputs first, logits last) from Xavier-uniform weights and zero biases.

    ``box`` is where penalties look at bounds. ``watch`` is called after each epoch with the number of those that are done.
    """
    generator = torch.Generator().manual_seed(training.seed)
    weights, biases = [], []
    for inputs, neurons in itertools.pairwise(sizes):
        limit = math.sqrt(6.0 / (inputs + neurons))
        weights.append(torch.empty(neurons, inputs, dtype=torch.float32).uniform_(-limit, limit, generator=generator))
        biases.append(torch.zeros(neurons, dtype=torch.float32))
    return _descend(training, weights, biases, [None] * len(weights), x, y, box, generator, watch)


def train_further(
    training: Training, network: ReluNetwork, masks: Sequence[BoolArray], x: NDArray[Any], y: NDArray[Any], box: InputBox
) -> ReluNetwork:
    """Train ``network``, whose weights are 0 where ``masks`` are False, and keep those weights 0."""
    return _descend(
        training,
        [torch.tensor(weight, dtype=torch.float32) for weight in network.weights],
        [torch.tensor(bias, dtype=torch.float32) for bias in network.biases],
        [None if mask.all() else torch.tensor(mask, dtype=torch.float32) for mask in masks],
        x,
        y,
        box,
        torch.Generator().manual_seed(training.seed),
        lambda epoch: None,
    )


def _descend(
    training: Training,
    weights: list[torch.Tensor],
    biases: list[torch.Tensor],
    masks: Sequence[torch.Tensor | None],
    x: NDArray[Any],
    y: NDArray[Any],
    box: InputBox,
    generator: torch.Generator,
    watch: Callable[[int], object],
) -> ReluNetwork:
    """Train the tensors in place; ``masks`` are 0.0 for weights that stay 0 and 1.0 for others, or None.

    Batches are indexed, since a DataLoader costs more than a step of these networks does.
    """
    # Copied, since arrays of data sets are read-only, which torch.from_numpy warns about.
    images = torch.tensor(x, dtype=torch.float32)
    measure: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    if y.dtype.kind == "f":
        labels, measure = torch.tensor(y, dtype=torch.float32).reshape(len(y), -1), torch.nn.functional.mse_loss
    else:
        labels, measure = torch.tensor(y, dtype=torch.int64), torch.nn.functional.cross_entropy
    trained = [*weights, *biases] if training.bias else weights
    for parameter in trained:
        parameter.requires_grad_()
    options: dict[str, Any] = {"lr": training.learning_rate, "weight_decay": training.weight_decay, "fused": True}
    pruned = [(weight, mask) for weight, mask in zip(weights, masks, strict=True) if mask is not None]
    optimizer = OPTIMIZERS[training.optimizer](trained, **options)
    penalty = penalty_of(training, box)
    with _ONE_THREAD.held(), torch.enable_grad():
        for epoch in range(training.epochs):
            order = torch.randperm(len(images), generator=generator)
            total_loss = torch.zeros((), dtype=torch.float64)
            for batch in order.split(training.batch_size):
                hidden = images[batch]
                for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                    hidden = torch.nn.functional.linear(hidden, weight, bias).relu()
                    if training.dropout:
                        hidden = _thinned(hidden, training.dropout, generator)
                logits = torch.nn.functional.linear(hidden, weights[-1], biases[-1])
                loss = measure(logits, labels[batch])
                if penalty is not None:
                    loss = loss + penalty(weights, biases, images[batch])
                optimizer.zero_grad()
                loss.backward()
                for weight, mask in pruned:  # so that an optimiser's moments can't move a pruned weight
                    assert weight.grad is not None
                    weight.grad.mul_(mask)  # on CPU ten times faster than masked_fill_
                optimizer.step()
                for weight, mask in pruned:
                    weight.detach().mul_(mask)
                total_loss += loss.detach()
            _require_finite(total_loss, trained, epoch, training)
            watch(epoch + 1)
    if training.l1 and training.epochs:
        for weight in weights:
            weight.detach()[weight.detach().abs() < SMALL_WEIGHT] = 0.0
    return ReluNetwork(
        [weight.detach().double().numpy() for weight in weights], [bias.detach().double().numpy() for bias in biases]
    )


def _thinned(hidden: torch.Tensor, probability: float, generator: torch.Generator) -> torch.Tensor:
    """Return activations ``(n, h)`` of which each is 0 with a probability, and is divided by the rest of it otherwise."""
    kept = torch.empty_like(hidden).bernoulli_(1.0 - probability, generator=generator)
    return hidden * kept / (1.0 - probability)


def _require_finite(total_loss: torch.Tensor, trained: list[torch.Tensor], epoch: int, training: Training) -> None:
    if bool(torch.isfinite(total_loss)) and all(bool(torch.isfinite(parameter).all()) for parameter in trained):
        return
    what = "weights" if bool(torch.isfinite(total_loss)) else f"loss ({total_loss.item()})"
    raise TrainingDiverged(
        f"training diverged in epoch {epoch + 1} of {training.epochs}: the {what} became NaN or infinite; try a learning_rate "
        f"below {training.learning_rate:g}"
    )
