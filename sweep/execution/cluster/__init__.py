"""Ray clusters: one on this machine, or one that is running already, and what is checked on it before a sweep starts."""

from sweep.execution.cluster.connection import ask_capacity, attach
from sweep.execution.cluster.local import start_local
from sweep.execution.cluster.preflight import Capacity, preflight

__all__ = ["Capacity", "ask_capacity", "attach", "preflight", "start_local"]
