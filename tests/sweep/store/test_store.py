"""Stored results come back as they were, or are set aside with a sentence; a folder and a URL are alike."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import synthetic

from surrogate.networks import ReluNetwork
from sweep.errors import StoreError
from sweep.store import Store, places
from sweep.store.codec import checksum, encode
from sweep.store.networks import TrainedNetwork
from sweep.store.stage_results import Entry


def a_network(seed: int = 0) -> TrainedNetwork:
    rng = np.random.default_rng(seed)
    network = ReluNetwork([rng.normal(size=(3, 4)), rng.normal(size=(2, 3))], [rng.normal(size=3), rng.normal(size=2)])
    return TrainedNetwork(network, train_seconds=1.5, train_cpu_seconds=1.25, accuracy=0.875)


class Told(list[str]):
    """What a store said about damaged entries."""


def listening(store: Store) -> Told:
    told = Told()
    store.notice = told.append
    return told


@pytest.fixture(params=["folder", "memory", "files through fsspec"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "memory":
        root = f"/{uuid.uuid4().hex}"
        yield f"memory:/{root}/store"
        fsspec.filesystem("memory").rm(root, recursive=True)
        return
    if request.param != "folder":  # a file system with real folders and renaming, in the place of one of another machine
        monkeypatch.setattr(
            "sweep.store.store_files.place_at", lambda path: places.Remote(fsspec.filesystem("file"), path, path)
        )
    yield str(tmp_path / "store")


@pytest.fixture
def store(url: str) -> Store:
    return Store(url)


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def files(store: Store, folder: str) -> set[str]:
    """Return the names of the files below a folder of a store."""
    return set(store._place.names(folder))


def test_a_network_comes_back(store: Store) -> None:
    assert store.network("recipe") is None
    trained = a_network()
    store.save_network("recipe", trained, {"training": {"seed": 0}})
    found = store.network("recipe")
    assert found is not None
    assert found.network.key == trained.network.key
    assert (found.train_seconds, found.train_cpu_seconds, found.accuracy) == (1.5, 1.25, 0.875)


def test_a_trial_comes_back(store: Store, url: str) -> None:
    record = synthetic.trial("abc")
    assert store.trial("abc") is None
    store.save_trial(record)
    assert store.trial("abc") == record
    store.save_trial(record)
    assert Store(url).trial("abc") == record
    assert (store.keys("trials"), store.has("trials", "abc"), store.has("trials", "abd")) == ({"abc"}, True, False)


def test_a_trial_without_pictures_is_the_rest(store: Store) -> None:
    record = synthetic.trial("abc", instances=[synthetic.instance(), synthetic.instance(image=4547, perturbed=None, clean=[])])
    store.save_trial(record)
    assert store.trial("abc") == record
    assert store.trial("abc", pictures=False) == record.without_pictures()
    (name,) = files(store, "trials") - {"abc.json"}
    store._place.remove(f"trials/ab/{name}")
    assert store.trial("abc", pictures=False) == record.without_pictures()
    told = listening(store)
    assert store.trial("abc") is None
    assert "the file of its weights" in told[0]


def test_only_finished_trials_are_kept(store: Store) -> None:
    with pytest.raises(ValueError, match="only finished trials are kept, abc is failed"):
        store.save_trial(synthetic.trial("abc", status="failed"))


def test_numbers_that_json_lacks_are_not_written(store: Store) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.save_trial(synthetic.trial("abc", total_seconds=float("nan")))
    assert store.trial("abc") is None


def test_a_second_entry_changes_nothing_unless_it_is_to(store: Store) -> None:
    for value in (1, 2):
        store.put("instances", "k1", Entry({"value": value}))
    assert store.get("instances", "k1") == Entry({"value": 1})
    store.put("instances", "k1", Entry({"value": 3}), replace=True)
    assert store.get("instances", "k1") == Entry({"value": 3})
    for number, weights in enumerate((b"first", b"second", b"first")):
        store.put("networks", "k2", Entry({"number": number}, weights), replace=True)
        assert store.get("networks", "k2") == Entry({"number": number}, weights)


def test_what_a_deadline_ended_gives_way_to_what_had_longer(store: Store) -> None:
    def after(first: float | None, second: float | None) -> Any:
        key = uuid.uuid4().hex
        store.put("instances", key, Entry({"deadline_seconds": first, "turn": 1}))
        store.put("instances", key, Entry({"deadline_seconds": second, "turn": 2}))
        found = store.get("instances", key)
        assert found is not None
        return found.facts["turn"]

    assert [after(5.0, None), after(5.0, 6.0), after(5.0, 5.0), after(5.0, 4.0), after(None, 6.0), after(None, None)] == [
        *(2, 2, 1, 1, 1, 1)
    ]


def test_how_much_of_a_trial_is_done(store: Store) -> None:
    assert store.partial("trial") == 0
    store.put("progress", "trial", Entry({"questions": ["q1", "q2", "q3"]}))
    for key in ("q3", "q1", "other"):
        store.put("instances", key, Entry({}))
    assert store.partial("trial") == 2


def test_files_are_read_with_ordinary_tools(folder: Store) -> None:
    folder.save_network("abcdef", a_network(), {"training": {"seed": 3}})
    path = Path(folder.address) / "networks" / "ab" / "abcdef.json"
    data = json.loads(path.read_text())
    assert (data["kind"], data["key"], data["facts"]["recipe"]["training"]["seed"]) == ("networks", "abcdef", 3)
    command = f"sed -n 2p {path} | tr -d '\\n' | sha256sum"  # as the docstring of the codec says
    shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert shown.split()[0] == data["sha256"]
    weights = path.with_name(data["weights"]["file"])
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == data["weights"]["sha256"]
    assert ReluNetwork.load(weights).key == a_network().network.key


def test_nothing_is_ever_half_written(folder: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    record = synthetic.trial("abc")
    folder.save_trial(record)
    before = files(folder, "trials")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(StoreError, match=r"abc\S* cannot be written: No space left on device; free some space"):
            folder.save_trial(synthetic.trial("abc", skipped=7))
        with pytest.raises(StoreError, match=r"k1\.json cannot be written: No space left"):
            folder.put("instances", "k1", Entry({}))
    assert folder.trial("abc") == record
    assert files(folder, "trials") == before


@pytest.mark.parametrize("kept", ["first", "second"])
def test_weights_are_never_those_of_another_entry(store: Store, monkeypatch: pytest.MonkeyPatch, kept: str) -> None:
    """A process that dies between the two files leaves the entry that was there, or none."""
    if kept == "first":
        store.save_network("recipe", a_network(), {})
    write = store._write

    def dies(path: str, data: bytes) -> None:
        if path.endswith(".json"):
            raise KeyboardInterrupt
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", dies)
        with pytest.raises(KeyboardInterrupt):
            store.save_network("recipe", a_network(1), {})
    assert any(name.endswith(".safetensors") for name in files(store, "networks"))
    found = store.network("recipe")
    assert (found is None) if kept == "second" else (found is not None and found.network.key == a_network().network.key)
    store.save_network("recipe", a_network(1), {})
    found = store.network("recipe")
    assert found is not None
    assert found.network.key == a_network(1).network.key


def damage(store: Store, path: str, how: str) -> None:
    data = store._place.read(path)
    damaged = {
        "empty": b"",
        "text": b"not json",
        "bytes": b"\xff\xfe\x00",
        "list": b"[]",
        "other json": b'{"key": "abc"}',
        "cut": data[:-20],
        "one digit": re.sub(rb'"skipped":\d', b'"skipped":8', data),
        "format": data.replace(b'"format": 2', b'"format": 999'),
        "other key": data.replace(b'"key": "abc"', b'"key": "abd"'),
        "another's": encode("trials", "abd", {}, None),
    }[how]
    assert damaged != data
    store._place.write(path, damaged)


@pytest.mark.parametrize(
    "how", ["empty", "text", "bytes", "list", "other json", "cut", "one digit", "format", "other key", "another's"]
)
def test_a_damaged_record_is_set_aside_and_told_once(store: Store, how: str) -> None:
    told = listening(store)
    store.save_trial(synthetic.trial("abc"))
    damage(store, "trials/ab/abc.json", how)
    damaged = store._place.read("trials/ab/abc.json")
    assert store.has("trials", "abc")
    assert store.trial("abc") is None
    assert store.trial("abc") is None
    assert len(told) == 1
    moved = re.search(r"abc\.json is damaged: its? .*; it was moved to (damaged/trials/abc-\w+\.json), .*again$", told[0])
    assert moved is not None
    assert store._place.read(moved[1]) == damaged
    assert store.keys("trials") == set()
    store.save_trial(synthetic.trial("abc"))
    assert store.trial("abc") == synthetic.trial("abc")


def test_a_record_of_a_later_version_is_left_alone(store: Store) -> None:
    told = listening(store)
    store.save_trial(synthetic.trial("abc"))
    head, _, body = store._place.read("trials/ab/abc.json").partition(b"\n")
    line = head.partition(b', "head_sha256"')[0].replace(b'"format": 2', b'"format": 99')
    later = line + f', "head_sha256": "{checksum(line)}", "facts":'.encode() + b"\n" + body
    store._place.write("trials/ab/abc.json", later)
    with pytest.raises(StoreError, match=r"by a later version of the program: it has the format 99, .* reads 1 and 2; update"):
        store.trial("abc")
    assert store._place.read("trials/ab/abc.json") == later
    assert told == []


def test_a_record_of_another_version_is_set_aside(store: Store) -> None:
    told = listening(store)
    store.put("trials", "abc", Entry({**synthetic.trial("abc").to_dict(), "what_is_this": 1}))
    assert store.trial("abc") is None
    assert "not the record of a trial of this version" in told[0]


@pytest.mark.parametrize("how", ["truncated", "missing", "exchanged"])
def test_a_network_without_its_weights_is_set_aside(store: Store, how: str) -> None:
    told = listening(store)
    store.save_network("recipe", a_network(), {})
    store.save_network("other", a_network(1), {})
    names = files(store, "networks")
    mine, others = (next(name for name in names if re.match(rf"{key}-.*safetensors", name)) for key in ("recipe", "other"))
    if how == "truncated":
        store._place.write(f"networks/re/{mine}", store._place.read(f"networks/re/{mine}")[:-8])
    elif how == "missing":
        store._place.remove(f"networks/re/{mine}")
    else:
        store._place.write(f"networks/re/{mine}", store._place.read(f"networks/ot/{others}"))
    assert store.network("recipe") is None
    assert re.search("the file of its weights.*missing" if how == "missing" else "the checksum of its weights.*wrong", told[0])
    assert store.keys("networks") == {"other"}
    store.save_network("recipe", a_network(), {})
    assert store.network("recipe") is not None
    assert len(told) == 1


def test_facts_that_describe_another_network_are_set_aside(store: Store) -> None:
    told = listening(store)
    store.save_network("recipe", a_network(), {})
    entry = store.get("networks", "recipe")
    assert entry is not None
    store.put("networks", "recipe", Entry({**entry.facts, "network_key": "0" * 16}, entry.weights), replace=True)
    assert store.network("recipe") is None
    assert "not those of the network" in told[0]


def test_a_damaged_entry_gives_way(store: Store) -> None:
    told = listening(store)
    store.put("instances", "k1", Entry({"value": 1}))
    store._place.write("instances/k1/k1.json", b"nothing")
    store.put("instances", "k1", Entry({"value": 2}))
    assert store.get("instances", "k1") == Entry({"value": 2})
    assert len(told) == 1


def test_names_that_are_no_keys_are_refused(store: Store) -> None:
    for kind, key in (("instances", "../../etc/passwd"), ("instances", ""), ("others", "abc")):
        with pytest.raises(ValueError, match="not the name of an entry"):
            store.get(kind, key)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"the store cannot be written: .*Not a directory; set sweep\.store"):
        Store(tmp_path / "file" / "store")


def test_reading_creates_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", write=False)
    assert (store.keys("trials"), store.trial("abc"), store.has("trials", "abc")) == (set(), None, False)
    assert list(tmp_path.iterdir()) == []


def test_an_entry_that_cannot_be_read_is_not_taken_for_damaged(folder: Store) -> None:
    (Path(folder.address) / "trials" / "ab" / "abc.json").mkdir(parents=True)  # root may read every file, but no folder
    with pytest.raises(StoreError, match=r"abc\.json cannot be read: Is a directory; make it readable, or move it away"):
        folder.trial("abc")


def test_damage_that_cannot_be_moved_is_said(folder: Store) -> None:
    folder.save_trial(synthetic.trial("abc"))
    damage(folder, "trials/ab/abc.json", "cut")
    (Path(folder.address) / "damaged").write_text("in the way")
    with pytest.raises(StoreError, match=r"abc\.json is damaged \(.*\) and cannot be moved to .*; move it away: its"):
        folder.trial("abc")


def test_files_are_as_private_as_the_umask_says(folder: Store) -> None:
    folder.save_trial(synthetic.trial("abc"))
    other = Path(folder.address) / "other"
    other.touch()
    path = Path(folder.address) / "trials" / "ab" / "abc.json"
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_reports_are_at_hand_and_in_the_store(store: Store, url: str) -> None:
    folder = store.report_folder("mnist-1")
    (folder / "figures").mkdir()
    (folder / "figures" / "one.svg").write_text("<svg/>")
    (folder / "report.html").write_text("<html/>")
    assert store.publish_report("mnist-1") == f"{url}/reports/mnist-1"
    assert store._place.read("reports/mnist-1/report.html") == b"<html/>"
    assert store._place.read("reports/mnist-1/figures/one.svg") == b"<svg/>"


def test_its_url_opens_it_from_any_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head of a sweep on a cluster that runs already works in the directory where that was started."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = Store("kept")
    store.put("instances", "abcdef", Entry({"dense_value": 0.5}))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert Store(store.url).get("instances", "abcdef") == Entry({"dense_value": 0.5})
    assert Store("memory://kept-at-a-url").url == "memory://kept-at-a-url"
