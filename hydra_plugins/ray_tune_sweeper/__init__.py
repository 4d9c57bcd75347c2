"""Where Hydra finds the sweeper: it accepts plug-ins only from this namespace package; the work is in :mod:`sweep.sweeper`."""

from hydra.core.config_store import ConfigStore

from sweep.sweeper import SweepOnRayTune


class RayTuneSweeper(SweepOnRayTune):
    """``hydra/sweeper=ray_tune``; ``params`` as in Hydra's own sweeper: key -> values in the command line's grammar."""


# A plain node: Hydra runs this module before it is in sys.modules, where a dataclass would look for its types.
ConfigStore.instance().store(
    group="hydra/sweeper",
    name="ray_tune",
    node={"_target_": "hydra_plugins.ray_tune_sweeper.RayTuneSweeper", "params": None},
    provider="ray_tune_sweeper",
)
