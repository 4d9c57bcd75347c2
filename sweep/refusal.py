"""Refused configurations in the words of this program: what Hydra and OmegaConf say, reduced to one message."""

from __future__ import annotations

import dataclasses
import re
import sys

from hydra.errors import MissingConfigException, OverrideParseException

from sweep.errors import ConfigError
from sweep.rules import nearest
from sweep.schema import Settings, unknown_key

EXPRESSIONS = "it is a list of quoted expressions, in the shell as in 'search.where=[\"pruning.amount > 0.5\"]'"


def explain(error: Exception) -> str:
    """Return one message that names the key, the value and what is allowed."""
    text = " ".join(str(error).split())
    if isinstance(error, ConfigError):
        return text
    if isinstance(error, OverrideParseException):
        if str(error.override).startswith("search.where="):
            return f"{error.override} cannot be read: {EXPRESSIONS}"
        return f"{error.override} is not an override, which has the form key=value (Hydra says: {text})"
    if isinstance(error, MissingConfigException) and error.options:
        missing = re.search(r"Could not find '([^']+)'", text)
        group, _, option = (missing[1] if missing else str(error.missing_cfg_file)).rpartition("/")
        options = list(error.options)
        return f"{group}={option} is not allowed: it must be one of {', '.join(options)}{nearest(option, options)}"
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        append = re.search(r"To append to your default list use (\S+)", text)
        if append:
            return f"{append[1].lstrip('+')} is not among the defaults; write {append[1]}"
        return str(unknown_key(unknown[1]))
    if "Config group override must be a string" in text:
        return f"{not_an_option(sys.argv[1:]) or text}"
    cause = " ".join(str(error.__cause__).split()) if error.__cause__ is not None else ""
    return ": ".join(part for part in (text, cause) if part and part != "None") or type(error).__name__


def not_an_option(arguments: list[str]) -> str | None:
    """Return what is wrong with the override that chooses an option of a group by a number, a list or the like."""
    groups = {f.name for f in dataclasses.fields(Settings)}
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key.lstrip("+~") in groups and not re.fullmatch(r"[\w,.-]*[A-Za-z_][\w,.-]*", value):
            return f"{argument} is not allowed: {key} is a group and its options have names; sweep --help lists them"
    return None
