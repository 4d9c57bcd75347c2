"""What ``python -m sweep`` does with a plan: it shows what a sweep would do, or runs it."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from rich.console import Console

from surrogate.errors import SurrogateError
from sweep.config.mlflow_address import check_address, named_uri
from sweep.config.passwords import hide_in_text
from sweep.config.reading import read
from sweep.config.rules import AS_JSON
from sweep.errors import ConfigError, SweepError
from sweep.planning.plan import Plan
from sweep.terminal import streams
from sweep.terminal.exit_codes import FAILED, OK, REFUSED


def execute(plan: Plan, overrides: Sequence[str], *, parallel: bool) -> NoReturn:
    """Run a plan and end the program with its exit code; an error of the sweep as a whole is one sentence, no traceback."""
    from sweep.store.places import check_url

    try:
        check_url(plan.config["sweep"]["store"])
        check_address(named_uri(plan.config["tracking"]["uri"]))
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(REFUSED) from None
    # The lines of a dry run are all that it is for: nothing is left to do once they can't be printed.
    with contextlib.nullcontext() if plan.config["sweep"]["dry_run"] else streams.outlived():
        try:
            code = run(plan, overrides, parallel=parallel)
        except (SweepError, SurrogateError) as error:
            print(f"error: {hide_in_text(str(error))}", file=sys.stderr)
            code = FAILED
        except Exception:  # a fault of the program: Hydra must not take it for one of the configuration
            traceback.print_exc()
            code = FAILED
    raise SystemExit(code)


def run(plan: Plan, overrides: Sequence[str], *, parallel: bool, console: Console | None = None) -> int:
    """Run all trials of a plan, or with ``sweep.dry_run`` print what that would do, and return the exit code.

    Args:
        plan: the trials.
        overrides: what the plan was made of, for the tracker.
        parallel: on Ray.
        console: where to print; by default the terminal.

    Raises:
        SweepError: the store or the tracker cannot be used.
    """
    if plan.config["sweep"]["dry_run"]:
        _preview(plan, console or streams.console(), parallel=parallel)
        return OK
    from sweep.execution import driver

    return driver.run(plan, overrides, parallel=parallel, console=console)


def _preview(plan: Plan, console: Console, *, parallel: bool) -> None:
    from sweep.commands.preview import look_ahead, show
    from sweep.commands.preview.capacity import room_for
    from sweep.store import Store

    settings = read(plan.config)  # what concerns the sweep as a whole is the same in every trial
    store = Store(settings.sweep.store, write=False)
    room = room_for(settings.cluster, parallel=parallel)
    ahead = look_ahead(plan, settings, store, room)
    with streams.while_read():
        show(ahead, console, as_json=settings.sweep.dry_run == AS_JSON)
