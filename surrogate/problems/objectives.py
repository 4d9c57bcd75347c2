"""What an attack optimises, by name."""

MARGIN, CLOSEST, OUTPUT = OBJECTIVES = ("margin", "closest", "output")
"""The margin within a radius, the length of an adversarial perturbation, or the first output."""
