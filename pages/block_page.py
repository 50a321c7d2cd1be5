"""The page of one building block, generated from its catalog entry."""

from __future__ import annotations

import re

from chainrule.catalog import (
    KINDS,
    Block,
    BlockFormula,
    Kind,
    block,
    sample_curve,
    to_html,
    to_unicode,
    transcript,
)
from chainrule.errors import CATALOG
from chainrule.messages import LANGUAGES, translated
from chainrule.notation import to_latex, to_mathml
from chainrule.ops import Card
from chainrule.step_explanation.line_chart import line_chart
from pages.page import Page, plain

_CODE = re.compile(r"\bE\d{3}\b")


def block_path(kind: Kind, name: str) -> str:
    """The path of the page of a block."""
    return f"blocks/{kind.name}/{name}.md"


def block_page(kind: str, name: str) -> Page:
    """The page of a block; its example is executed.

    Raises:
        UsageError: E101 if there is no such block.
    """
    entry = block(kind, name)
    samples = sample_curve(kind, entry.name, entry.definition)
    images = {}
    parts = [_head(entry)]
    if entry.formulas:
        parts.append("## Formula\n\n" + "\n\n".join(map(_formula, entry.formulas)))
    if samples is not None:
        x_label = "step" if kind == "schedule" else "x"
        images[f"{entry.name}.svg"] = line_chart(samples.x, samples.series, x_label)
        description = " ".join(plain(samples.caption.render(lang)) for lang in LANGUAGES)
        parts.append(f"![{entry.name}]({entry.name}.svg)\n\n{description}")
    if isinstance(entry.definition, type) and issubclass(entry.definition, Card):
        parts += _card(entry, entry.definition)
    if entry.arguments:
        rows = [
            (f"`{a.name}`", f"`{a.default}`" if a.default else "", _prose(a.meaning)) for a in entry.arguments
        ]
        parts.append("## Arguments\n\n" + prose_table(("argument", "default", "meaning"), rows))
    parts += _sections(entry)
    return Page(block_path(entry.kind, entry.name), "\n\n".join(parts) + "\n", images, False)


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown; the cells contain Markdown."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def prose_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table whose last column is prose: ``style.css`` shows its rows as paragraphs on narrow screens."""
    return f'<div class="rows">\n\n{table(header, rows)}\n\n</div>'


def _head(entry: Block) -> str:
    """Title, names and summaries in both languages, and the signature."""
    chinese_name, chinese_summary = entry.chinese
    lines = [
        f"```{{index}} single: {entry.name}; {chinese_name}\n```",
        f"# {entry.name}",
        f"[{entry.kind.plural}](index.md) · {plain(chinese_name)}",
        _prose(entry.summary),
        plain(chinese_summary),
    ]
    if entry.text:
        lines += [_prose(part) for part in entry.text.split("\n\n")]
    return "\n\n".join([*lines, f"```python\n{_wrapped(entry.signature)}\n```"])


def _wrapped(signature: str) -> str:
    """The signature; if it is long, with one argument per line."""
    if len(signature) <= 88 or ", " not in signature:
        return signature
    name, arguments = signature.removesuffix(")").split("(", 1)
    return f"{name}(\n    " + re.sub(r", (?=\*{0,2}\w+(=|,|$))", ",\n    ", arguments) + ",\n)"


def _prose(text: str) -> str:
    """Prose with mathematical symbols in Unicode; text in double backquotes is not changed."""
    parts = re.split("(``.*?``)", text, flags=re.DOTALL)
    return plain("".join(part if i % 2 else to_unicode(part) for i, part in enumerate(parts)))


def _formula(formula: BlockFormula) -> str:
    """A formula as MathML with its LaTeX source; a formula of a docstring as lines of text."""
    if formula.tree is None:
        lines = re.split(r"(?<=[;:]) (?=\S+ (?:<-|=)|[A-Z])", formula.prose)
        return f'<div class="formula">{"<br>".join(map(to_html, lines))}</div>'
    label = f"<i>{formula.label}</i> = " if formula.label else ""
    latex = to_latex(formula.tree).replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<div class="formula">{label}{_display(to_mathml(formula.tree))}</div>\n'
        f'<details class="latex"><summary>LaTeX</summary><code>{latex}</code></details>'
    )


def _display(math: str) -> str:
    """MathML in display style, with fractions in full height."""
    return math.replace("<math ", '<math displaystyle="true" ')


def _card(entry: Block, card: type[Card]) -> list[str]:
    """The sections of an operation: its backward pass and its constraints."""
    backward = [f"{plain(card.says.backward)}. {plain(card.says.backward_zh)}。"]
    for formula in entry.backward:
        if formula.tree is not None:
            backward.append(_formula(formula))
            continue
        kind = "= 0" if formula.is_flat else "does not exist"
        backward.append(
            f"*{plain(formula.label)}* {kind}: {plain(formula.prose)} ({translated(formula.prose, 'zh')})."
        )
    rows = [(name, plain(text), translated(text, "zh")) for name, text in card.constraints.items()]
    return [
        "## Backward\n\n" + "\n\n".join(backward),
        "## Constraints\n\n" + table(("", "requirement on the inputs", "对输入的要求"), rows),
    ]


def _sections(entry: Block) -> list[str]:
    """The sections of the docstring, the example, and the names in other libraries."""
    parts = []
    for heading in ("Tasks", "Shapes", "Numerics", "Cost"):
        if heading in entry.sections:
            parts.append(f"## {heading}\n\n{_prose(entry.sections[heading])}")
    if "Raises" in entry.sections:
        items = re.split(r"\n(?=\S)", entry.sections["Raises"])
        parts.append("## Raises\n\n" + "\n".join(f"- {_linked(plain(' '.join(i.split())))}" for i in items))
    example = transcript(entry.kind.name, entry.name, entry.definition)
    if example:
        parts.append(f"## Example\n\n```pycon\n{example}\n```")
    if "Reference" in entry.sections:
        parts.append(f"## Reference\n\n{plain(entry.sections['Reference'])}")
    if entry.peer_names:
        names = "; ".join(f"{peer} {_names(text)}" for peer, text in entry.peer_names.items())
        parts.append(f"## In other libraries\n\n{names}. All names: [PyTorch and Keras](../../names.md).")
    others = [kind for kind in KINDS.values() if kind is not entry.kind and entry.name in kind.entries]
    if others:
        links = ", ".join(f"[{kind.name}](../{kind.name}/{entry.name}.md)" for kind in others)
        parts.append(f"Blocks with the same name: {links}.")
    return parts


def _names(text: str) -> str:
    """Names as code; text in parentheses after a name belongs to the name."""
    return ", ".join(f"`{word}`" for word in re.split(r", (?![^(]*\))", text))


def _linked(text: str) -> str:
    """Error codes linked to their pages."""
    return _CODE.sub(
        lambda code: f"[{code[0]}](../../errors/{code[0]}.md)" if code[0] in CATALOG else code[0], text
    )
