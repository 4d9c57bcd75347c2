"""The program ``python -m sweep.replay <trial>``: runs a trial again from its recorded configuration, and compares."""

from __future__ import annotations

import sys

from sweep.commands.arguments import program
from sweep.commands.replay import USAGE, run

if __name__ == "__main__":
    sys.exit(program(USAGE, run))
