"""Measure, in one run on one machine, and print Markdown; sections: proofs, wide, peers, model, bounds, closing,
mnist_fc, vnn_wide.

Without sections, all of them. With --output every row is kept in a JSON file as soon as it is measured; --show prints the
tables of such a file again, and --resume measures only what it does not hold yet, or only as a failure.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import bounds, closing, comparison, mnist_fc, model_size, proofs, vnn_wide, wide
from benchmarks.peers import TOOLS
from benchmarks.results import Results
from benchmarks.sections import Options, Section
from sweep.trial import limit_threads, warm_up

SECTIONS: dict[str, Section] = {
    "proofs": proofs.SECTION,
    "wide": wide.SECTION,
    "peers": comparison.SECTION,
    "model": model_size.SECTION,
    "bounds": bounds.SECTION,
    "closing": closing.SECTION,
    "mnist_fc": mnist_fc.SECTION,
    "vnn_wide": vnn_wide.SECTION,
}
"""Every section by its name. To add one, write a module with a ``SECTION`` and list it here."""

NAMES = (*TOOLS, *closing.METHODS, *vnn_wide.METHODS)
"""What ``--tools`` may name: the tools of ``peers``, the methods of ``closing`` and ``vnn_wide``."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="section", help=f"any of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--limit", type=_seconds, metavar="SECONDS", help="instead of each section's own limit for a solve")
    parser.add_argument("--instances", type=_indices, metavar="LIST", help="such as 0-3,7; default: all of the section")
    parser.add_argument("--tools", type=_tools, metavar="LIST", help=f"some of {','.join(NAMES)}; default: all")
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON file to which the rows are added")
    parser.add_argument("--resume", action="store_true", help="with --output: leave out what the file holds already")
    parser.add_argument("--show", type=Path, metavar="FILE", help="measure nothing: print the tables of this file")
    chosen = parser.parse_args(arguments)
    for name in chosen.sections:
        if name not in SECTIONS:
            parser.error(f"{name!r} is not one of {', '.join(SECTIONS)}")
    if chosen.show is not None and not chosen.show.exists():
        parser.error(f"there is no file {chosen.show}")
    options = Options(chosen.limit, chosen.instances, chosen.tools)
    try:
        results = Results(chosen.show or chosen.output)
        if chosen.show is None:
            names = chosen.sections or list(SECTIONS)
            _measure(names, options, results, chosen.resume)
        else:
            names = chosen.sections or list(results.sections)
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    print(results.title(names) + "\n")
    for name in names:
        if results.sections.get(name):
            print(SECTIONS[name].report(results.sections[name]) + "\n")


def _measure(names: list[str], options: Options, results: Results, resume: bool) -> None:
    for name in names:
        results.require_limit(name, options.limit(SECTIONS[name].limit_seconds))
    results.describe_now()
    limit_threads(1)  # as each trial of a sweep has
    warm_up()
    for name in names:
        section = SECTIONS[name]
        kept = [row for row in results.sections.get(name, []) if resume and row.get("error") is None]
        done = frozenset(map(section.key_of, kept))
        for row in section.measure(replace(options, done=done)):
            results.add(name, section, row)
            print(f"{name}: {section.progress(row)}", file=sys.stderr, flush=True)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be positive and finite, got {text}")
    return seconds


def _indices(text: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise argparse.ArgumentTypeError(f"expected indices and ranges such as 0-3,7, got {text!r}")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def _tools(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(NAMES)}")
    return names


if __name__ == "__main__":
    main()
