"""Records of before, whose fields had the names of attacks."""

from __future__ import annotations

import pytest
import synthetic
from counting import Plan, Work

from surrogate.data import Dataset
from sweep.config.inputs import Inputs
from sweep.records import TrialRecord
from sweep.store.stage_results import Entry, NoStages, StageKind
from sweep.trial.trial import run_trial


@pytest.mark.parametrize("objective", ["margin", "closest"])
def test_records_of_before_are_read(objective: str) -> None:
    record = synthetic.trial(instances=[synthetic.instance(1, objective=objective, surrogate_bound=3.0), synthetic.instance(2)])
    facts = record.to_dict()
    before = {**facts, "instances": [synthetic.of_before(one) for one in facts["instances"]]}
    assert before["instances"][0].keys() != facts["instances"][0].keys()
    assert TrialRecord.from_dict(before) == record


class OfBefore(NoStages):
    """Keeps answers, and gives them as an earlier version kept them."""

    def __init__(self) -> None:
        self.kept: dict[str, Entry] = {}

    def get(self, kind: StageKind, key: str, deadline_seconds: float | None = None) -> Entry | None:
        return self.kept.get(key)

    def put(self, kind: StageKind, key: str, entry: Entry) -> None:
        if kind == "instances":
            self.kept[key] = Entry(synthetic.of_before(entry.facts))


def test_answers_of_before_are_not_asked_for_again(plan: Plan, digits: Dataset, work: Work) -> None:
    stages, one = OfBefore(), plan("instances.count=2")
    first = run_trial(one, Inputs(digits), None, stages)
    assert (first.status, work.done[2]) == ("finished", 2)
    again = run_trial(one, Inputs(digits), None, stages)
    assert work.done[2] == 0
    assert again.instances == first.instances
