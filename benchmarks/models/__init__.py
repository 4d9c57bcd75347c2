"""Models with networks in them: this search beside other tools, and the search without each of its members."""

from benchmarks.models.section import SECTION

__all__ = ["SECTION"]
