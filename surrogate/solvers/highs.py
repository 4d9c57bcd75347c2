"""HiGHS through highspy: Pyomo's standard form goes straight into a fresh solver object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import highspy
import numpy as np

from surrogate.errors import SolverFailure
from surrogate.networks import BoolArray, FloatArray
from surrogate.quiet_highs import QuietHighs, require_sound_highs, to_highs
from surrogate.solvers.from_arrays import ArraySolver, Ending, Run
from surrogate.solvers.listener import Listener
from surrogate.solvers.scaling import ScaledForm


@dataclass(frozen=True)
class HighsSolver(ArraySolver):
    """The open-source solver HiGHS; the attributes are those of :class:`Solver`.

    Raises:
        InvalidSetting: a setting out of range, or a version of HiGHS that is known to be wrong.
    """

    name: ClassVar[str] = "highs"
    title: ClassVar[str] = "HiGHS"
    package: ClassVar[str] = "highspy"
    feasibility_tolerance: ClassVar[float] = 1e-7
    quadratic: ClassVar[bool] = False
    dual_tolerance: ClassVar[float] = 1e-7  # HiGHS's dual_feasibility_tolerance
    # Presolve has been seen to call feasible models infeasible, or to fail, on regions of radius 1e-4.
    doubtful: ClassVar[tuple[str, ...]] = (
        "Infeasible",
        "Solve error",
        "Presolve error",
        "Postsolve error",
        "Unknown",
        "Primal infeasible or unbounded",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_sound_highs()

    @contextmanager
    def loaded(self, form: ScaledForm, integral: BoolArray, start: FloatArray | None, listener: Listener) -> Iterator[Run]:
        lp = to_highs(form.matrix, form.row_lower, form.row_upper, form.cost, form.lower, form.upper)
        lp.offset_ = form.offset
        lp.integrality_ = [highspy.HighsVarType.kInteger if kind else highspy.HighsVarType.kContinuous for kind in integral]
        highs = self.empty()
        if highs.passModel(lp) == highspy.HighsStatus.kError:
            raise SolverFailure("HiGHS refused the model: check it for bounds or coefficients that are NaN or beyond 1e15")
        if start is not None:
            solution = highspy.HighsSolution()
            solution.col_value = start
            highs.setSolution(solution)
        root: list[float] = []

        def improving(event: Any) -> None:
            listener.meet(np.asarray(event.data_out.mip_solution, dtype=np.float64))

        def interrupt(event: Any) -> None:
            if event.data_out.mip_node_count <= 1:  # the root is the first
                root[:] = [float(event.data_out.mip_dual_bound)]
            if listener.pause():
                event.interrupt()

        highs.cbMipImprovingSolution.subscribe(improving)
        highs.cbMipInterrupt.subscribe(interrupt)

        def run(seconds: float, presolve: bool) -> Ending:
            if not presolve:
                highs.setOptionValue("presolve", "off")
            highs.setOptionValue("time_limit", seconds)
            highs.run()
            info = highs.getInfo()
            found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
            # A linear programme has no dual bound of its own in HiGHS's information; at optimality it is the objective.
            bound = float(info.mip_dual_bound if integral.any() else info.objective_function_value)
            nodes = max(int(info.mip_node_count), 0)
            return Ending(
                verdict=highs.modelStatusToString(highs.getModelStatus()),
                columns=np.array(highs.getSolution().col_value) if found else None,
                bound=bound,
                work={"nodes": nodes, "simplex_iterations": max(int(info.simplex_iteration_count), 0)},
                root=bound if nodes <= 1 else next(iter(root), None),
            )

        yield run

    def start_from(self, form: ScaledForm, integral: BoolArray, values: FloatArray) -> FloatArray:
        return values

    def empty(self) -> QuietHighs:
        """Return a HiGHS object without a model, with these settings."""
        highs = QuietHighs()
        highs.setOptionValue("threads", self.threads)
        highs.setOptionValue("random_seed", self.seed)
        highs.setOptionValue("mip_rel_gap", self.relative_gap)
        highs.setOptionValue("dual_feasibility_tolerance", self.dual_tolerance)
        # The default 1e-6 costs proofs: what is cut off within the tolerance, big-M constants multiply. Below 1e-8 HiGHS 1.16.0
        # has called wrong optima optimal: tests/surrogate/test_highs.py keeps such a model.
        highs.setOptionValue("mip_feasibility_tolerance", self.feasibility_tolerance)
        # Below this HiGHS drops a coefficient without a word; the default 1e-9 would drop real weights.
        highs.setOptionValue("small_matrix_value", 1e-12)
        return highs
