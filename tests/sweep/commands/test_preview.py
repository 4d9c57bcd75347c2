"""A dry run says what is done, what is to be done and what that may cost, and changes nothing."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import synthetic
from composing import QUICK, Composer
from rich.console import Console

from sweep.commands.preview import Preview, look_ahead, show
from sweep.commands.preview.capacity import Room, room_for
from sweep.commands.preview.limits import limits_of
from sweep.config.reading import read
from sweep.errors import StoreError
from sweep.execution.cluster import connection
from sweep.planning.plan import Plan
from sweep.planning.search.memory import SearchMemory
from sweep.planning.trials import Trial
from sweep.records import InstanceRecord, TrialRecord
from sweep.store import Store
from sweep.store.stage_results import Entry
from sweep.terminal.wording import duration
from sweep.trial.trial import new_record

SPACE = (*QUICK, "instances.count=3", "pruning.amount=0.3,0.5,0.8")
ROOM = Room(2, "on 2 CPUs of this machine")


@pytest.fixture(scope="module")
def plan(composer: Composer) -> Plan:
    return composer.plan(*SPACE)


def answers(seconds: Sequence[float], **changed: Any) -> list[InstanceRecord]:
    return [synthetic.instance(image, total_seconds=one, **changed) for image, one in enumerate(seconds)]


def finished(trial: Trial, instances: list[InstanceRecord], prune_seconds: float = 0.0) -> TrialRecord:
    record = new_record(trial)
    record.instances, record.prune_seconds = instances, prune_seconds
    return record


def begin(store: Store, trial: Trial, answered: int) -> None:
    """Leave behind what a trial of three questions leaves that was cut off after so many answers."""
    keys = [f"{trial.key}-{number}" for number in range(3)]
    store.put("progress", trial.key, Entry({"questions": keys}))
    for key in keys[:answered]:
        store.put("instances", key, Entry({"status": "robust"}))


def preview(plan: Plan, store: Store | Path, room: Room = ROOM) -> Preview:
    url = store if isinstance(store, Path) else store.url
    return look_ahead(plan, read(plan.config), Store(url, write=False), room)


def shown(found: Preview, *, terminal: bool = False, as_json: bool = False) -> str:
    file = io.StringIO()
    show(found, Console(file=file, force_terminal=terminal, width=200), as_json=as_json)
    return file.getvalue()


def states(found: Preview) -> list[tuple[str, int]]:
    return [(row.state.name, row.answered) for row in found.rows]


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_new_partly_done_and_done(plan: Plan, store: Store, tmp_path: Path) -> None:
    done, partly, _ = plan.trials
    store.save_trial(finished(done, answers([1.0] * 3)))
    begin(store, partly, answered=2)
    before = files(tmp_path)
    found = preview(plan, store)
    text = shown(found)
    assert states(found) == [("done", 3), ("partly", 2), ("new", 0)]
    assert files(tmp_path) == before
    lines = text.splitlines()
    assert lines[:4] == [
        "state    answers  key               trial",
        f"done         3/3  {done.key}  1x6 magnitude 0.3",
        f"partly       2/3  {partly.key}  1x6 magnitude 0.5",
        f"new          0/3  {plan.trials[2].key}  1x6 magnitude 0.8",
    ]
    assert "3 trials: 1 new, 1 partly done, 1 done. 5 of 9 answers are in" in text
    # 4 attacks of at most 60 s by themselves, 180 s by their deadline, two trials at a time
    assert "At most 4 min of CPU time (2 min on the clock) if each of the 4 attacks" in text
    assert "and 12 min if nothing but its deadline ends it." in text
    assert "Dense networks: 1 to train (1x6 on digits)." in text


def test_a_trial_that_was_begun_without_an_answer_is_new(plan: Plan, store: Store) -> None:
    begin(store, plan.trials[0], answered=0)
    assert states(preview(plan, store))[0] == ("new", 0)


def test_a_store_that_is_not_there_yet_stays_so(plan: Plan, tmp_path: Path) -> None:
    found = preview(plan, tmp_path / "nowhere")
    assert {row.state.name for row in found.rows} == {"new"}
    assert list(tmp_path.iterdir()) == []
    assert "No estimate" in shown(found)


def test_without_resume_all_is_new(composer: Composer, store: Store) -> None:
    plan = composer.plan(*SPACE, "sweep.resume=false")
    store.save_trial(finished(plan.trials[0], answers([1.0] * 3)))
    begin(store, plan.trials[1], answered=2)
    found = preview(plan, store)
    assert {row.state.name for row in found.rows} == {"new"}
    assert "sweep.resume=false" in shown(found)


def test_a_damaged_record_is_to_be_made_anew_and_stays_where_it_is(plan: Plan, store: Store, tmp_path: Path) -> None:
    trial = plan.trials[0]
    store.save_trial(finished(trial, answers([1.0] * 3)))
    begin(store, trial, answered=1)
    (path,) = (tmp_path / "store" / "trials").rglob(f"{trial.key}.json")
    path.write_bytes(path.read_bytes()[:-20])
    told: list[str] = []
    reader = Store(store.url, write=False, notice=told.append)
    found = look_ahead(plan, read(plan.config), reader, ROOM)
    assert states(found)[0] == ("partly", 1)
    assert path.is_file()
    assert len(told) == 1
    assert "is damaged" in told[0]


def test_an_attack_that_may_take_longer_now_is_to_be_run_again(plan: Plan, store: Store) -> None:
    killed = answers([5.0], deadline_seconds=5.0, solver_status="killed")
    store.save_trial(finished(plan.trials[0], answers([1.0, 1.0]) + killed))
    assert states(preview(plan, store))[0] == ("partly", 2)


def test_an_unreadable_store_is_an_error(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="cannot be read"):
        preview(plan, tmp_path / "file")


def test_a_trials_deadline_caps_its_attacks(composer: Composer) -> None:
    limits = limits_of(composer.changed(instances__count=4, solver__time_limit_seconds=10.0, deadlines__trial_seconds=25.0))
    assert [limits.by_limits(count) for count in (0, 1, 2, 4)] == [0.0, 10.0, 20.0, 25.0]
    assert limits.by_deadlines(1) == 25.0
    alone = limits_of(composer.changed(instances__count=4, solver__time_limit_seconds=10.0, deadlines__instance_seconds=33.0))
    assert (alone.by_limits(4), alone.by_deadlines(4)) == (40.0, 132.0)


class TestEstimates:
    """What earlier results say of trials to come."""

    def seconds(self, plan: Plan, store: Store) -> list[float | None]:
        return [row.seconds for row in preview(plan, store).rows]

    def test_the_mean_of_trials_that_are_alike(self, composer: Composer, plan: Plan, store: Store) -> None:
        for trial, spent in zip(plan.trials, (1.0, 2.0, 6.0), strict=True):
            store.save_trial(finished(trial, answers([spent] * 3), prune_seconds=spent / 2.0))
        others = composer.plan(*SPACE, "pruning.amount=0.4,0.6", "instances.seed=5", "instances.count=2")
        # prune 1.5 s on average, an attack 3 s
        assert self.seconds(others, store) == [pytest.approx(1.5 + 2 * 3.0)] * 2
        text = shown(preview(others, store))
        assert "Probably 15 s of CPU time (8 s on the clock), from 3 finished trials in the store; " in text
        assert "nothing there is like 1 training." in text

    def test_another_pruning_counts_where_there_is_none_alike(self, composer: Composer, plan: Plan, store: Store) -> None:
        store.save_trial(finished(plan.trials[0], answers([2.0])))
        random = composer.plan(*QUICK, "pruning=random,magnitude")
        store.save_trial(finished(random.trials[0], answers([4.0])))
        both = composer.plan(*QUICK, "pruning=random,structured", "instances.seed=3")
        assert self.seconds(both, store) == pytest.approx([2 * 4.0, 2 * 3.0])

    @pytest.mark.parametrize("other", ["network.width=7", "attack=gradient", "dataset.side=5"])
    def test_what_cannot_be_compared_gives_none(self, composer: Composer, plan: Plan, store: Store, other: str) -> None:
        store.save_trial(finished(plan.trials[0], answers([2.0])))
        changed = composer.plan(*SPACE, other)
        assert set(self.seconds(changed, store)) == {None}
        assert "No estimate" in shown(preview(changed, store))

    def test_models_of_another_method_problem_or_task_are_not_alike(self, composer: Composer, store: Store) -> None:
        lines = ("task=model", "model=constrained", "model.parameters.inputs=2", "network=2x16", "instances.count=2")
        store.save_trial(finished(composer.plan(*lines, "method=dense").trials[0], answers([2.0] * 2)))
        both = composer.plan(*lines, "method=dense,walk", "instances.seed=5")
        assert self.seconds(both, store) == [pytest.approx(2 * 2.0), None]
        text = shown(preview(both, store))
        assert "if each of the 4 answers takes its whole solver.time_limit_seconds" in text
        assert "attack" not in text
        assert self.seconds(composer.plan("task=model", "model=blending", "network=2x16", "method=dense"), store) == [None]
        least = ("task.name=own_tasks:LeastTask", "dataset=none", "instances.count=2", "++task.parameters.width=1,2")
        for trial, spent in zip(composer.plan(*least).trials, (1.0, 5.0), strict=True):
            store.save_trial(finished(trial, answers([spent] * 2)))
        found = preview(composer.plan(*least, "instances.seed=1"), store)
        assert [row.seconds for row in found.rows] == pytest.approx([2.0, 10.0])
        assert "if each of the 4 sorts takes its whole" in shown(found)

    def test_an_attack_that_took_its_whole_limit_takes_the_new_one(self, composer: Composer, plan: Plan, store: Store) -> None:
        store.save_trial(finished(plan.trials[0], answers([60.0, 10.0])))  # the limit is 60 s
        longer = composer.plan(*SPACE, "solver.time_limit_seconds=100", "instances.count=2")
        assert self.seconds(longer, store)[0] == pytest.approx(100.0 + 10.0)
        shorter = composer.plan(*SPACE, "solver.time_limit_seconds=4", "instances.count=2")
        assert self.seconds(shorter, store)[0] == pytest.approx(4.0 + 4.0)

    def test_training_by_its_epochs(self, composer: Composer, plan: Plan, store: Store) -> None:
        from sweep.config.canonical import training_recipe

        facts = {"train_seconds": 6.0, "recipe": training_recipe(read(plan.config))}  # three epochs
        store.put("networks", plan.trials[0].training_key, Entry(facts))
        assert preview(plan, store).reused == 1
        (training,) = preview(composer.plan(*SPACE, "training.epochs=10"), store).trainings
        assert training.seconds == pytest.approx(20.0)


class TestForms:
    """A list for people, in brief on a terminal, and for programs."""

    def test_json(self, plan: Plan, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
        begin(store, plan.trials[1], answered=2)
        rows = [json.loads(line) for line in shown(preview(plan, store), as_json=True).splitlines()]
        assert [row["key"] for row in rows] == [trial.key for trial in plan.trials]
        assert [row["state"] for row in rows] == ["new", "partly", "new"]
        assert rows[1]["swept"] == {"pruning.amount": 0.5}
        assert (rows[1]["answered"], rows[1]["questions"], rows[1]["seconds_by_time_limits"]) == (2, 3, 60.0)
        assert "3 trials" in capsys.readouterr().err

    def test_a_long_plan_is_brief_on_a_terminal_and_whole_in_a_file(self, composer: Composer, tmp_path: Path) -> None:
        found = preview(composer.plan(*QUICK, "network.width=6,7", "training.seed=range(0,50)"), tmp_path / "store")
        brief, whole = shown(found, terminal=True), shown(found)
        assert all(row.trial.key in whole for row in found.rows)
        assert sum(row.trial.key in brief for row in found.rows) == 20
        assert "... and 80 more" in brief
        table = [line.split() for line in brief.splitlines()[1:3]]
        assert table == [[f"1x{width}", "on", "digits", "50", "50", "0", "0", "100", "1.7", "h", "-"] for width in (6, 7)]

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            *((0.0, "0 s"), (0.3, "less than 1 s"), (89.0, "89 s"), (91.0, "2 min")),
            *((5400.0, "1.5 h"), (172800.0, "2.0 days"), (1e8, "1,157.4 days")),
        ],
    )
    def test_durations(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text


class TestRoom:
    """How many trials run at a time."""

    def test_this_machine(self, composer: Composer) -> None:
        cluster = composer.changed(cluster__cpus=7, cluster__cpus_per_trial=2).cluster
        assert room_for(cluster, parallel=True).slots == 3
        assert room_for(cluster, parallel=False).slots == 1

    def test_a_cluster_that_does_not_answer_is_named_and_no_error(
        self, composer: Composer, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        room = room_for(composer.changed(cluster__name="attach", cluster__address="127.0.0.1:9").cluster, parallel=True)
        assert room.slots is None
        text = shown(preview(plan, store, room))
        assert "where the sweep would be refused now: no Ray cluster can be reached at 127.0.0.1:9" in text
        assert "on the clock" not in text

    def test_a_cluster_that_is_too_small_answers_and_is_told_apart(
        self, composer: Composer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node = {"address": "10.0.0.1", "host": "one", "local": True, "cpus": 2.0}
        answer = {"state": "answers", "ray": None, "python": None, "nodes": [node]}
        monkeypatch.setattr(connection, "_ask", lambda address: answer)
        settings = {"cluster__name": "attach", "cluster__address": "10.0.0.1:6379", "cluster__cpus_per_trial": 4}
        room = room_for(composer.changed(**settings).cluster, parallel=True)
        assert room.slots is None
        assert room.place == (
            "on a Ray cluster, where the sweep would be refused now: cluster.cpus_per_trial=4 fits no node of the Ray cluster: "
            "the largest, 10.0.0.1 (one), has 2 CPUs; lower it, or join a larger node"
        )


def test_an_adaptive_search_is_incomplete_but_for_what_it_suggested_before(composer: Composer, store: Store) -> None:
    lines = (*QUICK, "search=optuna", "search.samples=4", "search.objectives=[margin]", "pruning.amount=interval(0.3,0.9)")
    plan: Callable[[], Plan] = lambda: composer.plan(*lines)  # noqa: E731 -- a suggester is used up by suggesting
    text = shown(preview(plan(), store))
    assert "chooses up to 4 trials while it runs" in text
    assert "this preview is incomplete" in text
    assert "pruning.amount=interval(0.3,0.9)" in text
    assert "0 trials suggested in earlier runs" in text
    suggester = plan().suggester
    assert suggester is not None
    suggester.remember(SearchMemory(store, resume=True))
    former = [suggester.suggest(token) for token in "ab"]
    store.save_trial(finished(former[0], answers([1.0] * 2)))
    found = preview(plan(), store)
    assert [row.trial for row in found.rows] == former
    assert states(found) == [("done", 2), ("new", 0)]


@pytest.mark.slow
def test_a_hundred_thousand_trials(tmp_path: Path) -> None:
    """Planned and previewed in under 2 GB, some of them done and some begun."""
    program = """
import resource, sys
from pathlib import Path
from benchmarks.planning import plan_of
from sweep.commands.preview import look_ahead, show
from sweep.commands.preview.capacity import Room
from sweep.config.reading import read
from sweep.store.stage_results import Entry
from sweep.store import Store
from sweep.trial.trial import new_record
from rich.console import Console
import synthetic

lines = ["dataset=digits", "network=2x16,4x32", "pruning.amount=range(0.05,0.95,0.09)", "training.seed=range(0,5000)"]
store = Store(sys.argv[1])
for place, trial in enumerate(plan_of([*lines[:3], "training.seed=range(0,200)"]).trials):
    if place % 2:
        record = new_record(trial)
        record.instances = [synthetic.instance(7)]
        store.save_trial(record)
    else:
        store.put("progress", trial.key, Entry({"questions": [f"{trial.key}-{n}" for n in range(3)]}))
        store.put("instances", f"{trial.key}-0", Entry({}))
plan = plan_of(lines)
found = look_ahead(plan, read(plan.config), Store(sys.argv[1], write=False), Room(2, "here"))
with Path(sys.argv[2]).open("w") as file:
    show(found, Console(file=file))
print(len(found.rows), sum(row.state.name == "done" for row in found.rows),
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0)
"""
    root = Path(__file__).parents[3]
    listing = tmp_path / "plan.txt"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "store"), str(listing)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{root}:{root / 'tests'}", "PATH": "", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trials, finished_ones, mebibytes = (float(word) for word in done.stdout.split())
    assert (trials, finished_ones) == (100_000, 2_000)
    assert mebibytes < 2000.0
    words = [line.split(maxsplit=1)[0] for line in listing.read_text().splitlines() if line]
    assert [words.count(state) for state in ("new", "partly", "done")] == [96_000, 2_000, 2_000]
