"""Instances one by one: which are shown, what each attack had by when, and the pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from making import closest, dense, gradient, margins, pruned, results, times
from PIL import Image

from sweep.records import TrialRecord
from sweep.report.page.instances import MOST, MOST_STEPS, Shown, instances_shown

BEST = {"2x16": "magnitude 0.8"}


def shown(*records: TrialRecord) -> list[Shown]:
    return instances_shown(results(*records), BEST)[0]


def pixels(source: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def test_an_instance_has_the_lines_of_dense_pruned_and_gradient() -> None:
    records = [dense(times([2.0, None])), pruned(times([1.0, None])), pruned(times([1.0] * 2), 0.5), gradient(times([0.1] * 2))]
    for record in records:
        for instance in record.instances:
            instance.timeline = [
                {"seconds": s, "dense_value": m} for s, m in ((0.5, -3.0), (1.0, -5.0), (1.5, 1.0), (1.6, 1.0))
            ]
    first, second = shown(*records)
    assert (first.network, first.name, second.name) == ("2x16", "image 1", "image 2")
    assert [line["setting"] for line in first.lines] == ["dense MILP", "magnitude 0.8", "gradient"]
    assert first.lines[0]["seconds"] == [0.5, 1.5, 2.2], "the best so far, and the end of the attack"
    assert first.lines[0]["values"] == [-3.0, 1.0, 1.0]
    assert first.title.startswith(
        "dense MILP +1 (adversarial after 2 s); magnitude 0.8 +1 (adversarial after 1 s); gradient +1"
    )
    assert second.title.startswith("dense MILP +1; magnitude 0.8 +1; gradient")


def test_lengths_become_shorter() -> None:
    record = closest([2.0], "s", method="magnitude", amount=0.8)
    record.instances[0].timeline = [
        {"seconds": s, "dense_value": 1e-6, "norm": n} for s, n in ((0.5, 4.0), (1.0, 2.0), (1.2, 3.0))
    ]
    (one,) = shown(closest([None]), record)
    assert [line["values"] for line in one.lines] == [[], [4.0, 2.0, 2.0]]
    assert one.title == "dense MILP no value; magnitude 0.8 +2 (adversarial after 1 s)"


def test_long_lines_are_thinned_and_end_where_they_ended() -> None:
    record = pruned(margins([500.0]))
    record.instances[0].timeline = [{"seconds": 0.001 * place, "dense_value": float(place)} for place in range(1, 501)]
    (one,) = shown(dense(margins([0.0])), record)
    line = one.lines[1]
    assert len(line["values"]) <= MOST_STEPS + 1
    assert (line["values"][0], line["values"][-1]) == (1.0, 500.0)


def test_pictures_are_the_pixels_themselves() -> None:
    (one,) = shown(dense(times([2.0])), pruned(times([1.0])))
    said = [picture.said for picture in one.pictures]
    assert said == [
        "clean: label 8",
        *("dense MILP: perturbed, adversarial", "difference: 10 pixels"),
        *("magnitude 0.8: perturbed, adversarial", "difference: 10 pixels"),
    ]
    record = dense(times([2.0])).instances[0]
    clean, perturbed, difference = (pixels(picture.source) for picture in one.pictures[:3])
    assert clean.shape == (8, 8)
    assert clean.ravel() == pytest.approx(255.0 * np.array(record.clean), abs=0.51)
    assert perturbed.ravel() == pytest.approx(255.0 * np.array(record.perturbed), abs=0.51)
    brighter = difference.reshape(-1, 3)[0]
    assert brighter[2] > brighter[1], "purple"


def test_without_pictures_there_are_the_lines() -> None:
    records = [dense(times([2.0])), pruned(times([1.0]))]
    for record in records:
        record.instances[0].clean, record.instances[0].perturbed = [], None
    (one,) = shown(*records)
    assert one.pictures == []
    assert len(one.lines) == 2


def test_the_number_is_bounded_and_shared_out_among_the_networks() -> None:
    records = [make(margins([1.0] * 40), size=size) for size in ((2, 16), (4, 64)) for make in (dense, pruned)]
    found, total = instances_shown(results(*records), {**BEST, "4x64": "magnitude 0.8"})
    assert total == 80
    assert len(found) == MOST
    assert {network: sum(one.network == network for one in found) for network in ("2x16", "4x64")} == {
        "2x16": MOST // 2,
        "4x64": MOST // 2,
    }
    assert instances_shown(results(), {}) == ([], 0)
