"""How trials are chosen from the space of a sweep: all of them, a random sample, or by what earlier trials gave."""
