"""What a user brings, small enough for seconds: a module with a package beside it, a table, networks in files, images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from oracles import random_network
from safetensors.torch import save_file

from surrogate.networks import ReluNetwork
from surrogate.training import Training, fit
from sweep.store import Store

TOLD = "PLANT_TOLD"
"""The variable that names the folder where the module says which process has answered, and where it is held up."""

MODULE = f'''
"""The cheapest run of a plant: what it makes is learnt from a table, what it costs and wears are networks from files."""

import os
import sys
import time
from pathlib import Path

import pyomo.environ as pyo
from parts.prices import PRICE

from surrogate.models import Place
from surrogate.models.problems import ModelInstance, TrueValue

RENT = 0.0


def build(networks, seed, wanted=1.0):
    model = pyo.ConcreteModel()
    model.run = pyo.Var(["heat", "hours"], bounds=(0, 1))
    model.kind = pyo.Var(["fine", "rough"], domain=pyo.Binary)
    model.one = pyo.Constraint(expr=sum(model.kind.values()) == 1)
    model.made, model.cost, model.wear = pyo.Var(), pyo.Var(), pyo.Var()
    paid = model.cost + 0.1 * (1 + seed) * model.wear
    model.total = pyo.Objective(expr=RENT + paid - PRICE * wanted * model.made)
    run = list(model.run.values())
    places = [
        Place([*run, *model.kind.values()], [model.made], networks["network"]),
        Place(run, [model.cost], networks["cost"]),
        Place(run[1:], [model.wear], networks["wear"]),
    ]

    def true_value():
        tell(seed)
        return TrueValue(pyo.value(model.total), 0.0)

    return ModelInstance(model, places, true_value)


def tell(seed):
    """Say to a test that a model was answered; wait as long as there is a file `hold-N` and this is answer N."""
    if "{TOLD}" not in os.environ or sys.argv[0] == "sweep":  # the driver, which only rehearses
        return
    place = Path(os.environ["{TOLD}"])
    with (place / "told").open("a") as file:
        file.write(f"{{os.getpid()}} {{seed}}\\n")
    number = (place / "told").read_text().count("\\n")
    for _ in range(2400):
        if not (place / f"hold-{{number}}").exists():
            break
        time.sleep(0.05)
'''
"""Its samples are the table; its networks are ``network``, ``cost`` and ``wear``."""

PRICES = """
from pathlib import Path

PRICE = float(Path(__file__).with_name("price.txt").read_text())
"""

SMALL = ("network.depth=1", "network.width=6", "training.epochs=20", "training.batch_size=8", "training.learning_rate=0.01")

TABLE = ("dataset=table", "dataset.file=runs.csv", "dataset.outputs=[made]", "dataset.categories=[kind]")

MODEL = ("task=model", "model=python", "model.function=plant:build", *TABLE, *SMALL, "solver.time_limit_seconds=30")

FILES = ("networks.cost.file=cost.onnx", "networks.wear.file=wear.pt")

PLANT = ("-m", *MODEL, *FILES, "method=dense,surrogate", "pruning.amount=0.3,0.6", "instances.count=2", "sweep.name=plant")
"""A sweep with a module, a table and networks from files: :data:`TRIALS` trials, the dense MILP first."""

TRIALS, ANSWERS, TRAINED, PRUNED = 3, 6, 1, 6
"""How many trials, answers, trained networks and pruned copies of networks :data:`PLANT` leaves in the store."""

PICTURES = (
    *("-m", "dataset=images", "dataset.file=pictures.npz", "network.file=null,seen.safetensors", *SMALL, "attack=surrogate"),
    *("attack.radius=1", "instances=test", "instances.count=2", "pruning.amount=0.5", "solver.time_limit_seconds=30"),
    "sweep.name=pictures",
)
"""A sweep over images with a network that is trained on them, and with one whose layers torch has saved: two trials."""


def write_plant(folder: Path, price: float = 0.5) -> None:
    """Write all that :data:`PLANT` and :data:`PICTURES` name into a folder that is empty."""
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "__init__.py").touch()
    (folder / "parts" / "prices.py").write_text(PRICES)
    (folder / "parts" / "price.txt").write_text(str(price))
    (folder / "plant.py").write_text(MODULE)
    write_runs(folder / "runs.csv")
    random_network(np.random.default_rng(1), (2, 6, 1)).to_onnx(folder / "cost.onnx")
    torch.save(random_network(np.random.default_rng(2), (1, 6, 1)).to_torch().state_dict(), folder / "wear.pt")
    images, labels = pictures()
    np.savez(folder / "pictures.npz", images=images, labels=labels)
    seen = fit(Training(epochs=40, batch_size=8), [8], images.reshape(len(images), -1), labels, outputs=3)
    save_file(seen.to_torch().state_dict(), folder / "seen.safetensors")


def write_runs(file: Path, more: float = 0.0) -> None:
    """Write a table of runs: two numbers, a category, and what was made, with ``more`` of it in fine runs."""
    rng = np.random.default_rng(0)
    heat, hours = rng.uniform(size=(2, 60)).round(3)
    kind = np.where(rng.uniform(size=60) < 0.5, "fine", "rough")
    made = (heat * hours + (0.3 + more) * (kind == "fine")).round(4)
    rows = (f"{a},{b},{c},{d}" for a, b, c, d in zip(heat, hours, kind, made, strict=True))
    file.write_text("\n".join(["heat,hours,kind,made", *rows]) + "\n")


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Return images with colour of three classes, each bright in another third of its width, and their classes."""
    labels = np.arange(45) % 3
    images = np.random.default_rng(0).uniform(0.0, 0.3, (45, 4, 6, 3)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label : 2 * label + 2] += 0.6
    return images, labels.astype(np.int64)


def cost_is(folder: Path, more: float, name: str = "cost.onnx") -> None:
    """Write the network of the cost, with ``more`` added to what it gives."""
    network = random_network(np.random.default_rng(1), (2, 6, 1))
    ReluNetwork(network.weights, [*network.biases[:-1], network.biases[-1] + more]).to_onnx(folder / name)


def kept(folder: Path) -> dict[str, set[str]]:
    """Return the keys of what the store of a folder has of each kind."""
    store = Store(folder / "store", write=False)
    return {kind: store.keys(kind) for kind in ("trials", "instances", "networks", "surrogates")}


def sizes(folder: Path) -> tuple[int, int, int, int]:
    """Return how many trials, answers, trained networks and pruned copies the store of a folder has."""
    found = kept(folder)
    return len(found["trials"]), len(found["instances"]), len(found["networks"]), len(found["surrogates"])


def answers(folder: Path) -> dict[tuple[str, str], float]:
    """Return the value of each answer in the store of a folder, by the key of its trial and the name of its instance."""
    store = Store(folder / "store", write=False)
    records = [record for key in store.keys("trials") if (record := store.trial(key)) is not None]
    return {(record.key, one.name): one.value for record in records for one in record.instances if one.value is not None}
