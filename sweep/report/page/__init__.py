"""The page of a report, in one file: what is computed for it, its template, its style and its script."""

from sweep.report.page.rendering import Drawn, Limit, alerts, page

__all__ = ["Drawn", "Limit", "alerts", "page"]
