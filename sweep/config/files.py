"""Networks and properties that users bring as files: found, read and checked before anything starts.

Both are read on the driver and sent to the workers, which need no access to the files. What was read is kept for the life of
the process, under the file's path, size and time, so that a plan of a thousand trials reads each file once.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from surrogate.errors import SurrogateError
from surrogate.files import file_path
from surrogate.networks import ReluNetwork
from sweep.config.rules import nearest
from sweep.errors import ConfigError, SweepError

if TYPE_CHECKING:
    from surrogate.attack import Instance

VERDICTS = "verdicts.csv"
"""The file of known verdicts beside a list of properties: lines of network, property, and sat, unsat or unknown."""

PROPERTY_ENDINGS = (".vnnlib", ".vnnlib.gz")

Read = TypeVar("Read")


@dataclass(frozen=True)
class PropertyFile:
    """A property of a network, from a VNN-LIB file.

    Attributes:
        name: name of the file, without its endings.
        key: hash of the file's contents.
        instances: one per input box.
        expected: ``sat`` or ``unsat`` if a list of verdicts says so.
    """

    name: str
    key: str
    instances: tuple[Instance, ...]
    expected: str | None = None


def read_network(file: str, layers: Sequence[str] | None = None, key: str = "network.file") -> ReluNetwork:
    """Return the network in a file of one of the endings of :data:`surrogate.networks.files.READERS`.

    Args:
        file: its path.
        layers: names those of a state dict, where its names leave open how they compute.
        key: the dotted key whose value the file is.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        named = None if layers is None else tuple(layers)
        return _read_once(lambda path, time, size: _network(path, time, size, named), file_path(file))
    except (SurrogateError, OSError) as error:
        raise ConfigError(f"{key}={file} cannot be used: {_reason(error, file)}{hint(Path(file))}") from error


def read_properties(where: str, network: str | None) -> tuple[PropertyFile, ...]:
    """Return the properties that ``instances.properties`` names, in the order of the list or of their names.

    ``where`` is a VNN-LIB file, a folder of them, a pattern for the names of files in one folder, or a CSV list as in the
    competition, whose lines of ``network`` (by the name of the file) count and whose limits don't: solver.time_limit_seconds
    holds. Verdicts are taken from ``verdicts.csv`` beside a list. A name that is that of a file is never a pattern.

    Raises:
        ConfigError: nothing is found, or a file cannot be read.
    """
    try:
        path = file_path(where)
        files, verdicts = _listed(path, network) if path.suffix == ".csv" else (_found(path), {})
        properties = []
        for file in files:
            key, instances = _read_once(_property, file)
            name = _bare(file)
            properties.append(PropertyFile(name, key, instances, verdicts.get(name)))
        return tuple(properties)
    except (SurrogateError, SweepError, OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"instances.properties={where} cannot be used: {_reason(error, where)}{hint(Path(where))}") from error


def _read_once(read: Callable[[Path, float, int], Read], path: Path) -> Read:
    state = path.stat()
    return read(path.absolute(), state.st_mtime, state.st_size)  # not resolved: what a link leads to may have no ending


@functools.lru_cache(maxsize=64)
def _network(path: Path, _time: float, _size: int, layers: tuple[str, ...] | None) -> ReluNetwork:
    from surrogate.networks.files import read_network

    return read_network(path, layers)


@functools.lru_cache(maxsize=4096)
def _property(path: Path, _time: float, _size: int) -> tuple[str, tuple[Instance, ...]]:
    from surrogate.problems import vnnlib

    return hashlib.sha256(path.read_bytes()).hexdigest()[:16], tuple(vnnlib.read(path))


def _found(path: Path) -> list[Path]:
    if path.is_dir():
        files = [file for file in path.iterdir() if file.name.endswith(PROPERTY_ENDINGS)]
        missing = f"the folder holds no file that ends in {' or '.join(PROPERTY_ENDINGS)}"
    elif not path.exists() and set(path.name) & set("*?["):
        files = list(path.parent.glob(path.name))
        missing = "no file has such a name, as it is or as a pattern, in which * ? and [...] stand for other characters"
    else:
        return [path]
    if not files:
        raise SweepError(missing)
    return sorted(files, key=lambda file: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(file))])


def _listed(path: Path, network: str | None) -> tuple[list[Path], dict[str, str]]:
    if network is None:
        path.stat()  # of a file that is not there, that is what to say
        raise SweepError("it lists properties by network: set network.file to one of its networks")
    # The lists of the competition name the files as they are once unpacked.
    name = _unpacked(network)
    lines = list(_lines(path, 2))
    names = dict.fromkeys(_unpacked(line[0]) for line in lines)
    if name not in names:
        raise SweepError(f"it lists no property of {name}, but of {', '.join(names) or 'no network'}{nearest(name, names)}")
    wanted = [path.parent / line[1] for line in lines if _unpacked(line[0]) == name]
    files = [file if file.is_file() else file.with_name(f"{file.name}.gz") for file in wanted]
    return files, _verdicts(path.with_name(VERDICTS), name)


def _verdicts(path: Path, network: str) -> dict[str, str]:
    """Return ``sat`` or ``unsat`` by the name of the property, for those properties whose verdict is known."""
    if not path.is_file():
        return {}
    return {
        _bare(Path(line[1])): line[2]
        for line in _lines(path, 3)
        if _unpacked(line[0]) == network and line[2] in ("sat", "unsat")
    }


def _lines(path: Path, columns: int) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:  # a byte order mark would be part of the first name
        for number, line in enumerate(csv.reader(file), 1):
            values = [value.strip() for value in line]
            if len(values) >= columns:
                yield values
            elif any(values):
                raise SweepError(f"{path.name}, line {number}: expected {columns} columns or more, got {len(values)}")


def _unpacked(file: str | Path) -> str:
    return Path(file).name.removesuffix(".gz")


def _bare(file: Path) -> str:
    return _unpacked(file).removesuffix(".vnnlib")


def _reason(error: Exception, named: str) -> str:
    """Return the words of an error, and the file it is about if that is not the one named already."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return error.strerror if str(error.filename) == named else f"{error.filename}: {error.strerror}"


def hint(path: Path) -> str:
    """Return the end of a sentence about a missing file: where relative paths start. Empty where that explains nothing."""
    told = path.is_absolute() or path.exists() or str(path).startswith("~")
    return "" if told else f" (relative paths start at {Path.cwd()})"
