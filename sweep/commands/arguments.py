"""The command lines of the programs beside the sweep itself: a name, and settings ``key=value``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from surrogate.errors import SurrogateError
from surrogate.files import file_path
from surrogate.rules import nearest
from sweep.config.mlflow_address import existing_uri
from sweep.config.passwords import hide_in_refusal
from sweep.errors import ConfigError, SweepError
from sweep.store.default_store import DEFAULT_STORE
from sweep.terminal import streams
from sweep.terminal.exit_codes import FAILED, INTERRUPTED, OK, REFUSED


@dataclass(frozen=True)
class Asked:
    """What is asked for, and of which store; ``tracking_uri`` None: there is no MLflow store here, and none was named."""

    what: str
    store: str
    tracking_uri: str | None
    others: dict[str, str]


def parse(arguments: Sequence[str], what: str, more: Sequence[str] = (), *, optional: bool = False) -> Asked:
    """Return the arguments of a program that takes one name, ``sweep.store``, ``tracking.uri`` and ``more`` keys.

    With ``optional`` the name may be missing; it is empty then.

    Raises:
        ConfigError: a key that is not known or has no value, no name, or more than one.
    """
    accepted = ["sweep.store", "tracking.uri", *more]
    names: list[str] = []
    values: dict[str, str] = {}
    for argument in arguments:
        key, equals, _ = argument.lstrip("+").partition("=")
        if equals and (key in accepted or nearest(key, accepted)):  # a name may hold an = too
            key, value = setting(argument, accepted)
            values[key] = value
        else:
            names.append(argument)
    if len(names) != 1 and (names or not optional):
        got = f"got {len(names)}: {', '.join(names)}" if names else "got none"
        raise ConfigError(f"exactly one {what} is wanted (quote a name that has spaces), {got}")
    uri = existing_uri(values.pop("tracking.uri", None))
    return Asked(names[0] if names else "", values.pop("sweep.store", DEFAULT_STORE), uri, values)


def setting(argument: str, accepted: Sequence[str]) -> tuple[str, str]:
    """Return key and value of ``key=value``; a ``+`` before it, as Hydra has it, is no mistake.

    Raises:
        ConfigError: a key that is not accepted, or has no value.
    """
    key, _, value = argument.lstrip("+").partition("=")
    if key not in accepted:
        raise ConfigError(f"{key} is not an argument{nearest(key, accepted)}; accepted are {', '.join(accepted)}")
    if not value.strip():
        raise ConfigError(f"{key} needs a value, as in {key}=...")
    return key, value


def path_of(key: str, value: str) -> Path:
    """Return the file or folder that an argument names.

    Raises:
        ConfigError: it lies in the home folder of a user who is not known.
    """
    try:
        return file_path(value)
    except SurrogateError as error:
        raise ConfigError(f"{key}={error}") from error


def program(
    usage: str, run: Callable[[Sequence[str]], int], arguments: Sequence[str] | None = None, *, bare: bool = False
) -> int:
    """Run a program with the arguments of the command line and return its exit code; an error is one sentence.

    ``bare``: it does something without arguments too. The program ends when nobody reads its output any more.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    with streams.while_read():
        if not (given or bare) or any(argument in ("-h", "--help") for argument in given):
            print(usage, end="")
            return OK if given else REFUSED
        return _guarded(run, given)


def _guarded(run: Callable[[Sequence[str]], int], given: Sequence[str]) -> int:
    try:
        return run(given)
    except ConfigError as error:
        print(f"error: {hide_in_refusal(str(error), given)}", file=sys.stderr)
        return REFUSED
    except (SweepError, SurrogateError) as error:
        print(f"error: {hide_in_refusal(str(error), given)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
