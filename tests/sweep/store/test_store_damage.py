"""Whatever is in the files of a store, it gives the right contents or sets them aside, and touches no file outside."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import synthetic

from surrogate.networks import ReluNetwork
from sweep.commands.lookup import find
from sweep.errors import ConfigError
from sweep.planning.search.memory import SearchMemory
from sweep.store import Store, codec, manifest, places
from sweep.store.codec import Damaged, decode, encode, weights_file
from sweep.store.networks import TrainedNetwork
from sweep.store.stage_results import Entry
from sweep.store.store import KINDS
from sweep.store.trials import record_of

NASTY: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e400, 10**30, "", "\0", "..", "/", "~", "abc\n", "ab/c", [], ["abc"], {}, {"file": "abc"}),
    *("../victim.txt", "../../../victim.txt", "/etc/passwd", "abc.json", "x" * 5000, "2", 3, [[]]),
)


def former(data: bytes) -> bytes:
    """Return an entry as the former version of the program wrote it, without a checksum of its first line."""
    head, _, rest = data.partition(b"\n")
    about = json.loads(head + b"null}")
    del about["head_sha256"], about["facts"]
    line = json.dumps({**about, "format": 1}, ensure_ascii=False)[:-1].encode()
    return line + b', "facts":\n' + rest


FORMS: list[Callable[[bytes], bytes]] = [lambda data: data, former]
by_form = pytest.mark.parametrize("form", FORMS, ids=["now", "former"])


def test_an_entry_of_the_former_form_is_read() -> None:
    facts = b'{"status":"adversarial","margin":0.25}'
    head = f'{{"format": 1, "kind": "instances", "key": "9f86", "sha256": "{hashlib.sha256(facts).hexdigest()}", "facts":'
    assert decode("instances", "9f86", head.encode() + b"\n" + facts + b"\n}\n") == (json.loads(facts), None)
    weights = weights_file("abc", b"weights")
    assert decode("networks", "abc", former(encode("networks", "abc", {"a": 1}, weights))) == ({"a": 1}, weights)


@pytest.mark.few(6)
@by_form
@pytest.mark.parametrize("kind", KINDS)
def test_no_bit_of_an_entry_can_change_without_being_seen(kind: str, form: Callable[[bytes], bytes]) -> None:
    weights = weights_file("9f86d081", b"weights") if kind in ("networks", "surrogates", "trials") else None
    facts = {"status": "robust", "dense_value": 0.25, "name": "ä", "list": [1, None]}
    data = form(encode(kind, "9f86d081", facts, weights))
    for place in range(len(data)):
        for bit in range(8):
            flipped = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
            try:
                read, file = decode(kind, "9f86d081", flipped)
            except Damaged:
                continue
            assert read == facts, flipped
            if form is former and file is not None and weights is not None:  # the weights don't have that checksum then
                assert file.name == weights.name, flipped
            else:
                assert file == weights, flipped


@by_form
def test_an_entry_that_is_cut_anywhere_is_damaged(form: Callable[[bytes], bytes]) -> None:
    data = form(encode("networks", "abc", {"a": 1}, weights_file("abc", b"weights")))
    for length in range(len(data)):
        with pytest.raises(Damaged):
            decode("networks", "abc", data[:length])


def test_the_first_line_cannot_lose_its_checksum() -> None:
    data = encode("instances", "abc", {"a": 1}, None)
    start = data.index(b', "head_sha256"')
    for change in (data[:start] + data[start + 83 :], data.replace(b'"format": 2', b'"format": 1')):
        with pytest.raises(Damaged):
            decode("instances", "abc", change)


@pytest.mark.parametrize(
    "first", ["[]", "null", "3", '"x"', '{"format": 2}', '{"format": [2], "kind": 1}', "[" * 100_000, "\udcff"]
)
def test_what_is_wrong_is_said_without_pythons_words(first: str) -> None:
    """Not ``'NoneType' object is not subscriptable``."""
    for part in (first, f'{{"format": 1, "kind": "networks", "key": "abc", "sha256": "x", "weights": {first}'):
        data = part.encode(errors="surrogateescape").removesuffix(b"}") + b', "facts":\n{}\n}\n'
        with pytest.raises(Damaged) as refused:
            decode("networks", "abc", data)
        assert not re.search("object|type|codec|recursion|Error|indices|^'|\\('", str(refused.value))


@pytest.mark.parametrize(
    "weights", [None, 3, "x", [], {}, {"file": None}, {"file": "a", "sha256": None}, {"file": 1, "sha256": "x"}]
)
def test_weights_of_a_wrong_kind_are_said_so_too(weights: Any) -> None:
    data = former(encode("networks", "abc", {"a": 1}, weights_file("abc", b"weights")))
    head, _, rest = data.partition(b"\n")
    about = json.loads(head + b"null}") | {"weights": weights}
    del about["facts"]
    damaged = json.dumps(about)[:-1].encode() + b', "facts":\n' + rest
    with pytest.raises(Damaged, match=r"^it is JSON without the parts that a stage result has$|^its "):
        decode("networks", "abc", damaged)


@pytest.fixture(params=["folder", "files through fsspec", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    if request.param == "memory":
        yield Store(f"memory:/{tmp_path}/store")
        fsspec.filesystem("memory").rm(str(tmp_path), recursive=True)
        return
    if request.param != "folder":
        monkeypatch.setattr(
            "sweep.store.store_files.place_at", lambda path: places.Remote(fsspec.filesystem("file"), path, path)
        )
    yield Store(str(tmp_path / "store"))


@pytest.fixture
def victims(store: Store, tmp_path: Path) -> Iterator[None]:
    """Files outside the store, and in it where no entry is, which must be there at the end as they are now."""
    files = [tmp_path / "victim.txt", tmp_path / "elsewhere" / "victim.txt"]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
    inside = ["networks/ab/victim.txt", "networks/victim.txt", "victim.txt"]
    for path in inside:
        store._place.write(path, b"mine")
    yield
    assert [file.read_text() for file in files] == ["mine"] * len(files)
    assert [store._place.read(path) for path in inside] == [b"mine"] * len(inside)
    assert {file.name for file in tmp_path.iterdir()} <= {"store", "victim.txt", "elsewhere"}


def a_network() -> TrainedNetwork:
    return TrainedNetwork(ReluNetwork([np.eye(2), np.ones((2, 2))], [np.zeros(2), np.zeros(2)]), 1.5, 1.25, 0.875)


def replaced(value: Any, nasty: Any) -> Iterator[Any]:
    """Yield a JSON value with each value in it, at any depth, replaced."""
    yield nasty
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {**{k: v for k, v in value.items() if k != name}, str(nasty)[:50]: inner}
            yield from ({**value, name: changed} for changed in replaced(inner, nasty))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from ([*value[:place], changed, *value[place + 1 :]] for changed in replaced(inner, nasty))


@pytest.mark.few(2)
@by_form
@pytest.mark.usefixtures("victims")
def test_no_value_in_the_first_line_names_a_file_outside(store: Store, form: Callable[[bytes], bytes]) -> None:
    store.save_network("abc", a_network(), {})
    entry = form(store._place.read("networks/ab/abc.json"))
    store._place.write("networks/ab/abc.json", entry)
    (weights,) = (name for name in store._place.names("networks") if name.endswith(".safetensors"))
    contents = store._place.read(f"networks/ab/{weights}")
    head, _, rest = entry.partition(b"\n")
    about = json.loads(head + b"null}")
    told: list[str] = []
    store.notice = told.append
    assert store.network("abc") is not None
    for nasty in NASTY:
        for change in replaced(about, nasty):
            if change == about:
                continue
            line = json.dumps(change)
            store._place.write("networks/ab/abc.json", line.removesuffix("null}").encode() + b"\n" + rest)
            before = len(told)
            assert store.network("abc") is None, line
            assert len(told) == before + 1, line
            assert "abc.json is damaged: it" in told[-1], line
            assert "\n" not in told[-1]
            assert store._place.read(f"networks/ab/{weights}") == contents, line
    store._place.write("networks/ab/abc.json", entry)
    assert store.network("abc") is not None


def test_one_flipped_bit_in_the_first_line_costs_that_entry_alone(store: Store) -> None:
    told: list[str] = []
    store.notice = told.append
    store.save_network("abc", a_network(), {})
    for form in FORMS:
        data = form(store._place.read("networks/ab/abc.json"))
        store._place.write("networks/ab/abc.json", data.replace(b'"weights"', b'"veights"'))
        assert store.network("abc") is None
        assert "it was moved to damaged/networks/abc-" in told[-1]
        assert told[-1].endswith("and its result is computed again")
        store.save_network("abc", a_network(), {})
        assert store.network("abc") is not None


def test_a_link_in_the_place_of_weights_is_moved_and_not_what_it_names(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.save_network("abc", a_network(), {})
    (weights,) = (tmp_path / "store" / "networks" / "ab").glob("*.safetensors")
    (tmp_path / "victim.txt").write_text("mine")
    weights.unlink()
    weights.symlink_to(tmp_path / "victim.txt")
    store.notice = list[str]().append
    assert store.network("abc") is None
    store.save_network("abc", a_network(), {})
    assert store.network("abc") is not None
    assert (tmp_path / "victim.txt").read_text() == "mine"


def stored(store: Store) -> dict[str, tuple[str, dict[str, Any]]]:
    """Put a small entry of each kind with facts of its own into a store; return their keys and facts."""
    record = synthetic.trial("abc", [synthetic.instance()])
    store.save_trial(record)
    store.save_stopped("abc", record)
    store.save_network("abc", a_network(), {"training": {"epochs": 1}})
    store.put("progress", "abc", Entry({"questions": ["q1", "q2"]}))
    SearchMemory(store, resume=True).keep("abc", 0, {"a": 1})
    trials = (manifest.Planned("abc", "4x64", "finished"),)
    manifest.save(store, manifest.Manifest("paper-1", "paper", ("a=1",), 1.0, 2.0, "FINISHED", trials))
    keys = {"progress": "abc", "searches": "abc-000000", "sweeps": "paper-1"}
    entries = {kind: (key, store.get(kind, key)) for kind, key in keys.items()}
    return {kind: (key, entry.facts) for kind, (key, entry) in entries.items() if entry is not None}


@pytest.mark.few(1)
@pytest.mark.usefixtures("victims")
def test_no_name_in_the_facts_leads_outside(store: Store) -> None:
    """Facts with right checksums, as somebody could write them who means ill."""
    store.notice = lambda _: None
    for kind, (key, facts) in stored(store).items():
        for nasty in NASTY:
            for change in replaced(facts, nasty):
                if not isinstance(change, dict):
                    continue
                try:
                    store.put(kind, key, Entry(change), replace=True)
                except ValueError:  # an infinity, which no entry holds
                    continue
                assert store.partial("abc") in (0, 1, 2)
                assert all(isinstance(values, dict) for values in SearchMemory(store, resume=True).load("abc"))
                for one in manifest.all_of(store):
                    assert one.name == "paper-1"
                    for trial in one.trials:
                        assert store.log(trial.key) is None
                        assert store.trial(trial.key) is None or trial.key == "abc"
                try:
                    find(store, "4x64")
                except ConfigError:
                    continue
        store.put(kind, key, Entry(facts), replace=True)


@pytest.mark.parametrize(
    "name", ["clean.1", "clean.-1", "clean", "status.0", "to_dict.0", "perturbed.x", "../clean.0", ".0", "²"]
)
def test_names_of_pictures_are_those_of_the_record(store: Store, name: str) -> None:
    from safetensors.numpy import save

    told: list[str] = []
    store.notice = told.append
    record = synthetic.trial("abc", [synthetic.instance()]).without_pictures()
    store.put("trials", "abc", Entry(record.to_dict(), bytes(save({name: np.zeros(2)}))))
    assert store.trial("abc") is None
    assert "it is not the record of a trial of this version" in told[0]


def test_questions_that_are_none_are_set_aside(store: Store) -> None:
    told: list[str] = []
    store.notice = told.append
    for nasty in (None, 5, "q1", ["../q1"], [5], {"q1": 1}):
        store.put("progress", "abc", Entry({"questions": nasty}), replace=True)
        assert store.partial("abc") == 0
        assert not store.has("progress", "abc")
    assert "it does not hold the keys of instances" in told[0]


def test_files_that_are_no_entries_are_not_listed(store: Store) -> None:
    store.save_trial(synthetic.trial("abc"))
    for name in ("abc (copy).json", "ab..json", "abc.sync-conflict.json", ".json", ".abc.json"):
        store._place.write(f"trials/ab/{name}", b"{}")
    assert store.keys("trials") == {"abc"}


def test_what_a_record_may_raise_is_what_readers_expect() -> None:
    for facts in ({}, {"instances": 5}, {"instances": [5], "config": {}}, {"instances": [], "config": 5}):
        with pytest.raises((TypeError, KeyError, ValueError, AttributeError)):
            record_of(Entry(facts))


def test_the_checksum_of_the_first_line_is_taken_as_the_page_says(tmp_path: Path) -> None:
    data = encode("networks", "abc", {"a": 1}, weights_file("abc", b"weights"))
    (tmp_path / "abc.json").write_bytes(data)
    assert codec.__doc__ is not None
    command = next(line for line in codec.__doc__.split("``") if line.startswith("sed -n '1s"))
    done = subprocess.run(
        ["sh", "-c", command.replace("FILE", "abc.json")], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[0] == json.loads(data)["head_sha256"]
