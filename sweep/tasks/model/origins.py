"""Where the networks of a model come from, samples or files, and whether these fit; checked before anything starts."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from surrogate.errors import SurrogateError
from surrogate.rules import nearest
from sweep.config import rules
from sweep.config.files import read_network
from sweep.config.own_networks import key_in_use, settings_of
from sweep.config.rules import PYTHON
from sweep.config.schema import Settings
from sweep.config.sections import method_of
from sweep.config.watched import Fact, remembered
from sweep.errors import ConfigError
from sweep.tasks.model.settings import parameters_of, problem_of
from sweep.tasks.model.table import NETWORK, in_table_words, needs_table, with_table
from sweep.terminal.wording import count

if TYPE_CHECKING:
    from surrogate.models.problems import ModelProblem, Samples
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Pruning


@dataclass(frozen=True)
class DrawnSamples:
    """What is known of the samples of a seed.

    Attributes:
        digest: 16 hex digits over them; None where a problem has no samples.
        sizes: inputs and outputs of the network of each name.
        values: the names whose samples are values, and no classes.
    """

    digest: str | None
    sizes: Mapping[str, tuple[int, int]]
    values: frozenset[str]


@remembered
def drawn(settings: Settings) -> DrawnSamples:
    """Return what is known of the samples of a trial's first seed. They may come from files, whose contents nothing else says.

    Raises:
        ConfigError: they cannot be had.
    """
    problem = with_table(problem_of(settings), settings)
    if problem.samples is None:
        return DrawnSamples(None, {}, frozenset())
    given = json.dumps(problem.samples_parameters(parameters_of(settings)))
    return _drawn(problem, settings.instances.seed, given, tuple(_own_files(settings)))


@remembered
def network_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of a trial's networks: those of its samples, and those that come from a file.

    Raises:
        ConfigError: the samples cannot be had.
    """
    sampled = (NETWORK,) if needs_table(problem_of(settings), settings) else drawn(settings).sizes  # a worker has no table
    return tuple(dict.fromkeys([*sampled, *_own_files(settings)]))


def files_of(settings: Settings) -> dict[str, str]:
    """Return the files of the networks that come from one, by the networks' names.

    Raises:
        ConfigError: the samples cannot be had.
    """
    if settings.network.file is None:
        return _own_files(settings)
    files = {name: settings_of(settings, name).network.file for name in network_names(settings)}
    return {name: file for name, file in files.items() if file is not None}


def check_networks(settings: Settings) -> None:
    """Check that a trial's networks are there and fit: names, files, sizes, what is pruned, and the model with them in it.

    Raises:
        ConfigError: they do not.
    """
    names = network_names(settings)
    _check_common_file(settings, names)
    _check_names(settings, names)
    networks = {}
    for name, file in files_of(settings).items():
        networks[name] = read_network(file, key=key_in_use(settings, name, "network.file"))
        _check_sizes(settings, name, networks[name])
    _check_pruning(settings, names, networks)
    problem, given = with_table(problem_of(settings), settings), json.dumps(parameters_of(settings))
    _rehearse(problem, settings.instances.seed, given, _Files(settings, networks), _quadratic(settings))


@Fact
def _own_files(settings: Settings) -> dict[str, str]:
    """Return the files that networks have of their own, by the networks' names."""
    files = {name: own.get("file", None) for name, own in settings.networks.items()}
    return {name: file for name, file in files.items() if file is not None}


def _check_common_file(settings: Settings, names: tuple[str, ...]) -> None:
    file = settings.network.file
    if file is None or len(names) == 1:
        return
    problem = problem_of(settings).name
    if names:
        raise ConfigError(
            f"network.file={file} with task=model: {problem} has {count(len(names), 'network')}, {' and '.join(names)}; name a "
            f"file of one of them, as in networks.{names[0]}.file={file}"
        )
    raise ConfigError(
        f"network.file={file} with task=model: {problem} has no samples that say what its network is called; write "
        f"networks.NAME.file={file}, with the name that build asks for"
    )


def _check_names(settings: Settings, names: tuple[str, ...]) -> None:
    """Check the names in ``networks``: samples say which there are, and of a user's own model a file makes one more."""
    sampled, problem = drawn(settings).sizes, problem_of(settings)
    known = names if settings.model.problem == PYTHON else tuple(sampled)
    for name in settings.networks:
        if name in known:
            continue
        has = f"it has {' and '.join(known)}" if known else "its samples name none"
        more = f", and networks.{name}.file gives it one that samples leaves out" if settings.model.problem == PYTHON else ""
        raise ConfigError(f"networks.{name}: {problem.name} has no network named {name}{nearest(name, known)}: {has}{more}")


def _check_sizes(settings: Settings, name: str, network: ReluNetwork) -> None:
    """Check a network from a file against the samples of its name."""
    found = drawn(settings)
    if name not in found.sizes:
        return
    inputs, outputs = found.sizes[name]
    of_file = f"{count(network.input_size, 'input')} and {count(network.output_size, 'output')}"
    is_regression = name in found.values
    if network.input_size == inputs and (network.output_size == 1 if is_regression else network.output_size >= outputs):
        return
    gives = "a value" if is_regression else f"{outputs} classes"
    raise ConfigError(
        f"{_told_file(settings, name)}: the network has {of_file}, and the samples of {name} have {count(inputs, 'number')} a "
        f"point and {gives}; choose another file"
    )


def _check_pruning(settings: Settings, names: tuple[str, ...], files: Mapping[str, ReluNetwork]) -> None:
    """Check that a method has pruned networks where it needs them, and that prunings have the data that they look at."""
    from surrogate.models.methods import METHODS

    method = METHODS[settings.method.name]
    if not method.takes_surrogate:
        return
    each = {name: settings_of(settings, name) for name in names}
    if method.needs_surrogate and all(one.pruning.method == rules.NO_PRUNING for one in each.values() or [settings]):
        raise ConfigError(
            f"method={settings.method.name} with pruning=none: it needs pruned networks; choose a pruning, or method=dense"
        )
    sampled = drawn(settings).sizes
    for name in files:
        if name not in sampled:
            _check_data(settings, name, method_of("pruning", each[name]))


def _check_data(settings: Settings, name: str, pruning: Pruning) -> None:
    """Check the pruning of a network that there are no samples of."""
    if not pruning.needs_data:
        return
    key = "pruning.method" if pruning.way.needs_data else "pruning.finetune.rounds"
    value = pruning.way.name if pruning.way.needs_data else pruning.finetuning.rounds
    does = "this pruning looks at data" if pruning.way.needs_data else "finetuning needs data"
    instead = "networks.{}.pruning.method=magnitude" if pruning.way.needs_data else "networks.{}.pruning.finetune.rounds=0"
    raise ConfigError(
        f"{_told_file(settings, name)} with {key_in_use(settings, name, key)}={value}: {does}, and {problem_of(settings).name} "
        f"has no samples of {name}; have samples return some, or set {instead.format(name)}"
    )


def _told_file(settings: Settings, name: str) -> str:
    return f"{key_in_use(settings, name, 'network.file')}={settings_of(settings, name).network.file}"


class _Files:
    """The networks that a model is built with before any is trained; equal to others of the same files and contents."""

    def __init__(self, settings: Settings, networks: Mapping[str, ReluNetwork]) -> None:
        self.networks = dict(networks)
        self.told = [
            f"{_told_file(settings, name)} has {count(one.input_size, 'input')} and {count(one.output_size, 'output')}"
            for name, one in networks.items()
        ]
        self._known = tuple((name, network.key) for name, network in networks.items()), tuple(self.told)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Files) and self._known == other._known

    def __hash__(self) -> int:
        return hash(self._known)


def _quadratic(settings: Settings) -> bool:
    """Return whether a trial's solver and method take models with quadratic terms."""
    from surrogate.models.methods import METHODS
    from surrogate.models.methods.base import MilpMethod
    from surrogate.solvers import SOLVERS

    milps = issubclass(METHODS[settings.method.name], MilpMethod) and not getattr(settings.method, "repair", False)
    return milps and SOLVERS[settings.solver.name].quadratic


@functools.cache  # without an end: a plan may come back to each of thousands of sets of parameters
def _rehearse(problem: ModelProblem, seed: int, parameters: str, files: _Files, quadratic: bool) -> None:
    """Draw and build once, with untrained networks: mistakes are told before anything starts."""
    from surrogate.models.problems import MissingNetwork, rehearse

    try:
        rehearse(problem, seed, json.loads(parameters), files.networks, quadratic)
    except SurrogateError as error:
        sentence = in_table_words(problem, _in_a_sentence(_setting(problem.name), problem.name, error))
        cause = error.__cause__
        if isinstance(cause, MissingNetwork):
            sentence = f"{sentence}, or networks.{cause.name}.file names a file of it"
        elif problem.samples is None and not files.networks:
            sentence = f"{sentence}; a network comes from a file as in networks.cost.file=cost.onnx"
        elif isinstance(cause, SurrogateError) and files.told:  # as a place says it, whose sizes are others
            sentence = f"{sentence}; {' and '.join(files.told)}"
        raise ConfigError(sentence) from error


@functools.lru_cache(maxsize=1024)
def _drawn(problem: ModelProblem, seed: int, parameters: str, elsewhere: tuple[str, ...]) -> DrawnSamples:
    from surrogate.models.problems import samples_digest

    try:
        found: dict[str, Samples] = problem.draw(seed, json.loads(parameters), elsewhere)
    except SurrogateError as error:
        raise ConfigError(_in_a_sentence(_setting(problem.name), problem.name, error)) from error
    sizes = {name: samples.sizes for name, samples in found.items()}
    return DrawnSamples(samples_digest(found), sizes, frozenset(name for name, one in found.items() if one.is_regression))


def _setting(problem: str) -> str:
    return f"model.function={problem}" if ":" in problem else f"model={problem}"


def _in_a_sentence(setting: str, problem: str, error: Exception) -> str:
    told = str(error).removeprefix(f"{problem}: ")
    if ":" not in problem:
        told = told.replace(" folder=", " model.parameters.folder=")
    return f"{setting}: {told}"
