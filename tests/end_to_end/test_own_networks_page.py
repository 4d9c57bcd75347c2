"""The page on networks and data of the user's, as a reader would follow it in an empty folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pages import blocks, commands, follow, run_python

from surrogate.networks import ReluNetwork
from surrogate.networks.files import READERS, read_network
from surrogate.training import r_squared

PAGE = "docs/own-networks.md"


@pytest.mark.timeout(300)
def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    monkeypatch.chdir(tmp_path)
    names = run_python("docs/own-networks.md")
    x = np.random.default_rng(1).uniform(size=(20, 4)).astype(np.float32)
    expected = names["module"](names["torch"].from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(names["network"](x), expected, atol=1e-5)
    np.testing.assert_allclose(names["fitted"](names["x"])[:, 0], names["model"].predict(names["x"]), rtol=1e-8)
    assert read_network("diabetes.safetensors").key == read_network("diabetes.onnx").key == names["fitted"].key

    houses, dense = names["houses"], names["dense"]
    (printed,) = (block.text.strip() for block in blocks(PAGE, "text"))
    assert printed == houses.description
    assert printed in capsys.readouterr().out
    assert r_squared(dense, houses.test_images, houses.test_labels) > 0.9
    price = float(houses.in_units(dense)([[100.0, 3, 0, 1]])[0, 0])
    assert abs(price - 117_000) < 10_000
    assert names["pictures"].shape == (6, 8, 3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_sweeps_of_the_page_run_on_the_files_that_its_python_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    monkeypatch.chdir(tmp_path)
    run_python("docs/own-networks.md")
    for command in commands("docs/own-networks.md"):
        if command.startswith("python -m sweep"):
            assert "1 finished (0 reused), 0 failed of 1 trials." in follow(command, tmp_path), command


def test_the_page_names_every_ending_and_every_way() -> None:
    text = (Path(__file__).parents[2] / PAGE).read_text()
    assert [ending for ending in READERS if f"`{ending}`" not in text] == []
    ways = [name for name in vars(ReluNetwork) if name.startswith("from_") and name not in ("from_bytes", "from_state_dict")]
    assert [name for name in ways if f"ReluNetwork.{name}(" not in text] == []
