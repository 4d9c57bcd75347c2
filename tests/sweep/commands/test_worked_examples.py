"""The worked examples of the page on extensions, as it has them: swept, resumed, shown, in MLflow and in the report."""

from __future__ import annotations

import importlib
import io
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from composing import CONF, Composer
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from mlflow import MlflowClient
from mlflow.entities import Run
from pages import blocks, commands
from rich.console import Console

from surrogate import pruning
from sweep.commands import run as program
from sweep.commands import show
from sweep.config.overrides import forced
from sweep.errors import ConfigError

PAGE = "docs/extend.md"

QUICK = ("network.depth=1", "network.width=6", "training.epochs=2", "attack.radius=0.5")
"""So that it is a matter of seconds."""


@dataclass
class Examples:
    """A folder with the files of the page."""

    composer: Composer
    folder: Path
    uri: str

    def run(self, name: str, word: str, *more: str) -> str:
        """Run the command of the page with ``word`` in it as the sweep ``name``, and return what it printed."""
        (command,) = [one for one in commands(PAGE) if word in one]
        lines = forced([*shlex.split(command.removeprefix("python -m sweep -m ")), *QUICK, f"sweep.name={name}", *more])
        lines += [f"sweep.store={self.folder / 'store'}", f"tracking.uri={self.uri}"]
        terminal = io.StringIO()
        assert program.run(self.composer.plan(*lines), lines, parallel=False, console=Console(file=terminal, width=250)) == 0
        return terminal.getvalue()

    def shown(self, *arguments: str) -> str:
        terminal = io.StringIO()
        assert show.run([*arguments, f"sweep.store={self.folder / 'store'}"], Console(file=terminal, width=250)) == 0
        return terminal.getvalue()

    def report(self, name: str) -> Path:
        """Return the folder of the last report of a sweep."""
        return max((self.folder / "store" / "reports").glob(f"{name}-*"))

    def runs(self, name: str) -> list[Run]:
        """Return the runs of the trials in MLflow, by name."""
        client = MlflowClient(self.uri)
        experiment = client.get_experiment_by_name(name)
        found = client.search_runs([experiment.experiment_id], "tags.trial_key != ''")
        return sorted(found, key=lambda run: str(run.info.run_name))


@pytest.fixture
def examples(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examples]:
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())
    shutil.copytree(CONF, tmp_path / "conf")
    for block in blocks(PAGE):
        if block.title:
            file = tmp_path / (block.title if block.language == "yaml" else Path(block.title).name)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a") as opened:
                opened.write(block.text)
    monkeypatch.syspath_prepend(tmp_path)
    method = importlib.import_module("lookahead").PowerLookahead
    monkeypatch.setitem(pruning.METHODS, method.name, method)
    others = GlobalHydra.instance().hydra  # Hydra has one configuration a process, here that of the fixture ``composer``
    GlobalHydra.instance().clear()
    with initialize_config_dir(config_dir=str(tmp_path / "conf"), version_base="1.3", job_name="sweep"):
        yield Examples(Composer(), tmp_path, f"sqlite:///{empty_store / 'mlflow.db'}")
    GlobalHydra.instance().hydra = others
    for name in ("difference", "lookahead"):
        sys.modules.pop(name, None)


def settings_in(page: str) -> list[list[str]]:
    """Return the cells of the report's table of settings, row by row."""
    (table,) = re.findall(r'<table id="settings".*?</table>', page, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>.*?</tr>", table)]


def test_a_task_is_swept_resumed_shown_tracked_and_reported(examples: Examples) -> None:
    first = examples.run("boxes", "task=difference")
    assert "2 finished (0 reused), 0 failed of 2 trials." in first
    assert first.count("feasible 2/2, best difference ") == 2
    assert "2 finished (2 reused), 0 failed of 2 trials." in examples.run("boxes", "task=difference")

    report = examples.report("boxes")
    answers = pd.read_parquet(report / "instances.parquet")
    assert set(answers["task"]) == {"difference:DifferenceTask"}
    assert (answers["dense_bound"] >= answers["dense_value"]).all()
    medians = answers.groupby("trial_key")["dense_value"].median().sort_values(ascending=False)
    assert len(medians) == 2
    assert medians.iloc[-1] > 0.0
    ranked = pd.read_csv(report / "ranking.csv")
    assert list(ranked["trial_keys"]) == list(medians.index), "a larger difference is the better one, as the task says"
    assert list(ranked["value"]) == pytest.approx(list(medians))
    assert set(ranked["sense"]) == {"maximize"}
    names = [f"magnitude 0.5 task.parameters.width={width}" for width in (0.2, 0.05)]
    assert list(ranked["setting"]) == names, "the wider boxes have the narrower ones in them"
    assert "median difference" in (report / "ranking.md").read_text()
    page = (report / "report.html").read_text()
    head, *rows = settings_in(page)
    width, value = head.index("task.parameters.width"), head.index("value")
    assert [(row[width], row[value]) for row in rows] == [
        (text, f"{median:.3g}") for text, median in zip(("0.2", "0.05"), medians, strict=True)
    ]
    assert "value: median of the best difference on the dense networks." in page
    assert "2 different regions" in page

    listed, one = examples.shown("sweep=boxes"), examples.shown(str(medians.index[0]))
    assert all(name in listed for name in names)
    assert "box 1" in one
    assert "difference" in one
    runs = {run.data.tags["trial_key"]: run.data for run in examples.runs("boxes")}
    assert {key: data.metrics["value"] for key, data in runs.items()} == pytest.approx(dict(medians))
    assert [runs[key].params for key in medians.index] == [{"task.parameters.width": text} for text in ("0.2", "0.05")]
    assert all(data.metrics["bound"] >= data.metrics["value"] for data in runs.values())
    assert not [name for data in runs.values() for name in data.metrics if name.startswith(("attack/", "norm/"))]


def test_parameters_of_a_task_are_checked_before_anything_starts(examples: Examples) -> None:
    refused = "task.parameters.widht is not a parameter of task=difference:DifferenceTask (did you mean width?)"
    with pytest.raises(ConfigError, match=re.escape(refused)):
        examples.run("misspelt", "task=difference", "task.parameters.widht=0.1")


def test_a_pruning_method_is_swept_over_its_own_setting(examples: Examples) -> None:
    printed = examples.run("powers", "pruning=power_lookahead")
    assert "2 finished (0 reused), 0 failed of 2 trials." in printed
    assert "2 finished (2 reused), 0 failed of 2 trials." in examples.run("powers", "pruning=power_lookahead")
    report = examples.report("powers")
    ranked = pd.read_csv(report / "ranking.csv").sort_values("pruning.power")
    names = [f"power_lookahead 0.8 pruning.power={power}" for power in (1, 2)]
    assert list(ranked["setting"]) == names
    answers = pd.read_parquet(report / "instances.parquet").set_index("trial_key")
    assert list(ranked["value"]) == pytest.approx([answers["dense_value"][key] for key in ranked["trial_keys"]])
    head, *rows = settings_in((report / "report.html").read_text())
    assert {row[head.index("pruning.power")] for row in rows} == {"1", "2"}
    assert {row[head.index("pruning")] for row in rows} == {"power_lookahead"}
    listed = examples.shown("sweep=powers")
    assert all(name in listed for name in names)
    assert [run.data.params["pruning.power"] for run in examples.runs("powers")] == ["1", "2"]


def test_a_setting_is_swept_beside_methods_that_lack_it(examples: Examples) -> None:
    printed = examples.run("beside", "pruning=power_lookahead", "pruning=none,power_lookahead")
    assert "3 finished (0 reused), 0 failed of 3 trials." in printed
    ranked = pd.read_csv(examples.report("beside") / "ranking.csv").sort_values("pruning.power")
    powers = [f"power_lookahead 0.8 pruning.power={power}" for power in (1, 2)]
    assert list(ranked["setting"]) == [*powers, "dense MILP"]
    where = 'search.where=["pruning.method != \\"power_lookahead\\" or pruning.power > 1"]'
    lines = forced(["dataset=digits", "pruning.power=1,2", "pruning=magnitude,power_lookahead", *QUICK])
    trials = examples.composer.plan(*lines, where).trials
    assert [(trial.swept["pruning"], trial.swept.get("pruning.power")) for trial in trials] == [
        ("magnitude", None),
        ("power_lookahead", 2),
    ]
    where = 'search.where=["pruning.power < 1.5"]'
    assert len(examples.composer.plan(*lines[:1], *lines[2:], where).trials) == 2, "1 is the default of a configuration without"


def test_the_report_tells_settings_apart_by_what_counts_for_the_task(examples: Examples) -> None:
    """The task prunes whatever the attack, which it does not use."""
    more = ("pruning.amount=0.5,0.8", "task.parameters.width=0.05", "attack=gradient")
    assert "2 finished (0 reused), 0 failed of 2 trials." in examples.run("amounts", "task=difference", *more)
    report = examples.report("amounts")
    ranked = pd.read_csv(report / "ranking.csv").sort_values("amount")
    assert list(ranked["amount"]) == [0.5, 0.8]
    assert [name.split()[:2] for name in ranked["setting"]] == [["magnitude", "0.5"], ["magnitude", "0.8"]]
    medians = pd.read_parquet(report / "instances.parquet").groupby("trial_key")["dense_value"].median()
    assert list(ranked["value"]) == pytest.approx([medians[key] for key in ranked["trial_keys"]])
    head, *rows = settings_in((report / "report.html").read_text())
    assert sorted(row[head.index("pruning")] for row in rows) == ["magnitude", "magnitude"]
