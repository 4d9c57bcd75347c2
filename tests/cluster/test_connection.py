"""A cluster that cannot be joined is refused in one sentence that says what to do; one that can is joined without a word."""

from __future__ import annotations

import os
import platform
import socket
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import ray
from loopback import drive, ray_head
from ports import free_port
from ray.exceptions import RaySystemError

from sweep.config.schema import ClusterSettings
from sweep.errors import SweepError
from sweep.execution.cluster import connection
from sweep.execution.cluster.connection import Address, attach, check_answer, find_address, find_token
from sweep.execution.cluster.local import start_local

TOKEN = "a-token-for-these-tests-0123456789abcdef"
HERE = Address("10.0.0.1", 6379, "RAY_ADDRESS")


@pytest.fixture(autouse=True)
def _no_ray_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="module")
def head() -> Iterator[str]:
    with ray_head(cpus=2, token=TOKEN) as address:
        yield address


class TestAddress:
    def test_the_setting_goes_before_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAY_ADDRESS", "10.0.0.9:7000")
        assert find_address("head.example:6379") == Address("head.example", 6379, "cluster.address")
        assert find_address(None) == Address("10.0.0.9", 7000, "RAY_ADDRESS")

    def test_an_address_of_six_and_its_brackets(self) -> None:
        address = find_address("[fd00::1]:6379")
        assert (address.host, address.text) == ("fd00::1", "[fd00::1]:6379")

    def test_none_at_all(self) -> None:
        with pytest.raises(SweepError, match=r"set RAY_ADDRESS or cluster\.address to HOST:PORT"):
            find_address(None)

    @pytest.mark.parametrize(
        "text", ["ray://10.0.0.1:10001", "http://head:8265", "auto", "10.0.0.1", ":6379", "head:0", "h:99999"]
    )
    def test_what_is_not_an_address(self, text: str) -> None:
        with pytest.raises(SweepError, match=r"cluster\.address=.* is not HOST:PORT of a Ray head"):
            find_address(text)


class TestToken:
    def test_the_variable_the_named_file_and_the_home_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert find_token() is None
        home = tmp_path / ".ray" / "auth_token"
        home.parent.mkdir()
        home.write_text("\n")
        assert find_token() is None
        home.write_text("abc")
        assert find_token() == f"the file {home}"
        named = tmp_path / "named"
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(named))
        assert find_token() is None
        named.write_text("abc")
        assert find_token() == f"the file {named}"
        monkeypatch.setenv("RAY_AUTH_TOKEN", "abc")
        assert find_token() == "RAY_AUTH_TOKEN"

    def test_a_user_without_a_home_folder_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", missing)
        assert find_token() is None


class TestAnswers:
    def answer(self, **changes: Any) -> dict[str, Any]:
        node = {"address": "10.0.0.1", "local": True}
        versions = {"ray": metadata.version("ray"), "python": platform.python_version()}
        return {"state": "answers", **versions, "nodes": [node], **changes}

    def test_a_good_one(self) -> None:
        check_answer(HERE, self.answer())

    @pytest.mark.parametrize("changes", [{"ray": "2.40.0"}, {"python": "3.10.1"}])
    def test_other_versions_are_named_with_ours(self, changes: dict[str, str]) -> None:
        with pytest.raises(SweepError) as told:
            check_answer(HERE, self.answer(**changes))
        for version in (*changes.values(), metadata.version("ray"), platform.python_version()):
            assert version in str(told.value)

    def test_this_machine_must_be_a_node(self) -> None:
        with pytest.raises(SweepError, match=r"ray start --address=10\.0\.0\.1:6379 --num-cpus=0"):
            check_answer(HERE, self.answer(nodes=[{"address": "10.0.0.1", "local": False}]))

    def test_a_token_that_the_mode_keeps_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAY_AUTH_TOKEN", "abc")
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        with pytest.raises(SweepError, match="RAY_AUTH_MODE=disabled sends none"):
            check_answer(HERE, {"state": "token"})


class TestStart:
    """Ray on this machine, but for Ray itself: what a start asks of it, and what is said when it does not start."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """What Ray is asked for; it starts nothing."""
        asked: dict[str, Any] = {}
        monkeypatch.setattr(ray, "init", lambda **settings: asked.update(settings))
        monkeypatch.delenv("RAY_TMPDIR", raising=False)
        monkeypatch.delenv("TMPDIR", raising=False)
        return asked

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            # A plain Exception is what Ray 2.60 raises when its node does not answer within its 30 s.
            (Exception("The current node timed out during startup.\nMore."), "The current node timed out during startup."),
            (TimeoutError("Timed out while waiting for the GCS"), "Timed out while waiting for the GCS"),
            (ConnectionError("no connection"), "no connection"),
            (RuntimeError("Failed to connect to GCS"), "Failed to connect to GCS"),
            (RaySystemError("the store is gone"), "System error: the store is gone"),
            (AssertionError(), "AssertionError"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    def test_one_that_fails_is_one_sentence(
        self, error: Exception, said: str, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(**settings: Any) -> None:
            raise error

        monkeypatch.setattr(ray, "init", fail)
        with pytest.raises(SweepError) as told, start_local(2):
            pass
        text = str(told.value)
        assert text.startswith(f"Ray does not start on this machine: {said}; run the same command again when more ")
        assert text.endswith("/ray/session_latest/logs)")
        assert "\n" not in text

    def test_a_folder_that_cannot_be_written_is_named_with_what_helps(
        self, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        closed = tmp_path / "file"
        closed.touch()  # no folder can be made below it, not even by root
        monkeypatch.setenv("RAY_TMPDIR", str(closed))
        monkeypatch.setattr(ray, "init", lambda _temp_dir, **settings: Path(_temp_dir).mkdir())
        with pytest.raises(SweepError) as told, start_local(2):
            pass
        assert str(told.value) == (
            f"Ray does not start on this machine: {closed}/ray cannot be written (Not a directory); its files would be in "
            f"{closed}/ray: set RAY_TMPDIR to another folder that can be written, with a short path"
        )

    def test_a_temporary_folder_that_cannot_be_written_is_not_taken(
        self, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with start_local(2):
            assert asked["_temp_dir"] == "/tmp/ray"
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        with start_local(2):
            assert asked["_temp_dir"] == f"{tmp_path}/ray"
        (tmp_path / "file").touch()
        monkeypatch.setenv("TMPDIR", str(tmp_path / "file"))
        monkeypatch.setattr(tempfile, "gettempdir", lambda: "/var/tmp")
        with start_local(2):
            assert asked["_temp_dir"] == f"/var/tmp/ray-{os.getuid()}"

    def test_a_home_folder_is_not_needed_for_a_token(
        self, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Ray would write one there, and not start where it cannot."""
        monkeypatch.setenv("RAY_AUTH_TOKEN", "")  # for monkeypatch to take back what is set in its place
        with start_local(2):
            assert find_token() == "RAY_AUTH_TOKEN"
            assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
        token = tmp_path / ".ray" / "auth_token"
        token.parent.mkdir()
        token.write_text("mine")
        monkeypatch.setenv("RAY_AUTH_TOKEN", "")
        with start_local(2):
            assert find_token() == f"the file {token}"

    def test_a_mode_without_tokens_gets_none(self, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        with start_local(2):
            assert find_token() is None


def test_nothing_at_the_port() -> None:
    start = time.monotonic()
    with (
        pytest.raises(SweepError, match=r"no Ray cluster can be reached at 127\.0\.0\.1:\d+ \(connection refused\)"),
        attach(ClusterSettings("attach", f"127.0.0.1:{free_port()}", None, 1)),
    ):
        pass
    assert time.monotonic() - start < 30.0


def test_a_host_that_does_not_exist() -> None:
    with (
        pytest.raises(SweepError, match=r"no Ray cluster can be reached at no-such-host\.invalid:6379"),
        attach(ClusterSettings("attach", "no-such-host.invalid:6379", None, 1)),
    ):
        pass


def test_something_else_at_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PROBE_SECONDS", 3.0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{other.getsockname()[1]}")
        with (
            pytest.raises(SweepError, match="no Ray head answers there within 3 s: correct RAY_ADDRESS"),
            attach(ClusterSettings("attach", None, None, 1)),
        ):
            pass


def test_a_mode_that_wants_a_token_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with (
        pytest.raises(SweepError, match="RAY_AUTH_MODE=token, but this machine has no token"),
        attach(ClusterSettings("attach", "127.0.0.1:6379", None, 1)),
    ):
        pass


class TestHead:
    """A real head that asks for a token."""

    @pytest.mark.few(1)
    @pytest.mark.parametrize(
        ("environment", "sentence"),
        [
            ({}, "asks for a token, but this machine has none: put the cluster's token"),
            ({"RAY_AUTH_TOKEN": "another-token"}, "refuses the token from RAY_AUTH_TOKEN: put the cluster's token"),
        ],
        ids=["no token", "wrong token"],
    )
    def test_a_token_that_does_not_fit(self, head: str, environment: dict[str, str], sentence: str) -> None:
        start = time.monotonic()
        done = drive(head, **environment)
        assert time.monotonic() - start < 30.0
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: the Ray cluster at {head} {sentence}")
        assert done.stderr.count("\n") == 1

    def test_a_trial_that_is_too_large_and_a_cluster_that_is_too_small(self, head: str) -> None:
        done = drive(head, cpus_per_trial=3, RAY_AUTH_TOKEN=TOKEN)
        assert done.returncode == 1
        assert done.stderr.startswith("error: cluster.cpus_per_trial=3 fits no node of the Ray cluster: the largest, ")
        assert "has 2 CPUs" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_the_right_token_is_enough(self, head: str) -> None:
        done = drive(None, cpus=1, RAY_ADDRESS=head, RAY_AUTH_TOKEN=TOKEN)
        assert (done.stdout, done.stderr) == ("joined: 1 nodes, 1 CPUs, 1 slots\n", "")
