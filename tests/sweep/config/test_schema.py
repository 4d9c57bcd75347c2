"""The configuration is checked key by key and value by value, with messages that name both."""

from __future__ import annotations

import importlib.util
import math
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from composing import CONF, Composer, check
from hydra.errors import HydraException
from hydra.types import RunMode
from users_files import write_houses, write_pictures
from yaml import YAMLError

from surrogate.networks import ReluNetwork
from sweep.config import rules
from sweep.config.dotted_keys import flatten
from sweep.config.families import ABSENT, FAMILIES, default_of
from sweep.config.reading import is_in_open_section, keys, read
from sweep.config.refusal import explain
from sweep.errors import ConfigError
from sweep.planning.search.goals import check_search

REFUSED: list[tuple[str, Any, str, str]] = [
    ("pruning.amount", 1.0, "1.0", "0 <= value < 1"),
    ("pruning.amount", -0.1, "-0.1", "0 <= value < 1"),
    ("pruning.amount", math.nan, "nan", "a finite number"),
    ("pruning.amount", "0.5", "0.5", "a finite number, not str"),
    ("pruning.amount", "", "''", "a finite number"),
    ("pruning.method", "magnitud", "magnitud", "did you mean magnitude?"),
    ("pruning.finetune.rounds", -1, "-1", "at least 0"),
    ("pruning.finetune.rewind", 1, "1", "true or false, not int"),
    ("network.depth", 0, "0", "an integer of at least 1"),
    ("network.depth", 2.5, "2.5", "an integer, not float"),
    ("network.depth", True, "True", "an integer, not bool"),
    ("network.width", "two", "two", "an integer, not str"),
    ("training.seed", 99999999999, "99999999999", "at most 2147483647"),
    ("training.optimizer", "adamw", "adamw", "adam, sgd"),
    ("dataset.name", "mnst", "mnst", "mnist, fashion_mnist, digits, function, table, images, none"),
    ("dataset.function", "rastrign", "rastrign", "did you mean rastrigin?"),
    ("network.file", "", "''", "a text that is not empty"),
    ("instances.properties", 3, "3", "a text or null"),
    ("training.epochs", -1, "-1", "an integer of at least 0"),
    ("dataset.side", 1, "1", "an integer from 2 to 64"),
    ("instances.count", 0, "0", "at least 1"),
    ("instances.split", "validation", "validation", "train, test"),
    ("bounds.method", "crow", "crow", "did you mean crown?"),
    ("formulation.method", "bigm", "bigm", "big_m"),
    ("formulation.method", "partitions", "partitions", "did you mean partition?"),
    ("formulation.partitions", 0, "0", "an integer of at least 1"),
    ("formulation.partitions", 2.5, "2.5", "an integer, not float"),
    ("solver.name", "cplex", "cplex", "highs"),
    ("solver.time_limit_seconds", 0, "0.0", "a number above 0"),
    ("solver.time_limit_seconds", math.inf, "inf", "a finite number"),
    ("attack.method", "surogate", "surogate", "did you mean surrogate?"),
    ("attack.radius", 0, "0.0", "a number above 0"),
    ("attack.radius", -1.5, "-1.5", "a number above 0"),
    ("attack.norm", "none", "none", "l1, l2, linf"),
    ("attack.target", "best", "best", "runner_up, untargeted"),
    ("attack.target", 99, "99", "one of runner_up, untargeted"),
    ("attack.target", None, "null", "one of runner_up, untargeted"),
    ("pruning.method", 3, "3", "one of none, "),
    ("attack.objective", "largest", "largest", "margin, closest, output"),
    ("attack.free", 0, "0", "at least 1"),
    ("attack.polish_steps", 0, "0", "an integer of at least 1"),
    ("attack.round_seconds", 0, "0.0", "a number above 0"),
    ("attack.exclusion.interrupt", "yes", "yes", "true or false"),
    ("attack.exclusion.solve_seconds", -1, "-1.0", "a number above 0"),
    ("attack.exclusion.subproblem_seconds", "1", "1", "a finite number, not str"),
    ("attack.exclusion.seeds", -1, "-1", "an integer of at least 0"),
    ("attack.exclusion", True, "True", "interrupt, solve_seconds, subproblem_seconds, seeds"),
    ("bounds.lp_seconds", -1, "-1.0", "a number of at least 0"),
    ("solver.relative_gap", -0.1, "-0.1", "a number with 0 <= value < 1"),
    ("solver.relative_gap", 1, "1.0", "a number with 0 <= value < 1"),
    ("solver.relative_gap", "small", "small", "a finite number or null"),
    ("attack.on_incumbent", "ignore", "ignore", "check, stop"),
    ("attack.start", "zero", "zero", "none, center, gradient"),
    ("attack.gradient_starts", 0, "0", "at least 1"),
    ("cluster.cpus_per_trial", 0, "0", "at least 1"),
    ("search.where", "x", "x", "a list of texts"),
    ("search.together", ["training.seed"], "['training.seed']", "in the shell as in 'search.together=[[training.seed,"),
    ("search.together", [["training.seed", 3]], "[['training.seed', 3]]", "a list of lists of keys"),
    ("search.together", "training.seed", "training.seed", "a list of lists of keys"),
    ("search.method", "randomly", "randomly", "random"),
    ("sweep.name", "a/b", "a/b", "a name without /"),
    ("sweep.store", "memory://s", "memory://s", "ends with the process that wrote it"),
    ("sweep.store", "~nobodyx/s", "~nobodyx/s", "no home folder of that name is known here"),
    ("sweep.store", "file://~nobodyx/s", "file://~nobodyx/s", "no home folder of that name is known here"),
    ("deadlines.sweep_seconds", 1e12, "1000000000000.0", "above 0 and at most 1e+09"),
    ("deadlines.trial_seconds", 0, "0.0", "above 0 and at most 1e+09"),
    ("sweep.retries", -1, "-1", "at least 0"),
    ("sweep.resume", "maybe", "maybe", "true or false"),
    ("tracking.uri", 5, "5", "a text or null"),
    ("sweep.name", None, "null", "a text"),
    ("sweep.name", "", "''", "a name without / \\ and :, and neither empty nor dots alone"),
    ("sweep.name", "..", "..", "a name without / \\ and :, and neither empty nor dots alone"),
    ("pruning.finetune", 3, "3", "rounds, epochs"),
]


@pytest.mark.parametrize(("key", "value", "shown", "allowed"), REFUSED)
def test_a_refusal_names_key_value_and_what_is_allowed(
    composer: Composer, key: str, value: Any, shown: str, allowed: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        composer.changed(**{key.replace(".", "__"): value})
    assert str(refused.value).startswith(f"{key}={shown} ")
    assert allowed in str(refused.value)
    assert not str(refused.value).endswith(("finite number, not float", "NoneType"))


def test_records_of_before_have_no_values_that_go_together(composer: Composer) -> None:
    config = composer.plain()
    assert config["search"].pop("together") == []
    assert read(config) == read(composer.plain())


@pytest.mark.few(8)
@pytest.mark.parametrize("folder", sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name != "experiment"))
def test_every_option_of_every_group_is_valid(composer: Composer, folder: str, tmp_path: Path) -> None:
    file = tmp_path / "network.safetensors"
    ReluNetwork([[[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0]]).save(file)
    inputs = "".join(f"(declare-const X_{at} Real)(assert (>= X_{at} 0))(assert (<= X_{at} 1))" for at in (0, 1))
    (tmp_path / "one.vnnlib").write_text(f"{inputs}(declare-const Y_0 Real)(declare-const Y_1 Real)(assert (>= Y_0 Y_1))")
    houses = f"dataset.file={write_houses(tmp_path / 'houses.csv')}"
    of_table = [houses, "dataset.outputs=[sold]", "dataset.categories=[street,sold]", "attack.radius=1"]
    output, of_file = "attack.objective=output", [f"network.file={file}", "dataset=none"]
    beside = {
        "dataset=none": [f"network.file={file}", output],
        "dataset=function": [output],
        "dataset=images": [f"dataset.file={write_pictures(tmp_path / 'pictures.npz')}"],
        "dataset=table": of_table,
        "task=row": ["dataset=table", *of_table],
        "task=property": [*of_file, f"instances.properties={tmp_path / 'one.vnnlib'}"],
    }
    options = sorted(path.stem for path in (CONF / folder).glob("*.yaml"))
    assert options
    for option in (f"{folder}={name}" for name in options):
        settings = read(composer.plain(option, *beside.get(option, [])))
        check(settings)
        check_search(settings)


def test_every_method_of_the_library_has_an_option() -> None:
    families = {name: family.names for name, family in FAMILIES.items() if family.name_key}
    for group, names in {**families, "dataset": rules.datasets()}.items():
        assert {path.stem for path in (CONF / group).glob("*.yaml")} == set(names), group


UNLIKE_THE_CLASS = {
    "training": {"epochs", "weight_decay"},  # of the small data sets, which want more of the first
    "pruning": {"amount"},  # to choose a method is to prune, and a class prunes nothing unless it is told how much
    "solver": {"relative_gap"},  # null: as close as each attack wants
    "attack": {"gradient_starts"},  # of the complete methods, which begin with an attack of many starts
}
"""Settings whose value in an option's file is not the default of the class, and why."""


def test_a_file_gives_a_setting_the_default_of_its_class(composer: Composer) -> None:
    for section in FAMILIES:
        for option in (path.stem for path in (CONF / section).glob("*.yaml")):
            flat = flatten(composer.plain(f"{section}={option}"))
            for key, value in flat.items():
                if key.partition(".")[0] == section and key.rpartition(".")[2] not in UNLIKE_THE_CLASS.get(section, ()):
                    default = default_of(key, lambda name, flat=flat: flat.get(name, ABSENT))
                    assert default is ABSENT or value == default, option


def test_the_schema_has_the_keys_of_the_configuration(composer: Composer) -> None:
    def dotted(node: dict, prefix: str = "") -> set[str]:
        inner = [dotted(v, f"{prefix}{k}.") for k, v in node.items() if isinstance(v, dict)]
        return {f"{prefix}{k}" for k in node}.union(*inner)

    assert {key for key in dotted(composer.plain()) if not is_in_open_section(key)} == set(keys())


@pytest.mark.few(9)
@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "pruning.amont=0.5",
            r"unknown key pruning.amont \(did you mean pruning.amount\?\); available in pruning: method, amount",
        ),
        ("amount=0.5", r"unknown key amount \(did you mean pruning.amount\?\)"),
        ("prunning.amount=0.5", r"unknown key prunning.amount \(did you mean pruning.amount\?\); available: dataset"),
        ("pruning=magnitud", r"pruning=magnitud is not allowed: .*layerwise_magnitude.*\(did you mean magnitude\?\)"),
        (
            "+experiment=mnst",
            r"experiment=mnst is not allowed: it must be one of best, blending_wine, closest, .*\(did you mean mnist\?\)",
        ),
        ("experiment=mnist", r"experiment=mnist is not among the defaults; write \+experiment=mnist"),
        ("pruning.amount", r"pruning.amount is not an override, which has the form key=value$"),
        (
            "sweep.name='abc",
            r"sweep.name='abc cannot be read: the quote ' is not closed; a text that has one is put into the other",
        ),
        ("sweep.name=\"it's", r'sweep.name="it.s cannot be read: the quote " is not closed'),
        ("sweep.name=it's", r"sweep.name=it's cannot be read: the quote ' is not closed"),
        ("pruning.amount=choice(0.5,0.8", r"pruning.amount=choice\(0.5,0.8 cannot be read: \( and \) do not match$"),
        (
            "pruning.amount=[0.5",
            r"pruning.amount=\[0.5 cannot be read: \[ and \] do not match; a text with such signs is put into",
        ),
        (
            "network.file=a (1).onnx",
            r"network.file=a \(1\).onnx cannot be read: \. cannot stand there; a text with such signs is put into quotes, in "
            r"the shell as in 'network.file=\"a \(1\).onnx\"'$",
        ),
        (
            "attack.radius=choice(null,1.5)",
            r"attack.radius=choice\(null,1.5\) cannot be read: null does not go into choice\(...\); write attack.radius=null,1",
        ),
        (
            "attack.radius=shuffle(null,1.5)",
            r"attack.radius=shuffle\(null,1.5\) cannot be read: null does not go into shuffle\(...\); write attack.radius=null",
        ),
        (
            "attack.radius=sort(null,1.5,reverse=true)",
            r"attack.radius=sort\(.*\) cannot be read: null does not go into sort\(...\); list the values, as in",
        ),
        *(
            (
                f"sweep.name=a{sign}b",
                rf"sweep.name=a{sign}b cannot be read: a text that has {sign} is put into quotes, in the shell as in "
                rf"'sweep.name=\"a{sign}b\"'$",
            )
            for sign in "~#;!ü&`"
        ),
        (
            "pruning.amount=choice(#,'~')",
            r"pruning.amount=choice\(#,'~'\) cannot be read: a text that has # is put into quotes$",
        ),
        ("a#b=1", r"a#b=1 cannot be read: a key has no # in its name$"),
        ("pruning.amount=choise(1,2)", r"pruning.amount=choise\(1,2\) cannot be read: .*Unknown function 'choise'"),
        (
            "+experiment=digits,closest",
            r"\+experiment=digits,closest lists several values: to sweep over them, run python -m sweep -m ",
        ),
        ("pruning.amount==3", r"pruning.amount==3 cannot be read: it has = twice; write pruning.amount=3$"),
        (
            "pruning.amount=choice()",
            r"pruning.amount=choice\(\) cannot be read: choice\(\) has nothing in its brackets; list the values, as in "
            r"pruning.amount=1,2$",
        ),
        ("pruning.amount=1,", r"pruning.amount=1, cannot be read: it ends too early$"),
        (
            "search.together={a: b}",
            r"search.together=\{a: b\} is not allowed: it must be a list of lists of keys, in the shell as in "
            r"'search.together=\[\[training.seed,instances.seed\]\]'$",
        ),
        ("hydra.mode=foo", r"hydra.mode=foo is not allowed: it must be one of RUN, MULTIRUN$"),
        ("hydra.job.chdir=foo", r"hydra.job.chdir=foo is not allowed: Value 'foo' is not a valid bool"),
    ],
)
def test_what_hydra_refuses_is_said_in_one_message(composer: Composer, override: str, message: str) -> None:
    with pytest.raises(HydraException) as refused:
        composer.config(override)
    said = explain(refused.value)
    assert re.match(message, said)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("written", "meant"),
    [('"a"b"c"', 'a"b"c'), ('""a"b"', '"a"b'), ("'a'b'c'", "a'b'c"), ('a "b"\\', 'a "b"\\'), ('a"\\\\"~"b"', 'a"\\\\"~"b"')],
)
def test_the_advice_on_quotes_can_be_followed(composer: Composer, written: str, meant: str) -> None:
    with pytest.raises(HydraException) as refused:
        composer.config(f"sweep.name={written}")
    (advised,) = shlex.split(explain(refused.value).rpartition("in the shell as in ")[2])
    assert composer.config(advised).sweep.name == meant


def test_a_group_that_is_chosen_twice(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["sweep", *arguments])
        with pytest.raises(HydraException) as refused:
            composer.config(*(one for one in arguments if one != "-m"))
        return explain(refused.value)

    assert said("+experiment=digits", "network.width=8", "+experiment=closest", "-m") == (
        "+experiment=digits +experiment=closest: experiment can be chosen only once; run one sweep after the other: "
        "python -m sweep +experiment=digits network.width=8 -m; python -m sweep +experiment=closest network.width=8 -m"
    )
    assert said("+solver=scip") == "solver is chosen already: write solver=scip to choose another option"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "- a",
            "lst.yaml cannot be used: it has a list where keys belong, or keys where a list belongs; give each key a value of",
        ),
        ("network: [3", "lst.yaml of the configuration is not valid YAML: expected ',' or ']', but got"),
    ],
)
def test_a_file_of_the_configuration_that_is_no_section(composer: Composer, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "lst.yaml").write_text(f"# @package _global_\n{text}\n")
    with pytest.raises((HydraException, YAMLError)) as refused:
        composer.config(f"hydra.searchpath=[file://{tmp_path}]", "+experiment=lst")
    assert message in explain(refused.value)


def test_a_configuration_of_another_name(composer: Composer) -> None:
    with pytest.raises(HydraException) as refused:
        composer.loader.load_configuration("nope", [], RunMode.RUN)
    assert explain(refused.value) == (
        f"--config-name=nope is not allowed: {CONF} has no file nope.yaml; leave --config-name out to use config.yaml"
    )


def test_a_missing_and_an_added_key_are_refused(composer: Composer) -> None:
    with pytest.raises(ConfigError, match=r"pruning.amount is missing"):
        read(composer.plain("~pruning.amount"))
    with pytest.raises(ConfigError, match=r"unknown key pruning.x; available in pruning: method, amount, seed, finetune"):
        read(composer.plain("+pruning.x=1"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"attack__norm": "linf"}, "attack.radius is null with attack.norm=linf"),
        ({"attack__norm": "l2", "attack__radius": 1}, "attack.norm=l2 with attack.method=surrogate"),
        (
            {"attack__method": "portfolio", "attack__objective": "closest"},
            "attack.objective=closest with attack.method=portfolio: only surrogate and branch_and_bound look for the closest "
            "perturbation",
        ),
        (
            {"attack__method": "gradient", "attack__objective": "closest"},
            "attack.objective=closest with attack.method=gradient",
        ),
        (
            {"attack__method": "branch_and_bound", "attack__on_incumbent": "exclude_region"},
            "attack.on_incumbent=exclude_region with attack.method=branch_and_bound: there it must be one of check, stop",
        ),
        (
            {"attack__method": "portfolio", "attack__on_incumbent": "dense_subproblem"},
            "attack.on_incumbent=dense_subproblem with attack.method=portfolio",
        ),
        (
            {"attack__method": "branch_and_bound", "solver__relative_gap": 0},
            "solver.relative_gap=0.0 with attack.method=branch_and_bound: there it must be a number above 0",
        ),
        (
            {"instances__properties": "a.vnnlib", "attack__objective": "closest"},
            "instances.properties with attack.objective=closest",
        ),
        ({"attack__method": "portfolio", "attack__norm": "linf"}, "attack.radius is null with attack.norm=linf"),
        ({"dataset__name": "none"}, "dataset=none without network.file"),
        (
            {"instances__properties": "a.vnnlib", "attack__objective": "output"},
            "instances.properties with attack.objective=output",
        ),
        ({"dataset__name": "none", "network__file": "a.onnx"}, "dataset=none without instances.properties"),
        (
            {
                "dataset__name": "none",
                "network__file": "a.onnx",
                "attack__objective": "output",
                "pruning__finetune__rounds": 1,
            },
            "dataset=none with pruning.finetune.rounds=1: finetuning needs a data set",
        ),
        (
            {
                "dataset__name": "none",
                "network__file": "a.onnx",
                "attack__objective": "output",
                "pruning__method": "activation",
            },
            "dataset=none with pruning.method=activation",
        ),
        (
            {"pruning__method": "stable", "pruning__finetune__rounds": 1},
            "pruning.finetune.rounds=1 with pruning.method=stable",
        ),
        ({"dataset__function": "levy"}, "dataset.function=levy with dataset.name=digits"),
        ({"dataset__inputs": 3}, "dataset.inputs=3 with dataset.name=digits"),
        ({"dataset__name": "function"}, "dataset=function needs dataset.function and dataset.inputs"),
        (
            {"dataset__name": "function", "dataset__function": "rosenbrock", "dataset__inputs": 1},
            "dataset.inputs=1 is not allowed: rosenbrock takes 2 to",
        ),
        (
            {"dataset__name": "function", "dataset__function": "levy", "dataset__inputs": 2},
            "dataset=function has no classes to attack: set attack.objective=output",
        ),
        ({"solver__threads": 2}, "solver.threads=2 is more than cluster.cpus_per_trial=1"),
        ({"cluster__cpus_per_trial": 9999}, "cluster.cpus_per_trial=9999 is more than"),
        ({"cluster__cpus": 9999}, "cluster.cpus=9999 is more than"),
        ({"cluster__cpus": 1, "cluster__cpus_per_trial": 2}, "cluster.cpus_per_trial=2 is more than the 1 CPU"),
    ],
)
def test_values_that_do_not_go_together(composer: Composer, values: dict[str, Any], message: str) -> None:
    settings = composer.changed(**values)
    with pytest.raises(ConfigError, match=re.escape(message)):
        check(settings)


@pytest.mark.parametrize(("solver", "package"), [("gurobi", "gurobipy"), ("scip", "pyscipopt")])
def test_a_solver_whose_package_is_missing_is_refused_before_anything_starts(
    composer: Composer, solver: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else found(name))
    message = f"solver={solver} needs the package {package}, which is not installed: pip install 'surrogate-sweep[{solver}]'"
    for changes in ({}, {"attack__objective": "closest"}):
        with pytest.raises(ConfigError, match=re.escape(message)):
            check(composer.changed(solver__name=solver, **changes))
    check(composer.changed(solver__name=solver, attack__method="gradient"))  # which solves no MILP
    check(composer.changed(solver__name=solver, cluster__name="attach", cluster__address="auto"))  # the nodes may have it
    check(composer.changed(solver__name="highs"))


def test_values_that_do_go_together(composer: Composer) -> None:
    check(composer.changed(attack__method="gradient", attack__norm="l2", attack__radius=1))
    check(composer.changed(attack__norm="linf", attack__radius=0.05))
    for method in ("branch_and_bound", "restriction", "portfolio"):
        check(composer.changed(attack__method=method, attack__norm="l2", attack__radius=1, attack__on_incumbent="stop"))
    check(composer.changed(attack__method="restriction", attack__on_incumbent="exclude_region"))
    for norm in ("l1", "l2", "linf"):
        check(composer.changed(attack__objective="closest", attack__norm=norm))


def test_integers_are_taken_for_numbers(composer: Composer) -> None:
    assert composer.changed(pruning__amount=0) == composer.changed(pruning__amount=0.0)
