"""Networks from and to torch modules; the import of this package imports torch."""

from surrogate.networks.torch_modules.layers import read_torch, write_torch

__all__ = ["read_torch", "write_torch"]
