"""What a sweep leaves to read: the ranking of its settings, tables, figures, and a page that holds them all."""

import logging

# Without a home folder that can be written, Matplotlib keeps its fonts in a temporary one, and would say so in two lines.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

from sweep.report.ranking import rank  # noqa: E402
from sweep.report.ranking_table import markdown_ranking, print_ranking  # noqa: E402

__all__ = ["markdown_ranking", "print_ranking", "rank"]
