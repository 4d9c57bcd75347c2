"""Adversarial perturbations of images: which images are drawn, what is looked for, and what the answers are called."""
