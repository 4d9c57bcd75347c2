"""The pages as their readers use them: their fenced blocks, and their commands in a shell.

What stands after a fence says what a block is. Nothing: commands for a shell. ``python`` and ``yaml``: code, with ``title="…"``
the whole of a file or lines of it. ``text``: what a program printed, or a drawing; that is not code.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

PAGES = ("README.md", "CONTRIBUTING.md", *(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/**/*.md"))))


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is that of its opening fence."""

    page: str
    line: int
    tag: str
    text: str

    @property
    def language(self) -> str:
        return self.tag.split(" ")[0]

    @property
    def title(self) -> str | None:
        found = re.search(r'title="([^"]*)"', self.tag)
        return found[1] if found else None


def blocks(page: str, language: str | None = None) -> list[Block]:
    """Return the blocks of a page, those in lists too; with a language, those in it."""
    text = (ROOT / page).read_text()
    found = [
        Block(page, text.count("\n", 0, match.start()) + 1, match[2].strip(), textwrap.dedent(match[3]))
        for match in re.finditer(r"^( *)```([^\n`]*)\n(.*?)^\1```$", text, flags=re.DOTALL | re.MULTILINE)
    ]
    assert 2 * len(found) == len(re.findall(r"^ *(?:```|~~~)", text, flags=re.MULTILINE)), f"{page}: a fence that is not read"
    return [block for block in found if language in (None, block.language)]


def run_python(page: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the Python of a page, block after block as a reader would paste it; return what it has defined."""
    names = {} if names is None else names
    for block in blocks(page, "python"):
        exec(compile("\n" * block.line + block.text, page, "exec"), names)  # an error names the line of the page
    return names


def commands(page: str) -> list[str]:
    """Return the commands of a page, one a line, without comments."""
    text = "".join(block.text for block in blocks(page, "")).replace("\\\n", "")
    lines = (re.sub(r"(^|\s+)#.*", "", line) for line in text.splitlines())
    return [" ".join(line.split()) for line in lines if line.strip()]


HERE = (
    "python -m sweep",
    'eval "$(python -m sweep -sc install=bash)"',
    "python -m json.tool store/",
    "sed -n 2p store/",
    "sed -n '1s/",
    "ray get-auth-token --generate",
    "make ",
)
"""Beginnings of the commands that tests run: no other command of a page is ever started."""

NOT_HERE = {
    "git clone URL": "another machine's set-up, from a network",
    "make install": "makes the virtual environment, from a package index",
    'export PATH="$PWD/.venv/bin': "goes on with make install; follow() does the same",
    "python -m benchmarks": "takes hours; tests/benchmarks runs the parts on tiny instances",
    "python -m mlflow ui": "serves until it is stopped; end_to_end/test_mlflow_ui.py looks at such a server",
    "python docs/generate/results.py": "writes pages of this checkout; test_pages.py holds them against the raw results",
    "ssh SECOND": "a second machine",
    "RAY_AUTH_MODE=token ray start": "machines in a network; cluster/test_sweep.py starts such nodes, with a token",
    "export RAY_ADDRESS=": "the address of that cluster",
    "python -m sweep +experiment=mnist cluster=attach": "that cluster; cluster/test_sweep.py runs sweeps on one",
    "ray up": "machines that are reached by SSH; cluster/test_deploy.py reads the file",
    "ray exec": "the same",
    "ray attach": "the same",
    "ray down": "the same",
    "sbatch --nodes=4": "a SLURM cluster; cluster/test_deploy.py runs the script with a made-up one",
    "createuser --pwprompt mlflow": "a PostgreSQL server with an operator",
    "pip install optuna-dashboard": "a package from an index, into the reader's environment",
    "optuna-dashboard sqlite:": "serves until it is stopped; sweep/planning/search/test_search_study.py opens such a file",
    'pip install --constraint constraints.txt "mlflow[auth]"': "packages from an index, into the reader's environment",
    "export DATABASE=": "the MLflow server of a group; sweep/tracking/test_tracking_credentials.py starts one",
    "export MLFLOW_FLASK_SERVER_SECRET_KEY=": "the same",
    "HOST=0.0.0.0": "the same",
    "curl -u admin:PASSWORD": "the same",
    "export MLFLOW_TRACKING_USERNAME=": "the same",
}
"""Beginnings of the commands that no test runs, each with the reason; the shell reads them all the same."""


def can_run(command: str) -> bool:
    """Say whether a command can be run here: by one machine without a network, and in minutes."""
    return command.startswith(HERE) and not command.startswith(tuple(NOT_HERE))


def follow(command: str, folder: Path, **variables: str) -> str:
    """Run a command in a reader's shell in a folder and return what it printed."""
    here = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),  # this checkout, also where another one is installed
    }
    shell = ["bash", "-o", "pipefail", "-c", command]
    environment = os.environ | here | variables
    done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, (done.returncode, command, done.stdout, done.stderr)
    return done.stdout
