"""Images of the user's, from folders and NumPy files, of any size and number of classes, with colour and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from surrogate.data import image_files, load_images
from surrogate.errors import DataUnavailable, InvalidSetting

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 5, 7), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 5, 7, 3), dtype=np.uint8)


def put(root: Path, pixels: np.ndarray, classes: tuple[str, ...] = ("10", "9", "2"), ending: str = "png") -> Path:
    """Write images, one class after another, into folders."""
    for index, image in enumerate(pixels):
        folder = root / classes[index % len(classes)]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index:02}.{ending}")
    return root


@pytest.mark.parametrize(("pixels", "shape"), [(GREY, (5, 7)), (COLOUR, (5, 7, 3))])
def test_a_folder_for_each_class(pixels: np.ndarray, shape: tuple[int, ...], tmp_path: Path) -> None:
    data = load_images(put(tmp_path, pixels), test_share=0.25)
    assert (data.shape, data.classes, data.outputs, data.side) == (shape, ("2", "9", "10"), 3, None)
    assert data.description == f"5 x 7 {'colour' if len(shape) == 3 else 'grey'} pixels; 3 classes; 9 to train and 3 to test"
    found = np.concatenate([data.train_images, data.test_images])
    expected = pixels.reshape(12, -1).astype(np.float32) / np.float32(255)
    labels = np.concatenate([data.train_labels, data.test_labels])
    for row, label in zip(found, labels, strict=True):
        (index,) = np.flatnonzero((expected == row).all(axis=1))
        assert data.classes is not None
        assert data.classes[label] == ("10", "9", "2")[index % 3]
    assert set(data.train_labels) == {0, 1, 2}
    assert not data.train_images.flags.writeable
    assert load_images(tmp_path, test_share=0.25).checksum == data.checksum
    assert load_images(tmp_path, test_share=0.25, seed=1).checksum != data.checksum


def test_folders_that_split_already(tmp_path: Path) -> None:
    put(tmp_path / "train", GREY[:8], ("cat", "dog"))
    with pytest.raises(InvalidSetting, match="has a folder train and not both of train and test: add the other one"):
        load_images(tmp_path)
    put(tmp_path / "test", GREY[8:], ("dog", "cat"))
    (tmp_path / "train" / "cat" / ".hidden").touch()
    (tmp_path / "train" / "cat" / "Thumbs.db").touch()
    data = load_images(tmp_path)
    assert (len(data.train_images), len(data.test_images), data.classes) == (8, 4, ("cat", "dog"))
    assert data.test_labels.tolist() == [0, 0, 1, 1]
    put(tmp_path / "test", COLOUR[8:], ("dog", "cat"))
    assert load_images(tmp_path).shape == (5, 7, 3)  # one image with colour gives it to all


def test_images_are_resized_where_a_size_is_given(tmp_path: Path) -> None:
    put(tmp_path, COLOUR)
    data = load_images(tmp_path, size=(4, 3))
    assert (data.shape, data.train_images.shape[1]) == ((4, 3, 3), 36)
    assert load_images(put(tmp_path / "grey", GREY), size=4).side == 4
    white = put(tmp_path / "white", np.full((10, 9, 9, 3), 255, np.uint8))
    assert load_images(white, size=4).train_images.min() > 1.0 - 1e-6
    Image.fromarray(GREY[0][:4]).save(tmp_path / "grey" / "2" / "low.png")
    with pytest.raises(DataUnavailable, match=r"low\.png has 4 x 7 pixels and the first image 5 x 7: give the size"):
        load_images(tmp_path / "grey")
    assert load_images(tmp_path / "grey", size=(5, 7)).inputs == 35


def stored(tmp_path: Path, **arrays: Any) -> Path:
    np.savez_compressed(tmp_path / "images.npz", **arrays)
    return tmp_path / "images.npz"


LABELS = np.array([0, 1, 2] * 4)


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (GREY, (5, 7)),
        (GREY[..., None], (5, 7)),
        (GREY[:, None], (5, 7)),
        (COLOUR, (5, 7, 3)),
        (np.moveaxis(COLOUR, 3, 1), (5, 7, 3)),
        (COLOUR / 255.0, (5, 7, 3)),
        (GREY > 100, (5, 7)),
    ],
)
def test_arrays_of_numpy(images: np.ndarray, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = stored(tmp_path, x_train=images[:9], y_train=LABELS[:9, None], x_test=images[9:], y_test=LABELS[9:], x_val=[0])
    data = load_images(path)
    assert (data.shape, data.classes, data.test_labels.tolist()) == (shape, ("0", "1", "2"), [0, 1, 2])
    whole = COLOUR if len(shape) == 3 else GREY
    expected = (whole > 100) * 255 if images.dtype == bool else whole
    np.testing.assert_allclose(data.train_images, expected[:9].reshape(9, -1) / 255.0, atol=1e-7)


def test_other_names_labels_and_numbers_of_classes(tmp_path: Path) -> None:
    data = load_images(stored(tmp_path, images=GREY, labels=np.array(["b", "a"] * 6)), test_share=0.5)
    assert (data.classes, len(data.test_images)) == (("a", "b"), 6)
    many = np.arange(30) % 15 - 3
    data = load_images(stored(tmp_path, x=np.zeros((30, 2, 2)), y=many))
    assert data.classes == tuple(map(str, range(-3, 12)))
    assert data.outputs == 15


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no labels": ({"images": GREY}, "holds images: expected x_train, y_train, x_test, y_test or .* or x, y"),
    "objects": ({"x": np.array([None]), "y": LABELS}, "cannot be read as arrays of NumPy: Object arrays cannot be loaded"),
    "floats above 1": ({"x": GREY * 1.0, "y": LABELS}, "x: expected bytes .* or floats from 0 to 1, got float64 outside"),
    "NaN": ({"x": GREY * np.nan, "y": LABELS}, "expected bytes"),
    "large numbers": ({"x": GREY.astype(np.int64), "y": LABELS}, "expected bytes"),
    "vectors": ({"x": GREY[:, 0], "y": LABELS}, r"expected images of shape \(n, h, w\), .* got \(12, 7\)"),
    "four channels": ({"x": np.zeros((12, 5, 7, 4)), "y": LABELS}, r"got \(12, 5, 7, 4\)"),
    "too few labels": (
        {"x": GREY, "y": LABELS[:5]},
        r"y: expected 12 whole numbers or texts, one an image, got int64 of shape",
    ),
    "labels that are no classes": ({"x": GREY, "y": LABELS * 0.5}, "got float64"),
    "images of two sizes": (
        {"x_train": GREY, "y_train": LABELS, "x_test": GREY[:, :4], "y_test": LABELS},
        "to train and to test have different sizes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arrays_that_are_refused(name: str, tmp_path: Path) -> None:
    arrays, message = REFUSED[name]
    with pytest.raises(DataUnavailable, match=message) as caught:
        load_images(stored(tmp_path, **arrays))
    assert "\n" not in str(caught.value)


def test_files_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "images.npz"
    for content in (b"", b"no archive", stored(tmp_path, x=GREY, y=LABELS).read_bytes()[:500]):
        broken.write_bytes(content)
        with pytest.raises(DataUnavailable, match=r"images\.npz cannot be read as arrays of NumPy"):
            load_images(broken)
    with pytest.raises(DataUnavailable, match=r"absent\.npz cannot be read as arrays of NumPy: No such file"):
        load_images(tmp_path / "absent.npz")
    with pytest.raises(DataUnavailable, match=r"images\.npy is no folder and no \.npz file"):
        load_images(tmp_path / "images.npy")
    monkeypatch.setattr(image_files, "MOST_VALUES", 50)
    with pytest.raises(InvalidSetting, match="has more than 0 GiB of images"):
        load_images(stored(tmp_path, x=GREY, y=LABELS))


def test_folders_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidSetting, match="has no folders: expected one for each class"):
        load_images(tmp_path)
    put(tmp_path, GREY, ("a",))
    with pytest.raises(InvalidSetting, match="has images of 1 class: expected at least 2"):
        load_images(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(InvalidSetting, match="b holds no images: remove the folder"):
        load_images(tmp_path)
    (tmp_path / "b" / "notes.txt").touch()
    with pytest.raises(DataUnavailable, match=r"notes\.txt is no image by its name: expected one that ends in \.bmp, "):
        load_images(tmp_path)
    (tmp_path / "b" / "notes.txt").rename(tmp_path / "b" / "x.png")
    with pytest.raises(DataUnavailable, match=r"x\.png cannot be read as an image"):
        load_images(tmp_path)
    Image.fromarray(np.zeros((5, 7), np.uint16)).save(tmp_path / "b" / "x.png")
    with pytest.raises(DataUnavailable, match=r"x\.png has pixels of more than 8 bits \(mode I;16\)"):
        load_images(tmp_path)
    Image.fromarray(GREY[0]).save(tmp_path / "b" / "x.png")
    monkeypatch.setattr(image_files, "MOST_VALUES", 50)
    with pytest.raises(InvalidSetting, match="has 13 images of 5 x 7 pixels, 455 values, more than the 50 allowed"):
        load_images(tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 0}, r"size=0 is not allowed: expected pixels a side, such as 16, or \(height, width\), or None"),
        ({"size": (3, 4, 5)}, "is not allowed"),
        ({"size": "big"}, "is not allowed"),
        ({"test_share": 0}, "test_share=0 is not allowed"),
        ({"seed": 0.5}, "seed=0.5 is not allowed"),
    ],
)
def test_arguments_that_are_refused(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=message):
        load_images(put(tmp_path, GREY), **changed)
