"""A preview for people, and as lines of JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console

from sweep.commands.preview.limits import Limits
from sweep.commands.preview.preview import Preview, PreviewedTrial
from sweep.planning.swept_keys import Choices, Dimension
from sweep.terminal.wording import count, duration

BRIEF = 40
"""The most trials that a terminal lists; more are shown as a table by network."""

FIRST = 20
"""Trials that are listed below that table."""

MOST_GROUPS = 30
"""The most lines of that table."""


def show(preview: Preview, console: Console, *, as_json: bool = False) -> None:
    """Print a preview; a long one in brief on a terminal, whole into a file.

    With ``as_json`` there is one JSON object a line and trial, and what is said about all of them goes to standard error.
    """
    said = "\n".join(_summary(preview)) + "\n"
    if as_json:
        console.file.writelines(json.dumps(_facts(row)) + "\n" for row in preview.rows)
        sys.stderr.write(said)
        return
    brief = console.is_terminal and len(preview.rows) > BRIEF
    lines = [*_groups(preview), ""] if brief else []
    lines += _listing(preview.rows[:FIRST] if brief else preview.rows)
    if brief:
        lines.append(f"... and {len(preview.rows) - FIRST:,} more: all of them are listed in a file (> plan.txt).")
    console.file.writelines(f"{line}\n" for line in lines)
    console.file.write(f"\n{said}" if lines else said)


def _listing(rows: Sequence[PreviewedTrial]) -> Iterator[str]:
    if rows:
        yield f"{'state':7}  {'answers':>7}  {'key':16}  trial"
    for row in rows:  # the name has every value by which trials differ
        yield f"{row.state.name:7}  {f'{row.answered}/{row.instances}':>7}  {row.trial.key}  {row.trial.name}"


def _facts(row: PreviewedTrial) -> dict[str, object]:
    trial, limits = row.trial, row.kind.limits
    return {
        "key": trial.key,
        "name": trial.name,
        "state": row.state.name,
        "answered": row.answered,
        "starved": row.state.starved,
        "questions": row.instances,
        "swept": trial.swept,
        "training_key": trial.training_key,
        "seconds_by_time_limits": limits.by_limits(row.left),
        "seconds_by_deadlines": limits.by_deadlines(row.left),
        "seconds_estimated": row.seconds,
    }


def _groups(preview: Preview) -> Iterator[str]:
    """Yield the lines of a table by network and data set."""
    groups: dict[str, list[PreviewedTrial]] = {}
    for row in preview.rows:
        groups.setdefault(row.kind.group, []).append(row)
    head = ["network", "trials", "new", "partly", "done", f"{preview.act}s left", "at most", "about"]
    cells = [head] + [_group(name, rows) for name, rows in list(groups.items())[:MOST_GROUPS]]
    widths = [max(len(line[place]) for line in cells) for place in range(len(head))]
    for line in cells:
        yield "  ".join(
            [line[0].ljust(widths[0]), *[cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]]
        )
    if len(groups) > MOST_GROUPS:
        yield f"... and {len(groups) - MOST_GROUPS:,} more networks."


def _group(name: str, rows: Sequence[PreviewedTrial]) -> list[str]:
    states: list[str] = [row.state.name for row in rows]
    left = [row for row in rows if row.left]
    known = [row.seconds for row in left if row.seconds is not None]
    about = "-" if left and len(known) < len(left) else duration(sum(known))
    return [
        name,
        *[f"{count:,}" for count in (len(rows), *[states.count(state) for state in ("new", "partly", "done")])],
        f"{sum(row.left for row in rows):,}",
        duration(sum(row.kind.limits.by_limits(row.left) for row in rows)),
        about,
    ]


def _summary(preview: Preview) -> Iterator[str]:
    plan, search = preview.plan, preview.settings.search
    yield from plan.notes
    if plan.suggester is not None:
        yield from _adaptive(preview)
    states: list[str] = [row.state.name for row in preview.rows]
    counts = ", ".join(f"{states.count(name):,} {word}" for name, word in _WORDS.items() if name in states)
    answers = sum(row.answered for row in preview.rows)
    asked = sum(row.instances for row in preview.rows)
    what = count(len(preview.rows), "trial") + ("" if plan.suggester is None else " suggested in earlier runs")
    yield f"{what}{f': {counts}' if counts else ''}. {answers:,} of {count(asked, 'answer')} {_are(asked)} in {preview.store}."
    if preview.reused and "new" in states:
        yield (
            "The store may already have some answers of new trials, for instance after a change of instances.count. The sweep "
            "finds out when these trials run."
        )
    if not preview.settings.sweep.resume:
        yield "sweep.resume=false: no result in the store is used, and new results replace those that are there."
    if any(row.state.starved for row in preview.rows):
        starved = [row.state.starved for row in preview.rows if row.state.starved]
        yield f"{count(sum(starved), 'answer')} of {count(len(starved), 'trial')} had too little CPU: computed again."
    if preview.unseen:
        yield (
            f"Not checked: {count(preview.unseen, 'trial')} of those done. An answer that is damaged, was killed too soon or "
            f"had too little CPU is computed again."
        )
    if preview.other_limits:
        yield (
            f"Not checked: {count(preview.other_limits, 'trial')} with another time limit. An answer that ended by itself or "
            f"had a longer limit is not computed again."
        )
    yield from _left_out(preview)
    yield from _networks(preview)
    yield _room(preview)
    yield from _cost(preview)
    if search.scheduler != "none":
        yield f"search.scheduler={search.scheduler} stops weak trials early; that is not known beforehand and not counted."
    yield "Dry run: nothing was started."


_WORDS = {"new": "new", "partly": "partly done", "stopped": "stopped early", "done": "done"}


def _adaptive(preview: Preview) -> Iterator[str]:
    suggester, search = preview.plan.suggester, preview.settings.search
    assert suggester is not None
    yield (
        f"search={search.method} chooses up to {search.samples:,} trials while it runs, each by the results before it: this "
        f"preview is incomplete. It chooses from:"
    )
    for one in suggester.dimensions:
        yield f"  {one.key}={_space(one)}"


def _space(one: Dimension) -> str:
    return ",".join(map(str, one.values)) if isinstance(one, Choices) else one.written


def _left_out(preview: Preview) -> Iterator[str]:
    """Yield what became of the combinations of values that are no trials of their own."""
    plan = preview.plan
    parts = [f"{plan.excluded:,} {_are(plan.excluded)} excluded by search.where"] if plan.excluded else []
    if plan.duplicates:
        parts.append(f"{plan.duplicates:,} {_are(plan.duplicates)} the same trial as another")
    if parts:
        combinations = len(plan.trials) + plan.excluded + plan.duplicates
        yield f"Of {count(combinations, 'combination')} of the swept values {' and '.join(parts)}."


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _networks(preview: Preview) -> Iterator[str]:
    trainings, parts = preview.trainings, []
    if trainings:
        names = list(dict.fromkeys(training.name for training in trainings))
        more = f" and {len(names) - 6} more kinds" if len(names) > 6 else ""
        parts.append(f"{len(trainings):,} to train ({', '.join(names[:6])}{more})")
    if preview.reused:
        parts.append(f"{preview.reused:,} in the store")
    if preview.read:
        parts.append(f"{preview.read:,} to read from files")
    if parts:
        yield f"Dense networks: {', '.join(parts)}."


def _room(preview: Preview) -> str:
    room, each = preview.room, preview.settings.cluster.cpus_per_trial
    cpus = f"{count(each, 'CPU')} a trial"
    if room.slots is None:
        return f"{cpus}, {room.place}"
    return f"{cpus}, {count(room.slots, 'trial')} at a time, {room.place}."


def _cost(preview: Preview) -> Iterator[str]:
    """Yield what the sweep may cost. CPU time is what trials reserve: their seconds times ``cluster.cpus_per_trial``."""
    left, cpus = preview.open, preview.settings.cluster.cpus_per_trial
    if not left:
        if preview.plan.suggester is None:
            yield "Nothing is left to compute, unless an entry turns out to be damaged when it is read."
        return
    act, acts = preview.act, sum(row.left for row in left)
    limit, deadline = cpus * preview.worst(Limits.by_limits), cpus * preview.worst(Limits.by_deadlines)
    each = f"the {act}" if acts == 1 else f"each of the {acts:,} {act}s"
    unlimited = "Training and pruning have no limit and are" if preview.trainings else "Pruning has no limit and is"
    yield (
        f"At most {duration(limit)} of CPU time{_wall(preview, limit)} if {each} takes its whole solver.time_limit_seconds, "
        f"and {duration(deadline)} if nothing but its deadline ends it. {unlimited} not counted."
    )
    if (most := preview.settings.deadlines.sweep_seconds) is not None:
        yield f"deadlines.sweep_seconds={most:g} ends the sweep after {duration(most)}, whatever is left."
    yield _estimate(preview, left, cpus)


def _estimate(preview: Preview, left: Sequence[PreviewedTrial], cpus: int) -> str:
    known = [(row, row.seconds) for row in left if row.seconds is not None]
    if not known:
        return "No estimate: the store has no finished trials of the same methods on networks of these shapes."
    seconds = cpus * sum(spent for _, spent in known)
    untold = [training for training in preview.trainings if training.seconds is None]
    trained = [training.seconds for training in preview.trainings if training.seconds is not None]
    parts = [f"{duration(seconds)} for {len(known):,} of {len(left):,} trials" if len(known) < len(left) else duration(seconds)]
    if trained:
        parts.append(f"{duration(cpus * sum(trained))} for training")
    seconds += cpus * sum(trained)
    text = f"Probably {' and '.join(parts)} of CPU time{_wall(preview, seconds)}"
    text += f", from {count(preview.learned, 'finished trial')} in the store"
    without = []
    if len(known) < len(left):
        without.append(f"{len(left) - len(known):,} trials")
    if untold:
        without.append(count(len(untold), "training"))
    return f"{text}; nothing there is like {' and '.join(without)}." if without else f"{text}."


def _wall(preview: Preview, cpu_seconds: float) -> str:
    """Return how long that takes on the clock, with as many trials at a time as there are and as there is room for."""
    slots = preview.room.slots
    if slots is None:
        return ""
    seconds = cpu_seconds / preview.settings.cluster.cpus_per_trial
    return f" ({duration(seconds / min(slots, len(preview.open)))} on the clock)"
