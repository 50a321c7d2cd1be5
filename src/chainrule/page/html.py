"""Explanations as HTML: formulas in MathML, inline style sheet, no scripts, no external resources.

A standalone page holds all languages and a switch between them; in a notebook it is a fragment in one
language. Each term of a formula links to the place where it is computed (see ``anchors``).
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from chainrule.escaping import escape
from chainrule.messages import translated
from chainrule.notation import Tree, number, to_mathml
from chainrule.notation.abbreviate import abbreviate
from chainrule.page.anchors import ROW, Anchors, kind_of, row_target, target_of
from chainrule.page.diagram import Diagram
from chainrule.page.diagram_svg import diagram_svg
from chainrule.page.page import READABLE, Cell, Equation, Items, Lines, Page, Part, Section, Table
from chainrule.page.spoken_formula import spoken_equation
from chainrule.page.stylesheet import STYLE, lighting
from chainrule.texts import render
from chainrule.texts.page_controls import NAMES, SHEET

LONG = 150  # rows and equations; a longer section is folded
FEW = 3  # a page of at most this many sections has no table of contents
UNNAMED = "\ue000"  # private-use placeholder for the prefix of ids until the content is known


def html_page(
    page: Page, standalone: bool = True, *, others: Sequence[Page] = (), diagram: Diagram | None = None
) -> str:
    """Return a page as HTML.

    Args:
        standalone: whether to return a document or a fragment for a notebook.
        others: the same page in other languages, for the language switch of a document.
        diagram: the diagram of the network, if any.
    """
    if not standalone:
        writer = _Writer(page, diagram, UNNAMED, words=False)
        content = writer.content()
        # A notebook can hold several fragments: ids derived from the content keep their links distinct.
        content = content.replace(UNNAMED, f"c{crc32(content.encode()):x}-")
        style = f"<style>{STYLE}{lighting(writer.anchors.classes)}</style>"
        return f'<article class="chainrule" lang="{_tag(page.lang)}">{style}{content}</article>'
    pages = (page, *others)
    writers = [_Writer(one, diagram, f"{one.lang}-", words=True) for one in pages]
    articles = "".join(
        f'<article class="in-{writer.page.lang}" lang="{_tag(writer.page.lang)}">{writer.content()}</article>'
        for writer in writers
    )
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    # Forbid loading resources, whatever a label or column name contains.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head += f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    head += f"<title>{escape(page.title)}</title>"
    head += f"<style>body {{ margin: 0; }}{STYLE}{lighting(writers[0].anchors.classes)}</style>"
    body = f'<main class="chainrule">{_switches(pages)}{articles}</main>'
    return f'<!doctype html>\n<html lang="{_tag(page.lang)}"><head>{head}</head><body>{body}</body></html>\n'


def _tag(lang: str) -> str:
    return {"zh": "zh-CN"}.get(lang, lang)


def _switches(pages: Sequence[Page]) -> str:
    """Return radio buttons for several languages, and a check box if there are formulas in words."""
    parts = []
    for i, page in enumerate(pages if len(pages) > 1 else ()):
        checked = " checked" if i == 0 else ""
        parts.append(
            f'<input type="radio" name="lang" id="lang-{page.lang}"{checked}>'
            f'<label for="lang-{page.lang}" lang="{_tag(page.lang)}">{NAMES[page.lang]}</label>'
        )
    if _has_formulas(pages[0]):
        label = "".join(f'<span class="in-{p.lang}">{_sheet("in_words", p.lang)}</span>' for p in pages)
        parts.append(f'<input type="checkbox" id="words"><label for="words">{label}</label>')
    return f'<nav class="switches">{"".join(parts)}</nav>' if parts else ""


def _has_formulas(page: Page) -> bool:
    return any(isinstance(part, Lines) for section in page.sections for part in section.parts)


def _sheet(key: str, lang: str) -> str:
    return translated(SHEET[key], lang, key)


class _Writer:
    """Writer of one page in one language.

    Args:
        diagram: the diagram below the title.
        prefix: the prefix of all ids.
        words: whether equations are followed by their wording.
    """

    def __init__(self, page: Page, diagram: Diagram | None, prefix: str, *, words: bool) -> None:
        self.page, self.diagram, self.prefix, self.words = page, diagram, prefix, words
        self.anchors = Anchors(page, diagram, prefix)

    def content(self) -> str:
        parts = [f"<h1>{escape(self.page.title)}</h1>", self._contents()]
        if _has_formulas(self.page):
            parts.append(f'<p class="leads">{_sheet("leads", self.page.lang)}</p>')
        if self.diagram is not None:
            parts.append(diagram_svg(self.diagram, self.anchors))
            if self.diagram.wires:
                parts.append(f'<p class="leads">{_sheet("lines", self.page.lang)}</p>')
        parts += [self._section(section, i) for i, section in enumerate(self.page.sections)]
        text = "".join(parts)
        # Translate the only English words in formulas, those of a choice between two values.
        for word, space in (("if", "\u00a0"), ("else", "")):
            spoken = render(word, self.page.lang)
            text = text.replace(f"<mtext>{word}{space}</mtext>", f"<mtext>{spoken}{space}</mtext>")
        return text

    def _contents(self) -> str:
        named = [(i, s.heading) for i, s in enumerate(self.page.sections) if s.heading]
        if len(named) <= FEW:
            return ""
        links = "".join(f'<a href="#{self.prefix}s{i}">{escape(heading)}</a>' for i, heading in named)
        return f'<nav class="contents" aria-label="{_sheet("contents", self.page.lang)}">{links}</nav>'

    def _section(self, section: Section, number: int) -> str:
        heading = f"<h2>{escape(section.heading)}</h2>" if section.heading else ""
        content = "".join(self._part(part) for part in section.parts)
        if heading and sum(map(_rows, section.parts)) > LONG:
            content = f"<details><summary>{heading}</summary>{content}</details>"
        else:
            content = heading + content
        return f'<section id="{self.prefix}s{number}">{content}</section>'

    def _part(self, part: Part) -> str:
        if isinstance(part, str):
            return f"<p>{escape(part)}</p>"
        if isinstance(part, Items):
            return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in part.texts)}</ul>"
        return self._table(part) if isinstance(part, Table) else self._lines(part)

    def _lines(self, lines: Lines) -> str:
        label = f"({escape(lines.label)})" if lines.label else ""
        equations = "".join(map(self._equation, lines.equations))
        more = f'<div class="more">{escape(lines.more)}</div>' if lines.more else ""
        return f'<div class="lines"><div class="label">{label}</div><div>{equations}{more}</div></div>'

    def _equation(self, equation: Equation) -> str:
        target = target_of(equation.left)
        home = "" if target is None else self.anchors.home(target, kind_of(equation))
        parts = [] if equation.left is None else [self._formula(equation.left)]
        parts += map(self._formula, equation.steps)
        if equation.value is not None:
            parts.append(f'<span class="result">{escape(number(equation.value, fixed=True))}</span>')
        signs = [escape(equation.sign), *["="] * len(parts)]
        steps = [
            f'<span class="step">{sign} {part}</span>' for sign, part in zip(signs, parts[1:], strict=False)
        ]
        text = " ".join([*parts[:1], *steps])
        note = f'<span class="note">{escape(equation.note)}</span>' if equation.note else ""
        spoken = spoken_equation(equation, self.page.lang) if self.words or equation.aloud else ""
        kind = "words aloud" if equation.aloud else "words"
        words = f'<div class="{kind}">{escape(spoken)}</div>' if spoken else ""
        return f'<div class="equation"{_id(home)}>{text}{note}</div>{words}'

    def _cell(self, cell: Cell) -> str:
        return escape(cell) if isinstance(cell, str) else self._formula(cell)

    def _formula(self, tree: Tree) -> str:
        return to_mathml(abbreviate(tree, READABLE), place=self.anchors.place)

    def _table(self, table: Table) -> str:
        head = self._row(table.head, "th", table.right)
        rows = "".join(self._row(cells, "td", table.right) for cells in table.rows)
        return f'<div class="table"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'

    def _row(self, cells: tuple[Cell, ...], tag: str, right: tuple[int, ...]) -> str:
        target = row_target(cells)
        home = "" if target is None else self.anchors.home(target, ROW)
        content = "".join(
            f"<{tag}{_right(i in right)}>{self._cell(cell)}</{tag}>" for i, cell in enumerate(cells)
        )
        return f"<tr{_id(home)}>{content}</tr>"


def _id(home: str) -> str:
    return f' id="{home}"' if home else ""


def _right(right: bool) -> str:
    return ' class="right"' if right else ""


def _rows(part: Part) -> int:
    if isinstance(part, Table):
        return len(part.rows)
    return len(part.equations) if isinstance(part, Lines) else 0
