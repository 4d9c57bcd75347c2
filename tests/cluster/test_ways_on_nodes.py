"""A user's module, table, images and networks from files on nodes that share no folder with the driver, nor its working folder.

What travels is found by its contents: an edit at the head makes anew what it changes, on the nodes as here, and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import PACKAGES, Node, ray_nodes, why_not
from pages import blocks
from ways import ANSWERS, PICTURES, PLANT, PRUNED, TRAINED, TRIALS, answers, cost_is, kept, sizes, write_plant, write_runs

from sweep.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TOKEN = "a-token-for-these-tests-0123456789abcdef"

SWEEP_SECONDS = 300.0


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Node]]:
    """A head without CPUs, where the user's files are, and two workers of one CPU."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with ray_nodes((0, 1, 1), token=TOKEN) as nodes:
        write_plant(nodes[0].work / "study")
        yield nodes


def sweep(head: Node, reused: int, trials: int, *words: str) -> str:
    """Run a sweep of the user's at the head, in the folder with the user's files; return what it printed."""
    command = f'cd study && exec "$@" cluster=attach cluster.address={head.address}:6379'
    program = head.popen(
        *("bash", "-c", command, "bash", sys.executable, "-m", "sweep", *words),
        environment={"RAY_AUTH_TOKEN": TOKEN, "COLUMNS": "200", "PYTHONPATH": str(PACKAGES)},
        log="sweep",
    )
    code, printed = program.wait(SWEEP_SECONDS), head.log("sweep")
    assert code == 0, printed
    assert f"{trials} finished ({reused} reused), 0 failed of {trials} trials." in printed, printed
    return printed


def hosts(head: Node) -> set[str]:
    """Return where the trials in the store ran."""
    store = Store(head.work / "study" / "store", write=False)
    return {record.host for key in store.keys("trials") if (record := store.trial(key)) is not None}


def optima(folder: Path, keys: set[str]) -> list[float]:
    """Return the values of the only trial among these that solves the dense MILPs, which are the optimal ones."""
    records = [record for key in keys if (record := Store(folder / "store", write=False).trial(key)) is not None]
    (dense,) = [record for record in records if record.config["method"]["name"] == "dense"]
    assert [one.status for one in dense.instances] == ["optimal"] * 2
    return [one.value for one in dense.instances if one.value is not None]


def test_a_module_a_table_and_networks_from_files_travel_and_edits_make_anew_what_they_change(nodes: list[Node]) -> None:
    head, folder = nodes[0], nodes[0].work / "study"
    sweep(head, 0, TRIALS, *PLANT)
    assert hosts(head) == {"node2", "node3"}
    assert sizes(folder) == (TRIALS, ANSWERS, TRAINED, PRUNED)
    first, trials = answers(folder), kept(folder)["trials"]
    sweep(head, TRIALS, TRIALS, *PLANT)
    assert answers(folder) == first

    def anew(*words: str) -> list[float]:
        """Run the sweep after an edit; return the optimal values of its two models."""
        nonlocal trials
        sweep(head, 0, TRIALS, *PLANT, *words)
        before, trials = trials, kept(folder)["trials"]
        return optima(folder, trials - before)

    module = (folder / "plant.py").read_text()
    (folder / "plant.py").write_text(module.replace("RENT = 0.0", "RENT = 5.0"))
    values = optima(folder, trials)
    assert anew() == pytest.approx([value + 5.0 for value in values], abs=1e-6)
    assert sizes(folder) == (2 * TRIALS, 2 * ANSWERS, TRAINED, PRUNED)
    (folder / "plant.py").write_text(module)

    prices = (folder / "parts" / "prices.py").read_text()
    (folder / "parts" / "prices.py").write_text(f"{prices}\nPRICE = 2.0 * PRICE\n")
    assert anew() != pytest.approx(values, abs=1e-3)
    assert sizes(folder) == (3 * TRIALS, 3 * ANSWERS, TRAINED, PRUNED)
    (folder / "parts" / "prices.py").write_text(prices)

    cost_is(folder, 3.0)
    assert anew() == pytest.approx([value + 3.0 for value in values], abs=1e-6)
    assert sizes(folder) == (4 * TRIALS, 4 * ANSWERS, TRAINED, PRUNED + 2)  # the copies of this network alone
    cost_is(folder, 0.0, "elsewhere.onnx")
    sweep(head, TRIALS, TRIALS, *PLANT, "networks.cost.file=elsewhere.onnx")  # the contents of before, in another place

    write_runs(folder / "runs.csv", more=1.0)
    (folder / "cost.onnx").unlink()
    made = anew("networks.cost.file=elsewhere.onnx")
    assert made != pytest.approx(values, abs=1e-3)
    assert sizes(folder) == (5 * TRIALS, 5 * ANSWERS, TRAINED + 1, PRUNED + 4)  # the table's network, and its copies
    assert hosts(head) == {"node2", "node3"}
    for node in nodes[1:]:
        assert not list(node.work.iterdir()), list(node.work.iterdir())


def test_images_and_a_network_from_safetensors_travel(nodes: list[Node]) -> None:
    told = sweep(nodes[0], 0, 2, *PICTURES)
    assert "trained 1x6 on pictures" in told
    assert "read seen on pictures" in told
    sweep(nodes[0], 2, 2, *PICTURES)


def test_a_task_travels(nodes: list[Node]) -> None:
    (task,) = [block.text for block in blocks("docs/extend.md") if block.title == "difference.py"]
    (nodes[0].work / "study" / "difference.py").write_text(task)
    asked = ("task.name=difference:DifferenceTask", "task.parameters.width=0.05,0.2", "task.parameters.points=50")
    quick = ("dataset=digits", "network.depth=1", "network.width=8", "training.epochs=2", "pruning.amount=0.5")
    sweep(nodes[0], 0, 2, "-m", *asked, *quick, "instances.count=1", "sweep.name=differences")
