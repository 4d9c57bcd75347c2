"""What a person sees at once on a page or a figure, asked of the browser: what overflows, overlaps or is cut off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from selenium.webdriver.remote.webdriver import WebDriver

GAP = 1.0
"""Pixels that labels must be apart, beyond the ink of their letters, so as not to be read as one."""

# Matplotlib writes letters as outlines, so a label is a group with an id, and what it says is a comment in it.
_FIGURE = """
const gap = arguments[0];
const root = document.documentElement, outer = root.getBoundingClientRect();
const box = element => { const r = element.getBoundingClientRect();
    return {left: r.left, top: r.top, right: r.right, bottom: r.bottom}; };
const said = group => [...group.childNodes].filter(n => n.nodeType === Node.COMMENT_NODE).map(n => n.data.trim()).join(" ");
const outside = (r, frame, room) => r.left < frame.left - room || r.top < frame.top - room
    || r.right > frame.right + room || r.bottom > frame.bottom + room;
const labels = [...root.querySelectorAll("g[id^='text_']")]
    .map(g => ({text: said(g), ...box(g)})).filter(l => l.right > l.left);
const overlapping = [], cut = [], marks = [];
labels.forEach((a, place) => labels.slice(place + 1).forEach(b => {
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > -gap
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > -gap) overlapping.push(`${a.text} | ${b.text}`);
}));
for (const label of labels) if (outside(label, outer, 0.5)) cut.push(label.text);
for (const shape of root.querySelectorAll("path, use, image")) {
    if (shape.closest("defs, clipPath, [clip-path], g[id^='text_']") !== null) continue;
    const r = box(shape);
    if (r.right > r.left && outside(r, outer, 1.5)) cut.push(shape.parentNode.id || shape.tagName);
}
const place = root.getScreenCTM();
for (const group of root.querySelectorAll("g[clip-path]")) {
    const clip = document.getElementById(group.getAttribute("clip-path").slice(5, -1)).firstElementChild;
    const [x, y, w, h] = ["x", "y", "width", "height"].map(name => parseFloat(clip.getAttribute(name)));
    const frame = {left: x * place.a + place.e, top: y * place.d + place.f,
        right: (x + w) * place.a + place.e, bottom: (y + h) * place.d + place.f};
    for (const mark of group.querySelectorAll("use")) {
        if (outside(box(mark), frame, 1.0)) marks.push(group.parentNode.id || "mark");
    }
}
return {labels: labels.map(l => l.text), overlapping, cut, marks};
"""

_PAGE = """
const wide = [...document.body.querySelectorAll("*")].filter(e => e.closest(".scroll") === null || e.matches(".scroll"))
    .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5);
return {
    width: document.documentElement.clientWidth,
    height: window.innerHeight,
    scroll: document.documentElement.scrollWidth,
    wide: wide.map(e => `${e.tagName}.${e.className}`),
};
"""


@dataclass(frozen=True)
class Figure:
    """What is to be seen on a figure.

    Attributes:
        labels: what is written on it.
        overlapping: pairs of labels that are read as one.
        cut: labels and shapes that reach over its border.
        marks: groups of dots of which one reaches over the border of its panel, and is cut there.
    """

    labels: list[str]
    overlapping: list[str]
    cut: list[str]
    marks: list[str]


@dataclass(frozen=True)
class Page:
    """How a page fits into its window: widths in pixels, and the elements that reach over its right border."""

    width: int
    height: int
    scroll: int
    wide: list[str]


def look_at_figure(driver: WebDriver, svg: Path) -> Figure:
    driver.get(svg.as_uri())
    return Figure(**driver.execute_script(_FIGURE, GAP))


def open_page(driver: WebDriver, page: Path, width: int, height: int) -> Page:
    """Open a page in a window of this size; one as narrow as a phone's is a phone's."""
    resize(driver, width, height)
    driver.get(page.as_uri())
    return Page(**driver.execute_script(_PAGE))


def resize(driver: WebDriver, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def bottom(driver: WebDriver, selector: str) -> float:
    """Return how far below the top of the page the first such element ends."""
    script = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom + window.scrollY"
    return float(driver.execute_script(script, selector))


SOFTWARE_GL = ("Automatic fallback to software WebGL", "GL Driver Message (OpenGL, Performance")
"""What Chromium says of itself where it draws WebGL without a graphics card, as on the machines of these tests."""


def errors(driver: WebDriver) -> list[str]:
    """Return what the console says is wrong since it was last asked."""
    entries = [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    return [message for message in entries if not any(words in message for words in SOFTWARE_GL)]
