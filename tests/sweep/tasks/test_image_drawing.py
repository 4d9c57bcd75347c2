"""Images are drawn as the authors drew them, by the dense network's word."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from surrogate.networks import ReluNetwork
from sweep.errors import SweepError
from sweep.tasks.image.drawing import draw_instances

SETTINGS: dict[str, Any] = {
    "seed": 0,
    "count": 1,
    "norm": "l1",
    "radius": None,
    "targeted": True,
    "source": "test",
}


def identity_network(classes: int = 4) -> ReluNetwork:
    """Logits are the inputs, which are not negative."""
    return ReluNetwork([np.eye(classes), np.eye(classes)], [np.zeros(classes), np.zeros(classes)])


def uniform(count: int, wrong_every: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return images of class 0 with runner-up 2, and labels, of which each ``wrong_every``-th is another."""
    images = np.tile(np.array([0.9, 0.1, 0.5, 0.2], dtype=np.float32), (count, 1))
    labels = np.zeros(count, dtype=np.int64)
    if wrong_every:
        labels[::wrong_every] = 1
    return images, labels


@pytest.mark.parametrize(("seed", "image", "radius"), [(0, 2732, 5.092845), (8, 4547, 4.511114)])
def test_the_authors_images_and_budgets(seed: int, image: int, radius: float) -> None:
    images, labels = uniform(60_000)
    (drawn,), skipped = draw_instances(identity_network(), images, labels, **{**SETTINGS, "seed": seed})
    assert drawn.image == image
    assert drawn.attacked.region.radius == pytest.approx(radius, abs=1e-6)
    assert skipped == 0


def test_images_beyond_the_first_30000_are_never_drawn() -> None:
    images, labels = uniform(60_000)
    drawn, _ = draw_instances(identity_network(), images, labels, **{**SETTINGS, "count": 200})
    assert max(instance.image for instance in drawn) < 30_000
    assert max(instance.image for instance in drawn) > 20_000


def test_label_and_target_come_from_the_network() -> None:
    images, labels = uniform(50)
    (drawn,), _ = draw_instances(identity_network(), images, labels, **SETTINGS)
    assert (drawn.attacked.label, drawn.attacked.target) == (0, 2)
    np.testing.assert_array_equal(drawn.attacked.region.center, images[0].astype(np.float64))
    np.testing.assert_array_equal(drawn.attacked.region.lower, 0.0)
    np.testing.assert_array_equal(drawn.attacked.region.upper, 1.0)
    (untargeted,), _ = draw_instances(identity_network(), images, labels, **{**SETTINGS, "targeted": False})
    assert untargeted.attacked.target is None


def test_misclassified_and_repeated_images_are_left_out() -> None:
    images, labels = uniform(40, wrong_every=2)
    drawn, skipped = draw_instances(identity_network(), images, labels, **{**SETTINGS, "count": 10})
    indices = [instance.image for instance in drawn]
    assert len(set(indices)) == 10
    assert all(index % 2 == 1 for index in indices)
    stream, expected, wrong = np.random.RandomState(0), [], set()
    while len(expected) < 10:
        index, _ = int(stream.randint(0, 40)), stream.uniform(4.5, 5.5)
        if index % 2 == 0:
            wrong.add(index)
        elif index not in expected:
            expected.append(index)
    assert indices == expected
    assert skipped == len(wrong)


def test_a_fixed_radius_leaves_the_indices_as_they_are() -> None:
    images, labels = uniform(500)
    drawn, _ = draw_instances(identity_network(), images, labels, **{**SETTINGS, "count": 5})
    fixed, _ = draw_instances(identity_network(), images, labels, **{**SETTINGS, "count": 5, "radius": 0.1, "norm": "linf"})
    assert [instance.image for instance in drawn] == [instance.image for instance in fixed]
    assert {instance.attacked.region.radius for instance in fixed} == {0.1}
    assert {instance.attacked.region.norm for instance in fixed} == {"linf"}
    assert len({instance.attacked.region.radius for instance in drawn}) == 5


def test_a_longer_list_starts_with_the_shorter_one() -> None:
    images, labels = uniform(500, wrong_every=3)
    short, _ = draw_instances(identity_network(), images, labels, **{**SETTINGS, "count": 3})
    long, _ = draw_instances(identity_network(), images, labels, **{**SETTINGS, "count": 6})
    assert [instance.key for instance in short] == [instance.key for instance in long[:3]]


def test_keys_join_equal_questions_only() -> None:
    images, labels = uniform(500)

    def key(network: ReluNetwork | None = None, **changes: Any) -> str:
        (drawn,), _ = draw_instances(network or identity_network(), images, labels, **{**SETTINGS, **changes})
        return drawn.key

    assert key() == key()
    other = ReluNetwork([np.eye(4), 2.0 * np.eye(4)], [np.zeros(4), np.zeros(4)])
    different = [key(), key(seed=1), key(radius=1.0), key(targeted=False), key(source="other"), key(other)]
    assert len(set(different)) == len(different)


def test_a_network_that_is_always_wrong_gives_up_with_a_sentence() -> None:
    images, labels = uniform(30)
    with pytest.raises(SweepError, match=re.escape("only 0 of the 2 images asked for were found in 100 draws from test")):
        draw_instances(identity_network(), images, labels + 1, **{**SETTINGS, "count": 2})
