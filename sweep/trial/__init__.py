"""One trial: the dense network is trained, a copy of it pruned, and every instance answered by an attack."""
