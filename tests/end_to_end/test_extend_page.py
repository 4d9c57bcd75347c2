"""The page on extensions: its Python runs block after block, and what it makes passes the suites of its family."""

from __future__ import annotations

import inspect
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from loading import module_of
from omegaconf import OmegaConf
from oracles import random_region
from pages import ROOT, blocks, commands, follow, run_python

from surrogate import attack, bounds, data, pruning
from surrogate.data import dataset, sources
from sweep.__main__ import conf_folder
from sweep.config.reading import read


@pytest.fixture
def extended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Run the page, with a folder of IDX files; what it lists is not listed any more at the end."""
    for module in (data, dataset):  # in a checkout they follow from SOURCES
        monkeypatch.setattr(module, "NAMES", (*data.NAMES, "stripes"))
    names: dict[str, Any] = {"folder": stripes(tmp_path)}
    with (
        patch.dict(pruning.METHODS),
        patch.dict(bounds.METHODS),
        patch.dict(attack.METHODS),
        patch.dict(sources.SOURCES),
    ):
        yield run_python("docs/extend.md", names)


def stripes(folder: Path) -> Path:
    """Write a data set of 20 + 10 images of 12 x 12 pixels in the form of MNIST."""
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 20), ("t10k", 10)):
        for kind, array in (("images-idx3", rng.integers(0, 256, (count, 12, 12))), ("labels-idx1", np.arange(count) % 10)):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
            (folder / f"{prefix}-{kind}-ubyte").write_bytes(header + array.astype(np.uint8).tobytes())
    return folder


def contracts(name: str) -> ModuleType:
    """Return a suite of tests/contracts, loaded anew, so that it sees what is listed now."""
    return module_of(ROOT / "tests" / "contracts" / f"test_{name}.py")


def test_its_python_runs_and_passes_the_suites(extended: dict[str, Any]) -> None:
    suite, choices = contracts("pruning"), {"amount": (0.0, 0.5, 0.99), "rounds": (1, 2), "rewind": (True, False)}
    region = random_region(np.random.default_rng(1), 16, "linf")
    given = {"method": "lookahead", "digits": suite.some_digits(4), "region": region}
    ran = 0
    for name, test in vars(suite).items():
        wanted = list(inspect.signature(test).parameters) if name.startswith("test_") else []
        if "method" in wanted and "one_region" not in name:
            swept = [key for key in wanted if key in choices]
            for values in itertools.product(*(choices[key] for key in swept)):
                test(**{key: given[key] for key in wanted if key in given}, **dict(zip(swept, values, strict=True)))
                ran += 1
    assert ran >= 10
    assert "lookahead" in suite.SURVIVOR_METHODS
    suite.test_cutting_is_dropping_and_choosing_again_only_takes_more()

    suite = contracts("bounds")
    for norm in suite.NORMS:
        suite.test_no_point_of_the_region_leaves_the_bounds("fast_lin", norm)
    suite.test_a_pruned_row_needs_no_binary("fast_lin")

    dense, region = extended["dense"], extended["region"]
    loose, tight = (bounds.METHODS[name]().compute(dense, region) for name in ("interval", "fast_lin"))
    assert tight.unstable_count < loose.unstable_count
    assert extended["stripes"].train_images.shape == (20, 36)
    assert len(extended["stripes"].checksum) == 16


def test_its_configuration_chooses_what_it_adds(extended: dict[str, Any], tmp_path: Path) -> None:
    files = {block.title: block.text for block in blocks("docs/extend.md", "yaml")}
    assert len(files) == 6
    for name, text in files.items():
        file = tmp_path / str(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
        chosen = ["pruning=lookahead", "dataset=stripes", "bounds=fast_lin", "attack=random_points"]
        config = compose("config", [f"hydra.searchpath=[file://{tmp_path / 'conf'}]", *chosen])
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    settings = read({str(key): value for key, value in plain.items()})
    assert (settings.pruning.method, settings.pruning.amount, settings.pruning.finetune.epochs) == ("lookahead", 0.8, 5)
    assert (settings.attack.method, settings.attack.tries) == ("random_points", 1000)
    assert (settings.dataset.name, settings.dataset.side, settings.bounds.method) == ("stripes", 12, "fast_lin")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_files_and_lines_in_a_checkout_give_sweeps_the_methods(tmp_path: Path) -> None:
    for folder in ("surrogate", "sweep", "conf", "hydra_plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for block in blocks("docs/extend.md"):
        if block.title:
            assert not (ROOT / block.title).exists()
            with (tmp_path / block.title).open("a") as file:  # a second block of a file stands below the first
                file.write(block.text)
    for family, module, name in (
        ("pruning", "lookahead", "Lookahead"),
        ("pruning", "lookahead", "PowerLookahead"),
        ("bounds", "fast_lin", "FastLin"),
        ("attack", "random_points", "RandomPoints"),
    ):
        listing = tmp_path / "surrogate" / family / "__init__.py"
        imported = f"from surrogate.{family}.base import"
        line = {"pruning": "        Magnitude,\n", "bounds": "(Box, ", "attack": "(SurrogateAttack, "}[family]
        text = listing.read_text()
        assert text.count(line) == text.count(imported) == 1
        text = text.replace(line, f"{line}{name}, ")
        listing.write_text(text.replace(imported, f"from surrogate.{family}.{module} import {name}\n{imported}"))
    quick = "network.depth=1 network.width=8 training.epochs=2 attack.radius=0.5"  # so that it is a matter of seconds
    printed = [follow(f"{command} {quick}", tmp_path, PYTHONPATH=str(tmp_path)) for command in commands("docs/extend.md")]
    assert "4 finished (0 reused), 0 failed of 4 trials." in printed[0]
    assert "1x8 lookahead 0.5" in printed[0]
    assert "2 finished (0 reused), 0 failed of 2 trials." in printed[1]
    assert "1x8 power_lookahead 0.8 pruning.power=2" in printed[1]
    assert "2 finished (1 reused), 0 failed of 2 trials." in printed[2]  # with crown and 0.8, by magnitude, as before
    assert "bounds=fast_lin: " in printed[2]
    assert "2 finished (0 reused), 0 failed of 2 trials." in printed[3]
    assert "1x8 random_points attack.tries=1000" in printed[3]
    assert "2 finished (0 reused), 0 failed of 2 trials." in printed[4]
