"""Files that users name: where ~ leads, which endings a network's file has, and what is said of pickled and packed ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import random_network

from surrogate.data import load
from surrogate.errors import DataUnavailable, InvalidNetwork, InvalidSetting
from surrogate.files import file_path, read_bytes
from surrogate.networks import ReluNetwork
from surrogate.networks.files import READERS, read_network
from surrogate.problems import vnnlib

NETWORK = random_network(np.random.default_rng(0), (3, 4, 2))

NO_USER = "~nobody-of-this-name"


def test_a_leading_tilde_is_a_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    NETWORK.save("~/net.safetensors")
    assert (tmp_path / "net.safetensors").is_file()
    assert ReluNetwork.load("~/net.safetensors").key == NETWORK.key
    assert ReluNetwork.load(Path("~/net.safetensors")).key == NETWORK.key


def test_a_user_who_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for use in (ReluNetwork.load, ReluNetwork.from_onnx, NETWORK.save, NETWORK.to_onnx, vnnlib.read, read_network):
        for path in (f"{NO_USER}/net", Path(NO_USER, "net")):
            with pytest.raises(InvalidSetting, match=rf"begins with {NO_USER}, and no home folder of that name .* or \./~"):
                use(path)
    with pytest.raises(InvalidSetting, match="no home folder of that name"):
        load("mnist", folder=f"{NO_USER}/mnist")
    monkeypatch.setenv("SURROGATE_DATA", NO_USER)
    with pytest.raises(DataUnavailable, match=f"begins with {NO_USER}.*set SURROGATE_DATA to a folder"):
        load("mnist")


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number that no file of users has."""
    monkeypatch.delenv("HOME")
    for name in ("SURROGATE_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(DataUnavailable, match=r"the cache of data sets has no place: ~/\.cache begins with ~,"):
        load("mnist")


def test_a_file_whose_name_begins_with_a_tilde_is_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"{NO_USER}.safetensors"
    NETWORK.save(f"./{name}")
    assert Path(name).is_file()
    assert file_path(name) == Path(name)
    assert ReluNetwork.load(name).key == NETWORK.key


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    NETWORK.to_onnx(tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_every_ending_has_its_reader(tmp_path: Path, onnx_file: Path) -> None:
    NETWORK.save(tmp_path / "net.safetensors")
    (tmp_path / "net.onnx.gz").write_bytes(gzip.compress(onnx_file.read_bytes()))
    for ending in (".pt", ".pth", ".ckpt"):
        torch.save(NETWORK.to_torch().state_dict(), tmp_path / f"net{ending}")
    for ending in READERS:
        assert read_network(tmp_path / f"net{ending}").key == NETWORK.key
        (tmp_path / f"net{ending}").rename(tmp_path / f"LOUD{ending.upper()}")
        assert read_network(tmp_path / f"LOUD{ending.upper()}").key == NETWORK.key
    with pytest.raises(
        InvalidNetwork, match=r"net\.h5 does not end in \.onnx, \.onnx\.gz, .* or \.ckpt; .*from_torch.*from_sklearn"
    ):
        read_network(tmp_path / "net.h5")


def test_an_onnx_file_may_be_gzipped_and_is_never_unpacked_beyond_the_limit(
    onnx_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from surrogate.networks.onnx_files import loading

    packed = gzip.compress(onnx_file.read_bytes())
    onnx_file.write_bytes(packed)  # told by content, whatever the name
    assert ReluNetwork.from_onnx(onnx_file).key == NETWORK.key
    onnx_file.write_bytes(packed[:-9])
    with pytest.raises(InvalidNetwork, match=r"net\.onnx is a gzip file that is truncated or corrupt"):
        ReluNetwork.from_onnx(onnx_file)
    onnx_file.write_bytes(gzip.compress(bytes(2**22)))
    monkeypatch.setattr(loading, "MAX_BYTES", 2**20)
    with pytest.raises(InvalidNetwork, match=r"net\.onnx has more than 1 MiB of weights, the most that is read"):
        ReluNetwork.from_onnx(onnx_file)


def test_the_limit_itself_is_read(tmp_path: Path) -> None:
    for data in (bytes(2**20), gzip.compress(bytes(2**20))):
        (tmp_path / "file").write_bytes(data)
        assert read_bytes(tmp_path / "file", 2**20, "text", InvalidNetwork) == bytes(2**20)
        with pytest.raises(InvalidNetwork, match="has more than 0 MiB of text"):
            read_bytes(tmp_path / "file", 2**20 - 1, "text", InvalidNetwork)


@pytest.mark.parametrize("archive", [True, False])
def test_a_pickled_network_is_refused_with_every_way_to_bring_one(tmp_path: Path, archive: bool) -> None:
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    ways = (
        r"module\.state_dict\(\), .*ONNX.*ReluNetwork\.from_torch\(module\)\.save\(.*ReluNetwork\.from_sklearn\(model\)\.save\("
    )
    for name in ("x.pt", "x.PTH", "x.pkl", "x.joblib", "x.onnx", "x.safetensors"):
        torch.save(NETWORK.to_torch(), tmp_path / name, _use_new_zipfile_serialization=archive)
        with pytest.raises(InvalidNetwork, match=rf"{name} is a .*{ways}"):
            read_network(tmp_path / name)
        for read in (ReluNetwork.from_onnx, ReluNetwork.load):
            with pytest.raises(InvalidNetwork, match=rf"is a file as torch\.save or pickle writes it.*{ways}"):
                read(tmp_path / name)


def test_layers_are_named_of_files_that_hold_tensors_alone(tmp_path: Path, onnx_file: Path) -> None:
    torch.save(NETWORK.to_torch().state_dict(), tmp_path / "net.pt")
    assert read_network(tmp_path / "net.pt", ["0", "relu", "2"]).key == NETWORK.key
    with pytest.raises(InvalidSetting, match=r"net\.onnx says itself in which order its layers compute: leave out layers"):
        read_network(onnx_file, ["0", "relu", "2"])
