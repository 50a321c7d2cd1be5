"""The formula of a node, as text: what it computes from its inputs."""

from __future__ import annotations

from chainrule.formula import Power, Product, Symbol, Tree, parse, substitute, to_unicode
from chainrule.graph import Constant, Input, Node
from chainrule.ops.card import Card
from chainrule.ops.elementwise import Elementwise
from chainrule.trace.simplify import plain, simplify

DEEP = 30  # operations written into one another; what lies deeper is shown as dots
DOTS = Symbol("…")


def formula(node: Node) -> str:
    """What a node computes, in terms of the inputs behind it.

    Operations that treat each number by itself are written as formulas, a matrix product as a product,
    ``transpose`` as a raised T; repeating (``broadcast``) is not written; all others stand as calls.

    Example:
        >>> from chainrule.graph import input_node
        >>> x, w = input_node("x", (None, 2), "float64"), input_node("w", (2, 1), "float64")
        >>> from chainrule.ops import PUBLIC
        >>> print(formula(PUBLIC["sigmoid"](x @ w)))
        1/(1 + e^(−x·w))
    """
    return to_unicode(simplify(_tree(node, DEEP)))


def _tree(node: Node, deep: int) -> Tree:
    op = node.op
    if isinstance(op, Input):
        return Symbol(op.label)
    if isinstance(op, Constant):
        return plain(op.number) if isinstance(op.number, int | float) else Symbol("c")
    if deep == 0:
        return DOTS
    parts = [_tree(source, deep - 1) for source in node.inputs]
    match op.name:
        case "matmul":
            return Product(tuple(parts))
        case "transpose":
            return Power(parts[0], Symbol("T"))
        case "broadcast" | "cast":
            return parts[0]
        case _:
            return _applied(op, parts)


def _applied(op: object, parts: list[Tree]) -> Tree:
    assert isinstance(op, Card)
    if isinstance(op, Elementwise):
        known = dict(zip(op.arguments, parts, strict=True))
        known |= {name: plain(v) for name, v in op.attributes.items() if isinstance(v, int | float)}
        return substitute(parse(op.formula), lambda t: known.get(t.name) if isinstance(t, Symbol) else None)
    return Symbol(f"{op.name}({', '.join(to_unicode(simplify(part)) for part in parts)})")
