"""The files of a report that other modules than its writer read or name."""

from __future__ import annotations

PAGE = "report.html"
"""The page."""

HEADLINE = "headline.md"
"""The first sentence of the page."""

SEARCH = "search.md"
"""What a search found."""

RANKING = "ranking.md"
"""The ranking of the settings."""

VERDICTS = "verdicts.md"
"""The questions of the report with their answers."""
