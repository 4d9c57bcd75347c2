"""How much of a core each attack had. With less, it may have found less.

The share is CPU seconds over wall seconds, at most 1. It is held against one core also where a trial reserved several: solvers
leave some of those idle on an empty machine too. An attack waits for nothing else: claims, the store and MLflow are outside of
its clock.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.config.task_words import words_of
from sweep.config.words import Words
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.time_limit import TIME_LIMIT
from sweep.terminal.wording import count

STARVED_SHARE = 0.5
"""An answer that a limit ended with less than this share of a core is starved: more than half of its search is missing, which
no noise of a machine that was free for it explains."""

BUSY_SHARE = 0.8
"""A trial whose attacks had less than this share of a core is named: two trials at a time on two free cores leave each other
0.85 to 0.95."""

JUDGED_SECONDS = 1.0
"""Shorter times are not judged: a moment of waiting, for a page of a library or for another process, is too much of them."""

KILLED = "killed"
"""The ``solver_status`` of an answer whose attack was ended from outside, at a deadline."""

_LISTED = 5


def is_starved(facts: Mapping[str, Any], time_limit_seconds: float | None = None) -> bool:
    """Whether more CPU could have given another answer, and the attack had less than :data:`STARVED_SHARE` of a core.

    What is proven stands whatever it had, by the task's words, and so does what an attack ended with by itself.

    Args:
        facts: of an :class:`~sweep.records.InstanceRecord`.
        time_limit_seconds: of the attack, which may use no more CPU than that; None where a deadline ended it.
    """
    wall, cpu, ended = facts.get("total_seconds"), facts.get("cpu_seconds"), facts.get("solver_status")
    if wall is None or cpu is None or wall < JUDGED_SECONDS:
        return False
    if facts.get("status") in words_of(str(facts.get("task")), str(facts.get("objective"))).proofs:
        return False
    limit = wall if time_limit_seconds is None else time_limit_seconds
    by_limit = ended in (TIME_LIMIT, KILLED) or (ended is None and wall >= limit)
    return by_limit and bool(cpu < STARVED_SHARE * min(wall, limit))


def core_share(instances: Iterable[InstanceRecord]) -> float | None:
    """Return the share of a core that attacks had, all together; None where they are too short, or nothing was measured."""
    wall = cpu = 0.0
    for one in instances:
        if one.total_seconds is not None and one.cpu_seconds is not None:
            wall, cpu = wall + one.total_seconds, cpu + min(one.total_seconds, one.cpu_seconds)
    return cpu / wall if wall >= JUDGED_SECONDS else None


def load_sentences(records: Sequence[TrialRecord]) -> list[str]:
    """Return what must be said of the load under which results were made; nothing where each attack had its core."""
    starved = [f"{one.name}: {starved_answers([one])} of {len(one.instances)}" for one in records if starved_answers([one])]
    shares = [(core_share(record.instances), record.name) for record in records]
    busy = sorted((share, name) for share, name in shares if share is not None and share < BUSY_SHARE)
    said = []
    if starved:
        said.append(
            f"Starved of CPU: {count(starved_answers(records), 'answer')} of {count(len(starved), 'trial')} had less than "
            f"{STARVED_SHARE:g} of a core until the limit ({_listed(starved)}). What was found is kept, and running the same "
            f"sweep again asks for these answers again."
        )
    if busy:
        acts = {instance.words.act for record in records for instance in record.instances}
        act = acts.pop() if len(acts) == 1 else Words().act
        said.append(
            f"Busy machine: the {act}s of {count(len(busy), 'trial')} had less than {BUSY_SHARE:g} of a core "
            f"({_listed([f'{name}: {share:.2f}' for share, name in busy])}). On a free machine more may be found "
            f"within the limit, and verdicts that compare times or finds may differ. To measure anew, run the sweep with "
            f"sweep.resume=false and fewer trials at a time (a smaller cluster.cpus), or while nothing else runs."
        )
    return said


def starved_answers(records: Iterable[TrialRecord]) -> int:
    """Return how many answers of some trials are starved."""
    return sum(instance.starved for record in records for instance in record.instances)


def _listed(trials: Sequence[str]) -> str:
    more = f" and {len(trials) - _LISTED} more" if len(trials) > _LISTED else ""
    return "; ".join(trials[:_LISTED]) + more


@dataclass(frozen=True)
class CpuClock:
    """The CPU time of a process since a moment, read by itself or by another process of the same machine."""

    host: str
    pid: int
    before: float

    @classmethod
    def of_this_process(cls) -> CpuClock:
        return cls(socket.gethostname(), os.getpid(), time.process_time())

    def seconds(self) -> float | None:
        """Return the CPU seconds since then; None for a process that is gone, on another machine, or hidden by the system."""
        if self.host != socket.gethostname():
            return None
        if self.pid == os.getpid():
            return time.process_time() - self.before
        try:
            now = time.clock_gettime(~self.pid << 3 | 2)  # clock_getcpuclockid(3) of Linux, which Python does not have
        except (OSError, AttributeError):
            return None
        return now - self.before if now >= self.before else None


def killed_facts(facts: Mapping[str, Any], clock: CpuClock | None) -> dict[str, Any]:
    """Return the facts of an answer that a deadline ends now, with the CPU that its attack had, if that is known."""
    cpu = None if clock is None else clock.seconds()
    found = dict(facts) if cpu is None else {**facts, "cpu_seconds": cpu}
    return {**found, "starved": True} if is_starved(found) else found
