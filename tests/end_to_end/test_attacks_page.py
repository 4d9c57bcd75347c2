"""The page on the attacks: its Python runs block after block, its names are the program's; its commands: test_plan_of_pages."""

from __future__ import annotations

from pages import ROOT, commands, run_python

from surrogate.attack import ON_INCUMBENT, STARTS, Status
from surrogate.bounds import METHODS
from sweep.config.attack_facts import OBJECTIVES
from sweep.tasks.attacks import ATTACKS

PAGE = (ROOT / "docs" / "attacks.md").read_text()


def test_its_python_runs() -> None:
    names = run_python("docs/attacks.md")
    optimum = names["optimum"]
    assert optimum.solver_status == "optimal"
    for found in (names["yardstick"], names["sparse"], names["verdict"], names["regions"]):
        assert found.margin <= optimum.dense_bound + 1e-4
    assert names["verdict"].status in (Status.ADVERSARIAL, Status.ROBUST)
    assert names["verdict"].status is optimum.status
    assert len(names["gains"]) == len(names["regions"].regions) > 0
    assert names["nearest"].dual_bound > 0.0
    assert names["largest"].margin <= names["largest"].dense_bound


def test_it_names_all_there_is() -> None:
    for name in (*ATTACKS, *OBJECTIVES, *ON_INCUMBENT, *STARTS, *METHODS, *(str(status) for status in Status)):
        assert f"`{name}`" in PAGE, name
    assert len(commands("docs/attacks.md")) == 6
    assert len(PAGE.splitlines()) <= 120
