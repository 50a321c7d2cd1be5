"""The page of one building block, from what the room of blocks knows of it."""

from __future__ import annotations

import re

from chainrule.catalog import KINDS, Block, Kind, Written, block, sampled, to_html, to_unicode, transcript
from chainrule.derive.line_chart import line_chart
from chainrule.errors import CATALOGUE
from chainrule.notation import to_latex, to_mathml
from chainrule.ops import Card
from chainrule.texts.constraints import in_chinese
from pages.page import Page, plain

_CODE = re.compile(r"\bE\d{3}\b")


def block_path(kind: Kind, name: str) -> str:
    """Where the page of a block lies."""
    return f"blocks/{kind.name}/{name}.md"


def block_page(kind: str, name: str) -> Page:
    """The page of a block; its example is run while the page is written.

    Fails:
        UsageError E101: there is no such block.
    """
    found = block(kind, name)
    drawn = sampled(kind, found.name, found.thing)
    pictures = {}
    parts = [_head(found)]
    if found.formulas:
        parts.append("## Formula\n\n" + "\n\n".join(map(_formula, found.formulas)))
    if drawn is not None:
        across = "step" if kind == "schedule" else "x"
        pictures[f"{found.name}.svg"] = line_chart(drawn.x, drawn.series, across)
        says = " ".join(plain(text) for text in drawn.says)
        parts.append(f"![{found.name}]({found.name}.svg)\n\n{says}")
    if isinstance(found.thing, type) and issubclass(found.thing, Card):
        parts += _card(found, found.thing)
    if found.arguments:
        rows = [
            (f"`{a.name}`", f"`{a.default}`" if a.default else "", _prose(a.meaning)) for a in found.arguments
        ]
        parts.append("## Arguments\n\n" + listed(("argument", "default", "meaning"), rows))
    parts += _sections(found)
    return Page(block_path(found.kind, found.name), "\n\n".join(parts) + "\n", pictures, False)


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown; cells hold Markdown."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def listed(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table whose last column is prose: on a narrow screen each row becomes a paragraph (``style.css``)."""
    return f'<div class="rows">\n\n{table(header, rows)}\n\n</div>'


def _head(found: Block) -> str:
    """Title, both names, both summaries, how it is written."""
    own, said = found.chinese
    lines = [
        f"```{{index}} single: {found.name}; {own}\n```",
        f"# {found.name}",
        f"[{found.kind.plural}](index.md) · {plain(own)}",
        _prose(found.summary),
        plain(said),
    ]
    if found.text:
        lines += [_prose(part) for part in found.text.split("\n\n")]
    return "\n\n".join([*lines, f"```python\n{_broken(found.signature)}\n```"])


def _broken(signature: str) -> str:
    """A long signature with each argument on a line of its own."""
    if len(signature) <= 88 or ", " not in signature:
        return signature
    opening, inside = signature.removesuffix(")").split("(", 1)
    return f"{opening}(\n    " + re.sub(r", (?=\*{0,2}\w+(=|,|$))", ",\n    ", inside) + ",\n)"


def _prose(text: str) -> str:
    """Running text with its formulas in a reader's signs; what stands in backquotes is left alone."""
    parts = re.split("(``.*?``)", text, flags=re.DOTALL)
    return plain("".join(part if i % 2 else to_unicode(part) for i, part in enumerate(parts)))


def _formula(written: Written) -> str:
    """A formula as MathML, with its LaTeX to be copied; a docstring's formula line by line."""
    if written.tree is None:
        lines = re.split(r"(?<=[;:]) (?=\S+ (?:<-|=)|[A-Z])", written.prose)
        return f'<div class="formula">{"<br>".join(map(to_html, lines))}</div>'
    label = f"<i>{written.label}</i> = " if written.label else ""
    latex = to_latex(written.tree).replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<div class="formula">{label}{_display(to_mathml(written.tree))}</div>\n'
        f'<details class="latex"><summary>LaTeX</summary><code>{latex}</code></details>'
    )


def _display(math: str) -> str:
    """The formula with its fractions in full height, as on a line of its own."""
    return math.replace("<math ", '<math displaystyle="true" ')


def _card(found: Block, card: type[Card]) -> list[str]:
    """What only an operation has: its way back and its constraints."""
    back = [f"{plain(card.says.backward)}. {plain(card.says.backward_zh)}。"]
    for written in found.backward:
        if written.tree is not None:
            back.append(_formula(written))
            continue
        kind = "= 0" if written.is_flat else "does not exist"
        back.append(f"*{plain(written.label)}* {kind}: {plain(written.prose)} ({in_chinese(written.prose)}).")
    rows = [(name, plain(text), in_chinese(text)) for name, text in card.constraints.items()]
    return [
        "## Backward\n\n" + "\n\n".join(back),
        "## Constraints\n\n" + table(("", "demanded of the inputs", "对输入的要求"), rows),
    ]


def _sections(found: Block) -> list[str]:
    parts = []
    for heading in ("Shapes", "Numerics", "Cost"):
        if heading in found.sections:
            parts.append(f"## {heading}\n\n{_prose(found.sections[heading])}")
    if "Fails" in found.sections:
        items = re.split(r"\n(?=\S)", found.sections["Fails"])
        parts.append("## Fails\n\n" + "\n".join(f"- {_linked(plain(' '.join(i.split())))}" for i in items))
    example = transcript(found.kind.name, found.name, found.thing)
    if example:
        parts.append(f"## Example\n\n```pycon\n{example}\n```")
    if "Reference" in found.sections:
        parts.append(f"## Reference\n\n{plain(found.sections['Reference'])}")
    if found.elsewhere:
        names = "; ".join(f"{peer} {_words(text)}" for peer, text in found.elsewhere.items())
        parts.append(f"## In other libraries\n\n{names}. All names: [PyTorch and Keras](../../names.md).")
    same = [kind for kind in KINDS.values() if kind is not found.kind and found.name in kind.entries]
    if same:
        also = ", ".join(f"[{kind.name}](../{kind.name}/{found.name}.md)" for kind in same)
        parts.append(f"Of the same name: {also}.")
    return parts


def _words(text: str) -> str:
    """Names as code; what stands in brackets behind a name belongs to it."""
    return ", ".join(f"`{word}`" for word in re.split(r", (?![^(]*\))", text))


def _linked(text: str) -> str:
    """Error codes as links to their pages."""
    return _CODE.sub(
        lambda code: f"[{code[0]}](../../errors/{code[0]}.md)" if code[0] in CATALOGUE else code[0], text
    )
