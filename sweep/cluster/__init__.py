"""Ray clusters: one on this machine, or one that is running already, and what is checked on it before a sweep starts."""

from sweep.cluster.connection import ask_capacity, attach
from sweep.cluster.local import start_local
from sweep.cluster.preflight import Capacity, preflight

__all__ = ["Capacity", "ask_capacity", "attach", "preflight", "start_local"]
