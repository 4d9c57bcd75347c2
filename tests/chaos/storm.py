"""A sweep in a storm: workers, nodes, coordinator and driver are killed, MLflow goes away, and nothing may be lost or doubled.

    python tests/chaos/storm.py --kills 30 --seed 1 --minutes 20

First the sweep runs undisturbed, then again in a fresh store, while processes get SIGKILL at random moments and the driver is
started again with the same command until it ends well. Then trials, answers, optimal values and states must be the same in the
store and in MLflow. Exit code 0: they are; 1: they are not, or the time was over. With ``--local`` Ray is that of the sweep
itself (cluster=local), and there are no nodes to kill and no MLflow server.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from blows import COORDINATOR, WORKERS, Storm, Stuck, plan_blows, ride_out, say, titled
from family import Family
from machines import RayMachines, TrackingServer
from outcome import differences, outcome
from subject import Size, Sweep

SETTLE_SECONDS = 45.0
"""After the last driver, its workers and its coordinator must be gone by then."""

ONE_CPU_NODES = 2


def settled(family: Family, seconds: float) -> list[str]:
    """Wait until no worker and no coordinator is left; return the titles of those that stay."""
    end = time.monotonic() + seconds
    while (left := titled(family.members(), (*WORKERS, *COORDINATOR))) and time.monotonic() < end:
        time.sleep(0.5)
    return [process.title for process in left]


def run(arguments: argparse.Namespace, family: Family, folder: Path) -> list[str]:
    """Run both sweeps and return what is wrong, in sentences."""
    begin = time.monotonic()
    end = begin + 60.0 * arguments.minutes
    rng = random.Random(arguments.seed)
    server: TrackingServer | None = None
    ray: RayMachines | None = None
    where = ["cluster=local", f"cluster.cpus={min(len(os.sched_getaffinity(0)), 2)}"]
    if not arguments.local:
        server = TrackingServer(family, folder)
        server.start()
        ray = RayMachines(family, folder, ONE_CPU_NODES)
        server.wait()
        where = ["cluster=attach", f"cluster.address={ray.address}", f"tracking.uri={server.uri}"]
    size = Size(arguments.depths, arguments.amounts, arguments.instances)
    quiet, sweep = Sweep(family, folder, "undisturbed", size, where), Sweep(family, folder, "storm", size, where)
    blows = plan_blows(arguments.kills, sweep.questions, rng, arguments.local)
    calm, storm = Storm(family, quiet, [], rng, ray, None), Storm(family, sweep, blows, rng, ray, server)
    say(f"{size.questions} questions, {len(blows)} kills, seed {arguments.seed}")
    left: list[str] = []
    try:
        if arguments.local:  # each has its own Ray
            ride_out([calm, storm], end)
        else:
            ride_out([calm], end)
            say(f"undisturbed: {calm.seconds:.0f} s")
            left += settled(family, SETTLE_SECONDS)
            ride_out([storm], end)
    except Stuck as stuck:
        return [str(stuck)]
    finally:
        report(calm, storm, sweep)
    faults = [] if not storm.left else [f"the sweep ended before {storm.left} of the {arguments.kills} kills"]
    left += settled(family, SETTLE_SECONDS)
    faults += [f"left behind by the sweep: {title}" for title in left]
    faults += quiet.faults() + sweep.faults()
    of_quiet, of_storm = (one.database if server is None else server.database for one in (quiet, sweep))
    expected = outcome(quiet.folder / "store", of_quiet, quiet.name)
    found = outcome(sweep.folder / "store", of_storm, sweep.name)
    say(
        f"{len(found.trials)} trials, {len(found.keys['instances'])} answers, {len(found.children)} runs under the last of "
        f"{found.parents} parent runs in MLflow"
    )
    if len(found.keys["instances"]) != sweep.questions:
        faults.append(f"{len(found.keys['instances'])} answers to {sweep.questions} questions")
    return faults + differences(expected, found)


def report(calm: Storm, storm: Storm, sweep: Sweep) -> None:
    """Print what the storm did."""
    if not sweep.starts:
        return
    kills = ", ".join(f"{count} {kind}" for kind, count in sorted(storm.kills.items())) or "none"
    retried = sum("retried: " in line for line in sweep.log.read_text(errors="replace").splitlines())
    refused = sum(sweep.refusals.values())
    say(f"kills: {storm.kills.total()} ({kills}); MLflow was away {storm.outages} times")
    say(f"driver started {sweep.starts} times, of which {refused} refused; {retried} times a trial lost its worker")
    for text, count in sweep.refusals.items():
        say(f"  refused {count} times: {text[:200]}")
    undisturbed, disturbed = ("no end" if one.seconds is None else f"{one.seconds:.0f} s" for one in (calm, storm))
    say(f"undisturbed: {undisturbed}; in the storm: {disturbed}")


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description="A sweep under random kills must end as if nothing had happened.")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=None, help="of the storm; by default another one each time")
    parser.add_argument("--minutes", type=float, default=20.0, help="over this time it fails")
    parser.add_argument("--local", action="store_true", help="cluster=local: no nodes, no MLflow server")
    parser.add_argument("--depths", default="1,2", help="of the networks")
    parser.add_argument("--amounts", default="0.2,0.3,0.4,0.5,0.6,0.7", help="of pruning, of each network beside none")
    parser.add_argument("--instances", type=int, default=8, help="of each trial")
    arguments = parser.parse_args(words)
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(10**6)
    return arguments


def _stop(number: int, _frame: Any) -> NoReturn:
    raise SystemExit(f"ended by {signal.Signals(number).name}")


def main() -> int:
    """Run a storm and return the exit code."""
    arguments = parse()
    signal.signal(signal.SIGTERM, _stop)
    folder = Path(tempfile.mkdtemp(prefix="sweep-storm-"))  # short: Ray's sockets lie in it, and their paths are limited
    with Family() as family:
        faults = run(arguments, family, folder)
    for fault in faults:
        say(f"WRONG: {fault}")
    if faults:
        say(f"seed {arguments.seed}: {len(faults)} faults; logs and stores are in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    say(f"seed {arguments.seed}: the same trials, answers, values and states as undisturbed; nothing missing, nothing twice")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
