"""Resizing of images, into float32 rows in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def resized(pixels: NDArray[Any], white: float, size: tuple[int, int] | None) -> NDArray[np.float32]:
    """Return images ``(n, height, width)`` or ``(n, height, width, channels)`` as rows ``(n, d)`` in [0, 1], read-only.

    Resizing is bilinear with antialiasing. ``white`` is the value of a pixel that becomes 1, ``size`` the height and width;
    None leaves them as they are.
    """
    images = pixels.astype(np.float32) / np.float32(white)
    if size is not None and size != pixels.shape[1:3]:
        import torch  # not needed at the native size

        stacked = images[..., None] if images.ndim == 3 else images
        tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(stacked, -1, 1)))
        found = torch.nn.functional.interpolate(tensor, size=size, mode="bilinear", antialias=True)
        images = np.clip(np.moveaxis(found.numpy(), 1, -1), 0.0, 1.0)
    images = np.ascontiguousarray(images.reshape(len(images), -1), dtype=np.float32)
    images.flags.writeable = False
    return images
