"""A store that several processes use, that is killed while it writes, or that is far away and does not answer."""

from __future__ import annotations

import multiprocessing
import os
import re
import threading
import time
from pathlib import Path

import pytest
from composing import Composer
from waiting import until

from sweep.commands.run import execute
from sweep.errors import ConfigError, StoreError
from sweep.planning.plan import plan_one
from sweep.store import Store, places
from sweep.store.stage_results import Entry
from sweep.terminal.exit_codes import REFUSED


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def told(folder: Store) -> list[str]:
    """What the store says about damaged entries."""
    said: list[str] = []
    folder.notice = said.append
    return said


def _write_many(url: str, number: int) -> None:
    store = Store(url)
    for turn in range(40):
        store.put("networks", "shared", Entry({"by": number, "turn": turn}, bytes([number]) * 5000), replace=True)


def test_processes_that_write_the_same_entry_leave_one_of_theirs(folder: Store, told: list[str]) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(folder.address, number)) for number in (1, 2)]
    for worker in workers:
        worker.start()
    met = set()
    while any(worker.is_alive() for worker in workers):
        entry = folder.get("networks", "shared")
        if entry is not None:
            met.add(entry.facts["by"])
            assert entry.weights == bytes([entry.facts["by"]]) * 5000
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert met
    assert told == []


def _write_for_ever(url: str) -> None:
    store, number = Store(url), 0
    while True:
        store.put("networks", f"key{number % 50}", Entry({"number": number}, bytes(200_000)), replace=True)
        number += 1


def test_a_process_that_is_killed_leaves_whole_entries(folder: Store, told: list[str]) -> None:
    worker = multiprocessing.get_context("spawn").Process(target=_write_for_ever, args=(folder.address,))
    worker.start()
    end = time.monotonic() + 30.0
    while len(folder.keys("networks")) < 50 and time.monotonic() < end:
        time.sleep(0.05)
    worker.kill()
    worker.join()
    assert folder.keys("networks") == {f"key{number}" for number in range(50)}
    assert all(folder.get("networks", key) is not None for key in folder.keys("networks"))
    assert told == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "foo://anna:secret@there/x",
            r"sweep\.store=foo://anna:\*\*\*@there/x is not allowed: fsspec knows no file system by foo://; name a folder, "
            r"or a URL that fsspec and the packages installed here know$",
        ),
        ("foo::file:///tmp/x", r"sweep\.store=foo::file:///tmp/x is not allowed: fsspec knows no file system by foo://; "),
        ("simplecache::foo://x", r"sweep\.store=simplecache::foo://x is not allowed: fsspec knows no file system by foo://; "),
    ],
)
def test_a_url_that_fsspec_does_not_know_is_refused(
    url: str, said: str, composer: Composer, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=said):
        Store(url)
    with pytest.raises(SystemExit) as ended:
        execute(plan_one(composer.config(f"sweep.store='{url}'")), (), parallel=False)
    assert ended.value.code == REFUSED
    assert re.match(f"error: {said}", capsys.readouterr().err)


def test_a_url_that_leads_nowhere_is_said() -> None:
    with pytest.raises(StoreError, match=r"sweep\.store=ftp://anna:\*\*\*@127\.0\.0\.1:9/x cannot be used: .*refused"):
        Store("ftp://anna:secret@127.0.0.1:9/x")


def test_what_fails_for_a_while_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "FIRST_PAUSE_SECONDS", 0.01)
    store = Store("memory://patient/store")
    pipe, left = store._place._system.pipe_file, [3]  # type: ignore[attr-defined]

    def fails(path: str, data: bytes) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise RuntimeError("503 slow down")
        pipe(path, data)

    monkeypatch.setattr(store._place._system, "pipe_file", fails)  # type: ignore[attr-defined]
    store.put("instances", "k1", Entry({"value": 1}))
    assert store.get("instances", "k1") == Entry({"value": 1})


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_what_never_answers_is_said_in_time(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    store = Store("memory://silent/store")
    monkeypatch.setattr(places, "PATIENCE_SECONDS", 0.3)
    freed = threading.Event()

    def never(path: str, data: bytes) -> None:
        if how == "fails":
            raise RuntimeError("503 slow down")
        freed.wait(30)

    monkeypatch.setattr(store._place._system, "pipe_file", never)  # type: ignore[attr-defined]
    begin = time.monotonic()
    with pytest.raises(
        StoreError, match=r"k1\.json cannot be written: " + ("RuntimeError: 503" if how == "fails" else "no ans")
    ):
        store.put("instances", "k1", Entry({}))
    assert time.monotonic() - begin < 25.0
    freed.set()


def test_what_killed_writers_left_behind_is_deleted_when_it_is_old(tmp_path: Path) -> None:
    folder = tmp_path / "networks" / "ab"
    folder.mkdir(parents=True)
    left, young = (folder / f".abcd.json.{digit * 32}" for digit in "01")
    kept = [folder / "abcd.json", folder / ".hidden", folder / ".abcd.json.short"]
    for file in (left, young, *kept):
        file.write_text("half")
        os.utime(file, (0.0, 0.0))
    os.utime(young)
    places.Folder(tmp_path).tidy(["networks", "trials"])
    assert not left.exists()
    assert all(file.exists() for file in (young, *kept))


def test_opening_a_store_tidies_it_and_reading_it_does_not(tmp_path: Path) -> None:
    left = tmp_path / "trials" / "ab" / f".abcd.json.{'0' * 32}"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    os.utime(left, (0.0, 0.0))
    Store(tmp_path, write=False)
    time.sleep(0.2)
    assert left.exists()
    Store(tmp_path)
    until(lambda: not left.exists())
