"""A part of the course as slides: one HTML file that loads nothing, in one language.

The text of a page is too long for a slide. A slide has the headings, formulas, programs, tables and lists of
its section, and of each paragraph the first sentence and the first one that states a result: a number or an
equation. The paragraphs are the notes of the speaker, which the key N shows. A section that is higher than a
slide is continued on the next one, as is a long program.

Keys: arrows, page up and down, space, home and end move; N shows the notes. Without a script the slides are a
page to scroll. Each slide is a page when printed.
"""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from chainrule.course.part import blocks
from chainrule.escaping import escape
from chainrule.messages import Texts, in_language
from chainrule.notation.text_columns import width

HEIGHT = 19.5  # of a slide below a title of one line, in units of the size of its font, as all heights
TITLES = {1: 2.0, 2: 1.45, 3: 1.2}  # sizes of the letters of a title by level
LINE, GAP = 1.45, 0.55  # heights of a line of text, and between two blocks
CODE_HEIGHT = 14.6  # of the lines of a long program, whose letters are smaller
CODE_LINES = 24  # of a program on one slide; the letters of more lines are too small to be read
CODE_LINE, CODE_EDGE, FORMULA, ROW_LINE, ROW_EDGE = 1.11, 1.2, 3.6, 1.13, 0.5
SENTENCE = 30  # characters of the sentences of a slide, at least
COLUMNS, TABLE_COLUMNS = 70, 96  # characters of a line of a wide font; a Chinese character is two wide
TEXTS: Texts = {"keys": "→ and ← move, N shows the notes", "continued": "continued"}
_FILES = Path(__file__).parent
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)[^)]*\)")  # to a page of the site, which the file has not
_WHOLE = re.compile(r"`[^`]*`|\$[^$\n]+\$|\]\([^)]*\)")  # not divided into sentences
_END = re.compile(r"[.!?](?:\*\*)?\s+(?=[^a-z])|[。！？](?:\*\*)?")
_RESULT = re.compile(r"\$[^$]*(?:=|\\approx|\\le|<)[^$]*\$|\d\.\d|\d ?(?:%|\u500d)|\d (?:of|times) ")
_NO_RESULT = re.compile(r"`[^`]*`|[Ss]ections? [\d.]+|[\d.]+ ?\u8282")  # 4.3 and the Chinese of "section"
_LEAD = re.compile(r"\*\*[^*]+\*\*\s*")
_ITEM = re.compile(r"(?:- |\d+\. )")
_MARKED = re.compile("\ue000(\\d+)\ue001")


@dataclass(frozen=True)
class Piece:
    """A block of a slide.

    Args:
        content: its HTML.
        height: in units of the font size, with the gap after it.
        note: HTML of the whole paragraph for the speaker; empty for a block that the slide has in full.
        is_lead: whether it begins with words in bold, as a heading within a section.
    """

    content: str
    height: float
    note: str = ""
    is_lead: bool = False


@dataclass
class Slide:
    """One slide.

    Args:
        title: Markdown of the heading.
        level: 1 for the title of the part, 2 for a section, 3 for a part of a section.
        pieces: what is below the heading.
    """

    title: str
    level: int
    pieces: list[Piece] = field(default_factory=list)

    @property
    def height(self) -> float:
        """The height of the pieces."""
        return sum(piece.height for piece in self.pieces)

    @property
    def available_height(self) -> float:
        """The height below the title."""
        size = TITLES.get(self.level, 1.0)
        lines = -(-size * width(self.title) // COLUMNS)
        return HEIGHT - 1.2 * (size * lines - TITLES[2])

    def takes(self, piece: Piece) -> bool:
        """Return whether a piece is placed on this slide, below the others."""
        limit = self.available_height / 2 if piece.is_lead else self.available_height + GAP
        return not self.pieces or self.height + (0 if piece.is_lead else piece.height) <= limit


def slides(text: str, lang: str = "en") -> str:
    """Return a part as slides.

    Args:
        text: the Markdown of the part, in the language.
        lang: ``"en"`` or ``"zh"``.
    """
    texts = in_language(TEXTS, lang)
    pages = list(divided(text, texts["continued"]))
    sections = "\n".join(_section(slide, i, len(pages)) for i, slide in enumerate(pages, 1))
    style, script = _style(), (_FILES / "slides.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    title = escape(text.partition("\n")[0].lstrip("# "))
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{title}</title>'
        f"<style>{style}</style></head>\n<body><main>\n{sections}\n"
        f'<p class="keys">{escape(texts["keys"])}</p>\n</main><script>{script}</script></body></html>\n'
    )


def divided(text: str, continued: str = "continued") -> Iterator[Slide]:
    """Yield the slides of a part.

    Args:
        text: the Markdown of the part.
        continued: the word after the title of a slide that continues the one before.

    Example:
        >>> text = "# A\\n\\nOne. Two.\\n\\n## B\\n\\n- x\\n- y\\n"
        >>> [(slide.title, len(slide.pieces)) for slide in divided(text)]
        [('A', 1), ('B', 1)]
    """
    slide = Slide("", 1)
    for block in blocks(text):
        if mark := re.match(r"(#+) ", block):
            if slide.title:
                yield slide
            slide = Slide(block[mark.end() :], len(mark[1]))
            continue
        for piece in map(_piece, _fitting(block)):
            if not slide.takes(piece):
                following = _following(slide, piece, continued)
                yield slide
                slide = following
            slide.pieces.append(piece)
    yield slide


def _following(slide: Slide, piece: Piece, continued: str) -> Slide:
    """Return the slide after a full one, to which a paragraph is moved that introduces the next piece."""
    title = slide.title.removesuffix(f" ({continued})")
    following = Slide(f"{title} ({continued})", max(slide.level, 2))
    last = slide.pieces[-1]
    introduces = not piece.note and last.note and len(slide.pieces) > 1
    if introduces and last.height + piece.height <= following.available_height + GAP:
        following.pieces.append(slide.pieces.pop())
    return following


def shown_sentences(paragraph: str) -> str:
    """Return the sentences of a paragraph that a slide shows.

    They are the first one, or several short ones, with words in bold before them, and the first of the others
    that states a result.

    Example:
        >>> shown_sentences("**Exercise 1.** Take `a. B`, which is $x. Y$, for the first step. So it ends.")
        '**Exercise 1.** Take `a. B`, which is $x. Y$, for the first step.'
        >>> shown_sentences("Two networks are compared in this section. Why? The error was 2.5 %. It fell.")
        'Two networks are compared in this section. The error was 2.5 %.'
        >>> shown_sentences("看符号。这里的权重都在变，损失也一步一步下降。就是这样。")
        '看符号。这里的权重都在变，损失也一步一步下降。'
    """
    first, *others = _sentences(paragraph)
    results = (sentence for sentence in others if _RESULT.search(_NO_RESULT.sub("", sentence)))
    return f"{first}{next(results, '')}".rstrip()


def _sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph with the spaces after them; the first may be several short ones."""
    hidden_parts: list[str] = []

    def keep(match: re.Match[str]) -> str:
        hidden_parts.append(match[0])
        return f"\ue000{len(hidden_parts) - 1}\ue001"

    hidden = _WHOLE.sub(keep, paragraph)
    lead = _LEAD.match(hidden)
    start = lead.end() if lead else 0
    ends = [*(match.end() for match in _END.finditer(hidden, start)), len(hidden)]
    while len(ends) > 1 and width(hidden[start : ends[0]]) < SENTENCE:
        del ends[0]
    sentences = [hidden[begin:end] for begin, end in pairwise([0, *ends])]
    return [_MARKED.sub(lambda mark: hidden_parts[int(mark[1])], sentence) for sentence in sentences]


def _fitting(block: str) -> Iterator[str]:
    """Yield the parts of a list, table or program that fit on a slide each; another block as it is."""
    if block.startswith("```"):
        yield from _programs(block)
        return
    head, rows = [], [block]
    if block.startswith("|"):
        lines = block.splitlines()
        head, rows = lines[:2], lines[2:]
    elif _ITEM.match(block):
        rows = re.split(rf"\n(?={_ITEM.pattern})", block)
    piece: list[str] = []
    for row in rows:
        if piece and _piece("\n".join([*head, *piece, row])).height > HEIGHT:
            yield "\n".join([*head, *piece])
            piece = []
        piece.append(row)
    yield "\n".join([*head, *piece])


def _programs(block: str) -> Iterator[str]:
    """Yield the parts of a program; the best place between two is after an empty line, outside of a body."""
    fence, *lines = block.removesuffix("```").splitlines()

    def rank(place: int) -> tuple[bool, bool, int]:
        is_statement = not lines[place].startswith((" ", "#", ")", "]", "}")) and bool(lines[place])
        return is_statement and not lines[place - 1], is_statement, place

    while len(lines) > CODE_LINES:
        place = max(range(CODE_LINES // 2, CODE_LINES + 1), key=rank)
        yield "\n".join([fence, *lines[:place], "```"])
        lines = lines[place:]
    yield "\n".join([fence, *lines, "```"])


def _piece(block: str) -> Piece:
    if block.startswith("```"):
        name, _, code = block.removeprefix("```").removesuffix("```").partition("\n")
        lines = code.strip("\n").splitlines()
        program = highlight("\n".join(lines), get_lexer_by_name(name or "text"), HtmlFormatter(nowrap=True))
        style = f"--lines:{len(lines)};--columns:{max(map(width, lines), default=1)}"
        height = min(CODE_LINE * len(lines), CODE_HEIGHT) + CODE_EDGE + GAP
        return Piece(f'<pre class="code" style="{style}" tabindex="0">{program}</pre>', height)
    if block.startswith("$$"):
        formula = convert(block.strip("$").strip(), display="block")
        return Piece(f'<div class="formula" tabindex="0">{formula}</div>', FORMULA + GAP)
    if block.startswith("|"):
        height = sum(map(_row_height, block.splitlines())) + GAP
        return Piece(f'<div class="table" tabindex="0">{_markdown(block)}</div>', height)
    if _ITEM.match(block):
        items = re.split(rf"\n(?={_ITEM.pattern})", block)
        return Piece(_markdown(block), sum(_text_height(item) for item in items))
    text = " ".join(line.strip() for line in block.splitlines())
    beginning = shown_sentences(text)
    return Piece(_markdown(beginning), _text_height(beginning), _markdown(text), bool(_LEAD.match(text)))


def _text_height(text: str) -> float:
    return LINE * -(-width(text) // COLUMNS) + GAP


def _row_height(row: str) -> float:
    cells = row.strip("|").split("|")
    return ROW_EDGE + ROW_LINE * -(-max(map(width, cells)) * len(cells) // TABLE_COLUMNS)


def _markdown(text: str, is_inline: bool = False) -> str:
    """Return Markdown with formulas as HTML; HTML in it is escaped."""
    hidden_parts: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match[0].startswith("`"):
            return match[0]
        hidden_parts.append(match[1])
        return f"\ue000{len(hidden_parts) - 1}\ue001"

    hidden = re.sub(r"`[^`]*`|\$([^$\n]+)\$", keep, _LINK.sub(r"\1", text))
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    html = parser.renderInline(hidden) if is_inline else parser.render(hidden)
    return _MARKED.sub(lambda mark: convert(hidden_parts[int(mark[1])]), html)


def _section(slide: Slide, number: int, count: int) -> str:
    heading = _markdown(slide.title, is_inline=True)
    tag = "h1" if slide.level == 1 else "h2"
    notes = "".join(piece.note for piece in slide.pieces if piece.note != piece.content)
    aside = f'<aside class="notes">{notes}</aside>' if notes else ""
    place = f"<footer>{number} / {count}</footer>"
    content = "\n".join(piece.content for piece in slide.pieces)
    return (
        f'<section id="s{number}" class="level{slide.level}"><{tag}>{heading}</{tag}>\n'
        f"{content}{aside}{place}</section>"
    )


def _style() -> str:
    light, dark = (HtmlFormatter(style=name).get_style_defs(".code") for name in ("default", "github-dark"))
    dark = textwrap.indent(dark, "  ")
    style = (_FILES / "slides.css").read_text(encoding="utf-8")
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}\n{style}"
