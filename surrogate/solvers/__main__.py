"""``python -m surrogate.solvers``: which solvers are installed, and whether each gives the right answers."""

from __future__ import annotations

import sys

from surrogate.errors import InvalidSetting
from surrogate.solvers import SOLVERS
from surrogate.solvers.selftest import MODELS, mistakes, version


def main() -> int:
    """Print a line for each solver, and one for each wrong answer; return 1 if there is one."""
    wrong = 0
    for name, kind in SOLVERS.items():
        try:
            solver = kind()
        except InvalidSetting as error:
            print(f"{name}: {error}")
            continue
        found = mistakes(solver)
        print(f"{name} ({kind.package} {version(kind)}): right on {len(MODELS) - len(found)} of {len(MODELS)} models")
        for sentence in found:
            print(f"  {sentence}")
        wrong += len(found)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
