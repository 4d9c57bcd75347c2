"""The files of a data set, from the user's folder or from the cache; files that the cache lacks are fetched."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from surrogate.data.fetch import Contents, FetchFailed, fetchers, unpack
from surrogate.data.sources import Source, SourceFile
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.files import file_path

LOG = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return ``$SURROGATE_DATA``, else ``surrogate`` under ``$XDG_CACHE_HOME`` or ``~/.cache``.

    Raises:
        DataUnavailable: it would lie in the home folder of a user who is not known, or has none.
    """
    try:
        if chosen := os.environ.get("SURROGATE_DATA"):
            return file_path(chosen)
        return file_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "surrogate"
    except InvalidSetting as error:
        raise DataUnavailable(f"the cache of data sets has no place: {error}; or set SURROGATE_DATA to a folder") from error


def read_folder(source: Source, folder: Path) -> Contents:
    """Return the files of ``source`` from a folder that the user named; nothing is fetched or written.

    Files lie in ``folder`` or in ``folder/<data set's name>``, as they are or gzipped.

    Raises:
        DataUnavailable: a file that is missing, unreadable, truncated or another one.
    """
    if not folder.is_dir():
        raise DataUnavailable(
            f"{source.name} cannot be read from the folder {folder}: it is not a folder; name the one with {_names(source)}, "
            f"or leave the folder unset to have them fetched"
        )
    contents = {}
    for file in source.files:
        try:
            content = _read(file, folder / source.name, folder)
        except FetchFailed as error:
            raise DataUnavailable(
                f"{source.name} cannot be read from the folder {folder}: {error}; replace that file, or leave the folder unset "
                f"to have it fetched"
            ) from error
        if content is None:
            raise DataUnavailable(
                f"{source.name} cannot be read from the folder {folder}: there is no {file.name} or {file.name}.gz in it; put "
                f"{_names(source)} there, or leave the folder unset to have them fetched"
            )
        contents[file.name] = content
    return contents


def read_cache(source: Source) -> Contents:
    """Return the files of ``source`` from the cache; those that are missing or broken there are fetched and kept.

    Raises:
        DataUnavailable: no source delivered; says what was tried and where to put which files.
    """
    folder = cache_folder() / source.name
    contents: Contents = {}
    missing: list[SourceFile] = []
    problems: list[str] = []
    for file in source.files:
        try:
            content = _read(file, folder)
        except FetchFailed as error:
            problems.append(f"in the cache {error}")
            content = None
        if content is None:
            missing.append(file)
        else:
            contents[file.name] = content
    if not missing:
        return contents
    for name, fetch in fetchers(source):
        try:
            fetched = fetch(missing)
        except FetchFailed as error:
            problems.append(f"{name}: {error}")
            continue
        for file in missing:
            _keep(folder / file.name, fetched[file.name])
        return {**contents, **fetched}
    told = source.name if len(source.files) > 1 else _names(source)
    raise DataUnavailable(
        f"{told} could not be fetched ({'; '.join(problems)}): put {_names(source)}, gzipped or not, into {folder}, or name "
        f"the folder that holds {'them' if len(source.files) > 1 else 'it'}"
    )


def _read(file: SourceFile, *folders: Path) -> bytes | None:
    """Return the checked content of ``file`` from the first folder that has it; None if none has.

    Raises:
        FetchFailed: it is there but unreadable, or not the file that it should be.
    """
    for folder in folders:
        for path in (folder / file.name, folder / f"{file.name}.gz"):
            try:
                content = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise FetchFailed(f"{path} cannot be read ({error.strerror})") from error
            return unpack(content, file)
    return None


def _keep(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whoever else writes it at the same time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as folder:
            part = Path(folder) / path.name
            part.write_bytes(content)
            part.chmod(0o644)  # a cache may be shared
            part.replace(path)
    except OSError as error:  # the data are here, so a read-only or full disk only costs the next run a download
        LOG.warning("%s could not be kept in the cache (%s)", path.name, error)


def _names(source: Source) -> str:
    *names, last = (file.name for file in source.files)
    return f"{', '.join(names)} and {last}" if names else last
