"""What the site needs beside its pages: the README as the first one, formulas as MathML, and links to pages that are named."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

README = Path(__file__).parents[2] / "README.md"


def on_files(files: Files, config: Any) -> Files:
    """Add the README as the first page; its links are those of a file beside ``docs``."""
    text = README.read_text().replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=text))
    return files


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
