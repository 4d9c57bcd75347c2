"""The public tables: fetched once from a mirror that has them, kept in the cache, and refused in a sentence where none has."""

from __future__ import annotations

import http.server
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stand_in_tables import stands_in

from surrogate.data import fetch
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.models.problems import find_problem
from surrogate.models.problems.tables import COMMIT, TABLES

NAME = "red_wine_quality.csv"

WINES = b'"","acidity","sugar","quality"\n"1",7.4,1.9,5\n"2",7.8,2.6,6\n"3",6.0,,7\n'


class Mirror:
    """A server of this machine: ``good/`` has the table, ``corrupt/`` another one of its name, and nothing else is there."""

    def __init__(self, folder: Path) -> None:
        for name, content in (("good", WINES), ("corrupt", WINES[:-2] + b"9\n")):
            (folder / name).mkdir(parents=True)
            (folder / name / NAME).write_bytes(content)
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments: object) -> None:
                super().__init__(*arguments, directory=str(folder))

            def do_GET(self) -> None:
                asked.append(self.path)
                super().do_GET()

            def log_message(self, *arguments: object) -> None:
                """Keep the test's output clean."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve a table that counts as the public one; the cache is empty."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("SURROGATE_DATA", str(tmp_path / "cache"))
    served = Mirror(tmp_path / "mirror")
    thread = threading.Thread(target=served.server.serve_forever)
    thread.start()
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


def draw(folder: str | Path) -> np.ndarray:
    return find_problem("blending").draw(3, {"features": 2, "folder": folder})["quality"].x


def test_a_table_is_fetched_once_past_mirrors_that_lack_it_or_have_another(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors = tuple(f"{mirror.url}/{name}" for name in ("absent", "corrupt", "good"))
    stands_in(NAME, WINES, monkeypatch, mirrors)
    np.testing.assert_array_equal(draw("fetched"), [[7.4, 1.9], [7.8, 2.6]])
    assert mirror.asked == [f"/{name}/{NAME}" for name in ("absent", "corrupt", "good")]
    kept = tmp_path / "cache" / "surrogatelib"
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {NAME: WINES}
    np.testing.assert_array_equal(draw("fetched"), draw(kept))
    assert len(mirror.asked) == 3


def test_a_table_that_nobody_has_is_a_sentence_with_its_checksum_and_the_way_out(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_in(NAME, WINES, monkeypatch, (f"{mirror.url}/corrupt", f"{mirror.url}/absent"))
    with pytest.raises(DataUnavailable) as refused:
        draw("fetched")
    sentence = str(refused.value)
    assert "\n" not in sentence
    (file,) = TABLES[NAME].files
    for part in (
        f"{NAME} could not be fetched ({mirror.url}/corrupt: {NAME} is corrupt",
        f"{mirror.url}/absent: ",
        f"put {NAME}, gzipped or not, into {tmp_path / 'cache' / 'surrogatelib'}, or name the folder that holds it",
        "as in folder=my/tables",
        file.sha256,
    ):
        assert part in sentence
    assert not (tmp_path / "cache").exists()


def test_a_damaged_table_in_the_cache_is_mended(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stands_in(NAME, WINES, monkeypatch, (f"{mirror.url}/good",))
    kept = tmp_path / "cache" / "surrogatelib" / NAME
    kept.parent.mkdir(parents=True)
    kept.write_bytes(WINES[:-3])
    assert len(draw("fetched")) == 2
    assert kept.read_bytes() == WINES


def test_nothing_is_fetched_where_a_folder_is_named_or_wines_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "download", lambda url: pytest.fail(f"fetched {url}"))
    assert find_problem("blending").draw(3, {})["quality"].truth is not None
    with pytest.raises(DataUnavailable, match=rf"{NAME} cannot be read.* put {NAME} there.*fetched with folder=fetched"):
        draw(tmp_path)
    (tmp_path / "fetched").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataUnavailable, match=rf"^fetched/{NAME} cannot be read"):  # ./ is what tells such a folder apart
        draw("./fetched")


def test_sizes_that_a_fetched_table_settles_are_not_set_beside_it(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    stands_in(NAME, WINES, monkeypatch, (f"{mirror.url}/good",))
    with pytest.raises(InvalidSetting, match="features=11 is not allowed with the table of folder=fetched, which has 2"):
        find_problem("blending").draw(3, {"folder": "fetched"})


def test_a_workbook_that_nothing_can_read_is_told_with_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("palatable_data.csv", b"beans,rice,label\n1,2,0.5\n"), ("instance_data.xlsx", b"PK")):
        stands_in(name, content, monkeypatch, ())
        (tmp_path / name).write_bytes(content)
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openpyxl" else found(name))
    with pytest.raises(DataUnavailable, match=r"instance_data\.xlsx is a workbook: pip install 'surrogate-sweep\[excel\]'"):
        find_problem("diet").draw(0, {"foods": 2, "folder": tmp_path})


def test_every_table_has_mirrors_over_https_that_are_of_one_commit() -> None:
    for name, table in TABLES.items():
        assert [file.name for file in table.files] == [name]
        assert len(table.files[0].sha256) == 64
        assert len(table.mirrors) >= 2
        for mirror in table.mirrors:
            assert mirror.startswith("https://")
            assert COMMIT in mirror


@pytest.mark.parametrize("name", ["blending", "treatment", "design", "diet"])
def test_where_a_table_lies_does_not_count_and_whether_there_is_one_does(name: str, tmp_path: Path) -> None:
    problem = find_problem(name)
    fetched = problem.counted({"folder": "fetched"})
    assert problem.counted({"folder": str(tmp_path)}) == fetched
    assert fetched != problem.counted({}) == problem.complete({})
