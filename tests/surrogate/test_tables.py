"""Tables of the user's: what becomes of numbers, categories and gaps, the user's units, and what is said of a wrong file."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from surrogate.data import Dataset, load_table
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.networks.scales import in_units
from surrogate.training import Training, accuracy, fit, r_squared

RNG = np.random.default_rng(0)
SIZE = RNG.uniform(20.0, 200.0, 40)
ROOMS = RNG.integers(1, 6, 40)
COLOUR = RNG.choice(["red", "blue", "light green"], 40)
PRICE = 1000.0 * SIZE + 5000.0 * ROOMS + np.where(COLOUR == "red", 20_000.0, 0.0)
SOLD = np.where(np.median(PRICE) < PRICE, "late", "soon")

HEADER = "size,rooms,colour,price,sold"
ROWS = [f"{SIZE[i]:.3f},{ROOMS[i]},{COLOUR[i]},{PRICE[i]:.1f},{SOLD[i]}" for i in range(40)]


def written(tmp_path: Path, rows: list[str] = ROWS, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = tmp_path / "houses.csv"
    path.write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return path


def houses(path: Path, **changed: Any) -> Dataset:
    given = {"inputs": ["size", "rooms", "colour"], "outputs": ["price"], "categories": ["colour"], **changed}
    return load_table(path, **given)


def in_own_units(data: Dataset) -> np.ndarray:
    """The points to train on and to test, in the units of the table."""
    assert data.scales is not None
    return np.concatenate([data.train_images, data.test_images]) * data.scales.x_deviation + data.scales.x_mean


def test_numbers_and_categories_become_inputs(tmp_path: Path) -> None:
    data = houses(written(tmp_path))
    assert data.columns is not None
    assert data.columns.inputs == ("size", "rooms", "colour=blue", "colour=light green", "colour=red")
    assert data.columns.expansion == (
        "5 inputs from 2 numbers (size, rooms) and colour as 3 inputs of 0 or 1 (blue, light green, red); "
        "1 value (price); 40 rows"
    )
    assert data.description.endswith("40 rows; 32 to train and 8 to test")
    assert (data.inputs, data.outputs, data.classes, data.is_regression, data.side) == (5, 1, None, True, None)
    assert data.train_images.dtype == np.float32
    np.testing.assert_allclose(data.train_images[:, :2].mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(data.train_images[:, :2].std(axis=0), 1.0, atol=1e-6)
    assert set(np.unique(data.train_images[:, 2:])) == {0.0, 1.0}
    assert (data.train_images[:, 2:].sum(axis=1) == 1.0).all()
    x = in_own_units(data)
    order = np.argsort(x[:, 0])
    np.testing.assert_allclose(x[order, 0], np.sort(SIZE), atol=1e-3)
    np.testing.assert_allclose(x[order, 1], ROOMS[np.argsort(SIZE)], atol=1e-3)
    assert (x[order, 4] == (COLOUR == "red")[np.argsort(SIZE)]).all()
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        assert not array.flags.writeable


def test_a_network_speaks_the_units_of_the_table(tmp_path: Path) -> None:
    data = houses(written(tmp_path))
    scaled = fit(
        Training(epochs=300, batch_size=8, learning_rate=0.01), [16], data.train_images, data.train_labels, data.outputs
    )
    assert r_squared(scaled, data.test_images, data.test_labels) > 0.9
    network = data.in_units(scaled)
    one_hot = (COLOUR[:, None] == ["blue", "light green", "red"]).astype(float)
    x = np.column_stack([SIZE, ROOMS, one_hot])
    assert r_squared(network, x, PRICE) > 0.9
    assert data.scales is not None
    back = in_units(network, *data.scales.undone())
    np.testing.assert_allclose(back(data.test_images), scaled(data.test_images), atol=1e-9)


def test_a_category_as_the_output_makes_classes(tmp_path: Path) -> None:
    data = load_table(written(tmp_path), ["size", "rooms"], ["sold"], categories=["sold"])
    assert data.columns is not None
    assert (data.classes, data.outputs, data.train_labels.dtype) == (("late", "soon"), 2, np.int64)
    assert data.columns.expansion == "2 inputs from 2 numbers (size, rooms); 2 classes of sold (late, soon); 40 rows"
    network = fit(
        Training(epochs=100, batch_size=8, learning_rate=0.01), [8], data.train_images, data.train_labels, data.outputs
    )
    assert accuracy(network, data.test_images, data.test_labels) > 0.7
    found = data.in_units(network)(np.column_stack([SIZE, ROOMS])).argmax(axis=1)
    assert (np.array(data.classes)[found] == SOLD).mean() > 0.8


def test_columns_know_their_ranges_and_which_inputs_are_categories(tmp_path: Path) -> None:
    columns = houses(written(tmp_path)).columns
    assert columns is not None
    assert columns.places == {"colour": (2, 3, 4)}
    assert columns.lower[:2] == pytest.approx((SIZE.min(), ROOMS.min()), abs=1e-3)
    assert columns.upper[:2] == pytest.approx((SIZE.max(), ROOMS.max()), abs=1e-3)
    assert (columns.lower[2:], columns.upper[2:]) == ((0.0,) * 3, (1.0,) * 3)
    sold = load_table(written(tmp_path), ["size", "rooms"], ["sold"], categories=["sold"]).columns
    assert sold is not None
    assert sold.places == {}


def test_of_many_columns_a_sentence_names_the_first(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(20)]
    rows = [",".join(str(row * (number + 1) % 7) for number in range(20)) for row in range(12)]
    file = tmp_path / "wide.csv"
    file.write_text("\n".join([",".join(names), *rows]))
    data = load_table(file, [name for name in names if name not in ("c6", "c13", "c19")], ["c19"])
    assert data.columns is not None
    assert "17 numbers (c0, c1, c2, c3, c4, c5, c7, c8, c9, c10, c11, c12 and 5 more)" in data.columns.expansion


def test_several_outputs_are_fitted_together(tmp_path: Path) -> None:
    data = load_table(written(tmp_path), ["size"], ["price", "rooms"])
    assert data.outputs == 2
    assert data.train_labels.shape == (32, 2)
    network = fit(
        Training(epochs=60, batch_size=8, learning_rate=0.01), [8], data.train_images, data.train_labels, data.outputs
    )
    at = data.in_units(network)(SIZE[:, None])
    assert (abs(at.mean(axis=0) - [PRICE.mean(), ROOMS.mean()]) < [20_000.0, 1.0]).all()


def test_without_inputs_all_columns_that_are_no_outputs_count(tmp_path: Path) -> None:
    data = load_table(written(tmp_path), outputs=["price"], categories=["colour", "sold"])
    assert data.columns is not None
    assert data.columns.inputs[-2:] == ("sold=late", "sold=soon")


def test_numbers_can_be_categories_in_their_order(tmp_path: Path) -> None:
    data = load_table(written(tmp_path), ["rooms"], ["price"], categories=["rooms"])
    assert data.columns is not None
    assert data.columns.inputs == tuple(f"rooms={count}" for count in sorted(set(ROOMS)))


WAYS = {
    "semicolons and a byte order mark": lambda rows: ("\ufeff" + "\n".join(rows).replace(",", ";")).encode(),
    "tabs": lambda rows: "\n".join(rows).replace(",", "\t").encode(),
    "other line ends, spaces and an empty line": lambda rows: ("\r\n".join(rows).replace(",", ", ") + "\r\n\r\n").encode(),
    "gzipped": lambda rows: gzip.compress("\n".join(rows).encode()),
    "quoted": lambda rows: "\n".join(",".join(f'"{value}"' for value in row.split(",")) for row in rows).encode(),
}


@pytest.mark.parametrize("name", WAYS)
def test_one_table_in_other_files_is_the_same_data(name: str, tmp_path: Path) -> None:
    expected = houses(written(tmp_path))
    path = tmp_path / "other"
    path.write_bytes(WAYS[name]([HEADER, *ROWS]))
    assert houses(path).checksum == expected.checksum


def parquet(tmp_path: Path, **changed: Any) -> Path:
    columns = {
        "size": [float(f"{size:.3f}") for size in SIZE],
        "rooms": ROOMS.tolist(),
        "colour": pyarrow.array(COLOUR.tolist()).dictionary_encode(),
        "price": [float(f"{price:.1f}") for price in PRICE],
        "sold": SOLD.tolist(),
    }
    pyarrow.parquet.write_table(pyarrow.table({**columns, **changed}), tmp_path / "houses.parquet")
    return tmp_path / "houses.parquet"


def test_parquet_is_the_same_data(tmp_path: Path) -> None:
    assert houses(parquet(tmp_path)).checksum == houses(written(tmp_path)).checksum
    both = {"inputs": ["rooms", "sold"], "categories": ["rooms", "sold"]}
    assert houses(parquet(tmp_path), **both).checksum == houses(written(tmp_path), **both).checksum
    truth = parquet(tmp_path, sold=(SOLD == "late").tolist())
    assert houses(truth, outputs=["sold"], categories=["colour", "sold"]).classes == ("False", "True")
    with pytest.raises(InvalidSetting, match="'sold' has the type timestamp"):
        houses(parquet(tmp_path, sold=pyarrow.array([0] * 40, pyarrow.timestamp("s"))), inputs=["sold"], categories=[])
    whole = truth.read_bytes()
    truth.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataUnavailable, match=r"houses\.parquet is a Parquet file that is truncated or corrupt"):
        houses(truth)


@pytest.mark.parametrize("gap", ["", "NA", "nan", "?"])
def test_gaps_are_refused_or_their_rows_left_out(gap: str, tmp_path: Path) -> None:
    path = written(tmp_path, [*ROWS[:3], f"{gap},2,red,1,soon", f"50,2,{gap},1,soon", f"50,2,red,1,{gap}", *ROWS[3:]])
    message = r"houses\.csv has gaps in 2 of 43 rows \(size in 1, colour in 1\), the first in row 4: .*gaps='drop'"
    with pytest.raises(InvalidSetting, match=message):
        houses(path)
    data = houses(path, gaps="drop")
    assert data.columns is not None
    assert (data.columns.rows, data.columns.dropped) == (41, 2)  # a gap in a column that is not used is none
    assert data.columns.expansion.endswith("41 rows, 2 rows with gaps left out")


def test_gaps_of_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path, rooms=[None, *ROWS[:0], *ROOMS[1:].tolist()], size=[*SIZE[:-1].tolist(), float("nan")])
    with pytest.raises(InvalidSetting, match=r"gaps in 2 of 40 rows \(size in 1, rooms in 1\)"):
        houses(path)
    assert houses(path, categories=["rooms", "colour"], gaps="drop").columns.rows == 38  # type: ignore[union-attr]


def test_the_seed_decides_the_split_and_the_checksum_holds_all_of_it(tmp_path: Path) -> None:
    path = written(tmp_path)
    first, again, other = houses(path), houses(path), houses(path, seed=1)
    assert first.checksum == again.checksum
    np.testing.assert_array_equal(first.train_images, again.train_images)
    np.testing.assert_allclose(np.sort(in_own_units(first)[:, 0]), np.sort(in_own_units(other)[:, 0]), atol=1e-3)
    others = [
        other,
        houses(path, test_share=0.25),
        houses(path, inputs=["rooms", "size", "colour"]),
        houses(written(tmp_path, [*ROWS[:-1], ROWS[0]])),
        houses(written(tmp_path, [row.replace("red", "RED") for row in ROWS])),
    ]
    assert len({first.checksum, *(data.checksum for data in others)}) == 6
    assert [len(data.test_images) for data in others[:2]] == [8, 10]


def test_a_rare_class_is_trained_on(tmp_path: Path) -> None:
    rows = [row.replace("soon", "late") for row in ROWS[1:]] + ["50,2,red,1,never"]
    for seed in range(10):
        data = load_table(written(tmp_path, rows), ["size"], ["sold"], categories=["sold"], seed=seed)
        assert set(data.train_labels) == {0, 1}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a column that is not there": ({"inputs": ["Size"]}, r"has no column 'Size' \(did you mean size\?\): it has size, rooms"),
    "an output that is not there": ({"inputs": None, "outputs": ["prize"]}, r"no column 'prize' \(did you mean price\?\)"),
    "text": (
        {"categories": []},
        r"'colour' holds text, such as '[\w ]+', where numbers are expected: name it in categories, as",
    ),
    "text as the output": ({"outputs": ["sold"]}, "the column 'sold' holds text"),
    "nothing to give": ({"outputs": []}, r"outputs=\[\] is not allowed"),
    "nothing to take": ({"inputs": [], "categories": []}, r"inputs=\[\] is not allowed"),
    "both": ({"outputs": ["size"]}, "'size' is among inputs and outputs"),
    "twice": ({"inputs": ["size", "size"]}, "expected each column once, and 'size' is named more than once"),
    "a category that is not used": ({"categories": ["colour", "colours"]}, r"names 'colours', .* \(did you mean colour\?\)"),
    "several outputs with classes": (
        {"outputs": ["sold", "price"], "categories": ["colour", "sold"]},
        "a category must be the only output",
    ),
    "a text for a list": ({"inputs": "size"}, "inputs='size' is not allowed: expected a list of names of columns"),
    "no name": ({"inputs": [3]}, r"inputs=\[3\] is not allowed: expected names of columns"),
    "gaps": ({"gaps": "fill"}, "gaps='fill' is not allowed: expected one of refuse, drop"),
    "a share": ({"test_share": 1.0}, "test_share=1.0 is not allowed"),
    "a share too small": ({"test_share": 0.01}, "it holds out 0, at least 1 is needed"),
    "a seed": ({"seed": -1}, "seed=-1 is not allowed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_arguments_that_are_refused(name: str, tmp_path: Path) -> None:
    changed, message = WRONG[name]
    with pytest.raises(InvalidSetting, match=message) as caught:
        houses(written(tmp_path), **changed)
    assert "\n" not in str(caught.value)


BAD_ROWS: dict[str, tuple[list[str], type[Exception], str]] = {
    "a row too long": ([*ROWS[:4], f"{ROWS[4]},1"], DataUnavailable, "line 6: has 6 values and the header 5 names"),
    "a row too short": ([*ROWS[:4], "1,2"], DataUnavailable, "line 6: has 2 values and the header 5 names"),
    "a quote that does not end": ([*ROWS, '"1,2,red,3,soon'], DataUnavailable, "is no CSV: unexpected end of data"),
    "no rows": ([], DataUnavailable, "has a line of names and no rows"),
    "too few": (ROWS[:9], InvalidSetting, "has 9 rows: expected at least 10"),
    "a constant": (
        [f"7,{i},red,{i},soon" for i in range(20)],
        InvalidSetting,
        "'size' is constant, always 7, and says nothing",
    ),
    "one colour": ([f"{i},{i},red,{i},soon" for i in range(20)], InvalidSetting, "'colour' is constant, always red"),
    "decimal commas": (
        [f'"{i},5",{i},red,{i},soon' for i in range(20)],
        InvalidSetting,
        r"'size' holds text, such as '0,5', .*: write numbers with a point, such as 3\.5",
    ),
    "infinity": ([*ROWS, "1e999,1,red,1,soon"], InvalidSetting, "'size' holds numbers that are infinite"),
    "the number of a row": ([f"{i},1,c{i},{i},soon" for i in range(201)], InvalidSetting, "'rooms' is constant"),
    "a category of many": ([f"{i},{i},c{i},{i},soon" for i in range(201)], InvalidSetting, "'colour' has 201 values, and a"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_rows_that_are_refused(name: str, tmp_path: Path) -> None:
    rows, kind, message = BAD_ROWS[name]
    with pytest.raises(kind, match=message) as caught:
        houses(written(tmp_path, rows))
    assert "\n" not in str(caught.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "houses.csv"
    with pytest.raises(DataUnavailable, match=r"houses\.csv cannot be read: No such file"):
        houses(path)
    with pytest.raises(DataUnavailable, match="is a folder: expected a table, a CSV or Parquet file"):
        houses(tmp_path)
    written(tmp_path, [*ROWS, "1,1,grün,1,soon"], encoding="latin-1")
    with pytest.raises(DataUnavailable, match=r"houses\.csv, line 42: is not UTF-8 text .*: save the table as CSV in UTF-8"):
        houses(path)
    for content, message in ((b"", "is empty"), (b"\n\n", "is empty"), (b"PK\x03\x04", "is a workbook or an archive")):
        path.write_bytes(content)
        with pytest.raises(DataUnavailable, match=message):
            houses(path)
    with pytest.raises(InvalidSetting, match=r"has the column 'size' more than once"):
        houses(written(tmp_path, header="size,size,colour,price,sold"), inputs=["size"], categories=[])


def test_r_squared_of_several_outputs_is_their_mean() -> None:
    network = ReluNetwork([[[1.0], [1.0]]], [[0.0, 0.0]])
    x, y = np.array([[1.0], [3.0]]), np.array([[1.0, 2.0], [3.0, 2.0]])
    assert r_squared(network, x, y) == 0.5  # exact, and no better than any other for a constant
    with pytest.raises(InvalidSetting, match=r"use accuracy"):
        r_squared(network, x, np.array([0, 1]))
