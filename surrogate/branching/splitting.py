"""Which neurons are worth a split, and the two halves of a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from surrogate.bounds.multipliers import Multipliers, Pass
from surrogate.bounds.relaxation import Relaxation
from surrogate.branching.domains import Subtree
from surrogate.networks import FloatArray


def candidates_of(
    relaxation: Relaxation, weight: FloatArray, bias: FloatArray, result: Pass, multipliers: Multipliers, count: int
) -> tuple[list[NDArray[np.intp]], FloatArray]:
    """Return per domain the ``count`` free neurons whose relaxation costs most where the bound is attained, best first.

    ``weight`` and ``bias`` are of the row that each domain bounds. Returned too: the rows' values at the points ``result``.

    With the true pre-activations of that point, the gaps between the chosen lines and the ReLUs, times the coefficients,
    add up to the distance between the bound and the value there. Half of the candidates go by the largest gap that could
    be instead.
    """
    gaps, sizes = [], []
    activations, outputs = relaxation.activations(result.point)
    values = np.einsum("kn,kn->k", outputs, weight[:, relaxation.neurons[-1]]) + bias
    for layer, (z, A) in enumerate(zip(activations, result.coefficients, strict=True)):
        line = np.where(A > 0.0, relaxation.slopes[layer] * z + relaxation.offsets[layer], multipliers.alpha[layer] * z)
        free = multipliers.split[layer] == 0
        gaps.append(np.where(free, np.maximum(A * (line - np.maximum(z, 0.0)), 0.0), -1.0))
        sizes.append(np.where(free, np.maximum(A, 0.0) * relaxation.offsets[layer], -1.0))
    gap, size = np.concatenate(gaps, axis=1), np.concatenate(sizes, axis=1)
    half = max(count // 2, 1)
    chosen = []
    for g, s in zip(gap, size, strict=True):
        first, second = np.argsort(-g, kind="stable")[:half], np.argsort(-s, kind="stable")
        more = [j for j in second[:count] if j not in first][: count - half]
        best = np.concatenate([first, np.array(more, dtype=np.intp)])
        chosen.append(best[g[best] >= 0.0])
    return chosen, values


def children(subtree: Subtree, multipliers: Multipliers, neurons: Sequence[int]) -> Multipliers:
    """Return two rows for each row: its neuron active, and inactive."""
    doubled = multipliers.take(np.repeat(np.arange(len(neurons)), 2))
    for i, flat in enumerate(neurons):
        layer, position = subtree.place(flat)
        doubled.split[layer][2 * i : 2 * i + 2, position] = 1, -1
    return doubled
