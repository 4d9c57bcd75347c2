"""What a network is, and the files and modules that one is read from and written to."""

from surrogate.networks.arrays import BoolArray, FloatArray
from surrogate.networks.relu_network import ReluNetwork

__all__ = ["BoolArray", "FloatArray", "ReluNetwork"]
