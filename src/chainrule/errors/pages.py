"""The documentation pages of error codes: meaning, a program that raises the error, and how to fix it.

The pages are Markdown, ``docs/errors/E203.md`` in the repository and ``errors/pages/E203.md`` in the wheel
(``force-include`` in ``pyproject.toml``), so that ``chainrule show error E203`` works without the repository.
A page contains the title, paragraphs, sections and a last paragraph in Chinese that begins with ``中文：``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from chainrule.errors.catalog import CATALOG

FOLDERS = (Path(__file__).with_name("pages"), Path(__file__).parents[3] / "docs" / "errors")
CHINESE, INDENT = "中文：", "    "


def page_text(code: str) -> str:
    """The Markdown text of the page of a code, or ``""`` if it is not installed.

    Example:
        >>> page_text("E203").splitlines()[0]
        '# E203: inner axes of a matrix product differ'
    """
    files = (folder / f"{code}.md" for folder in FOLDERS if code in CATALOG)
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), "")


def page_lines(code: str, lang: str = "en") -> list[str]:
    """The lines of a page for a terminal, without its title.

    In English this is the page without its Chinese paragraph; in Chinese that paragraph, then the example.

    Args:
        code: a code of the catalog.
        lang: ``"en"`` or ``"zh"``.
    """
    english, _, chinese = page_text(code).partition(f"\n{CHINESE}")
    lines = list(_unmarked(english.splitlines()[2:]))
    if lang == "zh":
        example = [line for line in lines if line.startswith(INDENT)]
        return [*chinese.strip().splitlines(), "", *example]
    return lines


def _unmarked(lines: Iterable[str]) -> Iterator[str]:
    """Convert lines of Markdown to plain text: code is indented, the marks of headings are removed."""
    is_code = False
    for line in lines:
        if line.startswith("```"):
            is_code = not is_code
        elif is_code:
            yield f"{INDENT}{line}"
        else:
            yield line.removeprefix("## ")
