"""The table and the charts of an experiment's trials, as a saved view of MLflow's UI.

By itself the UI shows no metric and no parameter as a column, and a server cannot change that. Since 3.15 it has saved views,
which are tags of the experiment. They are in the list ``Views`` of the page, and each has an address. A view sets the columns,
their order and widths, the filter and the charts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.entities import ExperimentTag

from sweep.tracking.gains import GAIN, WINS

KEY = "trials"
TAG = f"mlflow.sharedViewState.{KEY}"

NOTE = "mlflow.note.content"
"""The tag that the UI shows as the description, of a run and of an experiment."""

FIRST = ("value", GAIN, WINS, "success_rate", "first_feasible_seconds", "milp/binaries")
"""The metrics that are columns, in this order, before what was swept."""

FOLDED = ("accuracy", "attack", "bound", "incumbent", "milp", "norm", "time", "total", "value", "Model metrics")
"""Sections of charts that are closed at first: the UI makes one for each first part of a metric's name."""

MAX_CHARACTERS = 5000
"""The longest tag of an experiment that servers before 3.15 take."""

_NAME_WIDTH, _DATE_WIDTH, _METRIC_WIDTH = 178, 45, 70
"""Pixels: six metrics and three parameters fit on a page of 1,280. Names of metrics are cut, and differ in what is left."""

_PARAM_WIDTH, _AROUND_WIDTH, _LETTER_WIDTH = 88, 34, 7
"""Pixels that a parameter has at least, around its name, and for each letter of the name, so that none is cut."""


def address(experiment_id: str, charts: bool = False) -> str:
    """Return what follows an MLflow server's address for its page with the view, as a table or as charts."""
    mode = "&compareRunsMode=CHART" if charts else ""
    return f"#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={KEY}{mode}"


def links(experiment_id: str) -> str:
    """Return links to the view as a sentence in Markdown."""
    return f"The trials as [a table]({address(experiment_id)}) and as [charts]({address(experiment_id, charts=True)})."


def swept_in(tags: Mapping[str, str]) -> list[str]:
    """Return the parameters that the view of an experiment has as columns; none if there is no view, or somebody else's."""
    try:
        columns = json.loads(json.loads(tags[TAG])["state"])["selectedColumns"]
        return [column[len("params.`") : -1] for column in columns if column.startswith("params.`")]
    except (KeyError, ValueError, TypeError, AttributeError):
        return []


def tags_of(experiment_id: str, before: Mapping[str, str], swept: Sequence[str], shortest: bool) -> list[ExperimentTag]:
    """Return the tags that an experiment lacks for a view with these parameters beside those that its view has.

    Args:
        experiment_id: of the experiment.
        before: its tags.
        swept: the parameters.
        shortest: whether small values are the good ones, which come first.
    """
    params = list(dict.fromkeys([*swept_in(before), *swept]))
    state = json.dumps(_state(params, shortest), separators=(",", ":"))
    while len(state) > MAX_CHARACTERS * 0.8 and params:  # quotes are written with a backslash inside the tag
        params.pop()
        state = json.dumps(_state(params, shortest), separators=(",", ":"))
    wanted = {TAG: json.dumps({"name": "Trials", "createdAt": 0, "state": state}, separators=(",", ":"))}
    if NOTE not in before:
        wanted[NOTE] = links(experiment_id)
    return [ExperimentTag(key, value) for key, value in wanted.items() if before.get(key) != value]


def _state(params: Sequence[str], shortest: bool) -> dict[str, Any]:
    metrics = [_column("metrics", name) for name in FIRST]
    swept = [_column("params", name) for name in params]
    widths = {_RUN_NAME: _NAME_WIDTH, _DATE: _DATE_WIDTH}
    widths |= dict.fromkeys(metrics, _METRIC_WIDTH)
    widths |= {_column("params", name): max(_PARAM_WIDTH, _AROUND_WIDTH + _LETTER_WIDTH * len(name)) for name in params}
    return {
        "searchFilter": "tags.trial_key LIKE '%'",
        "orderByKey": metrics[0],
        "orderByAsc": shortest,
        "selectedColumns": [*metrics, *swept],
        "columnOrder": [_RUN_NAME, _DATE, *metrics, *swept],
        "columnWidths": widths,
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunCharts": _charts(params),
        "compareRunSections": [_section("Findings", True), *(_section(name, False) for name in FOLDED)],
        "isAccordionReordered": True,
    }


_RUN_NAME, _DATE = "attributes.`Run Name`", "runDateAndNestInfo"


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def _section(name: str, is_open: bool) -> dict[str, Any]:
    return {"uuid": name, "name": name, "display": is_open, "isReordered": True}


def _charts(params: Sequence[str]) -> list[dict[str, Any]]:
    common = {"metricSectionId": "Findings", "runsCountToCompare": 20}
    bars = [{"type": "BAR", "uuid": name, "metricKey": name, **common} for name in FIRST]
    axes = {"xaxis": {"type": "METRIC", "key": "sparsity"}, "yaxis": {"type": "METRIC", "key": FIRST[0]}}
    scatter = {"type": "SCATTER", "uuid": "sparsity", **axes, **common}
    lines = {"type": "PARALLEL", "uuid": "swept", "selectedParams": list(params), "selectedMetrics": [FIRST[0]]}
    return [*bars[:3], scatter, *bars[3:], *([{**lines, "showAllRuns": True, **common}] if params else [])]
