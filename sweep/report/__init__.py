"""What a sweep leaves to read: the ranking of its settings, tables, figures, and a page that holds them all."""

from sweep.report.ranking import rank
from sweep.report.terminal import markdown_ranking, print_ranking
from sweep.report.writing import write_report

__all__ = ["markdown_ranking", "print_ranking", "rank", "write_report"]
