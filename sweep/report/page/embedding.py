"""What a page carries in itself, so that it needs no network and no other file: pictures, numbers and two libraries.

DataTables (in the bundle of the package itables) filters and sorts the table of all settings; plotly.js draws the parallel
coordinates and what was found over time on one instance. A script of the page unpacks each of them when it is needed.
"""

from __future__ import annotations

import base64
import gzip
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Packed(NamedTuple):
    """Scripts and style of the libraries: gzip in base64, and plain CSS."""

    tables: str
    tables_style: str
    charts: str


@cache
def libraries() -> Packed:
    """Return the libraries as they are installed; imported late, for a ranking needs neither."""
    from itables import options
    from plotly.offline import get_plotlyjs

    bundle = Path(options.dt_bundle)
    style = bundle.with_suffix(".css").read_text(encoding="utf-8")
    return Packed(_packed(bundle.read_text(encoding="utf-8")), style, _packed(get_plotlyjs()))


def _packed(script: str) -> str:
    # Without a time in it: equal results give equal pages.
    return base64.b64encode(gzip.compress(script.encode("utf-8"), mtime=0)).decode("ascii")


def address(kind: str, content: bytes) -> str:
    """Return a picture, such as one of the kind ``image/png``, as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def short(value: float) -> float:
    """Return a number with so many digits as a drawing shows."""
    return float(f"{value:.5g}")
