"""Optimisation models with networks in them: built-in problems, and modules of the user's."""
