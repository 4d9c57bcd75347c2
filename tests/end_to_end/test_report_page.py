"""The page of a report as people see it, on a desktop and on a phone, in headless Chromium."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import looking
import pytest
import report_pages
import screenshots
import synthetic
from matplotlib.figure import Figure
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from sweep.records import TrialRecord
from sweep.report.figures import figures
from sweep.report.writing import Budget

pytestmark = pytest.mark.skipif(
    not (screenshots.CHROMIUM.exists() and screenshots.CHROMEDRIVER.exists()),
    reason=f"needs {screenshots.CHROMIUM} and {screenshots.CHROMEDRIVER} (Debian: apt-get install chromium chromium-driver)",
)

SIZES = pytest.mark.parametrize("size", [report_pages.DESKTOP, report_pages.PHONE], ids=["desktop", "phone"])

MAIN_STUDY = (
    ("surrogate", "none", 0.0, 0),
    ("gradient", "none", 0.0, 0),
    ("portfolio", "none", 0.0, 0),
    *(("surrogate", "magnitude", amount, 0) for amount in (0.5, 0.8, 0.95)),
    *(("surrogate", "magnitude", amount, 1) for amount in (0.8, 0.95)),
    ("surrogate", "structured", 0.5, 0),
)
"""The settings of conf/experiment/mnist.yaml."""


def measured(records: list[TrialRecord]) -> list[TrialRecord]:
    """Return the records with the norms of what was found, so that no figure is left out for want of them."""
    for record in records:
        for place, instance in enumerate(record.instances):
            instance.l0, instance.l1, instance.l2, instance.linf = 6.0 + place, 5.0, 2.2 - 0.1 * place, 1.0
    return records


def nothing_found(records: list[TrialRecord]) -> list[TrialRecord]:
    """Return the records with no adversarial input but by gradients and portfolio, as a hard data set gives them."""
    for record in records:
        for place, instance in enumerate(record.instances):
            if record.config["attack"]["method"] == "surrogate" or place:
                instance.status, instance.first_found_seconds = "unresolved", None
                instance.dense_value = -3.0 - place
                instance.timeline = [{"seconds": 0.002, "dense_value": -3.0 - place, "source": "start"}]
    return records


def many() -> list[TrialRecord]:
    """Six networks, and more settings with longer names than there is room for."""
    amounts = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
    pruned = [("surrogate", "layerwise_magnitude", amount, rounds) for amount in amounts for rounds in (0, 5)]
    networks = [(1, 16), (2, 16), (3, 16), (4, 64), (2, 256), (8, 128)]
    return synthetic.sweep(networks, settings=[*MAIN_STUDY[:3], *pruned])


def narrow(records: list[TrialRecord]) -> list[TrialRecord]:
    """Return the records with times that are all within a factor of some ten, as those of small networks are."""
    for record in records:
        for instance in record.instances:
            instance.total_seconds, found = 0.4, instance.first_found_seconds
            instance.first_found_seconds = None if found is None else 0.04 * float(found) ** 0.25
            instance.timeline = [{**event, "seconds": 0.04 * event["seconds"] ** 0.25} for event in instance.timeline]
    return records


CASES = {
    "main": lambda: measured(synthetic.sweep(settings=MAIN_STUDY)),
    "nothing found": lambda: nothing_found(measured(synthetic.sweep(settings=MAIN_STUDY, images=synthetic.IMAGES[:4]))),
    "many": lambda: measured(many()),
    "narrow": lambda: narrow(measured(synthetic.sweep(settings=MAIN_STUDY))),
}


@pytest.fixture(
    scope="module",
    params=["main", *(pytest.param(name, marks=pytest.mark.slow) for name in ("nothing found", "many", "narrow"))],
)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with all its figures."""
    records = CASES[request.param]()
    place = tmp_path_factory.mktemp("report")
    synthetic.write_report(records, place, pictures={record.key: record for record in records}.get)
    return place


@pytest.fixture(scope="module")
def driver() -> Iterator[WebDriver]:
    with screenshots.browser() as driver:
        yield driver


@pytest.mark.few(1)
@SIZES
def test_a_page_fits_its_window_and_begins_with_the_answers(
    folder: Path, driver: WebDriver, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    page = looking.open_page(driver, folder / "report.html", *size)
    assert (page.width, page.height) == size
    assert page.scroll <= page.width
    assert page.wide == []
    assert looking.bottom(driver, ".short div:last-child") <= page.height, "which size, which pruning, which limit"
    for part in (".headline", ".card .badge", ".card .who", ".card .who + p"):
        assert looking.bottom(driver, part) <= page.height, "who wins, by how much, how sure"
    for part in (".who", ".who + p") if driver.find_elements(By.CSS_SELECTOR, ".card.pays") else ():
        assert looking.bottom(driver, f".card.pays {part}") <= page.height, "the size that pays, by how much, how sure"
    keep(driver, request, "first")
    report_pages.unfold(driver)
    loaded = driver.execute_script("return [...document.images].map(image => image.complete && image.naturalWidth > 0)")
    assert loaded
    assert all(loaded)
    drawn = "[...document.images].filter(image => image.src.startsWith('data:image/svg'))"
    letters = driver.execute_script(f"return {drawn}.map(image => 12 * image.clientWidth / image.naturalWidth)")
    assert min(letters) >= 8, "CSS px of letters of 9 pt"
    assert driver.execute_script("return document.documentElement.scrollWidth") <= size[0], "unfolded it fits too"
    low = "return [...document.querySelectorAll('section, .figure, .card, .verdict, .table')].map(one => one.clientHeight)"
    assert min(driver.execute_script(low)) > 40, "no empty panel"
    assert looking.errors(driver) == []
    height = driver.execute_script("return document.documentElement.scrollHeight")
    looking.resize(driver, size[0], height)
    keep(driver, request, "all")


def keep(driver: WebDriver, request: pytest.FixtureRequest, part: str) -> None:
    """Save what is to be seen where SCREENSHOT_DIR says."""
    if kept := os.environ.get("SCREENSHOT_DIR"):
        driver.save_screenshot(str(Path(kept) / f"{request.node.name}-{part}.png"))


@pytest.fixture
def table(driver: WebDriver, tmp_path: Path) -> WebElement:
    """The table of all settings of a page without figures, ready to be filtered."""
    synthetic.write_report(CASES["main"](), tmp_path, budget=Budget(seconds=-1.0))
    looking.open_page(driver, tmp_path / "report.html", *report_pages.DESKTOP)
    report_pages.unfold(driver)
    return driver.find_element(By.ID, "settings")


def column(table: WebElement, title: str) -> list[str]:
    heads = [head.text for head in table.find_elements(By.CSS_SELECTOR, "thead th")]
    return [cell.text for cell in table.find_elements(By.CSS_SELECTOR, f"tbody td:nth-child({heads.index(title) + 1})")]


def head(table: WebElement, title: str) -> WebElement:
    return next(one for one in table.find_elements(By.CSS_SELECTOR, "thead th") if one.text == title)


@pytest.mark.slow
def test_no_column_of_the_table_is_cut_on_a_desktop(table: WebElement, driver: WebDriver) -> None:
    inner, outer = driver.execute_script(
        "const box = arguments[0].closest('.dt-layout-table'); return [box.scrollWidth, box.clientWidth]", table
    )
    assert inner <= outer


@pytest.mark.slow
def test_the_table_is_sorted_by_the_column_that_is_clicked(table: WebElement, driver: WebDriver) -> None:
    driver.find_element(By.CSS_SELECTOR, ".dt-length select").send_keys("all")
    before = [float(text) for text in column(table, "value")]
    assert before != sorted(before)
    head(table, "value").click()
    assert [float(text) for text in column(table, "value")] == sorted(before)
    head(table, "value").click()
    assert [float(text) for text in column(table, "value")] == sorted(before, reverse=True)
    assert looking.errors(driver) == []


@pytest.mark.slow
def test_the_table_is_filtered_by_words_by_choices_and_by_numbers(table: WebElement, driver: WebDriver) -> None:
    driver.find_element(By.CSS_SELECTOR, ".dt-length select").send_keys("all")
    everything = column(table, "method")
    search = driver.find_element(By.CSS_SELECTOR, ".dt-search input")
    search.send_keys("gradient")
    assert column(table, "method") == ["gradient"] * 2
    search.send_keys(Keys.CONTROL, "a", Keys.DELETE)
    assert column(table, "method") == everything

    buttons = table.find_elements(By.CSS_SELECTOR, "thead .dtcc-button_dropdown")
    titles = [one.text for one in table.find_elements(By.CSS_SELECTOR, "thead th")]
    buttons[titles.index("network")].click()
    driver.find_element(By.XPATH, "//*[contains(@class, 'dtcc-dropdown')]//button[contains(., '4x64')]").click()
    assert set(column(table, "network")) in ({"4x64"}, {"2x256"}), "one network is left"
    buttons[titles.index("network")].click()

    some = [float(text) for text in column(table, "value")]
    buttons[titles.index("value")].click()
    box = driver.find_element(By.CSS_SELECTOR, ".dtcc-dropdown .dtcc-search")
    Select(box.find_element(By.TAG_NAME, "select")).select_by_visible_text("Greater than")
    middle = sorted(some)[len(some) // 2]
    box.find_element(By.TAG_NAME, "input").send_keys(str(middle))
    assert [float(text) for text in column(table, "value")] == [value for value in some if value > middle]
    assert looking.errors(driver) == []


@pytest.mark.slow
def test_without_webgl_the_page_says_so_and_without_scripts_it_is_read(driver: WebDriver, tmp_path: Path) -> None:
    synthetic.write_report(CASES["main"](), tmp_path, budget=Budget(seconds=-1.0))
    none = "HTMLCanvasElement.prototype.getContext = () => null"
    added = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": none})
    try:
        looking.open_page(driver, tmp_path / "report.html", *report_pages.DESKTOP)
        driver.execute_script("document.getElementById('coordinates').scrollIntoView()")
        words = "This browser draws no WebGL"
        WebDriverWait(driver, 20).until(lambda _: words in driver.find_element(By.ID, "exploring").text)
    finally:
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    assert looking.errors(driver) == []
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get((tmp_path / "report.html").as_uri())
        rows = driver.find_elements(By.CSS_SELECTOR, "#settings tbody tr")
        assert len(rows) == 2 * len(MAIN_STUDY)
        assert all(row.is_displayed() for row in rows)
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.slow
def test_a_print_has_the_evidence_and_no_controls(driver: WebDriver, tmp_path: Path) -> None:
    synthetic.write_report(CASES["main"](), tmp_path, budget=Budget(seconds=-1.0))
    looking.open_page(driver, tmp_path / "report.html", *report_pages.DESKTOP)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        seen = "return arguments[0].checkVisibility({contentVisibilityAuto: true, contentVisibility: true})"
        for selector, is_seen in ((".verdict .evidence", True), ("#exploring", False), ("#one-by-one", False)):
            element = driver.find_element(By.CSS_SELECTOR, selector)
            assert driver.execute_script(seen.replace("contentVisibility: true", ""), element) == is_seen, selector
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.slow
def test_the_pictures_of_the_documentation_are_taken(folder: Path, tmp_path: Path) -> None:
    paths = report_pages.photograph(folder, tmp_path)
    assert [path.name for path in paths] == ["first-run-report.png", "first-run-report-phone.png"]
    sizes = [struct.unpack(">II", path.read_bytes()[16:24]) for path in paths]
    assert sizes == [report_pages.DESKTOP, report_pages.PHONE]


def test_no_label_of_a_figure_overlaps_another_and_nothing_is_cut_off(folder: Path, driver: WebDriver) -> None:
    drawn = sorted(folder.glob("*.svg"))
    kinds = {kind.name for kind in figures()}
    assert all(path.stem in kinds or path.stem.startswith("limits-") for path in drawn)
    assert any(path.stem.startswith("limits-") for path in drawn)
    assert len(drawn) >= 6
    for path in drawn:
        seen = looking.look_at_figure(driver, path)
        assert len(seen.labels) >= 6, path.stem
        assert (path.stem, seen.overlapping, seen.cut, seen.marks) == (path.stem, [], [], [])
    assert looking.errors(driver) == []


@pytest.mark.slow
def test_what_is_wrong_with_a_page_or_a_figure_is_seen(driver: WebDriver, tmp_path: Path) -> None:
    figure = Figure(figsize=(4.0, 2.0))
    ax = figure.add_axes((0.2, 0.2, 0.6, 0.6))
    ax.plot([0.0, 1.0], [0.5, 0.5], marker="o")
    ax.set_xlim(0.0, 2.0)
    ax.text(0.4, 0.52, "one label")
    ax.text(0.6, 0.52, "another")
    figure.text(0.95, 0.5, "too long")
    figure.savefig(tmp_path / "bad.svg")
    seen = looking.look_at_figure(driver, tmp_path / "bad.svg")
    assert seen.overlapping == ["one label | another"]
    assert seen.cut == ["too long"]
    assert len(seen.marks) == 1

    text = '<meta name="viewport" content="width=device-width"><p class="long" style="width: 2000px">a</p>'
    (tmp_path / "bad.html").write_text(f"<!doctype html>{text}<script>console.error('wrong'); missing()</script>")
    page = looking.open_page(driver, tmp_path / "bad.html", *report_pages.PHONE)
    assert page.scroll > page.width or page.width > report_pages.PHONE[0]
    assert page.wide == ["P.long"] or page.width > report_pages.PHONE[0]
    assert len(looking.errors(driver)) == 2
