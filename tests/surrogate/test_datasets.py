"""Data sets: arrays from the files, folders of the user, resizing against a filter written out by hand, the real files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from tiny_mnist import assert_one_sentence, listing, put

from surrogate.data import NAMES, fetch, load
from surrogate.data.cache import cache_folder
from surrogate.data.resizing import resized
from surrogate.data.sources import SOURCES
from surrogate.errors import DataUnavailable, InvalidSetting


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
        assert source.files[0].size == 16 + 60_000 * 784
        assert (source.count("train"), source.count("test")) == (60_000, 10_000)
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
    small = resized(pixels, 255, (side, side))
    np.testing.assert_allclose(small.reshape(4, side, side), expected, atol=1e-6)


def test_resized_images_stay_in_the_unit_box() -> None:
    white = np.full((2, 28, 28), 255, dtype=np.uint8)
    for side in (18, 28, 40):
        images = resized(white, 255, (side, side))
        assert images.shape == (2, side * side)
        assert 1.0 - 1e-6 <= images.min() <= images.max() <= 1.0


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
    np.testing.assert_allclose(np.concatenate([data.train_images, data.test_images]), bunch.data / 16.0)


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
