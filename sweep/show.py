"""The program ``python -m sweep.show``: lists the sweeps of a store, or the trials of a sweep, or prints one trial."""

from __future__ import annotations

import sys

from sweep.commands.arguments import program
from sweep.commands.show import USAGE, run

if __name__ == "__main__":
    sys.exit(program(USAGE, run, bare=True))
