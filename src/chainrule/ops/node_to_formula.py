"""A node as a formula, composed of the formulas of the cards that it depends on.

Operations that only rearrange elements (reshape, broadcast) are omitted, as on paper. A value that is used
more than once is written once, on a line of its own, and named h1, h2, ...: otherwise the formula of a deep
network would double with each layer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from chainrule.graph import Constant, Graph, Input, Node, order
from chainrule.notation.latex import to_latex
from chainrule.notation.mathml import to_mathml
from chainrule.notation.parse import parse
from chainrule.notation.printer import to_ascii
from chainrule.notation.spoken import to_words
from chainrule.notation.tree import (
    Big,
    Compare,
    Link,
    Number,
    Power,
    Product,
    Symbol,
    Tree,
    elementwise,
    substitute,
)
from chainrule.notation.unicode import to_unicode
from chainrule.ops.operation_card import Card
from chainrule.validation import choice, language

NOTATIONS: dict[str, Callable[[Tree], str]] = {
    "unicode": to_unicode,
    "latex": to_latex,
    "mathml": to_mathml,
    "words": to_words,
    "ascii": to_ascii,
}
_SILENT = ("broadcast", "reshape", "cast", "stop_gradient")


def formula(node: Node, notation: str = "unicode", lang: str | None = None) -> str:
    """Return the formula of a node.

    Args:
        node: any node.
        notation: ``"unicode"``, ``"latex"``, ``"mathml"`` (each input is a link), ``"words"`` or
            ``"ascii"``.
        lang: the language of ``"words"``, ``"en"`` or ``"zh"``; by default ``cr.settings.lang``.

    Returns:
        one line; before it a line for each value that is used more than once.

    Raises:
        UsageError E101: no such notation or language.

    Example:
        >>> from chainrule.graph import input_node
        >>> import chainrule.ops
        >>> x = input_node("x", (None, 2), "float64")
        >>> print(formula(1.0 / (x * x + 2.0), "ascii"))
        1 / (x * x + 2)
        >>> print(formula(1.0 / (x * x + 2.0), "words", lang="en"))
        1 divided by (x times, element by element, x plus 2)
    """
    choice(notation, NOTATIONS, "notation", "formula")
    lang = language(lang, "formula")
    return _lines(node, partial(to_words, lang=lang) if notation == "words" else NOTATIONS[notation])


def _lines(node: Node, write: Callable[[Tree], str]) -> str:
    trees: dict[Node, Tree] = {}
    arrays: dict[Node, bool] = {}  # whether the value of a node is more than one number
    lines: list[str] = []
    readers = Graph({"y": node}).consumers
    for part in order([node]):
        tree = _of(part, trees, arrays)
        silent = part.op.name in _SILENT
        arrays[part] = arrays[part.inputs[0]] if silent else any(n != 1 for n in part.shape)
        # A count (extent) reads a value that its formula does not contain.
        used = sum(s is part for reader in readers[part] if reader.op.name != "extent" for s in reader.inputs)
        if used > 1 and isinstance(part.op, Card) and part.op.name not in (*_SILENT, "transpose"):
            label = f"h{len(lines) + 1}"
            name = Link(label, Symbol(label))
            lines.append(_defined(name, tree, write))
            tree = name
        trees[part] = tree
    return "\n".join([*lines, write(trees[node])])


def _defined(name: Tree, tree: Tree, write: Callable[[Tree], str]) -> str:
    """Return the line that defines a name; in ASCII with ``=``, since ``==`` is a comparison there."""
    return f"{write(name)} = {write(tree)}" if write is to_ascii else write(Compare("==", name, tree))


def _of(node: Node, trees: dict[Node, Tree], arrays: dict[Node, bool]) -> Tree:
    """Return the formula of one node in terms of those of its inputs."""
    op = node.op
    inputs = [trees[source] for source in node.inputs]
    if isinstance(op, Input):
        return Link(op.label, Symbol(op.label.replace(".", "_")))
    if isinstance(op, Constant):
        plain = op.number
        return Symbol("c") if plain is None else Number(int(plain) if float(plain).is_integer() else plain)
    if op.name in _SILENT:
        return inputs[0]
    if op.name == "matmul":
        return Product((inputs[0], inputs[1]), "matrix")
    if op.name == "transpose":
        return Power(inputs[0], Symbol("T"))
    if op.name == "sum":
        return Big("sum", "i", inputs[0])
    assert isinstance(op, Card)
    return _filled(op, inputs, [arrays[source] for source in node.inputs])


def _filled(card: Card, inputs: list[Tree], arrays: list[bool]) -> Tree:
    """Return the formula of a card with its arguments and attributes inserted."""
    large = {Symbol(name) for name, is_array in zip(card.arguments, arrays, strict=True) if is_array}
    values = dict(zip(card.arguments, inputs, strict=True))

    def replace(tree: Tree) -> Tree | None:
        if not isinstance(tree, Symbol):
            return None
        if tree.name in values:
            return values[tree.name]
        number = card.attributes.get(tree.name)
        return Number(number) if isinstance(number, int | float) else None

    return substitute(elementwise(parse(card.formula), large.__contains__), replace)
