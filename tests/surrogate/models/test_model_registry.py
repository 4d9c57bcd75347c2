"""Problems by name and of a user's module: what they take and give, and a sentence for each that cannot be used."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from oracles import random_network

from surrogate.errors import InvalidSetting
from surrogate.models import ModelResult
from surrogate.models.methods import SurrogateMilp
from surrogate.models.problems import (
    PROBLEMS,
    find_problem,
    fit_in_units,
    fit_quality,
    importable_paths,
    prune_in_units,
    rehearse,
    source_digest,
    source_files,
    split,
)
from surrogate.networks import ReluNetwork
from surrogate.pruning import Finetuning, Pruning, sparsity
from surrogate.solvers import HighsSolver
from surrogate.training import Training

OWN = """
import numpy as np
import pyomo.environ as pyo
from surrogate.models import Place
from surrogate.models.problems import ModelInstance, Samples


def samples(seed, count=50):
    x = np.random.default_rng(seed).uniform(size=(count, 2))
    return {"cost": Samples(x, x.sum(axis=1))}


def build(networks, seed, count=50, least=0.5):
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(2), bounds=(0, 1))
    model.y = pyo.Var()
    model.enough = pyo.Constraint(expr=model.x[0] >= least)
    model.cost = pyo.Objective(expr=model.y)
    return ModelInstance(model, [Place(list(model.x.values()), [model.y], networks["cost"])])
"""

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write files of a user's into a folder that Python looks in, and forget their modules afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)

    def written(**files: str) -> None:
        for name, text in files.items():
            path = tmp_path / (name.replace("__in__", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text))
        forget()

    def forget() -> None:
        for name in set(sys.modules) - known:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]

    yield written
    forget()


def network(inputs: int = 2, outputs: int = 1) -> ReluNetwork:
    return random_network(np.random.default_rng(0), (inputs, 4, outputs))


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_built_in_problem_says_what_it_takes_and_which_networks_it_needs(name: str) -> None:
    problem = find_problem(name)
    assert {"networks", "seed"}.isdisjoint(problem.parameters)
    needed = problem.networks(1, {})
    networks = {key: network(*sizes) for key, sizes in needed.items()}
    assert set(needed) == set(problem.draw(1, {}))
    if name not in ("constrained", "design", "diet"):  # whose thresholds need a network that fits
        assert problem.instance(networks, 1, {}).places
    assert (source_files(name), source_digest(name)) == ([], "")


def test_parameters_are_completed_and_those_of_the_samples_are_told_apart() -> None:
    problem = find_problem("blending")
    assert problem.complete({"wines": 7})["vineyards"] == 30
    assert problem.samples_parameters({"wines": 7, "features": 3}) == {"features": 3, "folder": None}


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("blending", {"wine": 3}, "blending has no parameter wine: did you mean wines? It takes vineyards, wines, budget"),
        ("scholarship", {"seed": 3}, "scholarship has no parameter seed; it takes students, budget"),
    ],
)
def test_an_unknown_parameter_is_refused(name: str, given: dict[str, int], sentence: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        find_problem(name).require(given)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("blendin", "there is no problem 'blendin': did you mean blending?"),
        ("", "a problem is named, such as blending or my_model:build, got ''"),
        ("my model:build", "'my model:build' is not of the form package.module:build"),
        ("nowhere_at_all:build", "there is no module nowhere_at_all in "),
    ],
)
def test_a_name_that_is_none_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        find_problem(name)
    assert sentence in str(refused.value)


def test_a_users_problem_is_asked_as_a_built_in_one(write: Write) -> None:
    write(my_model=OWN)
    problem = find_problem("my_model:build")
    assert problem.parameters == {"count": 50, "least": 0.5}
    assert problem.networks(0, {}) == {"cost": (2, 1)}
    dense = ReluNetwork([[[1.0, 1.0]], [[1.0]]], [[0.0], [0.0]])
    instance = problem.instance({"cost": dense}, 0, {"least": 0.7})
    pruned = ReluNetwork([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])
    places = problem.with_surrogates(instance, {"cost": dense}, {"cost": pruned}, 0, {"least": 0.7})
    assert [place.surrogate for place in places] == [pruned]
    result: ModelResult = SurrogateMilp(solver=HighsSolver(time_limit_seconds=10.0)).answer(instance.model, places)
    assert result.surrogate_value == pytest.approx(0.7, abs=1e-6)


def test_networks_that_build_makes_anew_are_pruned_by_building_anew() -> None:
    problem, given = find_problem("treatment"), {"waters": 2, "features": 3}
    data = problem.draw(1, given)
    dense = {"accepts": random_network(np.random.default_rng(0), (3, 6, 2))}
    pruned = {"accepts": prune_in_units(Pruning("magnitude", 0.5), dense["accepts"], data["accepts"])}
    instance = problem.instance(dense, 1, given)
    for place in problem.with_surrogates(instance, dense, pruned, 1, given):
        assert place.dense.output_size == place.surrogate.output_size == 1
        assert sparsity(dense["accepts"], pruned["accepts"]) == pytest.approx(0.5, abs=0.05)
        x = np.ones((1, 3))
        (no, yes), margin = pruned["accepts"](x)[0], place.surrogate(x)[0, 0]
        assert margin == pytest.approx(yes - no)


def test_samples_may_be_an_attribute_of_build_and_parameters_may_be_open(write: Write) -> None:
    write(
        my_model="""
        def build(networks, seed, **parameters):
            raise RuntimeError
        def drawn(seed):
            return {}
        build.samples = drawn
        """
    )
    problem = find_problem("my_model:build")
    problem.require({"anything": 1})
    assert problem.samples is not None
    assert problem.samples(1) == {}


WRONG = {
    "fails when it is imported": ("1 / 0", "my_model fails when it is imported, with ZeroDivisionError: division by zero"),
    "exits": ("import sys\nsys.exit(3)", "my_model fails when it is imported, with SystemExit: 3"),
    "imports what is not there": ("import no_such_thing", "imports no_such_thing, which is not installed: install it"),
    "has no such function": (
        "def built(networks, seed): pass",
        "no function build: did you mean built? It has built",
    ),
    "has no function": ("a = 1", "has no function build; it has none"),
    "takes other arguments": ("def build(seed): pass", "must have the form build(networks, seed, **parameters), got (seed)"),
    "has samples of another form": (
        "def build(networks, seed): pass\ndef samples(): pass",
        "must have the form samples(seed, **parameters), got ()",
    ),
    "has samples that are no function": ("def build(networks, seed): pass\nsamples = 3", "must be a function samples(seed"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_module_that_cannot_be_used_is_refused(case: str, write: Write) -> None:
    text, sentence = WRONG[case]
    write(my_model=text)
    with pytest.raises(InvalidSetting) as refused:
        find_problem("my_model:build")
    assert sentence in str(refused.value)
    assert "my_model" in str(refused.value)


FAILING = {
    "returns something else": ("return 3", "my_model:build must return ModelInstance(model, [Place("),
    "raises": ("return {}[0]", "my_model:build failed with KeyError: 0; called in "),
    "asks for another network": (
        "return networks['price']",
        "asks for a network named 'price', and there is cost",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_build_that_fails_is_refused(case: str, write: Write) -> None:
    text, sentence = FAILING[case]
    write(my_model=f"def build(networks, seed):\n    {text}\n")
    with pytest.raises(InvalidSetting) as refused:
        find_problem("my_model:build").instance({"cost": network()}, 0, {})
    assert sentence in str(refused.value)


def test_samples_that_are_missing_fail_or_are_something_else_are_refused(write: Write) -> None:
    write(my_model="def build(networks, seed): pass")
    with pytest.raises(InvalidSetting, match="my_model:build has no samples to fit networks to: write samples"):
        find_problem("my_model:build").networks(0, {})
    for text, sentence in (("1 / 0", "samples of my_model:build failed with ZeroDivisionError"), ("3", "must return Samples")):
        write(my_model=f"def build(networks, seed): pass\ndef samples(seed): return {text}")
        with pytest.raises(InvalidSetting, match=sentence):
            find_problem("my_model:build").draw(0, {})


def test_a_required_parameter_is_asked_for(write: Write) -> None:
    write(my_model="def build(networks, seed, size): pass")
    with pytest.raises(InvalidSetting, match="my_model:build needs the parameter size, which has no default"):
        find_problem("my_model:build").require({})


def test_the_digest_follows_the_modules_that_a_problem_is_made_of(write: Write, tmp_path: Path) -> None:
    write(my_model="import helper\n" + OWN, helper="A = 1", unused="B = 1")
    assert [path.name for path in source_files("my_model:build")] == ["helper.py", "my_model.py"]
    first = source_digest("my_model:build")
    write(helper="A = 2")
    second = source_digest("my_model:build")
    write(unused="B = 2")
    assert source_digest("my_model:build") == second != first
    write(pack__in____init__="", pack__in__models=OWN, pack__in__beside="C = 1")
    assert importable_paths("my_model:build") == [tmp_path / "helper.py", tmp_path / "my_model.py"]
    assert importable_paths("pack.models:build") == [tmp_path / "pack"]
    assert importable_paths("blending") == []
    assert {path.name for path in source_files("pack.models:build")} == {"__init__.py", "models.py", "beside.py"}
    assert len(source_digest("pack.models:build")) == 16


@pytest.mark.parametrize(
    "taken",
    [
        "from numbers_of import LEAST\n",
        "from numbers_of import *\n",
        "def late():\n    import numbers_of\n",
        "if False:\n    import numbers_of\n",
        "from middle import MORE\n",
        "import lib.deep.there\n",
        "from lib.deep import there\n",
    ],
)
def test_a_module_of_which_only_constants_are_taken_is_part_of_the_problem(write: Write, tmp_path: Path, taken: str) -> None:
    (tmp_path / "lib").mkdir()
    write(
        my_model=taken + OWN,
        numbers_of="LEAST = 1",
        middle="from numbers_of import LEAST\nMORE = LEAST + 1",
        lib__in____init__="",
        **{"lib/deep__in____init__": "", "lib/deep__in__there": "from numbers_of import LEAST"},
    )
    files = {path.relative_to(tmp_path).as_posix() for path in source_files("my_model:build")}
    assert {"my_model.py", "numbers_of.py"} <= files
    assert ("middle.py" in files) == ("middle" in taken)
    assert ("lib/deep/there.py" in files) == ("lib" in taken)
    assert tmp_path / "numbers_of.py" in importable_paths("my_model:build")
    assert (tmp_path / "lib" in importable_paths("my_model:build")) == ("lib" in taken)
    first = source_digest("my_model:build")
    write(numbers_of="LEAST = 2")
    assert source_digest("my_model:build") != first


def test_a_package_finds_what_its_modules_import_relative_to_themselves(write: Write, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    write(
        pack__in____init__="from outside import A",
        pack__in__models="from .sub import B\nfrom .sub.deeper import C\n" + OWN,
        **{"pack/sub__in____init__": "B = 1", "pack/sub__in__deeper": "from .. import other\nC = 1"},
        pack__in__other="",
        outside="A = 1",
    )
    files = {path.relative_to(tmp_path).as_posix() for path in source_files("pack.models:build")}
    assert files == {
        *("outside.py", "pack/__init__.py", "pack/models.py", "pack/other.py", "pack/sub/__init__.py", "pack/sub/deeper.py"),
    }
    assert importable_paths("pack.models:build") == [tmp_path / "outside.py", tmp_path / "pack"]


def test_the_digest_is_the_same_where_ray_has_brought_the_modules(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(my_model="import helper\n" + OWN, helper="A = 1")
    first = source_digest("my_model:build")
    for name in ("helper", "my_model"):
        folder = tmp_path / "brought" / f"_ray_pkg_{name}"
        folder.mkdir(parents=True)
        (tmp_path / f"{name}.py").rename(folder / f"{name}.py")
        monkeypatch.syspath_prepend(str(folder))
    write()
    assert source_digest("my_model:build") == first
    assert {path.parent.name for path in source_files("my_model:build")} == {"_ray_pkg_helper", "_ray_pkg_my_model"}


def test_finetuned_copies_stay_as_sparse_and_fit_better_than_without() -> None:
    _, data = split(find_problem("constrained").draw(0, {"inputs": 2})["objective"], 0.1)
    dense = fit_in_units(data, [16], Training(epochs=30, learning_rate=1e-2, weight_decay=0.0))
    plain = prune_in_units(Pruning("magnitude", 0.6), dense, data)
    tuned = Finetuning(rounds=1, epochs=5, optimizer="adam", learning_rate=1e-2)
    again = prune_in_units(Pruning("magnitude", 0.6, finetuning=tuned), dense, data)
    by_data = prune_in_units(Pruning("activation", 0.3), dense, data)
    assert sparsity(dense, plain) == sparsity(dense, again) > 0.55
    assert sparsity(dense, by_data) > 0.2
    assert fit_quality(dense, data) > fit_quality(again, data) > fit_quality(plain, data)


def test_a_rehearsal_finds_mistakes_and_forgives_what_random_networks_do(write: Write) -> None:
    write(my_model=OWN)
    rehearse(find_problem("my_model:build"), 0, {})
    for old, new in (("bounds=(0, 1)", "boundz=(0, 1)"), ("list(model.x.values())", "list(model.x.values())[:1]")):
        write(my_model=OWN.replace(old, new))
        with pytest.raises(InvalidSetting, match="my_model:build"):
            rehearse(find_problem("my_model:build"), 0, {})
    fails = "raise ValueError('they are not good')\n    model = pyo"
    write(my_model=OWN.replace("model = pyo", f"networks['cost']\n    {fails}"))
    rehearse(find_problem("my_model:build"), 0, {})
    write(my_model=OWN.replace("model = pyo", fails))
    with pytest.raises(InvalidSetting, match="my_model:build failed with ValueError: they are not good"):
        rehearse(find_problem("my_model:build"), 0, {})


def test_a_rehearsal_refuses_quadratic_terms_that_are_not_taken(write: Write) -> None:
    write(my_model=OWN.replace("model.x[0] >= least", "model.x[0] ** 2 >= least"))
    rehearse(find_problem("my_model:build"), 0, {})
    with pytest.raises(
        InvalidSetting, match=r"my_model:build: constraint enough is quadratic, x\[0\]\*\*2, which the solver or"
    ):
        rehearse(find_problem("my_model:build"), 0, {}, quadratic=False)


PLACES = '[Place(list(model.x.values()), [model.y], networks["cost"])]'

REHEARSED = {
    "a list of values": ("Samples(x, x.sum(axis=1))", "Samples(x.tolist(), list(x.sum(axis=1)))", None),
    "a single place": (PLACES, PLACES[1:-1], None),
    "one-dimensional points": ("Samples(x,", "Samples(x[:, 0],", "got the shape (50,): write x[:, None] for points of one"),
    "a column of values": ("x.sum(axis=1)", "x[:, :1]", "got the shape (50, 1): write y[:, 0]"),
    "too few values": ("x.sum(axis=1)", "x[:3, 0]", "a value for each point, at least one, got 50 points and 3 values"),
    "no points": ("count=50", "count=0", "at least one, got 0 points and 0 values"),
    "words": ("x.sum(axis=1)", "['a'] * count", "y of Samples(x, y) must be numbers"),
    "missing values": ("x.sum(axis=1)", "np.full(count, np.nan)", "y of Samples(x, y) must be finite, got nan 50 times"),
    "negative classes": ("x.sum(axis=1)", "np.full(count, -1)", "integers, which are classes and counted from 0, got -1"),
    "no list of places": (PLACES, "None", "places must be Place objects, as in ModelInstance(model, ["),
    "nothing at all": (f"model, {PLACES}", "None, []", "expected a constructed Pyomo model"),
    "no place": (PLACES, "[]", "at least one Place must say"),
    "no objective": ("model.cost = pyo.Objective(expr=model.y)", "pass", "the model must have one active objective, got 0"),
    "not linear": ("model.x[0] >= least", "model.x[0] ** 3 >= least", "enough"),
    "an exit": ("model = pyo", "raise SystemExit(3)\n    model = pyo", "my_model:build failed with SystemExit: 3"),
    "a true value that is a number": (
        PLACES,
        f"{PLACES}, lambda: 3.0",
        "(value, violation), two numbers, got float 3.0",
    ),
    "a true value that fails": (
        PLACES,
        f"{PLACES}, lambda: model.z",
        "true_value of my_model:build failed with Attr",
    ),
    "a true value that the decision does not suit": (PLACES, f"{PLACES}, lambda: 1 / 0", None),
    "other defaults": ("seed, count=50)", "seed, count=60)", "count has the default 50 in build and 60 in samples"),
}
"""By what is unusual in a module: what is replaced in OWN and by what, and the sentence; None where it is allowed."""


@pytest.mark.parametrize("case", REHEARSED)
def test_a_rehearsal_says_one_sentence_of_each_mistake(case: str, write: Write) -> None:
    old, new, sentence = REHEARSED[case]
    assert old in OWN
    write(my_model=OWN.replace(old, new))
    if sentence is None:
        rehearse(find_problem("my_model:build"), 0, {})
        return
    with pytest.raises(InvalidSetting) as refused:
        rehearse(find_problem("my_model:build"), 0, {})
    assert sentence in str(refused.value)
    assert "my_model" in str(refused.value)


def test_a_whole_number_is_a_float_where_the_default_is_one_and_a_default_may_be_in_one_of_the_functions(write: Write) -> None:
    write(my_model=OWN.replace("count=50, least", "count, least"))
    problem = find_problem("my_model:build")
    found = problem.complete({"least": 1})
    assert found == {"count": 50, "least": 1.0}
    assert isinstance(found["least"], float)
    assert isinstance(problem.complete({"count": 3})["count"], int)
