"""The tools that are compared: one a file. To add one, write a module with ``run`` and list it here.

Every tool gets the same dense network, region, classes and seconds, one thread, and a process of its own. What it finds is
checked on the dense network in float64, by the same code for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Tool:
    """A tool as it is measured.

    Attributes:
        module: the module in this package whose ``run(task, trace)`` does it.
        amount: share of the weights pruned by global magnitude before the MILP is built; 0 is the dense network.
        needs: importable names that the ``bench`` extra provides.
        title: what is run, for the reader.
    """

    module: str
    amount: float
    needs: tuple[str, ...]
    title: str

    @property
    def is_dense(self) -> bool:
        """Whether the MILP describes the dense network: only then its dual bound says something about that network."""
        return self.amount == 0.0

    def missing(self) -> list[str]:
        """Return which of ``needs`` are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


OURS = "ours"
"""The tool that the others are compared with."""

TOOLS: dict[str, Tool] = {
    OURS: Tool("this_project", 0.0, (), "this project, best setting"),
    "ours-authors": Tool("authors_setting", 0.0, (), "this project in the authors' setting, dense network, HiGHS"),
    "ours-authors-0.8": Tool("authors_setting", 0.8, (), "this project in the authors' setting, 0.8 surrogate, HiGHS"),
    "omlt-highs": Tool("omlt_highs", 0.0, ("omlt",), "OMLT big-M, HiGHS"),
    "pyscipopt-ml-scip": Tool("pyscipopt_ml_scip", 0.0, ("pyscipopt", "pyscipopt_ml"), "PySCIPOpt-ML big-M, SCIP"),
    "gurobi-dense": Tool(
        "authors_pipeline",
        0.0,
        ("pyscipopt", "pyscipopt_ml", "gurobipy"),
        "the authors' pipeline (PySCIPOpt-ML big-M, MPS, Gurobi), dense network",
    ),
    "gurobi-0.8": Tool(
        "authors_pipeline",
        0.8,
        ("pyscipopt", "pyscipopt_ml", "gurobipy"),
        "the authors' pipeline, global-magnitude 0.8 surrogate, not finetuned",
    ),
}
"""Every tool by its name."""
