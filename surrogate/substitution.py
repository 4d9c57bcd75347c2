"""Where the optimiser of users' models was; for one release, an import of it says what to use."""

raise ImportError("surrogate.substitution is gone: use surrogate.models.optimise(model, Place(inputs, outputs, dense))")
