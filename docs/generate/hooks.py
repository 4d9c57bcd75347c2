"""What the site needs beside its pages: README and notebook as pages, formulas as MathML, and links to pages that are named."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

README = Path(__file__).parents[2] / "README.md"

NOTEBOOK = Path(__file__).parents[1] / "tutorial.ipynb"


def on_files(files: Files, config: Any) -> Files:
    """Add the README as the first page; its links are those of a file beside ``docs``. Add the notebook as a page."""
    text = README.read_text().replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=text))
    files.append(File.generated(config, "notebook.md", content=_as_markdown(NOTEBOOK)))
    return files


def _as_markdown(notebook: Path) -> str:
    """Return a notebook's cells as Markdown; it is kept without outputs, so that is all of it."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(notebook.read_text())["cells"]]
    return "\n\n".join(text if kind == "markdown" else f"```python\n{text}\n```" for kind, text in cells)


def on_page_markdown(markdown: str, page: Page, files: Files, **_: Any) -> str:
    """Turn a page's name in code, such as ``docs/store.md``, into a link to it."""
    up = "../" * page.file.src_uri.count("/")

    def link(found: re.Match[str]) -> str:
        return f"[{found[0]}]({up}{found[1]})" if files.get_file_from_path(found[1]) else found[0]

    return re.sub(r"(?<!\[)`docs/([\w-]+\.md)`", link, markdown)


def on_page_content(content: str, **_: Any) -> str:
    """Turn formulas into MathML, which browsers show by themselves: no script and no font is fetched."""
    return re.sub(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>([,.;:)]*)', _formula, content, flags=re.DOTALL)


def _formula(found: re.Match[str]) -> str:
    display = "block" if found[2] == "[" else "inline"
    formula = convert(html.unescape(found[3]).strip(), display=display)
    # A stop or comma stays on the line of its formula.
    return f'<span style="white-space: nowrap">{formula}{found[4]}</span>' if found[4] else formula
