"""A sweep on real Ray nodes that share no folder: one is killed, one is cut off and comes back, and every trial ends once."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import PACKAGES, Machines, Node, ray_nodes, why_not

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TOKEN = "a-token-for-these-tests-0123456789abcdef"
AMOUNTS = ",".join(f"0.{number}" for number in range(30, 90, 2))
TRIALS = 30
QUICK = (
    *("dataset=digits", "network.depth=1", "network.width=16", "training.epochs=5"),
    *("attack=surrogate", "attack.radius=2.0", "solver.time_limit_seconds=5"),
)
STUDY = (
    "--multirun",
    *QUICK,
    f"pruning.amount={AMOUNTS}",
    "instances.count=30",  # so long that all nodes have work at the same time, although a worker takes 10 s to begin
    "sweep.name=nodes",
)
SWEEP_SECONDS = 600.0


def finished(head: Node) -> int:
    return len(list((head.work / "study" / "store" / "trials").rglob("*.json")))


def works(node: Node) -> bool:
    """Return whether a worker of the sweep runs on the node."""
    node.popen("ps", "-eo", "args", environment={}, log="ps").wait()
    return "ray::Worker" in node.log("ps")


def until(condition: Callable[[], bool], head: Node, sweeping: Callable[[], bool]) -> None:
    end = time.monotonic() + SWEEP_SECONDS
    while not condition():
        assert sweeping(), head.log("sweep")
        assert time.monotonic() < end, head.log("sweep")
        time.sleep(0.3)


def test_a_sweep_outlives_a_node_and_a_broken_cable() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with ray_nodes((0, 1, 1, 1), token=TOKEN) as nodes:
        head, killed, cut, _ = nodes
        (head.work / "study").mkdir()  # Ray was started elsewhere: the store must be where the sweep was
        command = f'cd study && exec "$@" cluster=attach cluster.address={head.address}:6379'
        sweep = head.popen(
            *("bash", "-c", command, "bash", sys.executable, "-m", "sweep", *STUDY),
            environment={"RAY_AUTH_TOKEN": TOKEN, "COLUMNS": "120"},
            log="sweep",
        )

        def sweeping() -> bool:
            return sweep.poll() is None

        idle = set(nodes[1:])
        until(lambda: not idle.difference_update([node for node in idle if works(node)]) and not idle, head, sweeping)
        until(lambda: finished(head) >= 3, head, sweeping)
        killed.kill()
        until(lambda: finished(head) >= 8, head, sweeping)
        cut.cut()
        until(lambda: head.log("sweep").count("retried: ") == 2, head, sweeping)
        cut.mend()
        assert finished(head) < TRIALS - 5  # it comes back in the middle
        code = sweep.wait(SWEEP_SECONDS)
        printed = head.log("sweep")
        assert code == 0, printed
        assert "raylet" not in printed, printed
        assert f"{TRIALS} finished (0 reused), 0 failed of {TRIALS} trials." in printed, printed
        check_store(head.work / "study" / "store")
        check_tracker(head.work / "study" / "mlruns" / "mlflow.db")
        for node in nodes[1:]:  # nothing of the sweep is on a worker's disk
            assert not list(node.work.iterdir()), list(node.work.iterdir())


def test_a_job_of_slurm_is_a_cluster_of_its_own() -> None:
    """`srun` is played by two nodes that run the same script at the same time."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with Machines(2) as machines:
        head, other = machines.nodes
        variables = {
            "SLURM_JOB_NODELIST": "node[1-2]",
            "SLURM_JOB_NUM_NODES": "2",
            "SLURM_CPUS_PER_TASK": "1",
            "SLURM_JOB_END_TIME": str(int(time.time()) + 1200),
            "SLURM_SUBMIT_DIR": "/tmp/checkout",
            "SWEEP_BIN": str(Path(sys.executable).parent),
            "RAY_AUTH_TOKEN": TOKEN,  # as srun would hand it to all tasks
            "COLUMNS": "120",
        }
        for node in machines.nodes:
            stubs = node.temporary / "bin"
            stubs.mkdir()
            (stubs / "srun").write_text('#!/usr/bin/env bash\nwhile [ "$1" != ray ]; do shift; done\nexec "$@"\n')
            (stubs / "scontrol").write_text("#!/usr/bin/env bash\nprintf '%s\\n' node1 node2\n")
            for stub in stubs.iterdir():
                stub.chmod(0o755)
        study = ("--multirun", *QUICK, "instances.count=6", "pruning.amount=0.5,0.8", "sweep.name=slurm")
        script = 'PATH="/tmp/bin:$PATH" exec bash "$@"'
        words = ("bash", "-c", script, "bash", str(PACKAGES / "deploy" / "slurm.sh"), *study)
        tasks = [node.popen(*words, environment=variables, log="job") for node in machines.nodes]
        assert tasks[0].wait(SWEEP_SECONDS) == 0, head.log("job") + other.log("job")
        printed = head.log("job")
        assert "2 finished (0 reused), 0 failed of 2 trials." in printed, printed
        assert len(list((head.work / "store" / "trials").rglob("*.json"))) == 2
        assert not (other.work / "store").exists()


def check_store(store: Path) -> None:
    files = list((store / "trials").rglob("*.json"))
    assert len({file.stem for file in files}) == len(files) == TRIALS
    assert not (store / "damaged").exists()
    for file in files:
        assert json.loads(file.read_text())


def check_tracker(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "select runs.run_uuid, runs.status, parent.value, key.value from runs "
            "left join tags parent on parent.run_uuid = runs.run_uuid and parent.key = 'mlflow.parentRunId' "
            "left join tags key on key.run_uuid = runs.run_uuid and key.key = 'trial_key'"
        ).fetchall()
    connection.close()
    assert {status for _, status, _, _ in rows} == {"FINISHED"}
    children = Counter(key for _, _, parent, key in rows if parent is not None)
    assert len(children) == TRIALS
    assert set(children.values()) == {1}
    assert len(rows) == TRIALS + 1
