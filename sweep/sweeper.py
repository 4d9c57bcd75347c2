"""Hydra's way into a sweep: ``hydra.sweeper.params``, ``-m a=1,2`` and the experiments all pass through here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from sweep.config.overrides import as_written, forced
from sweep.errors import ConfigError


class SweepOnRayTune(Sweeper):
    """Plan all trials, then run them on Ray Tune; ends the program with the exit code of the sweep.

    Args:
        params: swept keys and their values in Hydra's grammar, such as ``{"pruning.amount": "0.5,0.8"}``; overrides on the
            command line replace those of the same key.
    """

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = dict(params or {})

    def setup(self, *, config: DictConfig, hydra_context: HydraContext, task_function: TaskFunction) -> None:
        self.config, self.hydra_context = config, hydra_context
        self._loader = hydra_context.config_loader

    def sweep(self, arguments: list[str]) -> None:
        from sweep.commands.run import execute
        from sweep.planning.search import plan_sweep

        loader, config = self._loader, self.config
        assert config is not None
        overrides = [*forced(_lines(self.params)), *arguments]
        plan = plan_sweep(loader, lambda lines: loader.load_sweep_config(config, lines), overrides, written=arguments)
        execute(plan, [*map(as_written, overrides)], parallel=True)


def _lines(params: Mapping[str, Any]) -> list[str]:
    for key, value in params.items():
        if isinstance(value, (list, dict)):
            raise ConfigError(f"hydra.sweeper.params: {key}={value} must be a text in Hydra's grammar, such as {key}: 0.5,0.8")
    return [f"{key}={_text(value)}" for key, value in params.items()]


def _text(value: Any) -> str:
    """Return a YAML value as the command line writes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
