"""``python -m benchmarks [proofs] [wide]``: measure, in one run on one machine, and print Markdown."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from benchmarks import proofs, wide
from benchmarks.subjects import machine
from sweep.trial import limit_threads, warm_up

SECTIONS = {"proofs": proofs.run, "wide": wide.run}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"any of {', '.join(SECTIONS)}; default: all")
    chosen = parser.parse_args().sections or list(SECTIONS)
    for name in chosen:
        if name not in SECTIONS:
            parser.error(f"{name!r} is not one of {', '.join(SECTIONS)}")
    limit_threads(1)  # as each trial of a sweep has
    warm_up()
    packages = ", ".join(f"{name} {version(name)}" for name in ("highspy", "pyomo", "torch", "numpy"))
    print(f"Measured on {machine()}; {packages}.\n", flush=True)
    for name in chosen:
        SECTIONS[name]()
        print(flush=True)


if __name__ == "__main__":
    main()
