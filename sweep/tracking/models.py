"""A network as a model that MLflow loads, with its signature and without unpickling anything."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models import Model, ModelSignature
from mlflow.types.schema import Schema, TensorSpec

from surrogate.networks import ReluNetwork

WEIGHTS = "network.safetensors"
REQUIREMENTS = "requirements.txt"


def save_model(network: ReluNetwork, folder: Path) -> None:
    """Write ``MLmodel``, the weights as safetensors and ``requirements.txt`` into a folder.

    ``mlflow.pyfunc.load_model`` of it predicts ``(n, d)`` float64 -> ``(n, o)``: the outputs before any softmax.
    """
    network.save(folder / WEIGHTS)
    tensors = (TensorSpec(np.dtype("float64"), (-1, size)) for size in (network.input_size, network.output_size))
    inputs, outputs = (Schema([tensor]) for tensor in tensors)
    model = Model(signature=ModelSignature(inputs=inputs, outputs=outputs))
    # What mlflow.pyfunc.save_model writes, without its import of seconds. The path of this module is kept in every model, so it
    # must stay.
    model.add_flavor(
        "python_function", loader_module=__name__, data=WEIGHTS, python_version=platform.python_version(), env=REQUIREMENTS
    )
    (folder / REQUIREMENTS).write_text("surrogate-sweep\n", encoding="utf-8")
    model.save(str(folder / "MLmodel"))


class Loaded:
    """What MLflow calls a model."""

    def __init__(self, network: ReluNetwork) -> None:
        self.network = network

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the outputs ``(n, o)`` at inputs ``(n, d)``."""
        return self.network(np.asarray(inputs, dtype=np.float64))


def _load_pyfunc(path: str) -> Loaded:
    """The name under which MLflow looks for a loader."""
    return Loaded(ReluNetwork.load(path))
