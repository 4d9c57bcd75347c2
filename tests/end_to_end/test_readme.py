"""The README's Python runs as it stands there, block after block, as a reader would paste it."""

from __future__ import annotations

from pages import run_python

from surrogate.attack import Status


def test_the_python_of_the_readme_runs() -> None:
    names = run_python("README.md")
    assert names["result"].status is Status.ADVERSARIAL
    assert names["instance"].region.contains(names["result"].witness)
