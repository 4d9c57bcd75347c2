"""From overrides to trials: the space of swept values, the conditions on it, and the searches that choose from it."""
