"""The attack that looks for the shortest adversarial perturbation, and bounds its length ball by ball."""
