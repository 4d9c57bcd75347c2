"""Results under the hash of what made them: trained networks and finished trials, in files that are never half-written."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from surrogate.errors import InvalidNetwork
from surrogate.networks import ReluNetwork
from sweep.errors import StoreError
from sweep.records import TrialRecord
from sweep.trial import TrainedNetwork


class Store:
    """The folder ``networks/KEY.safetensors`` and ``.json`` (training time, accuracy), ``trials/KEY.json``, ``reports/``.

    Raises:
        StoreError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        for name in ("networks", "trials", "reports"):
            try:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"the store cannot be written: {error}; set sweep.store to a folder that can") from error

    def network(self, key: str) -> TrainedNetwork | None:
        """Return the network trained under ``key``, or None."""
        facts = self._read_json(self._network_path(key, "json"))
        if facts is None:
            return None
        path = self._network_path(key, "safetensors")
        try:
            network = ReluNetwork.load(path)
            # Keys of content guard against a file that was swapped or edited.
            if network.key != facts["network_key"]:
                raise InvalidNetwork(f"{path} does not hold the network that {key}.json describes")
            return TrainedNetwork(network, facts["train_seconds"], facts["train_cpu_seconds"], facts["accuracy"])
        except (InvalidNetwork, OSError, KeyError) as error:
            raise StoreError(f"{path} cannot be used: {error}; delete it and {key}.json to train it anew") from error

    def save_network(self, key: str, trained: TrainedNetwork, recipe: dict[str, Any]) -> None:
        """Keep a network; the weights come first, so that a ``.json`` always has its weights."""
        self._write(self._network_path(key, "safetensors"), trained.network.save)
        facts = {
            "network_key": trained.network.key,
            "train_seconds": trained.train_seconds,
            "train_cpu_seconds": trained.train_cpu_seconds,
            "accuracy": trained.accuracy,
            "recipe": recipe,
        }
        self._write_json(self._network_path(key, "json"), facts)

    def trial(self, key: str) -> TrialRecord | None:
        """Return the record of the finished trial ``key``, or None."""
        path = self._trial_path(key)
        data = self._read_json(path)
        try:
            return None if data is None else TrialRecord.from_dict(data)
        except (TypeError, KeyError) as error:
            raise StoreError(f"{path} is not a trial record: {error}; delete it to run the trial anew") from error

    def save_trial(self, record: TrialRecord) -> None:
        """Keep the record of a finished trial; others have nothing that a later sweep could reuse."""
        if record.status != "finished":
            raise ValueError(f"only finished trials are kept, {record.key} is {record.status}")
        self._write_json(self._trial_path(record.key), record.to_dict())

    def report_folder(self, name: str) -> Path:
        """Return the folder of a report, created."""
        folder = self.folder / "reports" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _network_path(self, key: str, ending: str) -> Path:
        return self.folder / "networks" / f"{key}.{ending}"

    def _trial_path(self, key: str) -> Path:
        return self.folder / "trials" / f"{key}.json"

    def _read_json(self, path: Path) -> Any:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read: {error}; delete it to make it anew") from error

    def _write_json(self, path: Path, data: Any) -> None:
        text = json.dumps(data, allow_nan=False, indent=1)
        self._write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def _write(self, path: Path, write: Callable[[Path], Any]) -> None:
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            write(temporary)
            temporary.replace(path)  # whole or not at all, whoever else writes the same key
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error}; free some space or set sweep.store") from error
        finally:
            temporary.unlink(missing_ok=True)
