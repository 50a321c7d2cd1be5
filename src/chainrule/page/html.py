"""Explanations as HTML: formulas in MathML, inline style sheet, no scripts, no external resources.

A standalone page holds all languages and a switch between them; in a notebook it is a fragment in one
language. Each term of a formula links to the place where it is computed (see ``Anchors``).

Anchors of a page: where each value is computed, so that terms of formulas link to that place.

A target (one element of one node) has one home: the equation that computes it; otherwise its circle or line
in the diagram; otherwise a table row; otherwise the update that changes it. Every other occurrence of the
target links to its home and has the same CSS class, so that all occurrences are highlighted together.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from zlib import crc32

from chainrule.escaping import escape
from chainrule.messages import Texts, translated
from chainrule.notation import Link, Tree, number, to_mathml
from chainrule.notation.abbreviate import abbreviate
from chainrule.notation.mathml import Place
from chainrule.notation.text_columns import width
from chainrule.page.diagram import Column, Diagram, Unit, Wire
from chainrule.page.page import READABLE, Cell, Equation, Items, Lines, Page, Part, Section, Table
from chainrule.page.spoken_formula import spoken_equation
from chainrule.texts import render

# Diagrams as SVG: each circle and line links to its formula and is highlighted together with it.

ACROSS, DOWN, RADIUS = 132, 58, 20  # pixels: column distance, circle distance, circle radius
TOP, MARGIN, LETTER = 44, 56, 8
INSIDE = 6  # characters that fit into a circle; longer names are smaller
THIN, THICK = 1.0, 5.0
SMALLEST = 0.55  # scale on a narrow screen; a diagram that is still wider scrolls


def diagram_svg(diagram: Diagram, anchors: Anchors) -> str:
    """Return a diagram as one SVG element."""
    rows = max(len(column.units) + bool(column.gap) for column in diagram.columns)
    wide, high = 2 * MARGIN + ACROSS * (len(diagram.columns) - 1), TOP + DOWN * max(rows, 1) + 8
    largest = max((abs(wire.value) for wire in diagram.wires), default=0.0) or 1.0
    elements = [_flows(diagram, high)]
    elements += [_wire(wire, diagram, high, largest, anchors) for wire in diagram.wires]
    for place, column in enumerate(diagram.columns):
        elements.append(_column(column, place, high, anchors))
    size = f'width="{wide}" style="min-width:{round(SMALLEST * wide)}px"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" {size} role="img">'
    return f'<div class="diagram">{head}{"".join(elements)}</svg></div>'


def _x(place: int) -> int:
    return MARGIN + ACROSS * place


def _y(column: Column, unit: int, high: int) -> float:
    """Return the y coordinate of a circle; a column is centered and a gap counts as one circle."""
    rows, row = len(column.units) + bool(column.gap), unit + (column.gap and unit >= column.gap)
    return (TOP + high) / 2 + DOWN * (row - (rows - 1) / 2)


def _wire(wire: Wire, diagram: Diagram, high: int, largest: float, anchors: Anchors) -> str:
    before, column = diagram.columns[wire.column - 1 : wire.column + 1]
    x1, x2 = _x(wire.column - 1) + RADIUS, _x(wire.column) - RADIUS
    line = f'x1="{x1}" y1="{_y(before, wire.start, high):g}" x2="{x2}" y2="{_y(column, wire.end, high):g}"'
    gradient, slope = wire.gradient
    title = f"{wire.name} = {number(wire.value)}; ∂J/∂{wire.name} = {number(slope, fixed=True)}"
    thick = THIN + (THICK - THIN) * abs(wire.value) / largest
    sign = "positive" if wire.value >= 0 else "negative"
    lines = (
        f'<line class="{sign}" {line} stroke-width="{thick:.1f}"/><line {line} class="reach"/>'
        f"<title>{escape(title)}</title>"
    )
    return _link(lines, wire.target, anchors, (anchors.place(gradient) or ("", ""))[1])


def _link(inside: str, target: Hashable, anchors: Anchors, address: str = "") -> str:
    """Return the drawing of a target as a link to ``address``, or to its home unless it is the home.

    The attribute is ``xlink:href``: JupyterLab sets ``href`` of every link that has this attribute, which
    fails for a link inside an SVG.
    """
    kind, own = anchors.place(target) or ("", "")
    home = anchors.home(target, DRAWN)
    address = address or ("" if home else own)
    marks = f' id="{escape(home)}"' * bool(home) + f' class="{escape(kind)}"' * bool(kind)
    return f'<a{marks} xlink:href="{escape(address)}">{inside}</a>' if address else f"<g{marks}>{inside}</g>"


def _column(column: Column, place: int, high: int, anchors: Anchors) -> str:
    x, middle = _x(place), (TOP + high) / 2
    title = f'<text x="{x}" y="16" class="title">{escape(_short(column.title))}</text>'
    shape = f'<text x="{x}" y="31" class="value">{escape(column.shape)}</text>' if column.shape else ""
    if not column.units:
        box = (
            f'<rect x="{x - 36}" y="{middle - 18:g}" width="72" height="36" rx="6"/>' if column.nodes else ""
        )
        shape = f'<text x="{x}" y="{middle + 4:g}">{escape(column.shape)}</text>'
        address = next(filter(None, map(anchors.first, column.nodes)), "")
        return title + (f'<a xlink:href="{address}">{box}{shape}</a>' if address else box + shape)
    circles = "".join(_circle(unit, x, _y(column, i, high), anchors) for i, unit in enumerate(column.units))
    y = _y(column, column.gap, high) - DOWN
    return title + shape + circles + (f'<text x="{x}" y="{y + 5:g}">⋮</text>' if column.gap else "")


def _circle(unit: Unit, x: int, y: float, anchors: Anchors) -> str:
    small = ' class="small"' if width(unit.name) > INSIDE else ""
    elements = (
        f'<circle cx="{x}" cy="{y:g}" r="{RADIUS}"/>'
        f'<text x="{x}" y="{y + 4:g}"{small}>{escape(unit.name)}</text>'
        f'<text x="{x}" y="{y + RADIUS + 12:g}" class="value">{escape(number(unit.value, 3))}</text>'
    )
    return _link(elements, unit.target, anchors)


def _short(title: str) -> str:
    max_length = ACROSS // LETTER - 2  # leaves a gap to the adjacent title
    return title if width(title) <= max_length else f"…{title[1 - max_length :]}"


def _flows(diagram: Diagram, high: int) -> str:
    """Return bands or lines between columns that are not connected by weights."""
    connected = {wire.column for wire in diagram.wires}
    pairs = enumerate(pairwise(diagram.columns), 1)
    return "".join(_flow(before, column, i, high) for i, (before, column) in pairs if i not in connected)


def _flow(before: Column, column: Column, place: int, high: int) -> str:
    left, right, middle = _x(place - 1), _x(place), (TOP + high) / 2
    if not before.gap or not column.units:
        return f'<line class="flow" x1="{left + 40}" y1="{middle:g}" x2="{right - 40}" y2="{middle:g}"/>'
    corners = [(left + RADIUS, _y(before, i, high)) for i in (0, len(before.units) - 1)]
    corners += [(right - RADIUS, _y(column, i, high)) for i in (len(column.units) - 1, 0)]
    return f'<polygon class="band" points="{" ".join(f"{x},{y:g}" for x, y in corners)}"/>'


# The style sheet of a page, for light, dark and narrow screens and for print.
#
# There are no scripts: the language is a radio button, formulas in words are a check box, and related
# elements are highlighted by ``:has``. A browser without ``:has`` shows both languages one below the other.

STYLE = """
.chainrule {
  --ink: #1b1f24; --pale: #57606a; --paper: #fff; --rule: #d8dee4; --lit: #fff3bf; --mark: #ffe066;
  --up: #2563a8; --down: #d1660f; --shape: #f3f6fa; --accent: #0b57a4; --strong: #c2255c;
  font: 16px/1.65 system-ui, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
  max-width: 62rem; margin: 0 auto; padding: 1rem; color: var(--ink); background: var(--paper);
  overflow-wrap: break-word;
  h1 { font-size: 1.5rem; line-height: 1.3; margin: .6rem 0 1rem; }
  h2 { font-size: 1.15rem; line-height: 1.35; margin: 2rem 0 .5rem; padding-bottom: .2rem;
    border-bottom: 1px solid var(--rule); }
  p { margin: .5rem 0; } ul { list-style: none; padding: 0; margin: .5rem 0; }
  a { color: inherit; text-decoration: none; }
  a:hover, a:focus-visible { background: var(--lit); outline: none; }
  :target { background: var(--mark); --line: var(--strong); scroll-margin-top: 4rem; }
  summary { cursor: pointer; } summary h2 { display: inline-block; border: 0; }
  .switches { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .2rem .5rem;
    align-items: center; padding: .5rem 0; background: var(--paper); font-size: .9rem; }
  .switches label { margin-right: .6rem; cursor: pointer; }
  &:has(#lang-en:checked) .in-zh, &:has(#lang-zh:checked) .in-en { display: none; }
  .contents { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin-bottom: 1rem; font-size: .9rem;
    color: var(--accent); }
  .lines { display: grid; grid-template-columns: 3.4rem minmax(0, 1fr); margin: .3rem 0;
    content-visibility: auto; contain-intrinsic-size: auto 3rem; }
  .label { color: var(--pale); padding-top: .15rem; }
  .equation { overflow: auto hidden; padding: .2rem .3rem; border-radius: .3rem; }
  .step { display: inline-block; white-space: nowrap; }
  .result { font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .words, .note, .more, .leads { color: var(--pale); font-size: .9rem; } .note { margin-left: .8rem; }
  .words { display: none; padding: 0 .3rem .3rem; } .aloud, &:has(#words:checked) .words { display: block; }
  math { font-size: 1.08em; math-style: normal; font-family: "Cambria Math", "STIX Two Math",
    "Latin Modern Math", "DejaVu Math TeX Gyre", "Noto Sans Math", math, serif; }
  math math { font-size: 1em; } mtext[class] { border-radius: .2em; }
  .table { overflow-x: auto; } table { border-collapse: collapse; margin: .5rem 0; }
  th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--rule); text-align: left;
    white-space: nowrap; }
  th { color: var(--pale); font-weight: 600; font-size: .9rem; }
  .right { text-align: right; font-variant-numeric: tabular-nums; }
  .diagram { overflow-x: auto; margin: .5rem 0 1.2rem;
    svg { display: block; max-width: none; font-size: 13px; }
    text { fill: var(--ink); text-anchor: middle; } .title { font-weight: 600; }
    .small { font-size: 10.5px; } .value { fill: var(--pale); font-size: 11px; }
    circle, rect { fill: var(--shape); stroke: var(--line, var(--pale)); stroke-width: 1.5; }
    .positive { stroke: var(--line, var(--up)); } .negative { stroke: var(--line, var(--down)); }
    .flow { stroke: var(--rule); stroke-width: 2; } .band { fill: var(--shape); }
    .reach { stroke: transparent; stroke-width: 12; } a:hover { --line: var(--strong); }
    a:hover .positive, a:hover .negative, :target .positive, :target .negative { stroke-width: 6; }
  }
}
@media (max-width: 34rem) { .chainrule { padding: .6rem;
  .lines { grid-template-columns: minmax(0, 1fr); } .label { padding: 0; font-size: .85rem; }
  .diagram svg { width: 100%; height: auto; font-size: 15px; } .diagram .value { font-size: 14px; } } }
@media (prefers-color-scheme: dark) { .chainrule { --ink: #e6edf3; --pale: #9198a1; --paper: #0d1117;
  --rule: #3d444d; --lit: #3b3410; --mark: #5c4d00; --up: #6cb6ff; --down: #f0a25e; --shape: #161b22;
  --accent: #79c0ff; --strong: #ff7eb6; } body:has(> .chainrule) { background: #0d1117; } }
@media print { .chainrule { max-width: none;
  .diagram svg { max-width: 100%; height: auto; min-width: 0 !important; }
  .switches, .contents, .leads { display: none; }
  .lines, tr { break-inside: avoid; } .lines { content-visibility: visible; }
  details::details-content { content-visibility: visible; } } }
"""

MAX_HIGHLIGHTED = 60  # maximum number of classes with a highlighting rule


def lighting(classes: Iterable[str]) -> str:
    """Return the CSS rules that highlight each of ``MAX_HIGHLIGHTED`` numbers, one class each, together."""
    rules = [
        f".chainrule:has(.{name}:hover) .{name}{{background:var(--lit);--line:var(--strong)}}"
        for name, _ in zip(classes, range(MAX_HIGHLIGHTED), strict=False)
    ]
    return "\n".join(rules)


# Controls of an explanation page (language, contents, legend), by key.

NAMES = {"en": "English", "zh": "中文"}
SHEET: Texts = {
    "language": "Language",
    "in_words": "formulas in words",
    "contents": "Contents",
    "leads": "Every symbol links to the place where it is computed; so do the circles and lines.",
    "lines": "Lines are weights: blue is positive, orange is negative, and thicker is larger.",
}


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


EQUATION, DRAWN, ROW, MOVE = "equation", "drawn", "row", "move"


class Anchors:
    """The anchors of one page.

    Args:
        page: the page with the formulas.
        diagram: the diagram above it, if any.
        prefix: the prefix of every id, so that one document can hold several pages.
    """

    def __init__(self, page: Page, diagram: Diagram | None, prefix: str) -> None:
        self._prefix = prefix
        self._kinds: dict[Hashable, str] = {}
        for kind, target in sorted(_homes(page, diagram), key=lambda home: _ORDER.index(home[0])):
            if target is not None:
                self._kinds.setdefault(target, kind)
        self._numbers = {target: i for i, target in enumerate(self._kinds, 1)}
        self._unused = set(self._kinds)

    def place(self, target: Hashable) -> Place | None:
        """Return the class and the address of a target, or ``None`` if it has no home on this page."""
        number = self._numbers.get(target)
        return None if number is None else (f"n{number}", f"#{self._prefix}n{number}")

    def home(self, target: Hashable, kind: str) -> str:
        """Return the id of a target's home, or ``""`` if its home has another kind or its id is in use."""
        if self._kinds.get(target) != kind or target not in self._unused:
            return ""
        self._unused.discard(target)
        return f"{self._prefix}n{self._numbers[target]}"

    def first(self, node: Hashable) -> str:
        """Return the address of the first element of a node that has a home, or ``""``."""
        return next((f"#{self._prefix}n{i}" for at, i in self._numbers.items() if _of(at) is node), "")

    @property
    def classes(self) -> list[str]:
        """The class of each target with a home, those of equations first."""
        return [f"n{i}" for i in self._numbers.values()]


_ORDER = (EQUATION, DRAWN, ROW, MOVE)


def _homes(page: Page, diagram: Diagram | None) -> Iterator[tuple[str, Hashable]]:
    for part in (part for section in page.sections for part in section.parts):
        if isinstance(part, Lines):
            yield from ((kind_of(equation), target_of(equation.left)) for equation in part.equations)
        elif isinstance(part, Table):
            yield from ((ROW, row_target(row)) for row in part.rows)
    for column in diagram.columns if diagram else ():
        yield from ((DRAWN, unit.target) for unit in column.units)
    yield from ((DRAWN, wire.target) for wire in (diagram.wires if diagram else ()))


def kind_of(equation: Equation) -> str:
    """Return the kind of home of an equation: ``EQUATION``, or ``MOVE`` for an update."""
    return EQUATION if equation.sign == "=" else MOVE


def target_of(tree: Tree | None) -> Hashable | None:
    """Return the target of a symbol, or ``None``."""
    return tree.target if isinstance(tree, Link) else None


def row_target(row: tuple[str | Tree, ...]) -> Hashable | None:
    """Return the target of a table row: that of its first symbol that has one."""
    targets = (target_of(cell) for cell in row if not isinstance(cell, str))
    return next((target for target in targets if target is not None), None)


def _of(target: Hashable) -> Hashable:
    return getattr(target, "node", None)
