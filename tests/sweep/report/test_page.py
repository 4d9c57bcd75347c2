"""The page as a file: whole HTML that needs nothing but itself, and says what is missing."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import synthetic
from making import dense, margins, pruned, results, times

from sweep.records import TrialRecord
from sweep.report.figures import figures
from sweep.report.page import alerts
from sweep.report.results import SweepState, Unfinished
from sweep.report.writing import Budget, write_results

NO_FIGURES = Budget(seconds=-1.0)

EVERYWHERE = [kind for kind in figures() if not kind.of_search]

VOID = {"meta", "link", "img", "br"}

SCRIPTS = 3
"""Those of every page with a table: its own, and the two libraries, packed."""


class Parsed(HTMLParser):
    """Reads a page, and fails on a tag that is closed in the wrong place or not at all."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.scripts = 0
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "img":
            self.images.append(given)
        self.scripts += tag == "script" and given.get("type") != "application/json"
        self.addresses += [str(given[name]) for name in ("src", "href") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


def page_of(folder: Path, *records: TrialRecord, state: SweepState | None = None) -> Parsed:
    write_results(results(*records, state=state), folder, budget=NO_FIGURES)
    return Parsed((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a sweep of two networks, with all its figures."""
    folder = tmp_path_factory.mktemp("report")
    records = synthetic.sweep()
    for record in records:
        for instance in record.instances:
            instance.l0, instance.l1, instance.l2, instance.linf = 10.0, 1.0, 0.3, 0.1
    synthetic.write_report(records, folder, pictures={record.key: record for record in records}.get)
    return folder


def test_all_figures_are_in_the_page_itself_and_beside_it(whole: Path) -> None:
    parsed = Parsed((whole / "report.html").read_text(encoding="utf-8"))
    drawn = {path.stem for path in whole.glob("*.svg")}
    names = {kind.name for kind in EVERYWHERE} | {"limits-4x64", "limits-2x256"}
    assert drawn == names - {"norm"}, "no attack looked for the closest perturbation"
    assert drawn == {path.stem for path in whole.glob("*.png")}
    figure = [image for image in parsed.images if "svg" in str(image["src"]).partition(",")[0]]
    assert len(figure) == len(drawn)
    for image in parsed.images:
        head, data = str(image["src"]).split(",", 1)
        picture = base64.b64decode(data)
        assert picture.startswith(b"\x89PNG" if "png" in head else b"<?xml")
        assert len(str(image["alt"])) > 15
    links = [address for address in parsed.addresses if not address.startswith("data:")]
    assert all((whole / address).is_file() for address in links), "the page needs no network; its links are to files beside it"
    assert {path.name for path in whole.iterdir()} <= {*links, "report.html"}
    assert "Shortest perturbation" not in parsed.text, "what has nothing to show is not there"
    assert parsed.scripts == SCRIPTS
    assert (whole / "report.html").stat().st_size < 10 * 2**20
    assert not re.search(r"\bnan\b|None[^ ]|<NA>", parsed.text)


def test_letters_are_outlines_so_that_no_other_font_cuts_them(whole: Path) -> None:
    assert "<text" not in (whole / "stages.svg").read_text()


def test_equal_results_give_equal_files(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.report.writing.figures", lambda: [kind for kind in figures() if kind.name == "stages"])
    for path in synthetic.write_report(synthetic.sweep(), tmp_path):
        if path.suffix in (".svg", ".png", ".csv", ".md"):
            assert path.read_bytes() == (whole / path.name).read_bytes(), path.name


def test_the_first_sentences(tmp_path: Path) -> None:
    parsed = page_of(tmp_path, dense(times([2.0] * 12)), pruned(times([1.0] * 12)))
    assert "made-up\n" in parsed.text
    first = "2x16: no pruned copy beats the dense MILP within 20 s, but magnitude 0.8 is sooner on 12 of 12 images (sure)."
    assert first in parsed.text
    assert "2 finished trials, 24 attacks, 2 settings, 1 network, 12 different images." in parsed.text
    assert "is not complete" not in parsed.text


def test_images_that_several_networks_share_are_counted_once(tmp_path: Path) -> None:
    parsed = page_of(tmp_path, dense(times([2.0] * 3)), dense(times([2.0] * 3), (4, 64)))
    assert "6 attacks, 1 setting, 2 networks, 3 different images." in parsed.text


def test_names_and_errors_are_text_not_markup(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>"
    record = dense(times([2.0]))
    record.config["network"]["file"] = f"{evil}.onnx"
    state = SweepState(evil, 2, 1, (Unfinished(f"trial {evil}", "failed", f"{evil} & more" + "x" * 400),), (f"note {evil}",))
    parsed = page_of(tmp_path, record, state=state)
    assert parsed.scripts == SCRIPTS
    assert parsed.text.count(evil) >= 5
    assert f"{evil} & more" in parsed.text
    assert "x" * 400 not in parsed.text
    assert "x …" in parsed.text


def test_figures_that_there_was_no_time_for_say_so(tmp_path: Path) -> None:
    parsed = page_of(tmp_path, dense(times([2.0])))
    assert not [image for image in parsed.images if "svg" in str(image["src"])]
    assert parsed.text.count("Not drawn, because the sweep's end left too little time (-1 s)") == len(EVERYWHERE)
    write_results(results(dense(times([2.0]))), tmp_path, budget=Budget(hurried=lambda: True))
    assert "too little time: python -m sweep.report" in (tmp_path / "report.html").read_text()


def test_a_sweep_without_a_finished_trial_is_a_page_with_reasons(tmp_path: Path) -> None:
    state = SweepState(
        "mnist-1", 2, 0, (Unfinished("a", "failed", "training diverged"), Unfinished("b", "not finished", "it has not ended"))
    )
    write_results(results(state=state), tmp_path)
    parsed = Parsed((tmp_path / "report.html").read_text())
    assert "No trial has finished, so nothing has won." in parsed.text
    assert "0 of 2 planned trials finished, 1 trial failed, 1 trial not finished." in parsed.text
    assert "training diverged" in parsed.text
    assert not parsed.images
    assert parsed.scripts == 0, "there is nothing to filter"


def test_what_is_missing_is_said_at_the_top() -> None:
    assert alerts(results(state=SweepState("m", 2, 2))) == []
    assert alerts(results(state=SweepState("m", None, 2, notes=("how many is not known",)))) == ["m: how many is not known"]
    (text,) = alerts(results(state=SweepState("m", 5, 3, (Unfinished("a", "failed", "why"),))))
    assert text == (
        "m is not complete: 3 of 5 planned trials finished, 1 trial failed, 1 trial not finished. Only finished trials are in "
        "what follows."
    )


def test_several_sweeps_are_named_and_their_unfinished_trials_told_apart(tmp_path: Path) -> None:
    from sweep.report.results import results_of

    shared = dense(times([2.0]))
    states = [
        (SweepState(name, 2, 1, (Unfinished(f"of {name}", "failed", "why", f"key-{name}"),)), [shared])
        for name in ("one", "two")
    ]
    write_results(results_of(states), tmp_path, budget=NO_FIGURES)
    parsed = Parsed((tmp_path / "report.html").read_text())
    assert "one and two" in parsed.text
    assert "1 finished trial, 1 attack" in parsed.text, "a trial that both have counts once"
    assert "of one" in parsed.text
    assert "of two" in parsed.text
    assert "key-two" in parsed.text
    assert "python -m sweep.show KEY" in parsed.text


def test_the_first_screen_says_which_size_which_pruning_and_which_limit(tmp_path: Path) -> None:
    better = [dense(margins([0.0] * 12)), pruned(margins([1.0] * 12), 0.9), pruned(margins([0.0] * 12), 0.8)]
    for record in better:
        for instance in record.instances:
            instance.timeline = [{"seconds": 0.5, "dense_value": instance.dense_value}]
            instance.total_seconds = 20.0
    write_results(results(*better), tmp_path, budget=NO_FIGURES)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    said = re.findall(r"<dt>(.*?)</dt> <dd>(.*?)</dd>", page)
    assert [name for name, _ in said] == [
        "Network size that pays at the full limit",
        "Pruning that pays at the full limit",
        "Limits at which a pruned copy is ahead",
    ]
    assert (said[0][1], said[1][1]) == ("2x16", "magnitude 0.9")
    assert re.search(r"\d s", said[2][1])
    assert re.search(r'class="badge for">pays<', page)
    assert "12/12 <b>▲</b>" in page, "the heat map"
    asked = re.findall(r'class="ask"><span>(.*?)</span>', page)
    assert ["network size" in asked[0], "pruning" in asked[1], "time limit" in asked[2]] == [True] * 3


def test_evidence_and_long_alerts_fold_out(tmp_path: Path) -> None:
    notes = ("Short (but not long).", f"Busy machine: much of it ({'x; ' * 100}). What to do.")
    record = dense(times([2.0]))
    write_results(results(record, state=SweepState("m", 1, 1, notes=notes)), tmp_path, budget=NO_FIGURES)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<p class="alert" role="alert">m: Short (but not long).</p>' in page
    assert "<summary>m: Busy machine: much of it.</summary>" in page
    assert "What to do.</p></details>" in page


def test_a_page_of_many_trials_is_bounded_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.report.page.settings_table.MOST_ROWS", 5)
    monkeypatch.setattr("sweep.report.page.coordinates.MOST_LINES", 6)
    monkeypatch.setattr("sweep.report.page.instances.MOST", 2)
    records = [pruned(times([1.0] * 3), 0.1 * place) for place in range(1, 9)]
    for place, record in enumerate(records):
        record.swept = {"pruning.amount": 0.1 * place}
    parsed = page_of(tmp_path, dense(times([2.0] * 3)), *records)
    assert "4 more in ranking.csv." in parsed.text
    assert "6 of 9 trials are drawn, chosen at random" in parsed.text
    assert "2 of 3 instances, the first of each network" in parsed.text
