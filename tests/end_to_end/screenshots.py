"""Opens tracked sweeps in the MLflow UI with headless Chromium, and photographs them.

The browser test uses the parts; as a script it takes the pictures of the documentation from any folder of runs:

    python tests/end_to_end/screenshots.py mlruns docs/images
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from mlflow import MlflowClient
from mlflow.entities import Run
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, CHROMEDRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
WIDTH, HEIGHT = 1280, 900
SERVER_SECONDS, PAGE_SECONDS = 120.0, 60.0
MAX_COMPARED = 4

FEWEST_ROWS = 10
"""A long list shows only the rows in sight: a picture is taken once so many are there."""

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)

# On a first visit MLflow opens an assistant for language models over a third of the page.
NO_ASSISTANT = """
try {
    localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
    localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
} catch (error) { /* about:blank has no storage */ }
"""


@contextlib.contextmanager
def server(backend_uri: str, folder: Path) -> Iterator[str]:
    """Serve the MLflow UI on a free loopback port and yield its address; end it with all its children."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Without the job runner, which takes four times as long to start and serves nothing that is looked at here.
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend_uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for_health(address, process, log)
        yield address
    finally:
        _end_group(process)


@contextlib.contextmanager
def browser() -> Iterator[WebDriver]:
    """Yield a headless Chromium with a fresh profile and a page of WIDTH x HEIGHT."""
    options = Options()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(str(CHROMEDRIVER)))
        try:
            size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": NO_ASSISTANT})
            yield driver
        finally:
            driver.quit()


class Pages:
    """The pages of one MLflow server; each method opens one and waits until it shows what is expected."""

    def __init__(self, driver: WebDriver, address: str) -> None:
        self._driver, self._address = driver, address

    def experiment(self, experiment_id: str, expected: Sequence[str]) -> None:
        self._open(f"/experiments/{experiment_id}/runs", expected)

    def run(self, run: Run, expected: Sequence[str], tab: str = "") -> None:
        self._open(f"/experiments/{run.info.experiment_id}/runs/{run.info.run_id}{tab}", expected)

    def series(self, run: Run, section: str) -> None:
        """Open the charts of a run's metrics at a section whose metrics have several points, until a line is drawn there."""
        self.run(run, [section], "/model-metrics")
        self.scroll_to(section)  # what is not in sight is not drawn
        lines = (By.CSS_SELECTOR, ".js-plotly-plot .scatterlayer .js-line")
        self.wait(lambda: self._driver.find_elements(*lines), f"{section} never had a line")

    def comparison(self, runs: Sequence[Run], expected: Sequence[str]) -> None:
        ids, experiments = [run.info.run_id for run in runs], [runs[0].info.experiment_id]
        query = f"runs={quote(json.dumps(ids))}&experiments={quote(json.dumps(experiments))}"
        self._open(f"/compare-runs?{query}", expected)

    def follow(self, link: str) -> None:
        """Open where a link with this text leads: of those in descriptions, in this window and not in a new one."""
        address = str(self._driver.find_element(By.LINK_TEXT, link).get_attribute("href"))
        self._driver.get("about:blank")
        self._driver.get(address)

    def press(self, button: str) -> None:
        """Click a button by its text."""
        self._driver.find_element(By.XPATH, f"//button[normalize-space(.)='{button}']").click()

    def rows(self) -> list[str]:
        """Return the names of the runs that are listed, in their order."""
        rows = self._driver.find_elements(By.CSS_SELECTOR, ".ag-pinned-left-cols-container [role=row]")
        placed = sorted(rows, key=lambda row: int(row.get_attribute("row-index") or 0))
        return [row.find_element(By.CSS_SELECTOR, "a").text for row in placed]

    def columns(self) -> list[str]:
        """Return the headers of the list of runs, from left to right."""
        return [header.text for header in self._headers()]

    def cut_headers(self, names: Sequence[str]) -> list[str]:
        """Return those of some columns whose header is wider than its column."""
        script = "return [...arguments[0].querySelectorAll('*')].some(e => e.scrollWidth > e.clientWidth + 1)"
        return [one.text for one in self._headers() if one.text in names and self._driver.execute_script(script, one)]

    def _headers(self) -> list[WebElement]:
        found = self._driver.find_elements(By.CSS_SELECTOR, ".ag-header-cell:not(.ag-header-group-cell)")
        return sorted((one for one in found if one.text), key=lambda one: one.location["x"])

    def axes(self) -> list[str]:
        """Return the axes of a parallel coordinates plot."""
        found = self._driver.find_elements(By.CSS_SELECTOR, ".parcoords .axis-title")
        return [axis.text for axis in found]

    def count(self, selector: str) -> int:
        return len(self._driver.find_elements(By.CSS_SELECTOR, selector))

    def text(self) -> str:
        return self._driver.find_element(By.TAG_NAME, "body").text

    def loaded_images(self) -> list[str]:
        """Return the sources of the images that have arrived and have pixels."""
        script = "return [...document.images].filter(i => i.complete && i.naturalWidth > 64).map(i => i.src)"
        return list(self._driver.execute_script(script))

    def scroll_to(self, text: str) -> None:
        script = "arguments[0].scrollIntoView({block: 'start'})"
        self._driver.execute_script(script, self._driver.find_element(By.XPATH, f"//*[normalize-space(text())='{text}']"))

    def wait(self, condition: object, message: str) -> None:
        """Wait until ``condition`` (called without arguments) is true."""
        assert callable(condition)
        WebDriverWait(self._driver, PAGE_SECONDS, ignored_exceptions=[StaleElementReferenceException]).until(
            lambda _: condition(), message
        )

    def screenshot(self, path: Path) -> None:
        time.sleep(1.0)  # charts fade in; nothing in the page tells when they have
        path.parent.mkdir(parents=True, exist_ok=True)
        self._driver.save_screenshot(str(path))

    def _open(self, route: str, expected: Sequence[str]) -> None:
        # Untold, MLflow shows its pages for language models, which know no parent runs and no descriptions.
        separator = "&" if "?" in route else "?"
        self._driver.get("about:blank")  # a change of the fragment alone would not load the page again
        self._driver.get(f"{self._address}/#{route}{separator}workflowType=machine_learning")
        for text in expected:
            self.wait(lambda text=text: text in self.text(), f"{route} never showed {text!r}")


def newest_sweep(client: MlflowClient) -> tuple[Run, list[Run]]:
    """Return the parent run that started last and its finished children by name."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, order_by=["attributes.start_time DESC"], max_results=1000)
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags and "sweep" in run.data.tags]
    if not parents:
        raise SystemExit("there is no tracked sweep to photograph")
    parent = parents[0]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    return parent, sorted((run for run in children if run.info.status == "FINISHED"), key=lambda run: str(run.info.run_name))


def photograph(runs: Path, folder: Path) -> list[Path]:
    """Write the pictures of :func:`take_pictures` of the newest sweep in a folder of runs."""
    client = MlflowClient(tracking_uri=f"sqlite:///{runs.absolute() / 'mlflow.db'}")
    parent, children = newest_sweep(client)
    with (
        tempfile.TemporaryDirectory() as scratch,
        server(client.tracking_uri, Path(scratch)) as address,
        browser() as driver,
    ):
        return take_pictures(Pages(driver, address), client, parent, children, folder)


def take_pictures(pages: Pages, client: MlflowClient, parent: Run, children: Sequence[Run], folder: Path) -> list[Path]:
    """Write the parent run, the trials as a table and as charts, a comparison of trials and a series of incumbents."""
    paths = [folder / f"mlflow-{name}.png" for name in ("sweep", "trials", "charts", "comparison", "series")]
    pages.run(parent, [str(parent.info.run_name), "Child runs", "Metrics ("])
    pages.screenshot(paths[0])
    pages.experiment(parent.info.experiment_id, ["The trials as a table"])
    pages.follow("a table")
    pages.wait(lambda: len(pages.rows()) >= min(len(children), FEWEST_ROWS), "the trials were never listed")
    pages.screenshot(paths[1])
    pages.experiment(parent.info.experiment_id, ["The trials as a table"])
    pages.follow("charts")
    pages.wait(lambda: pages.count(".js-plotly-plot .barlayer .point") >= 6, "no bar was drawn")
    pages.screenshot(paths[2])
    pages.comparison(children[:MAX_COMPARED], ["Parallel Coordinates Plot", "Run details", "Metrics:"])
    pages.wait(lambda: bool(pages.axes()), "no axis was drawn")
    pages.screenshot(paths[3])
    longest, section = _longest_series(client, children)
    pages.series(longest, section)
    pages.screenshot(paths[4])
    return paths


def _longest_series(client: MlflowClient, runs: Sequence[Run]) -> tuple[Run, str]:
    """Return the run whose series of incumbents has the most points, and the section of the page that has it."""
    found = [(run, name) for run in runs for name in run.data.metrics if name.startswith("incumbent/")]
    run, name = max(found, key=lambda one: len(client.get_metric_history(one[0].info.run_id, one[1])))
    return run, name.rpartition("/")[0]


def _wait_for_health(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SERVER_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the MLflow server ended at once:\n{log.read_text()}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the MLflow server did not answer within {SERVER_SECONDS:.0f} s:\n{log.read_text()}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its own group, and everything it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Photograph the newest sweep in the MLflow UI.")
    parser.add_argument("runs", type=Path, help="folder with mlflow.db, such as mlruns")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    arguments = parser.parse_args()
    for path in photograph(arguments.runs, arguments.folder):
        print(path)


if __name__ == "__main__":
    main()
