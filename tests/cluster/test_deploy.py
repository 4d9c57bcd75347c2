"""The files of deploy/: each is checked by the program that reads it, as far as that can be done without a cluster."""

from __future__ import annotations

import configparser
import itertools
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.symmetric_run import curate_and_validate_ray_start_args

DEPLOY = Path(__file__).parents[2] / "deploy"

SHOW = '#!/usr/bin/env bash\nprintf \'%s\\n\' "${0##*/}" "$@" >>"$SHOWN"\n'
"""A program that only writes down how it was called."""


def pinned(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)$", (DEPLOY.parent / "constraints.txt").read_text(), re.MULTILINE)
    assert found
    return found.group(1)


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("srun", "ray"):
        (folder / name).write_text(SHOW)
    (folder / "scontrol").write_text("#!/usr/bin/env bash\nprintf '%s\\n' localhost other\n")
    (folder / "python").write_text(SHOW.replace("printf", 'case "$1" in -c) echo made-token; exit;; esac; printf', 1))
    for file in folder.iterdir():
        file.chmod(0o755)
    return folder


def shown(script: str, *arguments: str, stubs: Path, **environment: str) -> list[str]:
    """Run a script with stubs in the place of what it calls; return the words of the last call."""
    words = stubs.parent / "words"
    variables = {"PATH": f"{stubs}:{os.environ['PATH']}", "SHOWN": str(words), **environment}
    command = ["bash", str(DEPLOY / script), *arguments]
    done = subprocess.run(command, env=variables, cwd=stubs.parent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return words.read_text().splitlines()


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_executable_and_parse(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


class TestRayUp:
    def config(self) -> dict[str, Any]:
        found = yaml.safe_load((DEPLOY / "ray-up.yaml").read_text())
        assert isinstance(found, dict)
        return found

    def test_ray_accepts_it(self) -> None:
        prepared = prepare_config(self.config())
        validate_config(prepared)
        assert prepared["max_workers"] == len(self.config()["provider"]["worker_ips"])

    def test_what_is_left_out_is_nothing_that_is_needed(self) -> None:
        # Ray hands each pattern to rsync as it is, and one without a slash in front counts in every folder.
        for pattern in self.config()["rsync_exclude"]:
            assert pattern.startswith("/") or pattern == "**/__pycache__"
        tracked = subprocess.run(["git", "ls-files"], cwd=DEPLOY.parent, capture_output=True, text=True, check=True)
        anchored = [pattern[1:] for pattern in self.config()["rsync_exclude"] if pattern.startswith("/")]
        left_out = {path for path in tracked.stdout.splitlines() if path.split("/")[0] in anchored}
        assert left_out <= {"mlruns/README.md"}

    def test_head_and_workers_ask_for_the_same_token_and_the_head_has_no_cpus(self) -> None:
        config = self.config()
        head, worker = config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]
        assert "--num-cpus=0" in head
        assert all(command.startswith("RAY_AUTH_MODE=token ") for command in (head, worker))
        assert "~/.ray/auth_token" in config["file_mounts"]


class TestKubeRay:
    FIELDS = (
        ("", {"apiVersion", "kind", "metadata", "spec"}),
        ("spec", {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit", "rayClusterSpec"}),
        ("spec.rayClusterSpec", {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}),
        ("spec.rayClusterSpec.headGroupSpec", {"rayStartParams", "template"}),
        (
            "spec.rayClusterSpec.workerGroupSpecs.0",
            {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"},
        ),
    )
    """The fields of KubeRay's ray.io/v1 that are used, by place; a misspelt one would be dropped or refused by the operator."""

    @pytest.fixture
    def documents(self) -> list[Any]:
        return list(yaml.safe_load_all((DEPLOY / "kuberay-rayjob.yaml").read_text()))

    @pytest.mark.parametrize(("place", "fields"), FIELDS, ids=[place or "job" for place, _ in FIELDS])
    def test_its_fields(self, documents: list[Any], place: str, fields: set[str]) -> None:
        value = documents[1]
        for step in filter(None, place.split(".")):
            value = value[int(step)] if step.isdecimal() else value[step]
        assert set(value) == fields

    def test_the_parts_fit_each_other(self, documents: list[Any]) -> None:
        claim, job = documents
        assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
        cluster = job["spec"]["rayClusterSpec"]
        head, worker = (group["template"]["spec"] for group in (cluster["headGroupSpec"], cluster["workerGroupSpecs"][0]))
        assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}  # texts, as the operator wants them
        assert head["containers"][0]["image"] == worker["containers"][0]["image"]
        assert head["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert head["containers"][0]["volumeMounts"][0]["name"] == head["volumes"][0]["name"]
        assert "cluster=attach" in job["spec"]["entrypoint"]

    def test_the_versions_are_those_that_the_tests_run_with(self, documents: list[Any]) -> None:
        ray = pinned("ray")
        assert documents[1]["spec"]["rayClusterSpec"]["rayVersion"] == ray
        assert f"FROM rayproject/ray:{ray}-py311-cpu" in (DEPLOY / "Dockerfile").read_text().splitlines()


JOB = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "8"}


class TestSlurm:
    def test_one_task_a_node_starts_ray_and_the_sweep_on_the_first(self, stubs: Path) -> None:
        words = shown("slurm.sh", "+experiment=digits", "sweep.retries=5", stubs=stubs, SWEEP_BIN=str(stubs), **JOB)
        assert words[:2] == ["srun", "--nodes=2"]
        ray = words[words.index("symmetric-run") + 1 :]
        separator = ray.index("--")
        assert curate_and_validate_ray_start_args(ray[:separator]) == ["--num-cpus=8"]
        assert ray[:4] == ["--address", "127.0.0.1:6379", "--min-nodes", "2"]
        assert ray[separator + 1 :] == [
            *("python", "-m", "sweep", "+experiment=digits", "sweep.retries=5", "cluster=attach"),
            "cluster.address=127.0.0.1:6379",
        ]

    def test_the_sweep_ends_before_the_job_does(self, stubs: Path) -> None:
        end = {"SLURM_JOB_END_TIME": str(int(time.time()) + 3600)}
        words = shown("slurm.sh", stubs=stubs, SWEEP_BIN=str(stubs), **JOB, **end)
        key, seconds = words[-1].split("=")
        assert key == "deadlines.sweep_seconds"
        assert 2900 < int(seconds) <= 3000

    def test_a_job_that_is_too_short_is_refused(self, stubs: Path) -> None:
        end = {"SLURM_JOB_END_TIME": str(int(time.time()) + 600)}
        with pytest.raises(AssertionError, match="a sweep needs --time of more than 11 minutes"):
            shown("slurm.sh", stubs=stubs, SWEEP_BIN=str(stubs), **JOB, **end)


GIVEN = {
    "DATABASE": "postgresql://u:p@db/mlflow",
    "AUTH_DATABASE": "postgresql://u:p%40@db/mlflow_auth",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "secret",
}


class TestTrackingServer:
    def test_it_listens_here_unless_told_otherwise(self, stubs: Path) -> None:
        words = shown("mlflow-server.sh", stubs=stubs, **GIVEN)
        assert words[:4] == ["python", "-m", "mlflow", "server"]
        settings = dict(itertools.pairwise(words))
        assert (settings["--host"], settings["--app-name"]) == ("127.0.0.1", "basic-auth")
        assert settings["--backend-store-uri"] == GIVEN["DATABASE"]

    @pytest.mark.slow
    def test_mlflow_knows_all_its_options(self, stubs: Path) -> None:
        used = {word for word in shown("mlflow-server.sh", stubs=stubs, **GIVEN) if word.startswith("--")}
        command = [sys.executable, "-m", "mlflow", "server", "--help"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert used <= set(re.findall(r"--[a-z-]+", text))

    def test_it_says_what_is_missing(self, stubs: Path) -> None:
        command = ["bash", str(DEPLOY / "mlflow-server.sh")]
        done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "DATABASE: of the runs, such as postgresql://" in done.stderr

    def test_the_settings_of_its_users_are_read_as_they_are_meant(self, stubs: Path) -> None:
        (stubs / "python").write_text('#!/usr/bin/env bash\ncp "$MLFLOW_AUTH_CONFIG_PATH" "$SHOWN"\n')
        settings = configparser.ConfigParser()
        settings.read_string("\n".join(shown("mlflow-server.sh", stubs=stubs, **GIVEN)))
        assert settings["mlflow"]["database_uri"] == GIVEN["AUTH_DATABASE"]  # a % among its signs
        assert settings["mlflow"]["default_permission"] == "READ"
