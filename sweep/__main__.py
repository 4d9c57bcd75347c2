"""The program ``sweep``: ``python -m sweep +experiment=mnist``."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from sweep.commands import completion
from sweep.config.overrides import as_written, forced
from sweep.errors import ConfigError
from sweep.terminal.exit_codes import FAILED, INTERRUPTED, REFUSED, UNREAD
from sweep.terminal.streams import silence


def conf_folder() -> Path:
    """Return the folder of the configuration: the checkout's ``conf``, else the copy that the wheel carries."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "conf"
    return checkout if (checkout / "config.yaml").is_file() else package / "conf"


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
def application(config: DictConfig) -> None:
    """Run the one trial of a configuration in this process; sweeps go to :mod:`sweep.sweeper`."""
    from hydra.core.hydra_config import HydraConfig

    from sweep.commands.run import execute
    from sweep.planning.plan import plan_one

    written = list(HydraConfig.get().overrides.task)
    try:
        plan = plan_one(config, written)
    except (ConfigError, OmegaConfBaseException) as error:
        refuse(error)  # here, because Hydra would add lines of its own
    execute(plan, [*map(as_written, written)], parallel=plan.config["cluster"]["name"] == "attach")


def main() -> None:
    """Entry point of ``python -m sweep`` and of the console script."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises, and every refusal is worded in one place
    look_here()
    sys.argv = ["sweep", *forced(overrides_first(sys.argv[1:]))]
    code: int | str | None = 0
    try:
        application()
        if completion.asked_for(sys.argv):
            print(completion.BASH)
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError, RecursionError) as error:
        refuse(error)
    except BrokenPipeError:  # Hydra was printing its help or a configuration
        code = UNREAD
    except KeyboardInterrupt:
        code = INTERRUPTED
        # A sweep that begins imports the runner, and says itself how far it has come.
        if "sweep.execution.runner" not in sys.modules:
            print("Interrupted before the sweep had begun: nothing was started.")
    except SystemExit as stop:
        code = stop.code
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: it was closed from the start
        try:
            stream.flush()
        except OSError as error:  # whoever read it is gone, or its disk is full
            silence(stream)
            code = code or (UNREAD if isinstance(error, BrokenPipeError) else FAILED)
    if code == INTERRUPTED:
        os._exit(INTERRUPTED)  # a trial of this process may still be inside the solver, and would hold up a normal exit
    sys.exit(code)


def look_here() -> None:
    """Have Python find modules in the working directory, as ``python -m sweep`` does and a console script does not."""
    if not sys.flags.safe_path:
        with contextlib.suppress(FileNotFoundError):  # the directory was deleted
            here = os.getcwd()  # noqa: PTH109, a text as the others of the path
            if here not in sys.path:
                sys.path.insert(0, here)


OPTIONS_WITH_VALUE = {
    *("--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn"),
    *("--config-dir", "-cd", "--experimental-rerun"),
}
OPTIONS_WITH_CHOICE = dict.fromkeys(("--info", "-i"), ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"))


def overrides_first(arguments: list[str]) -> list[str]:
    """Return the arguments with the options last: Hydra's parser wants all overrides in one row, ``-m`` before or after."""
    overrides: list[str] = []
    options: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        (options if argument.startswith("-") else overrides).append(argument)
        if rest and (argument in OPTIONS_WITH_VALUE or rest[0] in OPTIONS_WITH_CHOICE.get(argument, ())):
            options.append(rest.pop(0))
    return overrides + options


def refuse(error: Exception) -> NoReturn:
    """Print why a configuration is refused, in one message, and exit with code 2."""
    from sweep.config.passwords import hide_in_refusal
    from sweep.config.refusal import explain

    print(f"error: {hide_in_refusal(explain(error), sys.argv[1:])}", file=sys.stderr)
    raise SystemExit(REFUSED)


if __name__ == "__main__":
    main()
