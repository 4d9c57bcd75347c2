"""The task of models: what a trial asks and records, what counts in its keys, and what is refused before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from composing import Composer, check, key_of
from counting import stages_of

from surrogate.models.problems import find_problem
from sweep.commands.lookup import Found
from sweep.commands.show import facts
from sweep.config.dotted_keys import flatten
from sweep.config.effect import with_effect
from sweep.config.inputs import Inputs
from sweep.config.reading import read
from sweep.config.shared_sections import SharedSections
from sweep.config.trial_names import short_name
from sweep.errors import ConfigError
from sweep.records import TrialRecord, cpu_share
from sweep.report.settings import group
from sweep.store import Store
from sweep.tracking import content
from sweep.trial.trial import run_trial

QUICK = (
    *("task=model", "model=constrained", "model.parameters.inputs=2", "model.parameters.above=0.1", "network.depth=1"),
    *(
        "network.width=6",
        "training.epochs=3",
        "training.learning_rate=0.01",
        "instances.count=2",
        "solver.time_limit_seconds=10",
    ),
)

OWN = """
import numpy as np
import pyomo.environ as pyo
from surrogate.models import Place
from surrogate.models.problems import ModelInstance, Samples, TrueValue


def samples(seed):
    x = np.linspace(0.0, 1.0, 40)[:, None]
    return {"cost": Samples(x, 3.0 * x[:, 0])}


def build(networks, seed, least=0.5):
    model = pyo.ConcreteModel()
    model.x, model.y, model.k = pyo.Var(bounds=(0, 1)), pyo.Var(), pyo.Var(domain=pyo.Integers, bounds=(0, 3))
    model.enough = pyo.Constraint(expr=model.x + 0.1 * model.k >= least)
    model.total = pyo.Objective(expr=model.y + (0.1 + seed) * model.k)
    place = Place([model.x], [model.y], networks["cost"])
    return ModelInstance(model, [place], lambda: TrueValue(3.0 * model.x.value + (0.1 + seed) * model.k.value, 0.0))
"""


def run(composer: Composer, *overrides: str, store: Store | None = None) -> TrialRecord:
    trial = composer.trial(*QUICK, *overrides)
    record = run_trial(trial, Inputs(None), None, None if store is None else stages_of(store))
    assert record.status == "finished", record.error_detail
    assert record.key == trial.key
    return record


def test_a_shorter_limit_is_answered_by_the_run_of_a_longer_one(
    composer: Composer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_share, "STARVED_SHARE", 0.0)  # an answer that a busy machine starves stands for no shorter limit
    whole = run(composer, "method=walk", "solver.time_limit_seconds=2", "instances.count=1", store=store)
    (cut,) = run(composer, "method=walk", "solver.time_limit_seconds=1", "instances.count=1", store=store).instances
    assert (cut.limit_seconds, cut.cut_from_seconds, cut.status) == (1.0, 2.0, "feasible")
    assert cut.value == [event.value for event in whole.instances[0].events if event.seconds <= 1.0][-1]
    assert whole.instances[0].solver_status == "time_limit"


def test_the_dense_milp_of_a_built_in_problem(composer: Composer) -> None:
    record = run(composer, "method=dense")
    assert (record.name, record.baseline_key) == ("constrained 1x6 dense", record.key)
    assert [one.name for one in record.instances] == ["constrained 0", "constrained 1"]
    for one in record.instances:
        assert (one.status, one.sense, one.task) == ("optimal", "minimize", "model")
        assert one.value == pytest.approx(one.bound, abs=1e-3)
        assert one.surrogate_value is None
        assert one.true_value is not None
        assert one.first_found_seconds is not None
        assert 0.0 < one.first_found_seconds <= one.total_seconds <= 12.0
        assert [event.value for event in one.events][-1] == one.value
        assert {event.source for event in one.events} == {"dense"}
        assert one.binaries is not None
        assert 0 < one.binaries <= 12
        assert one.binaries <= one.facts["unstable"] <= 12  # the whole model tightens bounds before the MILP is stated
        assert one.facts["big_m"] > 0.0
        assert one.facts["true_violation"] >= 0.0
        assert set(one.facts["networks"]) == {"objective", "constraint"}
        assert all(set(network) == {"key", "r2"} for network in one.facts["networks"].values())
    assert record.train_seconds is not None


def test_pruned_networks_promise_and_are_measured(composer: Composer) -> None:
    record = run(composer, "method=surrogate", "method.repair=true", "pruning.amount=0.5")
    assert record.name == "constrained 1x6 surrogate magnitude 0.5 repaired"
    assert record.sparsity == pytest.approx(0.5, abs=0.05)
    for one in record.instances:
        assert one.bound is None
        assert one.surrogate_value is not None or one.status == "unresolved"
        assert {event.source for event in one.events} <= {"surrogates", "repair"}
        assert "unstable_pruned" in one.facts
        for network in one.facts["networks"].values():
            assert network["r2_pruned"] <= 1.0
            assert network["sparsity"] == pytest.approx(0.5, abs=0.05)


def test_pruning_for_a_region_goes_into_the_places(composer: Composer) -> None:
    record = run(composer, "method=surrogate", "pruning=stable", "pruning.amount=0.5", "instances.count=1")
    (one,) = record.instances
    assert one.facts["unstable_pruned"] < one.facts["unstable"]


def test_classes_have_an_accuracy_and_as_many_outputs_as_there_are(composer: Composer) -> None:
    quick = [one for one in QUICK if not one.startswith("model")]
    given = ("model=treatment", "model.parameters.waters=2", "model.parameters.features=3", "method=walk")
    trial = composer.trial(*quick, *given, "solver.time_limit_seconds=0.3", "instances.count=1")
    record = run_trial(trial, Inputs(None))
    assert record.status == "finished", record.error_detail
    (one,) = record.instances
    assert (one.sense, set(one.facts["networks"]["accepts"])) == ("maximize", {"key", "accuracy"})


def test_networks_are_made_once_and_shared(composer: Composer, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    first = run(composer, "method=dense", store=store)
    assert len(list((tmp_path / "store" / "networks").rglob("*.json"))) == 4  # two networks for each of two seeds
    again = run(composer, "method=surrogate", "pruning.amount=0.5", "instances.count=1", store=store)
    assert len(list((tmp_path / "store" / "networks").rglob("*.json"))) == 4
    assert again.instances[0].instance_key == first.instances[0].instance_key


def test_a_model_of_the_users(composer: Composer, write: Callable[[str], None], tmp_path: Path) -> None:
    write(OWN)
    store = Store(str(tmp_path / "store"))
    quick = [one for one in QUICK if not one.startswith("model")]
    own = ("model=python", "model.function=my_model:build", "method=dense", "+model.parameters.least=0.6")
    record = run_trial(composer.trial(*quick, *own), Inputs(None), None, stages_of(store))
    assert record.status == "finished", record.error_detail
    assert record.name == "my_model 1x6 dense"
    first, second = record.instances
    assert first.facts["networks"] == second.facts["networks"]  # the samples do not depend on the seed
    assert len(list((tmp_path / "store" / "networks").rglob("*.json"))) == 1
    assert first.instance_key != second.instance_key
    assert first.true_value is not None
    before = composer.trial(*quick, *own).key
    write(OWN + "\n# edited\n")
    assert composer.trial(*quick, *own).key != before


UNITS = """
import numpy as np
import pyomo.environ as pyo
from surrogate.models import Place
from surrogate.models.problems import ModelInstance, Samples


def samples(seed):
    x = np.linspace(0.0, 1.0, 100)[:, None]
    y = 3.0 * x[:, 0]
    return {"a": Samples(x, y), "b": Samples(x, 1024.0 * y)}


def build(networks, seed):
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(0.5, 1)), pyo.Var(range(2))
    model.total = pyo.Objective(expr=model.y[0] + model.y[1])
    return ModelInstance(model, [Place([model.x], [model.y[i]], networks[name]) for i, name in enumerate("ab")])
"""


@pytest.mark.parametrize("pruned", [False, True])
def test_samples_that_differ_in_units_only_share_a_training_and_no_network(
    composer: Composer, write: Callable[[str], None], tmp_path: Path, pruned: bool
) -> None:
    write(UNITS)
    store = Store(str(tmp_path / "store"))
    quick = [one for one in QUICK if not one.startswith(("model", "training.epochs", "instances"))]
    method = ("method=surrogate", "pruning.amount=0.1", "method.repair=true") if pruned else ("method=dense", "pruning=none")
    own = ("model=python", "model.function=my_model:build", "training.epochs=60", "instances.count=1", *method)
    record = run_trial(composer.trial(*quick, *own), Inputs(None), None, stages_of(store))
    assert record.status == "finished", record.error_detail
    (one,) = record.instances
    a, b = one.facts["networks"]["a"], one.facts["networks"]["b"]
    assert len(list((tmp_path / "store" / "networks").rglob("*.json"))) == 1
    assert a["key"] != b["key"]
    assert a["r2"] == pytest.approx(b["r2"], abs=1e-9)
    assert a["r2"] > 0.9
    assert one.value == pytest.approx(1025.0 * 1.5, rel=0.2)


COUNTING = {
    "dense": (
        {"bounds": "interval", "formulation": "partition", "solver.seed": "3"},
        {"pruning": "none", "method.repair": "true"},
    ),
    "surrogate": ({"bounds": "interval", "pruning.amount": "0.3", "method.repair": "true"}, {"method.points": "10"}),
    "walk": (
        {"bounds": "interval", "method.points": "10", "solver.seed": "3"},
        {"pruning": "none", "formulation": "partition", "solver.relative_gap": "0.1", "method.repair": "true"},
    ),
    "search": ({"pruning.amount": "0.3", "method.sparsities": "[0.5]"}, {"method.repair": "true", "attack.radius": "3.0"}),
}
"""By method, overrides that change a trial's key, and such that do not."""


@pytest.mark.few(2)
@pytest.mark.parametrize("method", COUNTING)
def test_what_counts_in_the_key(composer: Composer, method: str) -> None:
    counts, idle = COUNTING[method]
    key = composer.trial(*QUICK, f"method={method}").key
    for name, value in counts.items():
        assert composer.trial(*QUICK, f"method={method}", f"{name}={value}").key != key, name
    for name, value in idle.items():
        assert composer.trial(*QUICK, f"method={method}", f"{name}={value}").key == key, name
    assert composer.trial(*QUICK, f"method={method}", "model.parameters.inputs=3").key != key
    assert composer.trial(*QUICK, f"method={method}", "network.width=7").key != key
    assert composer.trial(*QUICK, f"method={method}", "dataset=function").key == key


def test_what_people_read_of_a_trial_is_what_counts(composer: Composer) -> None:
    keys = (
        "method",
        "method.repair",
        "pruning",
        "pruning.amount",
        "formulation",
        "solver.relative_gap",
        "attack.radius",
        "model",
    )
    shown = {
        "dense": ["method", "formulation", "solver.relative_gap", "model"],
        "walk": ["method", "model"],
        "surrogate": ["method", "method.repair", "pruning", "pruning.amount", "formulation", "solver.relative_gap", "model"],
    }
    for method, expected in shown.items():
        flat = flatten(composer.plain("task=model", "model=constrained", f"method={method}"))
        assert with_effect(keys, flat) == expected, method


def test_the_report_calls_settings_by_their_method(composer: Composer) -> None:
    small = (*QUICK, "instances.count=1", "solver.time_limit_seconds=0.2", "pruning.amount=0.5")
    asked = (["method=dense"], ["method=walk"], ["method=surrogate"], ["method=surrogate", "method.repair=true"])
    records = [run_trial(composer.trial(*small, *more), Inputs(None)) for more in asked]
    settings = group(records)
    assert [one.label for one in settings] == ["dense MILP", "walk", "magnitude 0.5", "magnitude 0.5 repaired"]
    assert {one.network for one in settings} == {"constrained 1x6"}
    measured = content.metrics(next(one for one in records if one.instances[0].true_value is not None))
    assert {"value", "value/true", "first_feasible_seconds", "success_rate"} <= set(measured)


def test_a_parameter_at_its_default_is_the_same_as_none(composer: Composer) -> None:
    config = composer.plain(*QUICK, "method=dense")
    without = {**config, "model": {**config["model"], "parameters": {"inputs": 2, "above": 1.0}}}
    default = {**config, "model": {**config["model"], "parameters": {"inputs": 2}}}
    assert key_of(read(without)) == key_of(read(default))


def test_every_key_of_a_model_counts_and_another_function_of_a_module_has_a_name_of_its_own(
    composer: Composer, write: Callable[[str], None]
) -> None:
    write(OWN + "\n\ndef build_b(networks, seed, least=0.5):\n    return build(networks, seed, least)\n")
    quick = [one for one in QUICK if not one.startswith("model")]
    own = (*quick, "model=python", "+model.parameters.least=0.6")
    plain, other = (composer.trial(*own, f"model.function=my_model:{name}") for name in ("build", "build_b"))
    sections = SharedSections()
    settings = sections.read(other.config)
    for key in ("model", "model.problem", "model.function", "model.parameters.least"):
        assert sections.counts(settings, key), key
    assert plain.key != other.key
    assert [short_name(read(one.config)).split()[0] for one in (plain, other)] == ["my_model", "my_model.build_b"]
    records = [TrialRecord(one.key, one.name, one.config, {}, "finished") for one in (plain, other)]
    assert [setting.network for setting in group(records)] == ["my_model 1x6", "my_model:build_b 1x6"]


def test_the_data_that_samples_read_count_and_so_does_the_seed_that_draws_them(
    composer: Composer, write: Callable[[str], None], tmp_path: Path
) -> None:
    (tmp_path / "data.csv").write_text("1.0")
    slope = f"(seed + float(Path({str(tmp_path / 'data.csv')!r}).read_text()))"
    text = "from pathlib import Path\n" + OWN.replace("3.0 * x[:, 0]", f"{slope} * x[:, 0]")
    write(text)
    quick = [one for one in QUICK if not one.startswith("model")]
    own = (*quick, "model=python", "model.function=my_model:build")
    first = composer.trial(*own).key
    (tmp_path / "data.csv").write_text("2.0")
    write(text)
    assert composer.trial(*own).key != first
    sections = SharedSections()
    for seed in (0, 1):  # one SharedSections for both: what counts of the model depends on the seed
        settings = sections.read(composer.plain(*own, f"instances.seed={seed}"))
        assert sections.key(settings) == key_of(settings)
    configs = [composer.plain(*own, f"instances.seed={seed}") for seed in (0, 1)]
    shared = [sections.read({**configs[0], "instances": config["instances"]}) for config in configs]
    assert [sections.key(one) for one in shared] == [key_of(one) for one in shared]


def test_show_says_the_settings_of_the_model_and_its_method(composer: Composer) -> None:
    trial = composer.trial(*QUICK, "method=walk")
    record = TrialRecord(trial.key, trial.name, trial.config, {}, "finished")
    told = list(facts(Found(record.key, record)))[-1]
    assert "model.problem=constrained" in told
    assert "model.parameters.above=0.1" in told
    assert "method.name=walk" in told
    assert "method.points=" in told
    assert "method.repair" not in told


def test_a_whole_number_and_the_same_float_are_one_trial(composer: Composer) -> None:
    quick = [one for one in QUICK if "above" not in one]
    assert composer.trial(*quick, "model.parameters.above=1").key == composer.trial(*quick, "model.parameters.above=1.0").key


REFUSED = {
    "a typo in a parameter": (["+model.parameters.input=3"], "constrained has no parameter input: did you mean inputs?"),
    "a parameter out of range": (["model.parameters.inputs=0"], "model=constrained: inputs must be at least 1"),
    "a parameter that only build has": (["model.parameters.above=x"], "model=constrained: above="),
    "a problem and a function": (["model.function=my_model:build"], "model.function=my_model:build with model.problem="),
    "one file for two networks": (["network.file=a.onnx"], "network.file=a.onnx with task=model: constrained has 2 networks"),
    "nothing pruned": (["method=surrogate", "pruning=none"], "method=surrogate with pruning=none: it needs pruned networks"),
    "too much sparsity": (
        ["method=search", "method.sparsities=[1.0]"],
        "method.sparsities=[1.0] is not allowed: it must be a list of shares",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(composer: Composer, case: str) -> None:
    overrides, sentence = REFUSED[case]
    with pytest.raises(ConfigError) as refused:
        check(read(composer.plain(*QUICK, "method=dense", *overrides)))
    assert sentence in str(refused.value)


IMPOSSIBLE = {
    "more designs than there are": (
        "design",
        "known=2000",
        "known=2000 is not allowed: of 3000 designs at most 1500 are drawn",
    ),
    "a distance that no design has": (
        "design",
        "distance=9.0",
        "distance=9.0 is not allowed: no efficient design is farther away",
    ),
    "more waters than there are": ("treatment", "waters=3000", "waters=3000 is not allowed: there are "),
    "more vineyards than wines": (
        "blending",
        "vineyards=4000",
        "vineyards=4000 is not allowed: there are 3000 wines to draw from",
    ),
    "a share above 1": ("diet", "palatable=2.0", "palatable=2.0 is not allowed"),
    "a budget below 0": ("scholarship", "budget=-1.0", "budget=-1.0 is not allowed"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_parameters_that_do_not_go_together_are_refused_before_anything_starts(composer: Composer, case: str) -> None:
    model, given, sentence = IMPOSSIBLE[case]
    with pytest.raises(ConfigError) as refused:
        check(read(composer.plain("task=model", f"model={model}", f"model.parameters.{given}", "method=dense")))
    assert str(refused.value).startswith(f"model={model}: {sentence}")


def test_what_a_network_that_is_not_trained_yet_may_make_possible_is_not_refused(composer: Composer) -> None:
    check(read(composer.plain(*QUICK, "method=dense", "model.parameters.above=9.0")))


def test_a_users_module_is_looked_at_before_anything_starts(composer: Composer, write: Callable[[str], None]) -> None:
    quick = [one for one in QUICK if not one.startswith("model")]
    with pytest.raises(ConfigError, match=r"model=python without model.function: name a function of yours"):
        check(read(composer.plain(*quick, "model=python")))
    cases = {
        "1 / 0": "fails when it is imported, with ZeroDivisionError",
        "def build(networks, seed): return 3": "my_model:build has no samples to fit networks to",
        OWN.replace("least=0.5", "least=np.zeros(2)"): "the parameter least has the default ndarray array([0., 0.])",
        OWN.replace("least=0.5", "least=print"): "a parameter is a number, a text, true, false or null",
        OWN.replace("TrueValue(3.0 *", "(3.0 *"): "must return TrueValue(value, violation), two numbers",
        OWN.replace("model.total = ", "ignored = "): "the model must have one active objective, got 0",
        OWN.replace("return ModelInstance(", "return ("): "must return ModelInstance(model, [Place(",
        OWN.replace('networks["cost"]', 'networks["price"]'): "asks for a network named 'price', and there is cost",
        OWN.replace("pyo.Var(bounds=(0, 1))", "pyo.Vat(bounds=(0, 1))"): "failed with AttributeError",
        OWN.replace(
            ">= least", "+ model.y**2 >= least"
        ): "enough is quadratic, x + 0.1*k + y**2, which the solver or the method does",
    }
    for text, sentence in cases.items():
        write(text)
        with pytest.raises(ConfigError, match=r"model\.function=my_model:build") as refused:
            check(read(composer.plain(*quick, "model=python", "model.function=my_model:build")))
        assert sentence in str(refused.value)


@pytest.mark.parametrize("name", ["blending", "constrained", "design", "diet", "scholarship", "treatment"])
def test_an_option_has_the_parameters_of_its_problem_at_their_defaults(composer: Composer, name: str) -> None:
    config = composer.plain("task=model", f"model={name}")
    assert config["model"]["parameters"] == find_problem(name).parameters
