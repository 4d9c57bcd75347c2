"""How tight a MILP is: what solvers had proven before they branched, and what answers say of it."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from solving import every_solver, knapsack, solve
from user_models import a_model, place

from surrogate.attack import BranchAndBoundAttack, Instance, RestrictionAttack, SurrogateAttack
from surrogate.bounds import Crown
from surrogate.models import optimise
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.solvers import Solver


@pytest.mark.few(2)
@every_solver
@pytest.mark.parametrize("sense", [pyo.maximize, pyo.minimize])
def test_the_root_is_no_tighter_than_the_end(kind: type[Solver], sense: int) -> None:
    solution = solve(kind(time_limit_seconds=3.0), knapsack(30, sense))
    assert solution.work["nodes"] > 1
    assert solution.root_bound is not None
    assert solution.dual_bound is not None
    assert solution.objective is not None
    outward = 1.0 if sense == pyo.maximize else -1.0
    assert outward * solution.root_bound >= outward * solution.dual_bound - 1e-6
    assert outward * solution.dual_bound >= outward * solution.objective - 1e-6
    assert outward * solution.root_bound <= 1.5 * abs(solution.objective), "the root has solved a relaxation"


def test_a_model_says_what_its_milps_had_proven() -> None:
    model = a_model(0.5)
    result = optimise(model, place(model), 20.0, members=("dense",), first_points=False)
    assert set(result.root_bounds) == {"dense"}
    assert result.value is not None
    assert result.root_bounds["dense"] <= result.value + 1e-4
    pruned = a_model(0.5)
    result = optimise(pruned, place(pruned, Pruning("magnitude", amount=0.5)), 5.0, members=("surrogates",), first_points=False)
    assert set(result.root_bounds) == {"surrogates"}


def test_an_attack_says_how_tight_its_network_is() -> None:
    rng = np.random.default_rng(1)
    network = random_network(rng, (4, 12, 8, 3))
    center = rng.uniform(size=4)
    region = Region(0.0, 1.0, center, 0.3, "linf")
    instance = Instance(region, label=int(network(center[None])[0].argmax()))
    pruned = prune(Pruning("magnitude", 0.5), network)
    found = {
        "dense": SurrogateAttack().run(network, network, instance),
        "pruned": SurrogateAttack().run(network, pruned, instance),
        "branch": BranchAndBoundAttack().run(network, instance),
        "restriction": RestrictionAttack(time_limit_seconds=1.0).run(network, instance),
    }
    for result in found.values():
        assert result.tightness["unstable"] > 0
        assert result.tightness["big_m"] > 0.0
    for name in ("dense", "pruned", "branch"):
        assert found[name].tightness["root_gap"] >= 0.0
    bounds = Crown().compute(instance.problem.fold(network, region), region)
    assert found["dense"].tightness["unstable"] == bounds.unstable_count
    assert found["dense"].tightness["big_m"] == pytest.approx(bounds.big_m)
