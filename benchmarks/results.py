"""The file of results: every row as it was measured, so that tables can be made from it again.

A file ``.json`` is one object, written anew for each row. A file ``.jsonl`` has a line for each row, and one for the header
before the rows of a run; lines are appended only, so several runs may write to one file in turn or at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.sections import Row, Section
from benchmarks.subjects import machine
from sweep.tracking.environment import git_tags

PACKAGES = ("highspy", "pyomo", "torch", "numpy", "omlt", "pyscipopt", "pyscipopt-ml", "gurobipy", "gurobi-machinelearning")

LINES = ".jsonl"


class Results:
    """Rows by section, kept in a JSON file if there is a path; a row replaces the one with the same key.

    Args:
        path: the file, read if it exists; None keeps nothing.

    Raises:
        ValueError: a file that is not one of ours.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._commit: str | None = None
        self.header: dict[str, Any] = {}
        self.sections: dict[str, list[Row]] = {}
        if path is not None and path.exists():
            try:
                content = _from_lines(path.read_text()) if path.suffix == LINES else json.loads(path.read_text())
                self.header, self.sections = content["header"], content["sections"]
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise ValueError(f"{path} is not a file of results: {error}; give another --output") from error

    def describe_now(self) -> None:
        """Say in the header on what and with which versions the next rows are measured."""
        self.header = {"machine": machine(), "packages": {name: _version(name) for name in PACKAGES}}
        self._commit = _commit()
        if self.path is not None and self.path.suffix == LINES:
            self._append({"header": self.header})

    def require_limit(self, name: str, section: Section, limit_seconds: float | None) -> None:
        """Refuse to mix rows of different limits in one table, unless the section keeps them apart.

        Raises:
            ValueError: the section's rows have another limit.
        """
        if "limit_seconds" in section.key:
            return
        for row in self.sections.get(name, []):
            if limit_seconds is not None and row.get("limit_seconds", limit_seconds) != limit_seconds:
                raise ValueError(
                    f"section {name!r} in {self.path} was measured with a limit of {row['limit_seconds']:g} s, "
                    f"not {limit_seconds:g} s; give another --output"
                )

    def add(self, name: str, section: Section, row: Row) -> None:
        """Take in a row and write the file."""
        row = {**row, "commit": self._commit}
        self._replace(name, section, row)
        if self.path is None:
            return
        if self.path.suffix == LINES:
            self._append({"section": name, "key": section.key_of(row), "row": row})
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.path.with_name(self.path.name + ".part")
            temporary.write_text(json.dumps({"header": self.header, "sections": self.sections}, indent=1) + "\n")
            temporary.replace(self.path)

    def merge(self, other: Results, sections: Mapping[str, Section]) -> None:
        """Take in the rows of another file, in memory only; where both have a row, the other's counts.

        Raises:
            ValueError: the files have other limits in one section.
        """
        for name, rows in other.sections.items():
            if name not in sections:
                self.sections[name] = rows
                continue
            for row in rows:
                self.require_limit(name, sections[name], row.get("limit_seconds"))
                self._replace(name, sections[name], row)
        machines = dict.fromkeys([self.header["machine"], other.header["machine"]])
        packages = dict(self.header["packages"])
        for package, number in other.header["packages"].items():
            known = packages.get(package)
            packages[package] = " or ".join(dict.fromkeys(n for n in (known, number) if n is not None)) or None
        self.header = {"machine": " and ".join(machines), "packages": packages}

    def _append(self, line: dict[str, Any]) -> None:
        assert self.path is not None, "only asked where there is a file"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_cut = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a") as file:
            file.write(("\n" if is_cut else "") + json.dumps(line) + "\n")

    def _replace(self, name: str, section: Section, row: Row) -> None:
        kept = [old for old in self.sections.get(name, []) if section.key_of(old) != section.key_of(row)]
        self.sections[name] = sorted([*kept, row], key=lambda r: r.get("instance", 0))

    def title(self, names: Sequence[str]) -> str:
        """Return the line on machine, versions and the commits that the rows of these sections come from."""
        commits = {row.get("commit") for name in names for row in self.sections.get(name, [])} - {None}
        packages = ", ".join(f"{name} {number}" for name, number in self.header["packages"].items() if number is not None)
        code = f"; commit {', '.join(sorted(map(str, commits)))}" if commits else ""
        return f"Measured on {self.header['machine']}; {packages}{code}."


def _commit() -> str | None:
    """Return the commit of the code, with a word if tracked files differ from it; None outside a checkout."""
    tags = git_tags()
    commit = tags.get("mlflow.source.git.commit")
    if commit is None:
        return None
    return commit[:10] + (" with changes" if tags.get("mlflow.source.git.dirty") == "true" else "")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _from_lines(text: str) -> dict[str, Any]:
    """Return what a file ``.json`` of the same rows has; of rows with one key the last counts.

    A line that is cut off, because its writer was, is left out.

    Raises:
        KeyError: there is no header.
    """
    header: dict[str, Any] | None = None
    sections: dict[str, dict[str, Row]] = {}
    for line in text.splitlines():
        try:
            content = json.loads(line)
        except json.JSONDecodeError:
            continue
        if "header" in content:
            header = content["header"]
        else:
            rows = sections.setdefault(content["section"], {})
            rows.pop(json.dumps(content["key"]), None)
            rows[json.dumps(content["key"])] = content["row"]
    if header is None:
        raise KeyError("no line has a header")
    return {"header": header, "sections": {name: list(rows.values()) for name, rows in sections.items()}}
