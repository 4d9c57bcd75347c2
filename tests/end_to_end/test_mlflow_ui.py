"""A tracked sweep as people see it: MLflow's own UI in headless Chromium, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import postgres
import pytest
import screenshots
import synthetic
from mlflow import MlflowClient
from mlflow.entities import Run
from selenium.webdriver.remote.webdriver import WebDriver

from surrogate.networks import ReluNetwork
from sweep.report.figures import figures
from sweep.tracking import Tracker
from sweep.tracking.views import FIRST

pytestmark = pytest.mark.skipif(
    not (screenshots.CHROMIUM.exists() and screenshots.CHROMEDRIVER.exists()),
    reason=f"needs {screenshots.CHROMIUM} and {screenshots.CHROMEDRIVER} (Debian: apt-get install chromium chromium-driver)",
)

NAME = "digits-for-the-browser"


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, postgres.needs_postgres])]
)
def database(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """What ``tracking.uri`` is; None for the SQLite file that a sweep makes itself."""
    if request.param == "sqlite":
        yield None
        return
    with postgres.cluster() as cluster:
        yield cluster.create("mlflow")


@pytest.fixture(scope="module")
def tracked(database: str | None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tracker, Run, list[Run]]:
    """A small sweep in a store of its own: the parent run and its finished children by name."""
    folder = tmp_path_factory.mktemp("browser")
    records = synthetic.sweep(networks=[(2, 16)], images=(2732, 4547))
    for record in records:  # as the plan has it: what has no effect is not swept
        pruned = record.config["pruning"]["method"] != "none"
        record.swept = {"attack": record.config["attack"]["method"], "pruning": record.config["pruning"]["method"]}
        record.swept |= {"pruning.amount": record.config["pruning"]["amount"]} if pruned else {}
    tracker = Tracker(database, "digits", folder / "mlruns")
    tracker.start_sweep(NAME, {"dataset": {"name": "digits"}}, ["+experiment=digits"], "3 trials")
    tracker.log_network("key-of-2x16", ReluNetwork([np.eye(3), np.ones((2, 3))], [np.zeros(3), np.arange(2.0)]))
    for record in records:
        record.config["dataset"] |= {"function": None, "inputs": None}
        tracker.log_trial(record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweep.report.writing.figures", lambda: [kind for kind in figures() if kind.name == "success"])
        files = synthetic.write_report(records, folder / "report")
    tracker.finish_sweep(records, "FINISHED", files)
    return tracker, *screenshots.newest_sweep(MlflowClient(tracking_uri=tracker.uri))


@pytest.fixture(scope="module")
def address(tracked: tuple[Tracker, Run, list[Run]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with screenshots.server(tracked[0].uri, tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def driver() -> Iterator[WebDriver]:
    with screenshots.browser() as driver:
        yield driver


@pytest.fixture(scope="module")
def pages(driver: WebDriver, address: str) -> screenshots.Pages:
    return screenshots.Pages(driver, address)


@pytest.fixture(autouse=True)
def screenshot(request: pytest.FixtureRequest, pages: screenshots.Pages) -> Iterator[None]:
    """Keep what the browser showed at the end of each test, in the folder SCREENSHOT_DIR if it is set."""
    yield
    if folder := os.environ.get("SCREENSHOT_DIR"):
        pages.screenshot(Path(folder) / f"{request.node.name}.png")


def shown(value: float) -> str:
    """Return a metric's value as the comparison rounds it."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def test_the_experiment_lists_the_sweep(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    _, parent, children = tracked
    pages.experiment(parent.info.experiment_id, [NAME, f"{len(children) + 1} matching runs", "The trials as a table"])


@pytest.mark.slow
def test_trials_are_seen_without_a_click(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    _, parent, children = tracked
    pages.experiment(parent.info.experiment_id, [NAME, *(str(child.info.run_name) for child in children)])
    pages.wait(lambda: set(pages.rows()) == {NAME, *(child.info.run_name for child in children)}, "not all were listed")


@pytest.mark.slow
def test_the_table_of_trials_shows_six_metrics_and_what_was_swept(
    pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]
) -> None:
    _, parent, children = tracked
    pages.experiment(parent.info.experiment_id, ["The trials as a table"])
    pages.follow("a table")
    pages.wait(lambda: len(pages.rows()) == len(children), "the trials alone were never listed")
    swept = ["attack", "pruning", "pruning.amount"]
    pages.wait(lambda: pages.columns()[2:11] == [*FIRST, *swept], f"the columns were {pages.columns()}")
    by_value = sorted(children, key=lambda run: -run.data.metrics["value"])
    assert pages.rows() == [run.info.run_name for run in by_value]
    assert pages.cut_headers(swept) == [], "the name of what was swept is cut"
    beginnings = [name[:8] for name in FIRST]
    assert len(set(beginnings)) == len(beginnings)


@pytest.mark.slow
def test_the_charts_begin_with_the_findings(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    _, parent, _ = tracked
    pages.experiment(parent.info.experiment_id, ["The trials as a table"])
    pages.follow("charts")
    pages.wait(lambda: "Findings" in pages.text(), "the findings were never shown")
    pages.wait(lambda: pages.count(".js-plotly-plot .barlayer .point") >= 6, "no bar was drawn")


@pytest.mark.slow
def test_the_pictures_of_the_documentation(
    pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]], tmp_path: Path
) -> None:
    tracker, parent, children = tracked
    client = MlflowClient(tracking_uri=tracker.uri)
    paths = screenshots.take_pictures(pages, client, parent, children, tmp_path)
    assert [path.name for path in paths if path.stat().st_size < 10_000] == [], "an empty picture"
    docs = Path(__file__).parents[2] / "docs" / "images"
    assert {path.name for path in paths} == {path.name for path in docs.glob("mlflow-*.png")}


@pytest.mark.slow
def test_the_view_is_in_the_list_of_views(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    pages.experiment(tracked[1].info.experiment_id, ["Views"])
    pages.press("Views")
    pages.wait(lambda: "Trials" in pages.text(), "no view was listed")


def test_the_sweep_shows_its_findings_counts_and_children(
    pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]
) -> None:
    _, parent, children = tracked
    names = [str(child.info.run_name) for child in children]
    note = str(parent.data.tags["mlflow.note.content"]).splitlines()[0].strip("*")
    pages.run(parent, [NAME, note, "sweep/finished", "Child runs", *names, "Finished"])
    pages.run(parent, ["digits 8x8", "dense-key-of-2x16"])


@pytest.mark.slow
def test_the_report_is_on_the_sweep(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    _, parent, _ = tracked
    pages.run(parent, ["report", "ranking.csv", "success.png"], "/artifacts/report/success.png")
    pages.wait(lambda: bool(pages.loaded_images()), "the figure never appeared")


@pytest.mark.slow
def test_a_trial_shows_its_metrics_and_parent(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    child = next(run for run in tracked[2] if run.info.run_name == "2x16 magnitude 0.8")
    margin = str(child.data.metrics["attack/margin"])
    pages.run(child, ["2x16 magnitude 0.8", "attack/margin", margin, "accuracy/surrogate", "Parent run", NAME])


@pytest.mark.slow
def test_the_series_of_a_trial_are_charts(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    child = next(run for run in tracked[2] if run.info.run_name == "2x16 magnitude 0.8")
    pages.series(child, "incumbent")
    pages.wait(lambda: "image_4547" in pages.text(), "the second image had no series")


@pytest.mark.slow
def test_the_log_of_a_trial_is_read(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    pages.run(tracked[2][0], ["log.txt", f"{tracked[2][0].info.run_name}, key"], "/artifacts/log.txt")


@pytest.mark.slow
def test_the_pictures_of_a_trial_are_images(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    child = tracked[2][0]
    names = ["image_2732.png", "image_4547.png"]
    pages.run(child, ["pictures", *names, "instances.json", "config.yaml"], "/artifacts/pictures/image_2732.png")
    pages.wait(lambda: bool(pages.loaded_images()), "the picture never appeared")


@pytest.mark.slow
def test_the_instances_are_shown_as_a_table(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    pages.run(tracked[2][0], ["View as table", "instance_key", "2x16-2732", "2x16-4547"], "/artifacts/instances.json")


@pytest.mark.slow
def test_two_trials_are_compared(pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]) -> None:
    pair = [run for run in tracked[2] if run.info.run_name in ("2x16 dense", "2x16 magnitude 0.8")]
    margins = [shown(run.data.metrics["attack/margin"]) for run in pair]
    names = [str(run.info.run_name) for run in pair]
    pages.comparison(pair, ["Comparing 2 Runs from 1 Experiment", *names, "pruning.amount", "attack/margin", *margins])


@pytest.mark.slow
def test_a_comparison_begins_with_what_was_swept_and_the_value(
    pages: screenshots.Pages, tracked: tuple[Tracker, Run, list[Run]]
) -> None:
    pages.comparison(tracked[2], ["Parallel Coordinates Plot"])
    pages.wait(lambda: pages.axes() == ["attack", "pruning", "pruning.amount", "value"], f"the axes were {pages.axes()}")


@pytest.mark.slow
def test_a_sweep_can_be_recorded_through_the_server(pages: screenshots.Pages, address: str, tmp_path: Path) -> None:
    records = synthetic.sweep(networks=[(2, 16)], images=(2732,))[:2]
    tracker = Tracker(address, "remote", tmp_path / "mlruns")
    assert tracker.ui_command == address
    tracker.start_sweep("through-the-server", {}, ["+experiment=digits"], "1 trial")
    for record in records:
        tracker.log_trial(record)
    tracker.finish_sweep(records, "FINISHED", [])
    assert not (tmp_path / "mlruns").exists(), "the server keeps the artifacts"
    client = MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name("remote")
    assert experiment is not None
    children = client.search_runs([experiment.experiment_id], "tags.trial_key = '2x16-dense'")
    pages.run(children[0], ["pictures", "image_2732.png"], "/artifacts/pictures/image_2732.png")
    pages.wait(lambda: bool(pages.loaded_images()), "the picture never appeared")
