"""Opens the page of a report with everything on it unfolded and drawn, and photographs it.

The browser test uses the parts; as a script it takes the pictures of the documentation from any report:

    python tests/end_to_end/report_pages.py store/reports/mnist-20260131-120000 docs/images
"""

from __future__ import annotations

import argparse
from pathlib import Path

import looking
import screenshots
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

DESKTOP, PHONE = (1280, 800), (390, 844)
"""Pixels of a window on a desk and of a phone's."""

DRAW_SECONDS = 60.0

# Folds open one after the other: what is folded is drawn only when it comes into sight.
_UNFOLD = "document.querySelectorAll('main details').forEach(one => { one.open = true })"

_MISSING = """
const found = [];
const table = document.getElementById("settings"), lines = document.getElementById("coordinates");
if (table && !table.closest(".dt-container")) { table.scrollIntoView(); found.push("the table has no filters yet"); }
else if (lines && !lines.querySelector(".parcoords .axis")) { lines.scrollIntoView(); found.push("no axis is drawn"); }
else for (const one of document.querySelectorAll(".trajectory")) {
    if (!one.querySelector(".js-line, .point")) { one.scrollIntoView(); found.push(one.dataset.of); break; }
}
return found;
"""


def unfold(driver: WebDriver) -> None:
    """Open all folds of the page, and wait until everything that is drawn on demand is drawn."""
    driver.execute_script(_UNFOLD)
    WebDriverWait(driver, DRAW_SECONDS).until(
        lambda _: not driver.execute_script(_MISSING), f"not drawn: {driver.execute_script(_MISSING)}"
    )
    driver.execute_script("window.scrollTo(0, 0)")


def photograph(report: Path, folder: Path) -> list[Path]:
    """Write the first screens of the report in a folder: ``first-run-report.png`` and ``first-run-report-phone.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png" for name in ("first-run-report", "first-run-report-phone")]
    with screenshots.browser() as driver:
        for path, size in zip(paths, (DESKTOP, PHONE), strict=True):
            looking.open_page(driver, report / "report.html", *size)
            driver.save_screenshot(str(path))
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description="Photograph the page of a report.")
    parser.add_argument("report", type=Path, help="folder of the report")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    arguments = parser.parse_args()
    for path in photograph(arguments.report, arguments.folder):
        print(path)


if __name__ == "__main__":
    main()
