"""The experiment ``train_or_prune``: what it asks, and the whole of it in a smaller form, to the answer of its report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import synthetic
from composing import Composer

from sweep.config.inputs import Inputs
from sweep.report.train_or_prune import QUESTION
from sweep.report.writing import Budget
from sweep.tracking import content
from sweep.trial.trial import run_trial

PENALTIES = ("l1", "stability", "big_m")


def test_it_asks_each_training_both_ways(composer: Composer) -> None:
    plan = composer.experiment("train_or_prune")
    assert len(plan.trials) == len({trial.key for trial in plan.trials}) == len({trial.name for trial in plan.trials}) == 16
    on = Counter(
        (*(name for name in PENALTIES if trial.config["training"][name] > 0.0), trial.config["method"]["name"])
        for trial in plan.trials
    )
    assert on == {(*one, method): 2 for one in ((), *((name,) for name in PENALTIES)) for method in ("dense", "surrogate")}
    for trial in plan.trials:
        pruned = trial.config["method"]["name"] == "surrogate"
        assert trial.config["method"]["repair"] is pruned
        assert (trial.config["pruning"]["method"] == "magnitude") is pruned
        assert trial.config["instances"]["count"] >= 12
    seconds = sum(trial.config["instances"]["count"] * trial.config["solver"]["time_limit_seconds"] for trial in plan.trials)
    assert seconds / 2 <= 400.0, "on two cores, of ten minutes"


def test_all_of_it_runs_in_a_smaller_form(composer: Composer, tmp_path: Path) -> None:
    small = ("network.depth=1", "network.width=6", "training.epochs=1", "instances.count=2", "solver.time_limit_seconds=2")
    plan = composer.experiment(
        "train_or_prune", *small, "model=blending", "model.parameters.wines=2", "model.parameters.vineyards=5"
    )
    assert [trial.name for trial in plan.trials] == [
        f"blending 1x6 {method}{training}"
        for training in ("", " training.l1=0.003", " training.stability=0.01", " training.big_m=0.1")
        for method in ("dense", "surrogate magnitude 0.8 repaired")
    ]
    records = [run_trial(trial, Inputs(None)) for trial in plan.trials]
    for record in records:
        assert record.status == "finished", record.error_detail
        metrics = content.metrics(record)
        assert metrics["network/unstable"] >= 0.0
        assert metrics["network/big_m"] >= 0.0
        for one in record.instances:
            assert one.true_value is not None
            name = "root_gap" if "dense" in record.name else "root_gap_pruned"
            assert one.facts[name] >= 0.0
    assert len({record.network_key for record in records}) == 4
    synthetic.write_report(records, tmp_path, budget=Budget(seconds=-1.0))
    table = pd.read_csv(tmp_path / "train_or_prune.csv")
    assert len(table) == 3 * 2 * 2
    assert (table["pairs"] == 2).all()
    assert QUESTION in (tmp_path / "report.html").read_text()
