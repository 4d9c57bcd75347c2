"""Pictures of attacked images: what is drawn, read back from the PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import synthetic
from matplotlib.image import imread

from sweep.tasks.image.pictures import picture
from sweep.tasks.pictures import write_pictures


def pixels(png: bytes) -> np.ndarray:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return np.asarray(imread(io.BytesIO(png)))[..., :3]


def test_three_panels_or_one() -> None:
    full, clean_only = pixels(picture(synthetic.instance())), pixels(picture(synthetic.instance(perturbed=None)))
    assert full.shape[0] == clean_only.shape[0]
    assert full.shape[1] > 2.9 * clean_only.shape[1]


def test_pixels_are_grey_levels_of_the_image() -> None:
    image = [0.0] * 32 + [1.0] * 32
    drawn = pixels(picture(synthetic.instance(clean=image, perturbed=None)))
    middle = drawn.shape[1] // 2
    assert np.allclose(drawn[int(0.35 * drawn.shape[0]), middle], 0.0)
    assert np.allclose(drawn[int(0.8 * drawn.shape[0]), middle], 1.0)


def test_the_difference_tells_brighter_from_darker() -> None:
    clean = [0.5] * 64
    brighter, darker = [0.9] * 64, [0.1] * 64
    up, down = (pixels(picture(synthetic.instance(clean=clean, perturbed=moved))) for moved in (brighter, darker))
    row, column = int(0.6 * up.shape[0]), int(0.76 * up.shape[1])
    blue_up, blue_down = up[row, column, 2] - up[row, column, 0], down[row, column, 2] - down[row, column, 0]
    assert blue_up > 0.1 > -0.1 > blue_down


def test_a_property_is_called_by_its_name_and_needs_no_label(tmp_path: Path) -> None:
    about = {"image": None, "label": None, "target": None, "norm": "none", "radius": None}
    (path,) = write_pictures([synthetic.instance(**about, question="prop 7/box 1")], tmp_path)
    assert path.name == "prop_7_box_1.png"
    other = picture(synthetic.instance(**about, question="prop 8"))
    assert path.read_bytes() != other != picture(synthetic.instance(**about, question="prop 8", dense_value=0.5))


def test_names_that_become_the_same_are_numbered(tmp_path: Path) -> None:
    about = {"image": None, "label": None, "target": None, "norm": "none", "radius": None}
    names = [
        path.name for path in write_pictures([synthetic.instance(**about, question=q) for q in ("a/b", "a b", "a_b")], tmp_path)
    ]
    assert names == ["a_b.png", "a_b_2.png", "a_b_3.png"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_long_name_stays_within_its_panel() -> None:
    about = {"image": None, "label": None, "target": None, "norm": "none", "radius": None, "perturbed": None}
    drawn = pixels(
        picture(synthetic.instance(**about, question="a_very_long_property_name_that_goes_on_and_on_prop_1234_eps_0.03"))
    )
    titles = drawn[:40]
    assert np.allclose(titles[:, :3], 1.0)
    assert np.allclose(titles[:, -3:], 1.0)
    assert titles.min() < 0.5


def test_a_point_that_is_not_finite_is_drawn_all_the_same() -> None:
    assert picture(synthetic.instance(clean=[0.5] * 64, perturbed=[float("nan"), float("inf"), *[0.5] * 62]))


def test_what_is_no_image_gets_no_picture(tmp_path: Path) -> None:
    for clean in ([], [0.5] * 5, [0.5] * 9):
        assert write_pictures([synthetic.instance(clean=clean, perturbed=clean)], tmp_path) == []
    assert len(write_pictures([synthetic.instance(clean=[0.5] * 16, perturbed=[0.5] * 16)], tmp_path)) == 1


def test_the_title_changes_with_label_target_and_margin() -> None:
    base = picture(synthetic.instance())
    for changed in (
        {"label": 4},
        {"target": 5},
        {"target": None},
        {"dense_value": 0.25},
        {"status": "unresolved"},
        {"dense_value": None},
    ):
        assert picture(synthetic.instance(**changed)) != base, changed
    assert picture(synthetic.instance()) == base


def test_the_closest_perturbation_has_its_bound_in_place_of_radius_and_margin() -> None:
    found = {"objective": "closest", "l1": 1.0, "dense_value": 1e-6, "radius": 50.0}
    base = picture(synthetic.instance(**found, norm_bound=0.5))
    assert picture(synthetic.instance(**found, norm_bound=0.75)) != base
    assert picture(synthetic.instance(**{**found, "radius": 60.0, "dense_value": 2e-6}, norm_bound=0.5)) == base


@pytest.mark.parametrize("clean", [[], [0.0] * 63], ids=["none", "not square"])
def test_an_image_that_cannot_be_drawn_is_refused(clean: list[float]) -> None:
    with pytest.raises(ValueError, match=f"square image, got {len(clean)} pixels"):
        picture(synthetic.instance(clean=clean, perturbed=None))


def test_at_most_eight_files_and_none_without_an_image(tmp_path: Path) -> None:
    instances = [synthetic.instance(image) for image in range(10)] + [synthetic.instance(99, clean=[])]
    paths = write_pictures(instances, tmp_path)
    assert [path.name for path in paths] == [f"image_{image}.png" for image in range(8)]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert write_pictures([synthetic.instance(99, clean=[])], tmp_path) == []
