"""What a sweep ran on: the commit of the checkout it was started from, and the versions of all installed packages."""

from __future__ import annotations

import functools
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

MAIN_PACKAGES = ("surrogate-sweep", "torch", "pyomo", "highspy", "ray", "mlflow", "hydra-core", "numpy")
"""Packages whose versions can move a result or its record; they are shown as tags, all others are in the packages artifact."""

GIT_TIMEOUT_SECONDS = 10.0


def git_tags(source: Path | None = None) -> dict[str, str]:
    """Return ``mlflow.source.git.commit``, ``.branch`` and ``.dirty`` of the checkout that holds the file ``source``.

    ``source`` defaults to this file. The result is empty if git is missing or does not track the file: a wheel installed
    into a virtual environment inside somebody's repository must not be credited with that repository's commit. ``dirty``
    looks at tracked files only; the branch is missing where the head is detached.
    """
    file = (source or Path(__file__)).resolve()
    if _git(file, "ls-files", "--error-unmatch", file.name) is None:
        return {}
    commit, branch = _git(file, "rev-parse", "HEAD"), _git(file, "branch", "--show-current")
    changes = _git(file, "status", "--porcelain", "--untracked-files=no")
    found = {
        "commit": commit,
        "branch": branch,
        "dirty": None if changes is None else str(bool(changes)).lower(),
    }
    return {f"mlflow.source.git.{name}": value for name, value in found.items() if value}


def _git(file: Path, *arguments: str) -> str | None:
    """Return what git prints when run beside ``file``, or None if it is missing, refuses or hangs."""
    # Without optional locks, so that looking at the status never gets in the way of a commit made at the same time.
    command = ["git", "--no-optional-locks", "-C", str(file.parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@functools.cache
def package_versions() -> Mapping[str, str]:
    """Return ``{name: version}`` of every installed distribution, sorted by name; hundreds of files are read for it."""
    files = (distribution.metadata for distribution in metadata.distributions())
    found = {file["Name"]: file["Version"] for file in files if file["Name"]}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def version_tags() -> dict[str, str]:
    """Return the versions of Python and of the main packages as tags ``version.<name>``."""
    installed = package_versions()
    tags = {f"version.{name}": installed[name] for name in MAIN_PACKAGES if name in installed}
    return {"version.python": platform.python_version(), **tags}


def packages_text() -> str:
    """Return Python, platform and all packages as a text that pip accepts as a constraints file."""
    lines = [f"{name}=={version}" for name, version in package_versions().items()]
    return "\n".join([f"# Python {platform.python_version()} on {platform.platform()}", *lines]) + "\n"
