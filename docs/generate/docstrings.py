"""Docstrings as the site shows them: the roles in which the code writes formulas and names become Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Roles(griffe.Extension):
    """Turn ``:math:`` into a formula, and ``:class:``, ``:func:`` and the like into links where the site has the name."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = _in_markdown(obj.docstring.value, obj)


def _in_markdown(text: str, obj: griffe.Object) -> str:
    text = re.sub(r":math:`(.+?)`", lambda found: f"${' '.join(found[1].split())}$", text, flags=re.DOTALL)
    text = re.sub(r":(?:class|data|func|meth|mod):`(~?)([\w.]+)`", lambda found: _link(found, obj), text)
    text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)  # the heading under which Griffe looks for code
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def _link(found: re.Match[str], obj: griffe.Object) -> str:
    shortened, name = found[1], found[2]
    shown = name.rpartition(".")[2] if shortened else name
    try:
        path = obj.resolve(name)
    except griffe.NameResolutionError:
        path = name
    return f'<autoref optional identifier="{path}"><code>{shown}</code></autoref>'
