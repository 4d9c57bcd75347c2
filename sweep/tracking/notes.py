"""The notes on the run of a sweep: the report's texts on what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sweep.records import TrialRecord
from sweep.store.report_files import HEADLINE, PAGE, RANKING, SEARCH, VERDICTS
from sweep.tracking.parent import cut


def note_of(records: Sequence[TrialRecord], files: Sequence[Path]) -> str:
    """Return the key findings in Markdown, the first paragraph one sentence, cut at the end of a line to what a tag may hold.

    They are the report's own texts, so that both say the same: who won comes first, because more is not seen without scrolling.
    """
    texts = {
        file.name: file.read_text(encoding="utf-8") for file in files if file.name in (HEADLINE, SEARCH, VERDICTS, RANKING)
    }
    finished = sum(record.status == "finished" for record in records)
    parts = [texts[SEARCH]] if SEARCH in texts else []
    said = texts.get(HEADLINE, "").strip()
    parts += [f"**{said}**"] if said and said not in texts.get(SEARCH, "") else []
    parts += [texts[VERDICTS]] if VERDICTS in texts else []
    where = f"; the whole report, with figures, is `report/{PAGE}`" if texts else ""
    parts.append(f"{finished} of {len(records)} trials finished{where}.")
    parts += [f"Best setting first:\n\n{texts[RANKING]}"] if RANKING in texts else []
    parts += ["\n".join(f"- {r.name}: {r.status}, {r.error}" for r in records if r.status != "finished")]
    text = "\n\n".join(part.strip("\n") for part in parts if part)
    return cut(text)
