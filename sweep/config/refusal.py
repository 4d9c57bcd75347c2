"""Turns errors of Hydra and OmegaConf into one message in the words of this program."""

from __future__ import annotations

import dataclasses
import re
import shlex
import sys
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from yaml import YAMLError  # type: ignore[import-untyped]

from surrogate.checks import first_line
from surrogate.rules import nearest
from sweep.config.overrides import as_written
from sweep.config.reading import is_key, kinds_of, unknown_key
from sweep.config.schema import Settings
from sweep.config.value_types import expected
from sweep.errors import ConfigError

EXPRESSIONS = "it is a list of quoted expressions, in the shell as in 'search.where=[\"pruning.amount > 0.5\"]'"


def explain(error: Exception) -> str:
    """Return one message that names the key, the value and what is allowed."""
    text = " ".join(str(error).split())
    if isinstance(error, ConfigError):
        return text
    if isinstance(error, OverrideParseException):
        if str(error.override).startswith("search.where="):
            return f"{error.override} cannot be read: {EXPRESSIONS}"
        return unreadable(as_written(str(error.override)), text)
    if isinstance(error, YAMLError):
        return not_yaml(error)
    if isinstance(error, RecursionError):
        return "an override has too many brackets or the like inside each other to be read; write it with fewer"
    ambiguous = re.search(r"Ambiguous value for argument '(.*?)' 1\. To use it as a list", text)
    if ambiguous:
        return several_values(ambiguous[1], sys.argv[1:])
    if isinstance(error, MissingConfigException) and error.options:
        missing = re.search(r"Could not find '([^']+)'", text)
        group, _, option = (missing[1] if missing else str(error.missing_cfg_file)).rpartition("/")
        options = list(error.options)
        return f"{group}={option} is not allowed: it must be one of {', '.join(options)}{nearest(option, options)}"
    if no_main := re.search(r"Cannot find primary config '(.*?)'\. .* provider=main, path=(?:file://)?(.*?) provider=", text):
        return (
            f"--config-name={no_main[1]} is not allowed: {no_main[2]} has no file {no_main[1]}.yaml; leave --config-name "
            f"out to use config.yaml"
        )
    cause = " ".join(str(error.__cause__).split()) if error.__cause__ is not None else ""
    if (merged := re.match(r"Error merging override (?:\+\+)?(.*)", text)) is not None:
        return not_merged(merged[1], cause.partition(" full_key: ")[0])
    if (file := re.match(r"In '(.*?)': ConfigTypeError .*Cannot merge", text)) is not None:
        return (
            f"{file[1]}.yaml cannot be used: it has a list where keys belong, or keys where a list belongs; give each key a "
            f"value of the kind that config.yaml gives it"
        )
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        append = re.search(r"To append to your default list use (\S+)", text)
        if append:
            return f"{append[1].lstrip('+')} is not among the defaults; write {append[1]}"
        return str(unknown_key(unknown[1]))
    if (twice := re.search(r"Multiple values for (\S+?)\.? To override", text)) is not None:
        return chosen_twice(twice[1], sys.argv[1:])
    if "Config group override must be a string" in text:
        return f"{not_an_option(sys.argv[1:]) or text}"
    return ": ".join(part for part in (text, cause) if part and part != "None") or type(error).__name__


def not_yaml(error: YAMLError) -> str:
    """Return the refusal of a file that is no YAML, with the place where reading it stops."""
    mark = getattr(error, "problem_mark", None)
    why = getattr(error, "problem", None) or first_line(error)
    file, place = ("a file", "") if mark is None else (mark.name, f" (line {mark.line + 1}, column {mark.column + 1})")
    return f"{file} of the configuration is not valid YAML: {why}{place}; mend the file, or leave it out"


def not_merged(override: str, why: str) -> str:
    """Return the refusal of an override whose value is not of the kind of the value before.

    Args:
        override: as it was written.
        why: what OmegaConf says.
    """
    key = override.partition("=")[0].lstrip("+")
    if kinds := kinds_of(key)[0]:
        return f"{override} is not allowed: it must be {expected(kinds, key)}"
    if is_key(key):
        return f"{override} is not allowed: {key} is a section; set its keys one by one, as in {key}.NAME=3"
    options = re.search(r"expected one of \[(.*)\]", why)
    return f"{override} is not allowed: {f'it must be one of {options[1]}' if options else why}"


def several_values(override: str, arguments: Sequence[str]) -> str:
    """Return the refusal of an override that lists values in a command that does not sweep, with the command that does."""
    command = shlex.join(["python", "-m", "sweep", "-m", *map(as_written, arguments)])
    written = as_written(override)
    return f"{written} lists several values: to sweep over them, run {command} (a text that has a comma is put into quotes)"


def chosen_twice(group: str, arguments: list[str]) -> str:
    """Return the refusal of a group such as ``experiment`` that the arguments choose more than once, or beside its default."""
    lines = [one for one in arguments if re.match(rf"\+{re.escape(group)}(@[^=]*)?=", one)]
    if len(lines) < 2:
        return f"{group} is chosen already: write {' '.join(lines).lstrip('+') or group + '=...'} to choose another option"
    rest = [one for one in arguments if one not in lines]
    commands = "; ".join(shlex.join(["python", "-m", "sweep", line, *rest]) for line in lines)
    return f"{' '.join(lines)}: {group} can be chosen only once; run one sweep after the other: {commands}"


def unreadable(override: str, why: str) -> str:
    """Return what keeps an override from being read.

    Args:
        override: as it was written.
        why: what Hydra says.
    """
    key, equals, value = override.partition("=")
    if not equals or not key.strip("+~ "):
        return f"{override} is not an override, which has the form key=value"
    if re.search(r"NoneType is incompatible", why) and (call := re.match(r"(\w+)\(", value.strip())):
        listed = re.fullmatch(r"\w+\(([^()\[\]=]*)\)", value.strip())
        instead = f"write {key}={listed[1]}" if listed else f"list the values, as in {key}=null,1"
        return f"{override} cannot be read: null does not go into {call[1]}(...); {instead}"
    quote = _open_quote(value)
    is_call = re.match(r"\w+\(", value) is not None
    hint = "" if is_call else f"; a text with such signs is put into quotes, in the shell as in {_quoted(key, value)}"
    if quote is not None:
        return f"{override} cannot be read: the quote {quote} is not closed; a text that has one is put into the other quotes"
    for opened, closed in ("()", "[]", "{}"):
        if value.count(opened) != value.count(closed):
            return f"{override} cannot be read: {opened} and {closed} do not match{hint}"
    if "LexerNoViableAlt" in why and (sign := _strange_sign(key.lstrip("~"))) is not None:
        return f"{override} cannot be read: a key has no {sign} in its name"
    if "LexerNoViableAlt" in why and (sign := _strange_sign(value)) is not None:
        shell = f", in the shell as in {_quoted(key, value)}"
        return f"{override} cannot be read: a text that has {sign} is put into quotes{'' if is_call else shell}"
    if (empty := re.fullmatch(r"(\w+)\(\s*\)", value.strip())) is not None:
        return f"{override} cannot be read: {empty[1]}() has nothing in its brackets; list the values, as in {key}=1,2"
    if value.startswith("="):
        return f"{override} cannot be read: it has = twice; write {key}={value.lstrip('= ')}"
    words = re.sub(r"Error parsing override '.*?' (?=\w+ while|mis|ext|no )|\^? ?See https://hydra\.cc\S* for details", "", why)
    words = re.sub(r"^\w+(Error|Exception) while evaluating '.*?': ", "", words.strip())
    token = re.match(
        r"(?:(?:mismatched|extraneous|no viable alternative at) input|missing .* at) '(.*?)'(?: expecting|$)", words
    )
    if token is not None:  # in the words of Hydra's parser, which list its tokens
        words = "it ends too early" if token[1] == "<EOF>" else f"{token[1]} cannot stand there"
    ends = token is not None and (token[1] == "<EOF>" or value.rstrip().endswith(","))
    return f"{override} cannot be read: {words}{'' if ends else hint}"


def _open_quote(value: str) -> str | None:
    """Return the quote that is opened in a value and never closed."""
    opened: str | None = None
    for sign in re.sub(r"\\.", "", value):
        if sign in "'\"":
            opened = sign if opened is None else None if opened == sign else opened
    return opened


def _strange_sign(value: str) -> str | None:
    """Return the first sign in a value that Hydra reads between quotes only."""
    parser = OverridesParser.create()
    for sign in re.sub(r"""(["']).*?\1""", "", value):
        if sign in "()[]{},:='\"":
            continue
        try:
            parser.parse_override(f"key=a{sign}a")
        except HydraException:
            return sign
    return None


def _quoted(key: str, value: str) -> str:
    """Return an override for the shell with its value in quotes; those that it has around it already are not of the text."""
    text = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    escaped = re.sub(r'(\\*)("|$)', lambda found: 2 * found[1] + ('\\"' if found[2] else ""), text)
    return shlex.quote(f'{key}="{escaped}"')


def not_an_option(arguments: list[str]) -> str | None:
    """Return what is wrong with the override that chooses an option of a group by a number, a list or the like."""
    groups = {"experiment", *(f.name for f in dataclasses.fields(Settings))}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and not key.strip("+~ "):
            return unreadable(argument, "")
        group = key.lstrip("+~")
        if group in groups and not all(map(_is_name, value.split(","))):
            return f"{argument} is not allowed: {group} is a group and its options have names; sweep --help lists them"
    return None


def _is_name(value: str) -> bool:
    """Whether Hydra reads a value as a text, and not as a number, as a list, or as null, true or false."""
    if not re.fullmatch(r"[\w.-]*[A-Za-z_][\w.-]*", value) or value.lower() in ("null", "true", "false"):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False
