"""The split of a data set without a test set: which rows are trained on, and which are held out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.errors import InvalidSetting


def split_rows(labels: NDArray[Any], test_share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows to train on, and the ``round(test_share * n)`` held out, drawn by the seed, each in their order.

    Of classes (integers), one row of each is always among those to train on.

    Raises:
        InvalidSetting: a share that leaves no row to test, or too few to train on.
    """
    count = len(labels)
    held = round(test_share * count)
    order = np.random.default_rng(seed).permutation(count)
    least = 1
    if labels.dtype.kind in "iu":
        _, first = np.unique(labels[order], return_index=True)
        order = np.concatenate([order[first], np.delete(order, first)])
        least = len(first)
    if held < 1 or count - held < least:
        raise InvalidSetting(
            f"test_share={test_share} is not allowed for {count} rows: it holds out {held}, at least 1 is needed, and at least "
            f"{least} to train on"
        )
    return np.sort(order[: count - held]), np.sort(order[count - held :])
