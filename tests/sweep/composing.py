"""Configurations composed by Hydra as the program composes them."""

from __future__ import annotations

import copy
import functools
from functools import cached_property
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sweep.__main__ import conf_folder
from sweep.config.canonical import joined_key, parts, text_of, versions
from sweep.config.reading import read
from sweep.config.schema import SECTIONS, Settings
from sweep.config.shared_sections import SharedSections
from sweep.planning.plan import Plan, plan_one
from sweep.planning.search import plan_sweep
from sweep.planning.trials import Trial

CONF = conf_folder()

QUICK = ("dataset=digits", "network.depth=1", "network.width=6", "training.epochs=3", "attack.radius=1.0", "instances.count=2")
"""Overrides that make a trial of a second."""

MOST = 100
"""Configurations that are kept, of each kind."""


def key_of(settings: Settings) -> str:
    """Return the key of a trial, made without what a plan remembers (:class:`sweep.config.shared_sections.SharedSections`)."""
    found = parts(settings, SECTIONS)
    return joined_key((text_of(name, found[name]) for name in sorted(found)), versions(found.get("pruning")))


def check(settings: Settings) -> None:
    """Raise ConfigError for values that are allowed one by one but not together, as a plan of one trial does."""
    SharedSections().check(settings)


class Composer:
    """Hydra's loader with short names for what the program does with it.

    Hydra takes a fifth of a second for a configuration, and the tests ask for few different ones: those are kept.
    """

    def __init__(self) -> None:
        self.loader: Any = GlobalHydra.instance().config_loader()
        self._loaded = functools.lru_cache(MOST)(self._load)
        self._composed = functools.lru_cache(MOST)(self._compose)

    def _load(self, mode: RunMode, overrides: tuple[str, ...]) -> DictConfig:
        return self.loader.load_configuration("config", list(overrides), mode)

    def _compose(self, lines: tuple[str, ...]) -> DictConfig:
        return self.loader.load_sweep_config(self._loaded(RunMode.MULTIRUN, ()), list(lines))

    def forget(self) -> None:
        """Compose all anew from now on, for options have come or gone."""
        self._composed.cache_clear()

    def config(self, *overrides: str) -> DictConfig:
        """Return the configuration of one job, without Hydra's own part."""
        config = self._loaded(RunMode.RUN, overrides)
        return OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])

    def lines_of(self, name: str, *overrides: str) -> list[str]:
        """Return the overrides that Hydra's sweeper gets for ``+experiment=<name>`` and further ones."""
        hydra = self._loaded(RunMode.MULTIRUN, (f"+experiment={name}",)).hydra
        assert hydra.mode == RunMode.MULTIRUN
        params = OmegaConf.to_container(hydra.sweeper.params)
        assert isinstance(params, dict)
        return [f"+experiment={name}", *(f"{key}={value}" for key, value in params.items()), *overrides]

    def plain(self, *overrides: str) -> dict[str, Any]:
        plain = OmegaConf.to_container(self.config(*overrides), resolve=True)
        assert isinstance(plain, dict)
        return plain

    def compose_as_hydra(self, lines: list[str]) -> DictConfig:
        """Return what Hydra's own sweeper composes for one job of a sweep; only to be read, for others get it too."""
        return self._composed(tuple(lines))

    def plan(self, *overrides: str) -> Plan:
        return plan_sweep(self.loader, self.compose_as_hydra, overrides)

    def experiment(self, name: str, *overrides: str) -> Plan:
        """Return the plan of a prepared sweep, with some of its values replaced."""
        return self.plan(*self.lines_of(name, *overrides))

    def trial(self, *overrides: str) -> Trial:
        return plan_one(self.config(*overrides)).trials[0]

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
