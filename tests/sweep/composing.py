"""Configurations composed by Hydra as the program composes them."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sweep.__main__ import conf_folder
from sweep.config.reading import read
from sweep.config.schema import Settings
from sweep.planning.plan import Plan, plan_one
from sweep.planning.search import plan_sweep
from sweep.planning.trials import Trial

CONF = conf_folder()

QUICK = ("dataset=digits", "network.depth=1", "network.width=6", "training.epochs=3", "attack.radius=1.0", "instances.count=2")
"""Overrides that make a trial of a second."""


class Composer:
    """Hydra's loader with short names for what the program does with it."""

    def __init__(self) -> None:
        self.loader: Any = GlobalHydra.instance().config_loader()

    def config(self, *overrides: str) -> DictConfig:
        """Return the configuration of one job, without Hydra's own part."""
        config = self.loader.load_configuration("config", list(overrides), RunMode.RUN)
        return OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])

    def plain(self, *overrides: str) -> dict[str, Any]:
        plain = OmegaConf.to_container(self.config(*overrides), resolve=True)
        assert isinstance(plain, dict)
        return plain

    def compose_as_hydra(self, lines: list[str]) -> DictConfig:
        """Return what Hydra's own sweeper composes for one job of a sweep."""
        return self.loader.load_sweep_config(self._master, lines)

    def plan(self, *overrides: str) -> Plan:
        return plan_sweep(self.loader, self.compose_as_hydra, overrides)

    def experiment(self, name: str, *overrides: str) -> Plan:
        """Return the plan of a prepared sweep, with some of its values replaced."""
        experiment = f"+experiment={name}"
        master = self.loader.load_configuration("config", [experiment], RunMode.MULTIRUN)
        params = OmegaConf.to_container(master.hydra.sweeper.params)
        assert master.hydra.mode == RunMode.MULTIRUN
        assert isinstance(params, dict)
        return self.plan(experiment, *(f"{key}={value}" for key, value in params.items()), *overrides)

    def trial(self, *overrides: str) -> Trial:
        return plan_one(self.config(*overrides)).trials[0]

    @cached_property
    def _master(self) -> DictConfig:
        return self.loader.load_configuration("config", [], RunMode.MULTIRUN)

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        return self.plain()

    def changed(self, **values: Any) -> Settings:
        """Return the default settings with some values replaced; ``__`` stands for the dot of a key. Faster than Hydra."""
        config = copy.deepcopy(self._defaults)
        for key, value in values.items():
            *parents, leaf = key.split("__")
            section = config
            for parent in parents:
                section = section[parent]
            section[leaf] = value
        return read(config)
