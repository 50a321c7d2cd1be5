"""Properties of everything that chainrule prints or writes, for any input text."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from campaigns.hostile_cases.payloads import raw_controls

ACTIVE_TAGS = {
    "script",
    "iframe",
    "object",
    "embed",
    "img",
    "link",
    "form",
    "base",
    "foreignobject",
    "audio",
    "video",
    "template",
    "use",
    "image",
    "animate",
    "set",
}
LINKS = ("href", "xlink:href", "src", "action", "formaction", "data", "srcdoc", "poster", "background")
FORGED = ("UsageError E101 in --net: forged", "OVERWRITTEN")  # chainrule never begins a line with these


APPLICATION = "<mo>\u2061</mo>"  # MathML's function application: invisible, and written by chainrule


class _Reader(HTMLParser):
    """Collects the active elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        if tag in ACTIVE_TAGS:
            self.problems.append(f"element <{tag}>")
        for name, value in attrs:
            if name.startswith("on"):
                self.problems.append(f"attribute {name}={value!r:.60}")
            if name in LINKS and not (value or "").startswith("#"):
                self.problems.append(f"link {name}={value!r:.60}")
            if name == "style" and "url(" in (value or ""):
                self.problems.append(f"style {value!r:.60}")

    def handle_data(self, data: str) -> None:
        if self.inside == "style" and ("url(" in data or "@import" in data):
            self.problems.append("a style sheet that fetches")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


def html_problems(text: str) -> list[str]:
    """The active or invisible parts of a page.

    Example:
        >>> html_problems("<p onclick='x'>a</p><a href='#b'>b</a>")
        ["attribute onclick='x'"]
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    hidden = raw_controls(text.replace(APPLICATION, "")) - {"\t"}
    return reader.problems + ([f"raw {sorted(hidden)!r:.80}"] if hidden else [])


def svg_problems(text: str) -> list[str]:
    """The problems of a drawing: not XML, active, or invisible."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return [f"not XML: {error}"]
    problems = []
    for element in root.iter():
        tag = str(element.tag).rpartition("}")[2].lower()
        # matplotlib reuses glyphs by <use> of its own definitions, which are checked below as links
        if tag in ACTIVE_TAGS - {"use", "image"}:
            problems.append(f"element <{tag}>")
        for name, value in element.attrib.items():
            name = name.rpartition("}")[2].lower()
            if name.startswith("on"):
                problems.append(f"attribute {name}={value!r:.60}")
            if name in LINKS and not value.startswith(("#", "data:image/png;base64,")):
                problems.append(f"link {name}={value!r:.60}")
    hidden = raw_controls(text) - {"\t"}
    return problems + ([f"raw {sorted(hidden)!r:.80}"] if hidden else [])


def csv_problems(text: str) -> list[str]:
    """The problems of a CSV file: rows of different lengths, or cells that are formulas."""
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    lengths = {len(row) for row in rows}
    problems = [f"rows of {sorted(lengths)} cells"] if len(lengths) > 1 else []
    formulas = [cell for row in rows for cell in row if _is_formula(cell)]
    return problems + [f"formula {cell!r:.60}" for cell in formulas[:1]]


def _is_formula(cell: str) -> bool:
    if not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


def _parsed(parse: Callable[[str], object]) -> Callable[[str], list[str]]:
    def problems(text: str) -> list[str]:
        try:
            parse(text)
        except ValueError as error:
            return [f"cannot be parsed: {error}"[:120]]
        return []

    return problems


CHECKS: dict[str, Callable[[str], list[str]]] = {
    ".html": html_problems,
    ".svg": svg_problems,
    ".csv": csv_problems,
    ".json": _parsed(json.loads),
    ".toml": _parsed(tomllib.loads),
}


def file_problems(file: Path) -> list[str]:
    """The problems of a written file; kinds that are not text are not checked."""
    check = CHECKS.get(file.suffix)
    if check is None or not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return [f"{file.suffix[1:]}: {problem}" for problem in check(stream.read())]


def screen_problems(text: str) -> list[str]:
    """The problems of a printed text: characters that a terminal interprets, forged lines."""
    hidden = raw_controls(text)
    problems = [f"raw {sorted(hidden)!r:.80}"] if hidden else []
    problems += [f"forged line {line!r:.60}" for line in text.split("\n") if line.startswith(FORGED)]
    return problems + (["a traceback"] if "Traceback (most recent call last)" in text else [])
