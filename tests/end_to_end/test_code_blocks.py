"""Every code block of the pages runs, as a reader would run it, or is listed with the reason why it can't be run here."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import synthetic
from oracles import random_network
from pages import HERE, NOT_HERE, PAGES, ROOT, blocks, can_run, commands, follow, run_python
from stand_in_tables import PUBLIC

from sweep.store import Store
from sweep.store.manifest import Manifest, Planned, save

PYTHON_OF = {
    "README.md": "test_readme.py",
    "docs/attacks.md": "test_attacks_page.py",
    "docs/extend.md": "test_extend_page.py",
    "docs/own-model.md": "test_example_wine.py",
    "docs/sweep-your-model.md": "test_sweep_your_model.py",
    "docs/own-networks.md": "test_own_networks_page.py",
    "docs/tutorial.md": "test_tutorial_page.py",
}
"""Pages whose Python, and YAML, runs in a test of their own, which looks at what comes out; that of the others runs below."""

COMMANDS_OF = {
    "docs/extend.md": "test_extend_page.py",
    "docs/own-networks.md": "test_own_networks_page.py",
    "docs/store.md": "test_code_blocks.py",
    "docs/sweep-your-model.md": "test_sweep_your_model.py",
    "docs/tutorial.md": "test_tutorial_page.py",
}
"""The same of commands."""

WHOLE = (
    "python -m sweep +experiment=digits",
    "python -m sweep dataset=digits network=2x16",
    "python -m sweep +experiment=digits --cfg job",
    "python -m sweep +experiment=digits search=random search.samples=10 'pruning.amount=interval(0.3,0.95)'",
)
"""Sweeps that are run, each in a minute or two; of the others, which take up to hours, the plan is made (a dry run)."""

LOOKED_AT = [page for page in PAGES if page not in COMMANDS_OF and any(can_run(command) for command in commands(page))]


def test_every_block_is_run_or_listed() -> None:
    """Python runs wherever it stands; a command of a new kind, or a block of one, is not known to any test."""
    found = [block for page in PAGES for block in blocks(page)]
    assert len(found) > 50
    strange = [(block.page, block.line, block.tag) for block in found if block.language not in ("", "python", "yaml", "text")]
    assert strange == []
    assert {block.page for block in found if block.language == "yaml"} == {"docs/extend.md", "docs/search.md"}
    unknown = [(page, command) for page in PAGES for command in commands(page) if not command.startswith((*HERE, *NOT_HERE))]
    assert unknown == []
    for table, call in ((PYTHON_OF, "run_python"), (COMMANDS_OF, "commands")):
        for page, test in table.items():
            assert f'{call}("{page}"' in (ROOT / "tests" / "end_to_end" / test).read_text(), (page, test)


def test_what_is_listed_is_there_and_the_shell_can_read_it() -> None:
    everything = [command for page in PAGES for command in commands(page)]
    for start in (*HERE, *NOT_HERE, *WHOLE):
        assert any(command.startswith(start) for command in everything), f"no page has {start} any more"
    for command in everything:
        read = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
        assert read.returncode == 0, read.stderr
        for file in re.findall(r"\bdeploy/[\w.-]+", command):
            assert (ROOT / file).is_file(), command


@pytest.mark.parametrize("page", [page for page in PAGES if page not in PYTHON_OF and blocks(page, "python")])
def test_python(page: str) -> None:
    assert run_python(page)


@pytest.mark.parametrize(
    "file",
    [
        path.relative_to(ROOT).as_posix()
        for package in ("surrogate", "sweep")
        for path in sorted((ROOT / package).rglob("*.py"))
        if ">>> " in path.read_text()
    ],
)
def test_examples_in_docstrings_which_the_pages_of_the_api_show(file: str) -> None:
    assert "doctest: +SKIP" not in (ROOT / file).read_text()
    found = doctest.testmod(importlib.import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")))
    assert (found.failed, found.attempted > 0) == (0, True)


def as_run(command: str) -> str:
    """Return what is run of a command: all of it, or what shows that it could be."""
    if command.startswith("make "):
        return f"make --directory {ROOT} --dry-run {command.removeprefix('make ')}"  # installs, serves, or takes long
    if command.startswith("python -m sweep ") and command not in WHOLE and "sweep.dry_run" not in command:
        return f"{command} sweep.dry_run=true"
    return command


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", LOOKED_AT)
def test_commands(page: str, tmp_path: Path) -> None:
    """They run in their order, in one folder that has what the page takes for granted, with a home of their own."""
    home, folder = tmp_path / "home", tmp_path / "somewhere"
    home.mkdir()
    folder.mkdir()
    if page in GIVEN:
        GIVEN[page](folder)
    for command in filter(can_run, commands(page)):
        printed = follow(as_run(command), folder, HOME=str(home))
        assert printed or ">" in command, command
        if "sweep.dry_run=true" in as_run(command) and ">" not in command:
            assert "Dry run: nothing was started." in printed


def files_of_vnncomp(folder: Path) -> None:
    """Put down networks and a property of the names that ``+experiment=vnncomp`` expects."""
    there = folder.parent / "shared" / "data" / "vnncomp_mnist_fc"
    (there / "onnx").mkdir(parents=True)
    lines = [f"(declare-const {name}_{i} Real)" for name, size in (("X", 784), ("Y", 10)) for i in range(size)]
    lines += [f"(assert (<= X_{i} 1.0))\n(assert (>= X_{i} 0.0))" for i in range(784)]
    (there / "property.vnnlib").write_text("\n".join([*lines, "(assert (>= Y_1 Y_0))"]))
    names = [f"onnx/mnist-net_256x{depth}.onnx" for depth in (2, 4, 6)]
    for name in names:
        random_network(np.random.default_rng(0), (784, 4, 10)).to_onnx(there / name)
    (there / "instances.csv").write_text("".join(f"{name},property.vnnlib,120\n" for name in names))


def four_sweeps(folder: Path) -> None:
    """Put made-up results into the store, and into a published report, under the names that the page on reports has."""
    store = Store(str(folder / "store"))
    records = synthetic.sweep(networks=[(2, 16)], images=(2732, 4547))
    for record in records:
        record.key = record.key.replace(".", "-")
        store.save_trial(record)
    listed = tuple(Planned(record.key, record.name, "finished") for record in records)
    for number, name in enumerate(("mnist-20260131-120000", "mnist-20260201-120000", "paper-1", "best-1")):
        save(store, Manifest(name, name.split("-")[0], ("a=1,2",), float(number), number + 0.5, "FINISHED", listed))
    follow("python -m sweep.report sweep=paper output=docs/results/paper_small", folder)  # as somebody has published it


def raw_results(folder: Path) -> None:
    shutil.copytree(ROOT / "docs" / "results", folder / "docs" / "results")


def raw_results_and_tables(folder: Path) -> None:
    """Put down the raw results, and the public tables where a reader's first sweep over them has kept them."""
    if not PUBLIC.is_dir():
        pytest.skip(f"the public tables are not in {PUBLIC}")
    raw_results(folder)
    shutil.copytree(PUBLIC, folder.parent / "home" / ".cache" / "surrogate" / "surrogatelib")


GIVEN = {
    "README.md": files_of_vnncomp,
    "docs/first-run.md": raw_results,
    "docs/report.md": four_sweeps,
    "docs/results.md": raw_results_and_tables,
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_entry_of_the_store_is_as_its_page_says(tmp_path: Path) -> None:
    quick = "network.depth=1 network.width=6 training.epochs=3 attack.radius=1.0"
    follow(f"python -m sweep dataset=digits {quick}", tmp_path)
    entry = next(tmp_path.glob("store/instances/*/*.json"))
    shown, checksum, of_the_head = (
        follow(command.replace("store/instances/ab/ab….json", str(entry)), tmp_path) for command in commands("docs/store.md")
    )
    assert json.loads(shown)["kind"] == "instances"
    assert json.loads(shown)["sha256"] == checksum.split()[0]
    assert json.loads(shown)["head_sha256"] == of_the_head.split()[0]
    (drawn,) = blocks("docs/store.md", "text")
    folders = {line.split("/")[0].strip() for line in drawn.text.splitlines()[1:]}
    assert {path.name for path in (tmp_path / "store").iterdir() if path.is_dir()} <= folders
