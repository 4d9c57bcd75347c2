"""The experiment in MLflow that runs are in: its runs, page by page, and where their files go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository


@dataclass(frozen=True)
class Experiment:
    """An experiment of an MLflow store. Its methods raise what MLflow raises.

    Attributes:
        client: of the store.
        id: of the experiment.
        answered: is called whenever MLflow has answered.
    """

    client: MlflowClient
    id: str
    answered: Callable[[], None] = lambda: None

    def runs(self, condition: str = "") -> Iterator[Run]:
        """Yield the runs that meet a condition, the newest first."""
        token = None
        while True:
            page = self.client.search_runs(
                [self.id], condition, max_results=500, order_by=["attributes.start_time DESC"], page_token=token
            )
            self.answered()
            yield from page
            token = page.token
            if not token:
                return

    def artifacts(self, address: Any) -> Any:
        """Return where the files of a run or of a model go, by its address: MLflow is not asked again for that."""
        return get_artifact_repository(str(address), tracking_uri=self.client.tracking_uri)
