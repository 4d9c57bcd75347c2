"""The command line that runs one trial of a sweep alone, to be copied into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString, Transformer

from sweep.config.dotted_keys import is_in

OF_SWEEPS = ("search", "hydra", "cluster.cpus", "sweep.retries", "sweep.resume", "sweep.dry_run")
"""Keys that the command leaves out: they concern the sweep alone, or the command sets them itself."""

_PLAIN = re.compile(r"[\w./-]+")


def command(overrides: Sequence[str], swept: Mapping[str, Any]) -> str:
    """Return the command that runs a trial again, in one process and whatever the store has.

    Args:
        overrides: those of the sweep, in Hydra's grammar; the last one of a key wins.
        swept: the values of the swept keys that matter to the trial. A swept key that is not among them changes nothing there,
            and is left out.
    """
    parser = OverridesParser.create()
    by_key = {one.get_key_element().lstrip("+~"): one for one in parser.parse_overrides(list(overrides))}
    lines = [
        f"{one.get_key_element()}={_written(parser, swept[one.key_or_group])}" if one.is_sweep_override() else one.input_line
        for one in by_key.values()
        if not is_in(one.key_or_group, OF_SWEEPS) and (not one.is_sweep_override() or one.key_or_group in swept)
    ]
    return shlex.join(["python", "-m", "sweep", "hydra.mode=RUN", *map(str, lines), "sweep.resume=false"])


def _written(parser: OverridesParser, value: Any) -> str:
    """Return a value in Hydra's grammar: a text that could be read as something else stands in quotes."""
    if isinstance(value, str) and not (_PLAIN.fullmatch(value) and parser.parse_override(f"key={value}").value() == value):
        return Transformer.str(QuotedString(value, Quote.single))
    return Transformer.str(value)
