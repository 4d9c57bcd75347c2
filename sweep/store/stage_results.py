"""What a trial sees of the store: stage results by content key. Each is made once, even if several trials want it at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from sweep.records.instance_record import by_field

StageKind = Literal["networks", "surrogates", "instances", "progress", "limits"]
"""Trained dense networks, pruned ones, answers to one instance each, the keys of a trial's instances by its trial key, and of
answers that differ in their time limit alone the key of the one with the longest."""


@dataclass(frozen=True)
class Entry:
    """A stage result: facts that are JSON, and for a network its weights as the bytes of a safetensors file."""

    facts: dict[str, Any] = field(default_factory=dict)
    weights: bytes | None = None


class Stages(Protocol):
    """The stage results that a trial uses and adds to."""

    def get(self, kind: StageKind, key: str, deadline_seconds: float | None = None) -> Entry | None:
        """Return a result, once another trial that makes it at this moment is done; None if the caller is to make it now.

        Whoever gets None must end with :meth:`put` or :meth:`abandon`. ``deadline_seconds`` is how long it may take now: one
        that does not stand (:func:`stands`) is not there.
        """
        ...

    def put(self, kind: StageKind, key: str, entry: Entry) -> Entry | None:
        """Keep a result, unless there is one that is as good (:func:`is_better`): that one stands, and is returned.

        Raises:
            StoreError: it cannot be written.
        """
        ...

    def abandon(self, kind: StageKind, key: str) -> None:
        """Leave a result to others: making it failed."""
        ...

    def peek(self, kind: StageKind, key: str) -> Entry | None:
        """Return a result that is there, whoever makes it anew at this moment; nothing needs to follow."""
        ...

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        """Say that the answer ``key`` is being looked for, at most ``deadline_seconds`` from now.

        ``facts`` are those of the entry that shall stand if the worker never comes back.
        """
        ...

    def improve(self, key: str, facts: dict[str, Any]) -> None:
        """Say what the entry would be if the worker did not come back from here on."""
        ...


class NoStages:
    """Stage results that are never there and never kept: every trial makes all of its own."""

    def get(self, kind: StageKind, key: str, deadline_seconds: float | None = None) -> Entry | None:
        return None

    def put(self, kind: StageKind, key: str, entry: Entry) -> Entry | None:
        return None

    def abandon(self, kind: StageKind, key: str) -> None:
        pass

    def peek(self, kind: StageKind, key: str) -> Entry | None:
        return None

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        pass

    def improve(self, key: str, facts: dict[str, Any]) -> None:
        pass


def stands(entry: Entry, deadline_seconds: float | None, *, made_now: bool = False) -> bool:
    """Whether a result is as good as a new one: False if a deadline ended it, and it may take longer now, or if it was starved
    of CPU. A starved one that was ``made_now``, in the same run of the sweep, stands: a busy machine must not make it go round.

    ``deadline_seconds`` among its facts says which deadline ended it. Where no time is left, what is there stands.
    """
    if deadline_seconds is not None and deadline_seconds <= 0.0:
        return True
    ended = entry.facts.get("deadline_seconds")
    if ended is not None and (deadline_seconds is None or deadline_seconds > ended):
        return False
    return made_now or not entry.facts.get("starved")


def is_better(entry: Entry, there: Entry) -> bool:
    """Whether a result takes the place of one that is there: a deadline ended that one sooner, or it was starved of CPU and the
    new one had more; or it is about a longer time limit. A starved answer that found something does not give way to
    one that found none."""
    is_starved = bool(there.facts.get("starved"))
    found_there, found = (by_field(one.facts).get("first_found_seconds") for one in (there, entry))
    if is_starved and found_there is not None and found is None:
        return False
    ended, longer = there.facts.get("deadline_seconds"), entry.facts.get("deadline_seconds")
    if ended is not None and (longer is None or longer > ended):
        return True
    limit, before = entry.facts.get("limit_seconds"), there.facts.get("limit_seconds")
    is_whole = longer is None and not entry.facts.get("starved")
    if is_whole and limit is not None and before is not None and limit > before:
        return True
    return is_starved and _supply(entry) > _supply(there)


def _supply(entry: Entry) -> tuple[bool, float]:
    """Return what tells answers apart by the CPU they had: first whether it was all that their attacks asked for."""
    facts = entry.facts
    cpu = facts.get("cpu_seconds")
    is_measured = cpu is not None or facts.get("cut_from_seconds") is not None  # only of whole answers others are cut
    had_all = is_measured and not facts.get("starved") and facts.get("deadline_seconds") is None
    return had_all, cpu or 0.0


Made = TypeVar("Made", Entry, Entry | None)


def once(
    stages: Stages, kind: StageKind, key: str, make: Callable[[], Made], deadline_seconds: float | None = None
) -> tuple[Made, bool]:
    """Return the result under ``key``, made by ``make`` unless it is there, and whether it was there.

    A ``make`` that returns None leaves the result to others.

    Raises:
        whatever ``make`` raises, after the claim was given up.
    """
    found = stages.get(kind, key, deadline_seconds)
    if found is not None:
        return found, True
    try:
        made = make()
    except BaseException:
        stages.abandon(kind, key)
        raise
    if made is None:
        stages.abandon(kind, key)
        return made, False
    return stages.put(kind, key, made) or made, False
