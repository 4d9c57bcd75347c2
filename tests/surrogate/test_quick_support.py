"""The float32 support beside the exact one."""

from __future__ import annotations

import numpy as np
import pytest
from amounts import examples
from hypothesis import given
from hypothesis import strategies as st
from oracles import random_region

from surrogate.bounds.quick_support import quick_support
from surrogate.region import Region


def check(region: Region, rows: np.ndarray) -> None:
    expected, _ = region.support(rows)
    values, points = quick_support(region)(rows)
    assert values.dtype == points.dtype == np.float32
    allowed = 1e-5 * (1.0 + np.abs(rows).sum(axis=1))
    np.testing.assert_array_less(np.abs(values - expected), allowed)
    np.testing.assert_array_less(np.abs(np.einsum("kd,kd->k", rows, points) - expected), allowed)
    assert all(region.contains(point, tolerance=1e-5) for point in points.astype(np.float64))


@pytest.mark.parametrize("norm", ["l1", "l2", "linf", "none"])
@examples(25)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 60))
def test_it_is_the_exact_one_up_to_rounding(norm: str, seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    region = random_region(rng, size, norm)
    rows = rng.normal(size=(7, size)).astype(np.float32)
    rows[0] = 0.0
    rows[1, rng.uniform(size=size) < 0.7] = 0.0
    rows[2] = np.abs(rows[2])
    check(region, rows)


@pytest.mark.parametrize("radius", [0.01, 1.0, 5.0, 29.0, 1000.0])
@pytest.mark.parametrize("center", ["corner", "middle", "nearly a corner", "fixed coordinates"])
def test_few_coordinates_or_all_as_the_radius_needs(center: str, radius: float) -> None:
    rng = np.random.default_rng(0)
    corner = np.round(rng.uniform(size=60))
    lower, upper = np.zeros(60), np.ones(60)
    if center == "fixed coordinates":
        lower[:55] = upper[:55] = corner[:55]
    point = {"corner": corner, "middle": np.full(60, 0.5), "nearly a corner": np.clip(corner, 0.01, 0.99)}.get(center, corner)
    check(Region(lower, upper, point, radius, "l1"), rng.normal(size=(20, 60)).astype(np.float32))


def test_what_gains_most_may_hardly_move() -> None:
    # The ten largest gains move by a thousandth each; the radius goes to what gains least.
    lower, upper = np.zeros(40), np.concatenate([np.full(39, 1e-3), [1.0]])
    rows = np.concatenate([np.full(39, 2.0), [1.0]])[None].astype(np.float32)
    check(Region(lower, upper, np.zeros(40), 0.9, "l1"), rows)
