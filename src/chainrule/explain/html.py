"""An explanation as one HTML page: formulas in MathML, style in the page, no script, nothing fetched."""

from __future__ import annotations

from html import escape

from chainrule.explain.page import Cell, Equation, Items, Lines, Page, Part, Table
from chainrule.explain.words import say
from chainrule.notation import number, to_mathml

_STYLE = """
.chainrule { font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 70rem; margin: 0 auto;
  padding: 1rem; color: #1b1f24; background: #fff; }
.chainrule h1 { font-size: 1.5rem; } .chainrule h2 { font-size: 1.15rem; margin: 1.6rem 0 .4rem; }
.chainrule ul { list-style: none; padding: 0; margin: .5rem 0; }
.chainrule .lines { display: grid; grid-template-columns: 3.5rem 1fr; margin: .35rem 0; }
.chainrule .label { color: #57606a; } .chainrule .equation { overflow: auto hidden; padding: .1rem 0; }
.chainrule math { math-style: normal; font-size: 1.08em; }
.chainrule .note, .chainrule .more { color: #57606a; font-size: .9rem; } .chainrule .note { margin-left:
.8rem; } .chainrule .result { font-weight: 600; font-variant-numeric: tabular-nums; }
.chainrule .table { overflow-x: auto; } .chainrule table { border-collapse: collapse; margin: .5rem 0; }
.chainrule th, .chainrule td { padding: .2rem .7rem; border-bottom: 1px solid #d8dee4; text-align: left; }
.chainrule .right { text-align: right; font-variant-numeric: tabular-nums; }
@media (prefers-color-scheme: dark) { .chainrule { color: #e6edf3; background: #0d1117; }
  .chainrule .label, .chainrule .note, .chainrule .more { color: #9198a1; }
  .chainrule th, .chainrule td { border-color: #3d444d; } body { background: #0d1117; } }
"""


def html_page(page: Page, whole: bool = True) -> str:
    """The explanation as a page.

    Args:
        page: what to show.
        whole: a document of its own; else a piece for a notebook.
    """
    lang = {"zh": "zh-CN"}.get(page.lang, page.lang)
    body = [f"<h1>{escape(page.title)}</h1>"]
    for section in page.sections:
        heading = f"<h2>{escape(section.heading)}</h2>" if section.heading else ""
        body.append(f"<section>{heading}{''.join(_part(part) for part in section.parts)}</section>")
    article = f'<article class="chainrule" lang="{lang}"><style>{_STYLE}</style>{"".join(body)}</article>'
    # A formula speaks English in one place only: where it chooses between two values.
    for word in ("if", "else"):
        space = "\u00a0" if word == "if" else ""
        article = article.replace(
            f"<mtext>{word}{space}</mtext>", f"<mtext>{say(word, page.lang)}{space}</mtext>"
        )
    if not whole:
        return article
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    # Nothing may be fetched, whatever stands in a label or a column's name.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head += f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    head += f"<title>{escape(page.title)}</title>"
    return f'<!doctype html>\n<html lang="{lang}"><head>{head}</head><body>{article}</body></html>\n'


def _cell(cell: Cell) -> str:
    return escape(cell) if isinstance(cell, str) else to_mathml(cell)


def _part(part: Part) -> str:
    if isinstance(part, str):
        return f"<p>{escape(part)}</p>"
    if isinstance(part, Items):
        return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in part.texts)}</ul>"
    return _table(part) if isinstance(part, Table) else _lines(part)


def _lines(lines: Lines) -> str:
    label = f"({escape(lines.label)})" if lines.label else ""
    equations = "".join(f'<div class="equation">{_equation(e)}</div>' for e in lines.equations)
    more = f'<div class="more">{escape(lines.more)}</div>' if lines.more else ""
    return f'<div class="lines"><div class="label">{label}</div><div>{equations}{more}</div></div>'


def _equation(equation: Equation) -> str:
    parts = [] if equation.left is None else [to_mathml(equation.left)]
    parts += [to_mathml(step) for step in equation.steps]
    if equation.value is not None:
        parts.append(f'<span class="result">{escape(number(equation.value, fixed=True))}</span>')
    text = f" {escape(equation.sign)} ".join(parts[:2])
    text = " = ".join([text, *parts[2:]])
    return text + (f'<span class="note">{escape(equation.note)}</span>' if equation.note else "")


def _table(table: Table) -> str:
    def row(cells: tuple[Cell, ...], tag: str) -> str:
        opened = [f'<{tag} class="right">' if i in table.right else f"<{tag}>" for i in range(len(cells))]
        inside = (f"{start}{_cell(cell)}</{tag}>" for start, cell in zip(opened, cells, strict=True))
        return f"<tr>{''.join(inside)}</tr>"

    rows = "".join(row(cells, "td") for cells in table.rows)
    head = row(table.head, "th")
    return f'<div class="table"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
