"""What a process does once before its trials: it takes the threads that it may have, and imports what attacks need."""

from __future__ import annotations

import os
import sys


def limit_threads(count: int) -> None:
    """Hold torch and the linear algebra libraries to ``count`` threads, those not loaded yet included."""
    import threadpoolctl  # type: ignore[import-untyped]

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    threadpoolctl.threadpool_limits(count)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


def warm_up() -> None:
    """Attack a toy network, so that what a process does once (imports, Pyomo's first compilation) is in no trial's times."""
    from surrogate.attack import Instance, SurrogateAttack
    from surrogate.networks import ReluNetwork
    from surrogate.region import Region

    toy = ReluNetwork([[[1.0, -1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]], [[0.0, -0.5], [0.1, 0.0]])
    SurrogateAttack().run(toy, toy, Instance(Region(0.0, 1.0, [0.5, 0.5], 0.5, "l1"), label=0, target=1))
