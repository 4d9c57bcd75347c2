"""Writes docs/configuration.md from conf/ (defaults, comments, options) and sweep/config/schema.py (types and rules).

python docs/generate/configuration.py
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from sweep.__main__ import conf_folder
from sweep.config.own_networks import NETWORKS
from sweep.config.own_networks import OWN_SECTIONS as SINGLE
from sweep.config.reading import is_in_open_section, keys, kinds_of
from sweep.config.rules import ValueRule
from sweep.planning.space import OF_THE_SWEEP

PAGE = Path(__file__).parents[1] / "configuration.md"

START = """\
# Configuration

<!-- Written by docs/generate/configuration.py from conf/ and sweep/config/schema.py: change those, then run it
(make docs does). -->

Every setting has a default, and every default can be replaced on the command line. Hydra composes the configuration from the
files in `conf/`: one *option* of each *group*, then the experiment, then the command line.

```
python -m sweep dataset=digits network=2x16                    # options of groups; one trial, in this process
python -m sweep dataset=digits network.width=24                # a key
python -m sweep -m dataset=digits pruning.amount=0.5,0.8       # swept: several values of a key or group
python -m sweep +experiment=digits attack.radius=1.5           # a prepared sweep, with another value
python -m sweep +experiment=digits --cfg job                   # print what was composed, start nothing
```

An unknown key, a wrong type or a value that is not allowed is refused in one sentence before anything starts, in every trial of
a sweep, and so are values that do not go together. {whole}
concern the sweep as a whole and cannot be swept, nor can a group whose options set them, such as `experiment`: run one sweep
after the other. Every other key can ([how values are written](search.md)). What is written on the command line and no trial
looks at, such as `dataset.folder` with `dataset=digits`, is named before the sweep begins, and in a dry run. What a change
makes anew is in [the store](store.md#what-is-used-again).
"""

KEYS = tuple(keys())

SECTIONS = [key for key in KEYS if "." not in key]

TYPES = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    list[str]: "a list of texts",
    list[int]: "a list of integers",
    list[list[str]]: "a list of lists of keys",
}


@functools.cache
def page() -> str:
    """Return the whole page."""
    running, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None  # Hydra allows one at a time
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_folder())):
            return "\n".join([START.format(whole=_listed(OF_THE_SWEEP)), *_sections(), *_experiments()]) + "\n"
    finally:
        GlobalHydra.instance().hydra = running


def _sections() -> Iterator[str]:
    values = _flat(compose("config"))
    groups = [next(iter(entry)) for entry in _defaults()]
    for name in [*groups, *(name for name in SECTIONS if name not in groups)]:
        files = _files(name) if name in groups else [conf_folder() / "config.yaml"]
        yield f"## {name}\n"
        if name in groups and len(files) == 1:
            yield f"{_header(files[0])}\n"
        yield from _keys(name, values, files)
        if len(files) > 1:
            yield from _options(name, values, files)


def _keys(section: str, values: dict[str, Any], files: list[Path]) -> Iterator[str]:
    """Yield a table with a row for each key of a section."""
    meanings = {key: text for file in reversed(files) for key, text in comments(file).items()}
    yield "| key | default | allowed | meaning |\n|---|---|---|---|"
    for key in (key for key in values if key.startswith(f"{section}.")):
        relative = key if files[0].name == "config.yaml" else key.removeprefix(f"{section}.")
        chosen = f"which one; set by `{section}=`" if relative in ("method", "name") and len(files) > 1 else "—"
        yield f"| `{key}` | {_default(values[key])} | {_allowed(*kinds_of(key))} | {_cell(meanings.get(relative, chosen))} |"
    for key in (key for key in KEYS if key.startswith(f"{section}.") and is_in_open_section(f"{key}.any")):
        yield f"| `{key}.*` | — | what the option takes | {_cell(meanings.get(key.removeprefix(f'{section}.'), '—'))} |"
    if section == NETWORKS:
        allowed = ", ".join(f"`{name}`" for name in SINGLE)
        yield f"| `{NETWORKS}.NAME.*` | — | the keys of {allowed} | {_cell(meanings[NETWORKS])} |"
    yield ""


def _options(group: str, values: dict[str, Any], files: list[Path]) -> Iterator[str]:
    """Yield a table with a row for each option of a group; the first file is the default's."""
    told = any(_header(file) for file in files)
    yield f"| `{group}=` | what it is | sets |\n|---|---|---|" if told else f"| `{group}=` | sets |\n|---|---|"
    for file in files:
        other = _flat(compose(f"{group}/{file.stem}"), group)
        changed = [key for key, value in other.items() if value != values[key]]
        sets = ", ".join(f"`{key.removeprefix(f'{group}.')}: {_text(other[key])}`" for key in changed)
        name = f"`{file.stem}`" + (", the default" if file == files[0] else "")
        yield f"| {name} | {_cell(_header(file))} | {sets} |" if told else f"| {name} | {sets} |"
    yield ""


def _flat(config: DictConfig, *sections: str) -> dict[str, Any]:
    """Return the values of the keys of some sections (none named: all), interpolations as written."""
    plain = {name: OmegaConf.to_container(config[name], resolve=False) for name in sections or SECTIONS}
    return {key: _value(plain, key) for key in KEYS if key.split(".")[0] in plain and kinds_of(key)[0]}


def _value(plain: Any, key: str) -> Any:
    for name in key.split("."):
        plain = plain[name]
    return plain


def _experiments() -> Iterator[str]:
    yield "## Experiments\n"
    yield "Prepared sweeps, `python -m sweep +experiment=NAME`; files in `conf/experiment/`.\n"
    yield "| experiment | what it is |\n|---|---|"
    for file in sorted((conf_folder() / "experiment").glob("*.yaml")):
        yield f"| `{file.stem}` | {_cell(_header(file))} |"


def _defaults() -> list[dict[str, str]]:
    """Return the groups of config.yaml in their order, each with its default option."""
    entries = OmegaConf.to_container(OmegaConf.load(conf_folder() / "config.yaml"))["defaults"]  # type: ignore[call-overload,index]
    return [entry for entry in entries if isinstance(entry, dict) and " " not in next(iter(entry))]


def _files(group: str) -> list[Path]:
    """Return the files of a group's options, the default's first."""
    default = next(entry[group] for entry in _defaults() if group in entry)
    return sorted((conf_folder() / group).glob("*.yaml"), key=lambda file: (file.stem != default, _natural(file.stem)))


def comments(file: Path) -> dict[str, str]:
    """Return the comment behind each dotted key of a YAML file, lines that go on under it included."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    key = None
    for line in file.read_text().splitlines():
        match = re.match(r"( *)(\w+):(?:.*?\s# ?(.*)|.*)$", line)
        if match:
            indent = len(match[1])
            path = [*(part for part in path if part[0] < indent), (indent, match[2])]
            key = ".".join(name for _, name in path) if match[3] else None
            if key is not None:
                found[key] = match[3].strip()
        elif key is not None and (more := re.match(r" +# ?(.*)$", line)):
            found[key] += " " + more[1].strip()
        else:
            key = None
    return found


def _header(file: Path) -> str:
    """Return the comment at the top of a YAML file."""
    lines = []
    for line in file.read_text().splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.lstrip("# "))
    return " ".join(lines)


def _default(value: Any) -> str:
    return f"`{value[2:-1]}`" if isinstance(value, str) and value.startswith("${") else f"`{_text(value)}`"


def _allowed(kinds: set[Any], rule: ValueRule | None) -> str:
    """Return what a key may be, in the words in which a wrong value is refused."""
    null = " or null" if type(None) in kinds else ""
    probe: Any = -1 if kinds & {int, float} else ""
    refused = rule(probe) if rule else None
    if refused is None:
        return " or ".join(name for kind, name in TYPES.items() if kind in kinds) + null
    if refused.startswith("one of "):
        return ", ".join(f"`{name}`" for name in refused.removeprefix("one of ").split(", ")) + null
    return refused + ("" if "null" in refused else null)


def _text(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    text = text.replace("|", "\\|")
    # Keys, expressions and commands are code.
    text = re.sub(r"(?<![\w`.+])(\+?[a-z_]+(?:\.[a-z_]+)*=[\w.,+]*\w(?:\([\w.,]+\))?)", r"`\1`", text)
    text = re.sub(r"(?<![\w`.+/=])((?:" + "|".join(SECTIONS) + r")\.[a-z_]+(?:\.[a-z_]+)*)(?![\w`=*/])", r"`\1`", text)
    return text or "—"


def _listed(names: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    return ", ".join(quoted[:-1]) + " and " + quoted[-1]


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


if __name__ == "__main__":
    PAGE.write_text(page())
