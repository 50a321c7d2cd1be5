"""The parts of the course: pages of ``docs/course``, in two languages, as Markdown and as notebooks.

A part is Markdown: ``python`` blocks with their outputs in comments, formulas in LaTeX. Its Chinese is in the
catalog of the page, which translates each heading, paragraph, item of a list and cell of a table. Both are in
the wheel (``force-include`` in ``pyproject.toml``), so that a part is read without the repository. Only the
entries of a catalog are read, by a pattern: these files are our own.

Reference: the manual of GNU gettext, section PO Files; the Jupyter notebook format 4.5.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from chainrule.notation.latex_as_text import latex_to_text
from chainrule.validation import choice

ROOT = Path(__file__).parents[3] / "docs"
INSTALLED = Path(__file__).parents[1] / "course_pages"
PAGES = (INSTALLED / "en", ROOT / "course")
CATALOGS = (INSTALLED / "zh", ROOT / "locale" / "zh_CN" / "LC_MESSAGES" / "course")
SOLUTIONS = "Solutions"  # the title of the last section of a part
_ENTRY = re.compile(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"(?:\n|$))+)', re.MULTILINE)
_MARK = re.compile(r"(#+ |- |\d+\. )")
_FORMULA = re.compile(r"(`[^`]*`)|\$([^$\n]+)\$")


def parts() -> dict[int, Path]:
    """Return the files of the parts by number.

    Example:
        >>> parts()[3].name
        '3-algorithm.md'
    """
    files = next((sorted(folder.glob("[0-9]*.md")) for folder in PAGES if folder.is_dir()), [])
    return {int(file.name.partition("-")[0]): file for file in files}


def part_text(number: int, lang: str = "en") -> str:
    """Return the Markdown text of a part.

    Args:
        number: of the part, from 1.
        lang: ``"en"`` or ``"zh"``.

    Raises:
        UsageError E101: there is no such part.
    """
    files = parts()
    choice(str(number), [str(known) for known in files], "chainrule learn")
    text = files[number].read_text(encoding="utf-8")
    return translated_page(text, catalog(files[number].stem)) if lang == "zh" else text


def title(text: str) -> str:
    """Return the title of a part, from its text."""
    return text.partition("\n")[0].lstrip("# ")


def without_solutions(text: str) -> str:
    """Return a part without the solutions of its exercises.

    Example:
        >>> without_solutions("# A\\n\\n## Exercises\\n\\n1. Why?\\n\\n## Solutions\\n\\nBecause.\\n")
        '# A\\n\\n## Exercises\\n\\n1. Why?\\n'
    """
    for heading in solution_headings():
        text = text.partition(f"\n{heading}\n")[0]
    return text


@cache
def solution_headings() -> tuple[str, ...]:
    """Return the heading of the solutions in each language."""
    translations = {catalog(file.stem).get(SOLUTIONS, SOLUTIONS) for file in parts().values()}
    return tuple(f"## {title}" for title in sorted({SOLUTIONS, *translations}))


def catalog(stem: str) -> dict[str, str]:
    """Return the translations of a page by message, without the messages that have none."""
    files = (folder / f"{stem}.po" for folder in CATALOGS)
    text = next((file.read_text(encoding="utf-8") for file in files if file.is_file()), "")
    pairs = ((_string(message), _string(translation)) for message, translation in _ENTRY.findall(text))
    return {message: translation for message, translation in pairs if message and translation}


def _string(lines: str) -> str:
    """Return the text of the quoted lines of a catalog."""
    return "".join(json.loads(line) for line in lines.splitlines())


def blocks(text: str) -> Iterator[str]:
    """Yield the blocks of a page: fenced code, displayed formulas, and paragraphs, lists and tables.

    Example:
        >>> list(blocks("# A\\n\\none\\ntwo\\n\\n```python\\n1\\n\\n2\\n```\\n"))
        ['# A', 'one\\ntwo', '```python\\n1\\n\\n2\\n```']
    """
    pending: list[str] = []
    end = ""
    for line in [*text.splitlines(), ""]:
        if end:
            pending.append(line)
            end = "" if line == end else end
        elif line.startswith(("```", "$$")):
            pending.append(line)
            end = line[: 3 if line[0] == "`" else 2]
        elif line:
            pending.append(line)
        elif pending:
            yield "\n".join(pending)
            pending = []


def translated_page(text: str, translations: Mapping[str, str]) -> str:
    """Return a page with the translations of its messages; one without a translation stays as it is."""

    def translated(message: str) -> str:
        return translations.get(message, message)

    return "\n\n".join(_translated_block(block, translated) for block in blocks(text)) + "\n"


def _translated_block(block: str, translated: Callable[[str], str]) -> str:
    if block.startswith("```"):
        fence, _, code = block.partition("\n")
        code = code.removesuffix("```")
        return f"{fence}\n{translated(code)}```"
    if block.startswith("$$"):
        return block
    if block.startswith("|"):
        return "\n".join(_translated_row(row, translated) for row in block.splitlines())
    pieces: list[str] = []
    for line in block.splitlines():
        if pieces and not _MARK.match(line):
            pieces[-1] += f" {line.strip()}"
        else:
            pieces.append(line)
    marks = [(match[0] if (match := _MARK.match(piece)) else "") for piece in pieces]
    return "\n".join(
        mark + translated(piece.removeprefix(mark)) for mark, piece in zip(marks, pieces, strict=True)
    )


def _translated_row(row: str, translated: Callable[[str], str]) -> str:
    """Return a translated row of a table; the row of dashes below the head has no message."""
    cells = re.split(r"(?<!\\)\|", row)[1:-1]
    return "| " + " | ".join(translated(cell.strip()) for cell in cells) + " |"


def with_plain_formulas(text: str) -> str:
    """Return a page whose formulas are text, for a terminal.

    Example:
        >>> with_plain_formulas("the output $\\\\hat{y}$, `$x$`\\n\\n$$\\na_1 = x\\n$$\\n")
        'the output `ŷ`, `$x$`\\n\\n```text\\na₁ = x\\n```\\n'
    """

    def plain(match: re.Match[str]) -> str:
        return match[1] or f"`{latex_to_text(match[2])}`"

    converted = []
    for block in blocks(text):
        if block.startswith("$$"):
            converted.append(f"```text\n{latex_to_text(block.strip('$'))}\n```")
        elif block.startswith("```"):
            converted.append(block)
        else:
            converted.append(_FORMULA.sub(plain, block))
    return "\n\n".join(converted) + "\n"


def code_and_output(code: str) -> tuple[str, list[str]]:
    """Return a block without the comments that document its output, and the lines of that output.

    The output of a ``print`` is documented beside it or, for a statement that calls ``print`` or a function
    such as ``print_table``, on the lines below.

    Example:
        >>> code_and_output("print(1)  # 1\\nfor i in (2, 3):\\n    print(i)\\n# 2\\n# 3\\n")
        ('print(1)\\nfor i in (2, 3):\\n    print(i)\\n', ['1', '2', '3'])
    """
    statements = ast.parse(code).body
    prints = [part.end_lineno for part in statements if re.search(r"\bprint\w*\(", ast.unparse(part))]
    program: list[str] = []
    output: list[str] = []
    is_below = False
    for number, line in enumerate(code.splitlines(), 1):
        before, _, beside = line.partition("  # ") if line.strip().startswith("print(") else (line, "", "")
        if is_below and (line == "#" or line.startswith("# ")):
            output.append(line[2:])
            continue
        output += [beside] if beside else []
        program.append(before)
        is_below = number in prints and not beside
    return "\n".join(program) + "\n", output


def notebook(text: str) -> str:
    """Return a part as a Jupyter notebook with its outputs: the JSON of the format 4.5.

    The heading of the solutions is collapsed, which hides the cells below it.
    """
    cells: list[dict[str, object]] = []
    for block in blocks(text):
        if block.startswith("```python\n"):
            program, output = code_and_output(block.removeprefix("```python\n").removesuffix("```"))
            printed = "".join(f"{line}\n" for line in output)
            stream = {"output_type": "stream", "name": "stdout", "text": printed}
            cell = {"cell_type": "code", "execution_count": None, "outputs": [stream] if output else []}
            cells.append({**cell, "source": program.rstrip("\n")})
        elif block in solution_headings():
            hidden = {"jp-MarkdownHeadingCollapsed": True}
            cells.append({"cell_type": "markdown", "metadata": hidden, "source": block})
            cells.append({"cell_type": "markdown", "source": ""})
        elif cells and cells[-1]["cell_type"] == "markdown":
            cells[-1]["source"] = f"{cells[-1]['source']}\n\n{block}".lstrip("\n")
        else:
            cells.append({"cell_type": "markdown", "source": block})
    numbered = [{"id": f"cell-{i}", "metadata": {}, **cell} for i, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": numbered, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
