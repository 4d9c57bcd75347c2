"""Where the programs print."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console


def console(**settings: Any) -> Console:
    """Return a console on the standard output that is a terminal only if that is one.

    Rich takes the variable ``FORCE_COLOR`` for a terminal too. Jupyter sets it, and so do many build servers: a live line there
    would be hundreds of lines of cursor movements.
    """
    return Console(force_terminal=None if sys.stdout.isatty() else False, **settings)
