"""Region: the support function against an LP, projections against their optimality condition, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import linear_maximum, random_region, sample
from scipy.optimize import minimize

from surrogate.errors import InvalidRegion
from surrogate.region import NORMS, Region

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("norm", ["l1", "linf", "none"])
@given(seed=seeds)
def test_support_equals_the_linear_programme(norm: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    region = random_region(rng, 6, norm)
    directions = rng.normal(size=(4, 6)) * (rng.random((4, 6)) < 0.8)
    values, points = region.support(directions)
    for direction, value, point in zip(directions, values, points, strict=True):
        assert value == pytest.approx(linear_maximum(region, direction), abs=1e-9)
        assert direction @ point == pytest.approx(value, abs=1e-9)
        assert region.contains(point)


def test_l2_support_equals_a_nonlinear_programme() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        region, direction = random_region(rng, 4, "l2"), rng.normal(size=4)
        (value,), (point,) = region.support(direction[None])
        found = minimize(
            lambda x, c: -c @ x,
            region.center,
            args=(direction,),
            bounds=list(zip(region.lower, region.upper, strict=True)),
            constraints={"type": "ineq", "fun": lambda x, r: r.radius**2 - ((x - r.center) ** 2).sum(), "args": (region,)},
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        )
        assert value == pytest.approx(-found.fun, abs=1e-6)
        assert region.contains(point)
        assert direction @ point == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("norm", NORMS)
@given(seed=seeds)
def test_no_sampled_point_beats_the_support(norm: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    region, directions = random_region(rng, 5, norm), rng.normal(size=(3, 5))
    values, _ = region.support(directions)
    assert (sample(rng, region, 200) @ directions.T <= values + 1e-9).all()


@pytest.mark.parametrize("norm", NORMS)
@given(seed=seeds)
def test_projection_is_the_nearest_point(norm: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    region, x = random_region(rng, 5, norm), 2.0 * rng.normal(size=(6, 5))
    projected = region.project(x)
    for far, near in zip(x, projected, strict=True):
        assert region.contains(near)
        # q is the projection of p onto a convex set exactly if (p - q)(y - q) <= 0 for every y of the set.
        (most,), _ = region.support((far - near)[None])
        assert most <= (far - near) @ near + 1e-8
    np.testing.assert_allclose(region.project(projected), projected, atol=1e-12)
    np.testing.assert_array_equal(region.project(x[0]), projected[0])


def test_a_ball_around_the_whole_box_changes_nothing() -> None:
    directions = np.random.default_rng(3).normal(size=(5, 4))
    box = Region(0.0, 1.0, [0.2, 0.4, 0.0, 1.0])
    for norm in ("l1", "l2", "linf"):
        values, _ = Region(0.0, 1.0, box.center, 100.0, norm).support(directions)
        np.testing.assert_allclose(values, box.support(directions)[0], atol=1e-12)


def test_contains_and_violation() -> None:
    region = Region(0.0, 1.0, [0.5, 0.5], 0.5, "l1")
    assert region.contains([0.75, 0.75])
    assert not region.contains([0.76, 0.76])
    assert region.violation([0.5, 1.25]) == pytest.approx(0.25)
    assert not region.contains([np.nan, 0.5])
    assert not region.contains([0.5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lower": 0.0, "upper": 1.0, "center": [0.5], "radius": 0.0, "norm": "l1"}, "radius must be a positive"),
        ({"lower": 0.0, "upper": 1.0, "center": [0.5], "radius": None, "norm": "l2"}, "radius must be a positive"),
        ({"lower": 0.0, "upper": 1.0, "center": [0.5], "radius": np.inf, "norm": "linf"}, "radius must be a positive"),
        ({"lower": 0.0, "upper": 1.0, "center": [0.5], "radius": 1.0, "norm": "l3"}, "not one of l1, l2, linf, none"),
        ({"lower": 0.0, "upper": 1.0, "center": [0.5], "radius": 1.0}, "takes no radius"),
        ({"lower": 0.0, "upper": 1.0, "center": [1.5]}, r"center\[0\] = 1.5 is not in"),
        ({"lower": [0.0, 2.0], "upper": 1.0}, "the box is empty"),
        ({"lower": 0.0, "upper": [1.0, 1.0], "center": [0.0, 0.0, 0.0]}, "must have one length"),
        ({"lower": 0.0, "upper": 1.0, "center": [np.nan]}, "center must be finite"),
        ({"lower": 0.0, "upper": 1.0, "center": [0.5], "radius": "x", "norm": "l1"}, "radius must be a positive"),
        ({"lower": [], "upper": []}, "at least one coordinate"),
        ({"lower": [[0.0]], "upper": 1.0}, "got shape"),
    ],
)
def test_what_is_no_region_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(InvalidRegion, match=message):
        Region(**arguments)
