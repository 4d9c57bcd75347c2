"""Joining a cluster of real Ray nodes that have neither our code nor a folder in common with the driver."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from harness import PACKAGES, Node, ray_nodes, why_not
from loopback import DRIVER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TOKEN = "a-token-for-these-tests-0123456789abcdef"

WORK = """
import json, sys, time
begin = time.monotonic()
import ray
from sweep.execution.cluster import attach, preflight
from sweep.config.schema import ClusterSettings
settings = ClusterSettings("attach", sys.argv[1], None, 1)
times = {"import": time.monotonic() - begin}
with attach(settings):
    times["attach"] = time.monotonic() - begin - sum(times.values())
    capacity = preflight(settings)
    times["preflight"] = time.monotonic() - begin - sum(times.values())

    @ray.remote(num_cpus=1)
    def where(seconds):
        import os, socket, time
        import surrogate, sweep.store
        time.sleep(seconds)
        return socket.gethostname(), surrogate.__file__, sweep.store.__file__, os.path.exists("/tmp/checkout/of-the-head")

    found = ray.get([where.remote(1.0) for _ in range(6)])
    times["tasks"] = time.monotonic() - begin - sum(times.values())
print(json.dumps({"slots": capacity.slots, "nodes": len(capacity.nodes), "found": found, "times": times}))
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Node]]:
    """A head without CPUs and two workers of one CPU, which ask for a token, and a machine without Ray."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with ray_nodes((0, 1, 1), token=TOKEN, bare=1) as nodes:
        yield nodes


def run(node: Node, program: str, *words: str, **environment: str) -> tuple[int, str]:
    """Run a Python program on a node; return its exit code and all that it printed."""
    done = node.popen(sys.executable, "-c", program, *words, environment=environment, log="program").wait(120)
    return done, node.log("program")


def test_code_travels_from_the_driver_to_all_nodes(nodes: list[Node], capsys: pytest.CaptureFixture[str]) -> None:
    head = nodes[0]
    (head.work / "of-the-head").touch()
    done, printed = run(head, WORK, f"{head.address}:6379", RAY_AUTH_TOKEN=TOKEN)
    assert done == 0, printed
    assert printed.count("\n") == 1, printed  # not a word of Ray
    told = json.loads(printed)
    assert (told["slots"], told["nodes"]) == (2, 3)
    assert {host for host, *_ in told["found"]} == {"node2", "node3"}
    for _, *files, shared in told["found"]:
        assert all(file.startswith("/tmp/ray/") for file in files)
        assert not shared
    with capsys.disabled():
        print(f"\njoining: {', '.join(f'{name} {seconds:.1f} s' for name, seconds in told['times'].items())}")


def test_a_machine_that_is_no_node_is_told_how_to_become_one(nodes: list[Node]) -> None:
    head, bare = nodes[0], nodes[-1]
    start = time.monotonic()
    shutil.copytree(PACKAGES / "sweep", bare.work / "sweep")  # somebody's copy: the checkout is not seen there
    shutil.copytree(PACKAGES / "surrogate", bare.work / "surrogate")
    done, printed = run(bare, DRIVER, f"{head.address}:6379", "", "1", RAY_AUTH_TOKEN=TOKEN)
    assert time.monotonic() - start < 30.0
    assert done == 1, printed
    assert printed.startswith(
        f"error: this machine is not a node of the Ray cluster at {head.address}:6379: start the sweep on"
    )
    assert printed.count("\n") == 1, printed


def test_a_node_without_our_dependencies_is_named() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    pyomo = Path(str(metadata.distribution("pyomo").locate_file("")), f"pyomo-{metadata.version('pyomo')}.dist-info")
    assert pyomo.is_dir()
    with ray_nodes((0, 1), lacking=[pyomo]) as (head, worker):
        start = time.monotonic()
        done, printed = run(head, DRIVER, f"{head.address}:6379", "", "1")
        assert time.monotonic() - start < 30.0
    assert done == 1, printed
    assert printed.startswith(f"error: {worker.address} ({worker.name}) lacks pyomo: install the driver's versions there")
    assert printed.count("\n") == 1, printed
