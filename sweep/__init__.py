"""The system around the science: plans, runs, keeps and reports sweeps of train-prune-attack trials."""

from sweep.commands.notebook import results

__all__ = ["results"]
