"""Models with networks in them, side by side: the rows of the section, one for each instance and tool."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.models import asking, ready
from benchmarks.models.ablation import ablation_report
from benchmarks.models.instances import NETWORK_SIZES, question, surrogates
from benchmarks.models.side_by_side import side_by_side_report
from benchmarks.models.tools import TOOLS
from benchmarks.sections import Options, Row, Section
from surrogate.models.reading import UserModel

TIME_LIMIT_SECONDS = 60.0


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each problem, instance and tool.

    A tool whose libraries are not installed is left out, with a sentence on the terminal, or refused where it was asked for.

    Raises:
        ImportError: a tool that was asked for is not installed.
        ValueError: there is no such problem.
    """
    tools = _installed(options)
    known = [*NETWORK_SIZES, ready.NAME]
    for name in options.problems or ():
        if name not in known:
            raise ValueError(f"problem {name!r} is not one of {', '.join(known)}")
    limit = options.limit(TIME_LIMIT_SECONDS)
    problems = [name for name in known if options.problems is None or name in options.problems]
    if ready.NAME in problems and options.chosen([ready.NAME]) and options.wants(0, ready.NAME, ready.NAME):
        yield {"instance": 0, "problem": ready.NAME, "tool": ready.NAME, "limit_seconds": limit, **ready.measure()}
    for problem in [name for name in problems if name != ready.NAME]:
        for index in range(len(NETWORK_SIZES[problem])):
            wanted = [name for name in tools if options.wants(index, problem, name)]
            if not wanted:
                continue
            asked = question(problem, index, limit)
            instance = asked.build()
            user = UserModel(instance.model, instance.places)
            for name in wanted:
                sparsity, begin = TOOLS[name].sparsity, time.perf_counter()
                pruned = {} if sparsity is None else surrogates(problem, index, sparsity, TOOLS[name].finetuned)
                seconds = time.perf_counter() - begin
                yield {
                    "instance": index,
                    "problem": problem,
                    "tool": name,
                    "limit_seconds": limit,
                    "seed": asked.seed,
                    "size": asked.size,
                    "networks": {key: network.key for key, network in asked.networks.items()},
                    "columns": user.columns,
                    "neurons": sum(sum(link.network.hidden_sizes) for link in user.links),
                    "sense": user.sign,
                    "pruning_seconds": None if sparsity is None else seconds,
                    **asking.measured(name, replace(asked, surrogates=pruned), instance, user),
                }


def _installed(options: Options) -> list[str]:
    found = []
    for name in options.chosen(TOOLS):
        lacking = TOOLS[name].missing()
        if not lacking:
            found.append(name)
            continue
        sentence = f'tool {name!r} needs {" and ".join(lacking)}, not installed: run `make bench`, or pip install -e ".[bench]"'
        if options.tools is not None:
            raise ImportError(f"{sentence}, or choose other --tools")
        print(f"left out: {sentence}", file=sys.stderr)
    return found


def report(rows: Sequence[Row]) -> str:
    return "\n\n".join(part for part in (side_by_side_report(rows), ablation_report(rows)) if part)


SECTION = Section(("instance", "problem", "tool"), TIME_LIMIT_SECONDS, measure, report, (*TOOLS, ready.NAME))
