"""The system around the science: plans, runs, keeps and reports sweeps of train-prune-attack trials."""

import sys

from surrogate.moved import FormerPaths
from sweep.commands.notebook import results

__all__ = ["results"]

# What docs/report.md showed to users of the last release; for one release more it works, and says the path of today.
sys.meta_path.insert(0, FormerPaths({"sweep.time_limit": "sweep.records.time_limit"}, {}))
