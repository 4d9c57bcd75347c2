"""Attacks by a MILP of the surrogate, whose incumbents are checked on the dense network."""
