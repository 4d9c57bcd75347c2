"""Whether a solver can be believed: versions that are known to be wrong, and small models that tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import highspy
import numpy as np
import pytest
from oracles import random_network
from solving import every_solver

from surrogate.bounds import Lp
from surrogate.errors import InvalidSetting, SolverFailure
from surrogate.quiet_highs import LEAST, QuietHighs
from surrogate.region import Region
from surrogate.solvers import HighsSolver, Solution, Solver, SolverStatus, __main__, selftest

ROOT = Path(__file__).parents[2]


@every_solver
def test_every_solver_is_right_on_every_model(kind: type[Solver]) -> None:
    assert selftest.mistakes(kind()) == []


LIES: dict[str, Callable[[Solution], Solution]] = {
    "a wrong optimum, with its bound": lambda s: replace(
        s, objective=(s.objective or 0.0) + 0.8, dual_bound=(s.objective or 0.0) + 0.8
    ),
    "a bound beyond the optimum": lambda s: replace(s, dual_bound=(s.objective or 0.0) + 0.8),
    "values that are not the optimum's": lambda s: replace(s, values=None if s.values is None else s.values + 1.0),
    "everything is infeasible": lambda s: replace(s, status=SolverStatus.INFEASIBLE, values=None, objective=None),
    "nothing is infeasible": lambda s: (
        s if s.values is not None else replace(s, status=SolverStatus.OPTIMAL, values=np.zeros(2))
    ),
    "optimal without values": lambda s: replace(s, values=None),
}


@dataclass(frozen=True)
class Liar(HighsSolver):
    """HiGHS, with something else for an answer."""

    name: ClassVar[str] = "liar"
    package: ClassVar[str] = "highspy"
    lie: Callable[[Solution], Solution] = lambda solution: solution

    def solve(self, *arguments: Any, **named: Any) -> Solution:
        selftest.require_believable(self)
        return self.lie(HighsSolver().solve(*arguments, **named))


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_solver_is_found_out(lie: str) -> None:
    found = selftest.mistakes(Liar(lie=LIES[lie]))
    assert found
    if lie == "a wrong optimum, with its bound":
        assert found[0].startswith("covering (HiGHS issue 2957): optimal, value 29.0")
        assert found[0].endswith("right is 28.2")
    if lie == "nothing is infeasible":
        assert [sentence for sentence in found if sentence.startswith("parity") and sentence.endswith("right is infeasible")]


def test_a_failure_is_a_mistake_with_its_words() -> None:
    def fail(_: Solution) -> Solution:
        raise SolverFailure("licence expired")

    assert selftest.mistakes(Liar(lie=fail))[0] == "covering (HiGHS issue 2957): licence expired; right is 28.2"


class TestBeforeTheFirstModel:
    @pytest.fixture(autouse=True)
    def unknown_versions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(selftest, "TESTED", {"highspy": "1.99.0"})
        monkeypatch.setattr(selftest, "_found", {})

    def solve(self, solver: Solver) -> Solution:
        model = selftest.MODELS["parity"][0]()
        return solver.solve(model, [], warm_start=False, on_incumbent=lambda *_: False, deadline=np.inf)

    def test_another_version_is_tried_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[Solver] = []
        truth = selftest.mistakes
        monkeypatch.setattr(selftest, "mistakes", lambda solver: seen.append(solver) or truth(solver))
        solver = HighsSolver(time_limit_seconds=1e-3, threads=2)
        for _ in range(3):
            self.solve(solver)
        assert seen == [replace(solver, time_limit_seconds=selftest.SECONDS)]

    def test_the_version_of_the_tests_is_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(selftest, "version", lambda _: "1.99.0")
        monkeypatch.setattr(selftest, "mistakes", lambda _: pytest.fail("solved the models"))
        assert self.solve(HighsSolver()).status is SolverStatus.INFEASIBLE

    def test_a_liar_solves_nothing_then_or_later(self) -> None:
        liar = Liar(lie=LIES["a wrong optimum, with its bound"])
        for _ in range(2):
            with pytest.raises(
                SolverFailure, match=r"liar \(highspy .*gives wrong answers to 6 of 7.*install highspy==1\.99.*28\.2"
            ):
                self.solve(liar)

    def test_what_was_interrupted_is_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(_: Solver) -> list[str]:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(selftest, "mistakes", interrupt)
            with pytest.raises(KeyboardInterrupt):
                self.solve(HighsSolver())
        with pytest.raises(SolverFailure, match="gives wrong answers"):
            self.solve(Liar(lie=LIES["everything is infeasible"]))


@pytest.mark.parametrize("version", [(1, 15, 1), (1, 14, 0), (0, 99, 9)])
def test_a_version_of_highs_that_is_wrong_is_refused_wherever_it_would_be_used(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, number in zip(("MAJOR", "MINOR", "PATCH"), version, strict=True):
        monkeypatch.setattr(highspy, f"HIGHS_VERSION_{part}", number)
    words = rf"HiGHS {'.'.join(map(str, version))} is installed.*1\.16\.0 or later is needed: pip install 'highspy>=1\.16\.0'"
    network = random_network(np.random.default_rng(0), (3, 6, 6, 2))
    for use in (HighsSolver, QuietHighs, lambda: Lp().compute(network, Region(-1.0, 1.0, np.zeros(3)))):
        with pytest.raises(InvalidSetting, match=words):
            use()


def test_every_use_of_highs_goes_through_the_one_that_looks_at_the_version() -> None:
    for path in [*(ROOT / "surrogate").rglob("*.py"), *(ROOT / "sweep").rglob("*.py")]:
        if path.name != "quiet_highs.py":
            assert not re.search(r"highspy\.Highs\(|\(highspy\.Highs\)|import Highs\b", path.read_text()), path


def test_floor_and_tested_versions_are_those_that_are_installed_by_default() -> None:
    assert f'"highspy>={LEAST[0]}.{LEAST[1]}"' in (ROOT / "pyproject.toml").read_text()
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().lower().split() if "==" in line)
    assert {package: pinned[package] for package in selftest.TESTED} == selftest.TESTED


class TestCommand:
    def test_says_so_for_every_solver(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(__main__, "SOLVERS", {"highs": HighsSolver})
        assert __main__.main() == 0
        assert re.fullmatch(r"highs \(highspy [\d.]+\): right on 7 of 7 models\n", capsys.readouterr().out)

    def test_names_wrong_answers_and_what_is_not_there(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing() -> Solver:
            raise InvalidSetting("solver=gurobi needs the package gurobipy, which is not installed")

        class Wrong(Liar):
            def __init__(self) -> None:
                super().__init__(lie=LIES["a bound beyond the optimum"])

        monkeypatch.setattr(__main__, "SOLVERS", {"gurobi": missing, "liar": Wrong})
        assert __main__.main() == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "gurobi: solver=gurobi needs the package gurobipy, which is not installed"
        assert re.fullmatch(r"liar \(highspy [\d.]+\): right on 1 of 7 models", lines[1])
        assert lines[2].startswith("  covering (HiGHS issue 2957): optimal, value 28.2")
