"""The tools that are compared, and the search without parts of itself: one module a tool.

Every tool gets the same model, networks and seconds, one thread, and a process of its own. To add one, write a module with
``run`` and list it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from surrogate.models import MEMBERS


@dataclass(frozen=True)
class Tool:
    """A tool as it is measured.

    Attributes:
        module: the module in this package whose ``run(asked, boxes, settings, trace)`` does it.
        title: what is run, for the reader.
        settings: handed to ``run``.
        sparsity: to which the networks are pruned before the clock starts; None gives the tool no pruned networks.
        finetuned: whether they are finetuned, also before the clock starts.
        boxes: whether the tool needs boxes of the networks' inputs.
        needs: importable names that the ``bench`` extra provides.
    """

    module: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    sparsity: float | None = None
    finetuned: bool = False
    boxes: bool = False
    needs: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Return which of ``needs`` are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


SEARCH = "search"
"""The tool that the others are compared with."""

DENSE = "dense-highs"
"""The same without a search: what pruned networks are compared with."""

GUROBI = "gurobi-ml"

SCIP = "pyscipopt-ml-scip"

PEERS: dict[str, Tool] = {
    SEARCH: Tool("search", "this search, default settings"),
    DENSE: Tool("milp", "the dense MILP alone, HiGHS: plain CROWN bounds, no start"),
    GUROBI: Tool("gurobi", "gurobi-machinelearning, Gurobi", boxes=True, needs=("gurobipy", "gurobi_ml")),
    SCIP: Tool("scip", "PySCIPOpt-ML big-M, SCIP", boxes=True, needs=("pyscipopt", "pyscipopt_ml")),
    "omlt-highs": Tool("omlt_highs", "OMLT big-M, HiGHS", boxes=True, needs=("omlt",)),
}
"""What stands side by side."""

SPARSITIES = (0.5, 0.8, 0.9)

AGAIN = "search-again"
"""The control: what differs between two runs that only chance tells apart."""

VARIANTS: dict[str, Tool] = (
    {AGAIN: Tool("search", "this search with another seed", {"seed": 1})}
    | {
        f"without-{member}": Tool(
            "search", f"this search without its member {member}", {"members": [name for name in MEMBERS if name != member]}
        )
        for member in MEMBERS
    }
    | {
        "without-any-walk": Tool(
            "search",
            "this search without all that walks: points, neighbourhoods and MILPs",
            {"members": ["neighbourhoods", "surrogates", "dense"]},
        )
    }
)
"""The search with another seed, without one of its members each, and without all that walk."""

ALONE = "surrogate-milp"

REPAIRED = "surrogates-only"

JOINED = "walks-surrogates"

WALKS = "walks"
"""The search by walks alone, which begin at points that are drawn."""


def sparse_name(kind: str, sparsity: float, finetuned: bool) -> str:
    """Return the name of a tool with pruned networks."""
    return f"{kind}-{sparsity:g}" + ("-finetuned" if finetuned else "")


SPARSE: dict[str, Tool] = {
    sparse_name(kind, sparsity, finetuned): Tool(
        module,
        f"{what}, {sparsity:g} of the weights pruned, {'finetuned' if finetuned else 'not finetuned'}",
        settings,
        sparsity,
        finetuned,
    )
    for kind, module, what, settings in (
        (ALONE, "milp", "the MILP with pruned networks, HiGHS", {}),
        (
            REPAIRED,
            "search",
            "the MILP with pruned networks, and walks from its decisions only",
            {"members": ["surrogates"], "first_points": False, "repair": True},
        ),
        (JOINED, "search", "walks from drawn points and from pruned networks' decisions", {"members": ["surrogates", "walks"]}),
    )
    for sparsity in SPARSITIES
    for finetuned in (False, True)
}
"""Pruned networks alone, the paper's way; the same with repair; and as one member of two."""

TOOLS: dict[str, Tool] = PEERS | VARIANTS | {WALKS: Tool("search", "this search, walks alone", {"members": ["walks"]})} | SPARSE
"""Every tool by its name."""
