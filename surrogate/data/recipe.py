"""What every data set with settings of its own offers: settings as fields, and one call that gives its arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from surrogate.data.dataset import Dataset
from surrogate.rules import SEED, TEST_SHARE, Rule
from surrogate.settings import Configurable, setting

FILE = Rule(str, lambda value: None if isinstance(value, (str, Path)) else "the path of a file or a folder")


@dataclass(frozen=True)
class Recipe(Configurable, ABC):
    """The settings that make a data set. A default of None stands for a value that has to be given."""

    @abstractmethod
    def load(self) -> Dataset:
        """Return the data set."""


@dataclass(frozen=True, kw_only=True)
class UsersRecipe(Recipe):
    """What data sets from a file or a folder of the user's share.

    Attributes:
        file: where they are.
        test_share: share of them that is held out to test, drawn by ``seed``, where they are not split already.
        seed: of the split.
    """

    file: str | Path = setting(None, FILE)
    test_share: float = setting(0.2, TEST_SHARE)
    seed: int = setting(0, SEED)
