"""The wheel in an environment and a folder that have nothing of the checkout: a user's module, data and networks."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from pages import ROOT
from ways import ANSWERS, PICTURES, PLANT, PRUNED, TRAINED, TRIALS, answers, kept, sizes, write_plant

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and a folder of a user's."""

    programs: Path
    folder: Path

    def run(self, program: str, *words: str) -> str:
        """Run a program of the environment in the folder; return what it printed."""
        paths = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": paths}
        command = [str(self.programs / program), *words]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, with the dependencies of this one; of an editable checkout they say nothing."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--wheel-dir", str(place / "dist"), str(ROOT)]
    built = subprocess.run(wheel, capture_output=True, text=True, timeout=300)
    if "No matching distribution found for hatchling" in built.stderr:
        pytest.skip("a wheel is built by hatchling, which no package index that can be reached here has")
    assert built.returncode == 0, built.stderr
    (file,) = (place / "dist").glob("*.whl")
    environment = place / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=120)
    python = environment / "bin" / "python"
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(file)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    packages = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    (site,) = (environment / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text("\n".join(dict.fromkeys(packages)) + "\n")
    found = Installed(environment / "bin", place / "study")
    write_plant(found.folder)
    return found


def test_its_code_and_its_configuration_are_the_wheels(installed: Installed) -> None:
    program = "import surrogate, sweep.__main__ as m, hydra_plugins; print(surrogate.__file__, m.__file__, m.conf_folder())"
    for path in installed.run("python", "-c", program).split():
        assert Path(path).is_relative_to(installed.programs.parent), path


def test_a_module_a_table_and_networks_from_files_are_swept_over_by_the_command(installed: Installed) -> None:
    folder = installed.folder
    first = installed.run("sweep", *PLANT)
    assert "runs.csv: 4 inputs from 2 numbers (heat, hours) and kind as 2 inputs of 0 or 1" in first
    assert f"{TRIALS} finished (0 reused), 0 failed of {TRIALS} trials." in first
    assert sizes(folder) == (TRIALS, ANSWERS, TRAINED, PRUNED)
    assert len(answers(folder)) == ANSWERS
    (report,) = (folder / "store" / "reports").glob("*/report.html")
    assert "plant" in report.read_text()
    before = kept(folder)
    again = installed.run("python", "-m", "sweep", *PLANT)  # the other way to start it
    assert f"{TRIALS} finished ({TRIALS} reused), 0 failed of {TRIALS} trials." in again
    assert kept(folder) == before

    with (folder / "parts" / "prices.py").open("a") as module:  # a module that the user's module imports
        module.write("\nPRICE = 2.0 * PRICE\n")
    edited = installed.run("sweep", *PLANT)
    assert f"{TRIALS} finished (0 reused), 0 failed of {TRIALS} trials." in edited
    assert sizes(folder) == (2 * TRIALS, 2 * ANSWERS, TRAINED, PRUNED)  # no network is trained or pruned anew


def test_images_and_a_network_from_safetensors_are_swept_over(installed: Installed) -> None:
    told = installed.run("sweep", *PICTURES)
    assert "trained 1x6 on pictures" in told
    assert "read seen on pictures" in told
    assert "2 finished (0 reused), 0 failed of 2 trials." in told
    assert "2 finished (2 reused), 0 failed of 2 trials." in installed.run("sweep", *PICTURES)
