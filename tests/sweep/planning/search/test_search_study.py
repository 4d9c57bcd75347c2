"""The study that a search by Optuna keeps: what it holds, how the same search goes on with it, and what becomes of it when a
process is killed or the file cannot be used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from test_search_optuna import AMOUNT, METHOD, RATE, WIDTH, Space, best_at, record, run, search

from sweep.planning.search.memory import SearchMemory
from sweep.planning.search.optuna_search import OptunaSuggester
from sweep.planning.swept_keys import Choices
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store

SIZES = Choices("sizes", ([1, 2], [3]))


def suggester(store: Store, samples: int = 8, resume: bool = True, space: Space | None = None, **more: Any) -> OptunaSuggester:
    found = OptunaSuggester(space or Space(AMOUNT, METHOD), search(samples=samples, **more))
    found.remember(SearchMemory(store, resume, "my sweep"))
    return found


def file_of(store: Store) -> Path:
    (file,) = (Path(store.url) / "studies").glob("*.db")
    return file


def study_of(store: Store) -> optuna.Study:
    """Return a copy of the only study in the store, read from its file by Optuna alone."""
    file = file_of(store)
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    study = optuna.load_study(study_name=file.stem, storage=storage)
    found = optuna.create_study(directions=study.directions, study_name=study.study_name)
    found.add_trials(study.get_trials())
    storage.remove_session()
    storage.engine.dispose()
    return found


def states(store: Store) -> dict[str, int]:
    return dict(Counter(trial.state.name for trial in study_of(store).trials))


def test_it_has_the_trials_with_their_names_values_and_parameters_as_they_are_written(store: Store) -> None:
    space = Space(AMOUNT, METHOD, WIDTH, RATE, SIZES)
    asked = suggester(store, space=space)
    trials = run(asked, best_at(0.7))
    asked.close()
    study = study_of(store)
    assert study.study_name.startswith("my_sweep-")
    assert study.direction.name == "MAXIMIZE"
    assert [trial.user_attrs["trial_key"] for trial in study.trials] == [trial.key for trial in trials]
    assert [trial.user_attrs["name"] for trial in study.trials] == [trial.name for trial in trials]
    for trial, found in zip(trials, study.trials, strict=True):
        assert found.state is TrialState.COMPLETE
        assert found.value == -abs(trial.swept["pruning.amount"] - 0.7)
        sizes = {"sizes": str(trial.swept["sizes"])}
        assert found.params == {**trial.swept, **sizes}
    assert study.best_trial.value == max(-abs(trial.swept["pruning.amount"] - 0.7) for trial in trials)
    assert asked.study == f"optuna-dashboard sqlite:///{file_of(store)}"


def test_each_end_has_its_state(store: Store) -> None:
    ends = iter(
        [
            lambda trial: record(trial, 1.0),
            lambda trial: record(trial, None),
            lambda trial: record(trial, 1.0, "failed", error="it diverged"),
            lambda trial: record(trial, 2.5, "stopped", answers=3),
            lambda trial: record(trial, 1.0, "interrupted"),
        ]
    )
    asked = suggester(store, samples=5)
    run(asked, lambda trial: next(ends)(trial))
    assert states(store)["RUNNING"] == 1
    asked.close()
    complete, empty, failed, stopped, interrupted = study_of(store).trials
    assert (complete.state, complete.value) == (TrialState.COMPLETE, 1.0)
    assert (empty.state, empty.user_attrs["why"]) == (TrialState.FAIL, "no value of margin")
    assert (failed.state, failed.user_attrs["why"]) == (TrialState.FAIL, "it diverged")
    assert (stopped.state, stopped.intermediate_values) == (TrialState.PRUNED, {3: 2.5})
    assert interrupted.state is TrialState.WAITING


def test_several_objectives(store: Store) -> None:
    def end(trial: Trial) -> TrialRecord:
        return record(trial, 1.0, accuracy_surrogate=trial.swept["pruning.amount"])

    asked = suggester(store, objectives=["margin", "accuracy", "total_seconds"])
    run(asked, end)
    asked.close()
    study = study_of(store)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MAXIMIZE", "MINIMIZE"]
    assert [trial.values for trial in study.trials] == [[1.0, trial.params["pruning.amount"], 1.0] for trial in study.trials]


def test_what_does_not_matter_to_a_trial_is_no_parameter_of_it(store: Store) -> None:
    class Pruned(Space):
        def at(self, values: Any) -> Trial | None:
            trial = super().at(values)
            if trial is not None and values["pruning.method"] == "random":
                del trial.swept["pruning.amount"]
            return trial

    asked = suggester(store, space=Pruned(AMOUNT, METHOD))
    run(asked, lambda trial: record(trial, 1.0))
    asked.close()
    assert {tuple(sorted(trial.params)) for trial in study_of(store).trials} == {
        ("pruning.method",),
        ("pruning.amount", "pruning.method"),
    }


def test_the_same_search_goes_on_with_the_same_study(store: Store) -> None:
    first = suggester(store)
    run(first, best_at(0.7))
    first.close()
    before = study_of(store).trials
    file = file_of(store)
    again = suggester(store)
    run(again, best_at(0.7))
    again.close()
    assert study_of(store).trials == before
    longer = suggester(store, samples=12)
    run(longer, best_at(0.7))
    longer.close()
    after = study_of(store).trials
    assert after[:8] == before
    assert len(after) == len({trial.user_attrs["trial_key"] for trial in after}) == 12
    assert file_of(store) == file
    afresh = suggester(store, samples=3, resume=False)
    run(afresh, best_at(0.7))
    afresh.close()
    assert len(study_of(store).trials) == 3


def test_a_trial_that_failed_and_is_run_again_is_a_trial_more(store: Store) -> None:
    first = suggester(store, samples=2)
    run(first, lambda trial: record(trial, status="failed", error="it diverged"))
    first.close()
    again = suggester(store, samples=2)
    trials = run(again, best_at(0.7))
    again.close()
    study = study_of(store)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert [trial.user_attrs["trial_key"] for trial in study.trials] == [trial.key for trial in trials] * 2


KILLED = """
import sys
sys.path[:0] = sys.argv[2:]
from test_search_study import *
asked = suggester(Store(sys.argv[1]))
for number in range(4):
    trial = asked.suggest(str(number))
    if number < 2:
        asked.tell(str(number), best_at(0.7)(trial))
    print(trial.key, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_a_study_that_can_be_read_and_gone_on_with(store: Store) -> None:
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", KILLED, store.url, *map(str, (here, here.parents[1], here.parents[2]))],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert states(store) == {"COMPLETE": 2, "RUNNING": 2}
    again = suggester(store)
    trials = run(again, best_at(0.7))
    again.close()
    study = study_of(store)
    assert [trial.key for trial in trials[:4]] == done.stdout.split("\n")[:4]
    assert [trial.user_attrs["trial_key"] for trial in study.trials] == [trial.key for trial in trials]
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_file_that_cannot_be_used_is_said_once_and_the_search_goes_on(store: Store, when: str) -> None:
    said: list[str] = []
    store.notice = said.append
    first = suggester(store, samples=4)
    broken = first.suggest("0")
    first.close()
    file = file_of(store)
    if when == "before":
        file.write_text("this is no database " * 100)
    again = suggester(store, samples=4)
    taken = again.suggest("0")
    assert taken is not None
    assert broken is not None
    assert taken.key == broken.key
    if when == "between":
        file.unlink()
    again.tell("0", record(taken, 1.0))
    rest = [again.suggest(str(number)) for number in range(1, 4)]
    assert None not in rest
    again.close()
    assert len(said) == 1
    assert said[0].startswith(f"The Optuna study {file} is not kept (")
    assert "move the file away, and the same command writes it anew" in said[0]
    assert again.study is None


def test_of_a_store_elsewhere_the_study_is_brought_there_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("memory://studies-test")
    for _ in range(2):  # the second one has no file on this machine to go on with
        asked = suggester(Store("memory://studies-test"), samples=3)
        run(asked, best_at(0.7))
        asked.close()
        where = asked.study
        assert where is not None
        assert where.startswith("memory://studies-test/studies/my_sweep-")
        assert "copy it to this machine" in where
        data = store._read(where.partition(";")[0].removeprefix("memory://studies-test/"))
        local = Store(tmp_path / f"copy{_}")
        local.study_file("copy").write_bytes(data)
        storage = optuna.storages.RDBStorage(f"sqlite:///{local.study_file('copy')}")
        assert len(storage.get_all_trials(1)) == 3
        storage.engine.dispose()
