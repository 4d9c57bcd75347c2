"""The libraries in a page: whole, the same each time, and small enough."""

from __future__ import annotations

import base64
import gzip

from sweep.report.page.embedding import libraries


def test_what_is_unpacked_is_what_was_installed() -> None:
    packed = libraries()
    tables, charts = (gzip.decompress(base64.b64decode(text)).decode() for text in (packed.tables, packed.charts))
    assert "ColumnControl" in tables
    assert "parcoords" in charts
    assert ".dt-container" in packed.tables_style
    assert sum(map(len, packed)) < 3 * 2**20
    libraries.cache_clear()
    assert libraries() == packed, "equal results give equal pages"
