"""Measure, in one run on one machine, and print Markdown, a table or more a section.

Without sections, all of them. With --output every row is kept in a file as soon as it is measured; --show prints the
tables of such files again, and --resume measures only what the file does not hold yet, or only as a failure. To measure with
two processes at once, give each its own --output, and --instances or --tools of its own, and --show both files together.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import (
    again,
    bounds,
    closest,
    closing,
    comparison,
    coordinator,
    formulations,
    mnist_fc,
    model_size,
    models,
    nodes,
    overhead,
    planning,
    pruning_binaries,
    report_scale,
    surrogate_milps,
    vnn_wide,
)
from benchmarks.results import Results
from benchmarks.sections import Options, Section
from sweep.trial.process import limit_threads, warm_up

SECTIONS: dict[str, Section] = {
    "peers": comparison.SECTION,
    "closing": closing.SECTION,
    "vnn_wide": vnn_wide.SECTION,
    "mnist_fc": mnist_fc.SECTION,
    "closest": closest.SECTION,
    "model": model_size.SECTION,
    "models": models.SECTION,
    "bounds": bounds.SECTION,
    "formulations": formulations.SECTION,
    "pruning": pruning_binaries.SECTION,
    "surrogate_milps": surrogate_milps.SECTION,
    "overhead": overhead.SECTION,
    "again": again.SECTION,
    "planning": planning.SECTION,
    "report_scale": report_scale.SECTION,
    "coordinator": coordinator.SECTION,
    "nodes": nodes.SECTION,
}
"""Every section by its name. To add one, write a module with a ``SECTION`` and list it here."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="section", help=f"any of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--limit", type=_seconds, metavar="SECONDS", help="instead of each section's own limit for a solve")
    parser.add_argument("--instances", type=_indices, metavar="LIST", help="such as 0-3,7; default: all of the section")
    parser.add_argument("--tools", type=_tools, metavar="LIST", help=f"some of {', '.join(_all_tools())}; default: all")
    parser.add_argument("--problems", type=_names, metavar="LIST", help="of section models, such as diet,design; default: all")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="JSON file to which the rows are added; .jsonl: a line a row, appended"
    )
    parser.add_argument("--resume", action="store_true", help="with --output: leave out what the file holds already")
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE", help="measure nothing: print the tables of these files")
    chosen = parser.parse_args(arguments)
    for name in chosen.sections:
        if name not in SECTIONS:
            parser.error(f"{name!r} is not one of {', '.join(SECTIONS)}")
    for path in chosen.show or []:
        if not path.exists():
            parser.error(f"there is no file {path}")
    options = Options(chosen.limit, chosen.instances, chosen.tools, problems=chosen.problems)
    try:
        if chosen.show is None:
            results = Results(chosen.output)
            names = chosen.sections or _possible()
            _measure(names, options, results, chosen.resume)
        else:
            results = Results(chosen.show[0])
            for path in chosen.show[1:]:
                results.merge(Results(path), SECTIONS)
            names = chosen.sections or [name for name in SECTIONS if name in results.sections]
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    print(results.title(names) + "\n")
    for name in names:
        if results.sections.get(name):
            print(SECTIONS[name].report(results.sections[name]) + "\n")


def _possible() -> list[str]:
    """Return the sections that nothing is missing for; say on the terminal why the others are left out."""
    for name, section in SECTIONS.items():
        missing = section.missing()
        if missing is not None:
            print(f"left out: section {name!r} {missing}", file=sys.stderr)
    return [name for name, section in SECTIONS.items() if section.missing() is None]


def _all_tools() -> list[str]:
    return list(dict.fromkeys(name for section in SECTIONS.values() for name in section.tools))


def _measure(names: list[str], options: Options, results: Results, resume: bool) -> None:
    for name in names:
        missing = SECTIONS[name].missing()
        if missing is not None:
            raise ValueError(f"section {name!r} {missing}")
        results.require_limit(name, SECTIONS[name], options.limit(SECTIONS[name].limit_seconds))
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


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _tools(text: str) -> tuple[str, ...]:
    names = _names(text)
    for name in names:
        if name not in _all_tools():
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(_all_tools())}")
    return names


if __name__ == "__main__":
    main()
