"""A schedule written as a formula of the step number: text, never code."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.schedule.schedule import Schedule
from chainrule.notation import (
    CONSTANTS,
    Apply,
    Compare,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Tree,
    children,
    parse,
)
from chainrule.ops import functional as F
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.records import frozen
from chainrule.validation import require

LONGEST, DEEPEST = 200, 20  # of a formula: characters, and nested brackets
_NAMES = "abs cos erf exp floor log relu sigmoid sign sin softplus sqrt tanh where"
_FUNCTIONS: dict[str, Callable[..., Node]] = {
    **{name: getattr(F, name) for name in _NAMES.split()},
    "max": lambda *values: reduce(F.maximum, values),
    "min": lambda *values: reduce(F.minimum, values),
    "and": F.logical_and,
    "or": F.logical_or,
    "not": F.logical_not,
}
_COMPARISONS = "less less_equal equal not_equal greater_equal greater".split()
_SIGNS: dict[str, str] = dict(zip("< <= == != >= >".split(), _COMPARISONS, strict=True))


@frozen
class RateFormula(Schedule):
    """The learning rate as a formula of t, the updates so far, and T, those of the full training.

    The formula is parsed by the formula parser and converted to nodes; nothing in it can be executed, so it
    may come from a file.

    Args:
        text: such as ``"0.1 / (1 + 0.01 t)"`` with every product written as ``*``; supported: ``+ - * / ^``,
            comparisons, ``pi`` and ``e``, and abs, cos, erf, exp, floor, log, max, min, relu, sigmoid, sign,
            sin, softplus, sqrt, tanh, where.

    Raises:
        UsageError E102: not a formula, one with other names, or one that is too long.

    Example:
        >>> from chainrule.engines import evaluate
        >>> from chainrule.graph import constant
        >>> rate = RateFormula("where(t < 10, 0.1, 0.1 * 0.5^((t - 10) / 5))")
        >>> float(evaluate(rate(constant(15.0, "float64"), 100), {}))
        0.05
    """

    chinese = ("公式调度", "以公式给出学习率：t 为已更新次数，T 为总次数。")
    text: str

    def check(self) -> None:
        text = self.text
        fits = isinstance(text, str) and len(text) <= LONGEST and text.count("(") <= DEEPEST
        require(
            self,
            "text",
            fits,
            fact(
                "a formula of at most {signs} signs and {brackets} brackets", signs=LONGEST, brackets=DEEPEST
            ),
        )
        try:
            wrong = _unknown(parse(text))
        except ValueError:
            wrong = fact("no formula")
        expected = fact("a formula of t and T ({name} is unknown)", name=wrong) if wrong else ""
        require(self, "text", not wrong, expected, 'cr.RateFormula("0.1 * 0.5^floor(t / 100)")')

    def __call__(self, step: Node, horizon: int) -> Node:
        return _nodes(parse(self.text), {"t": step, "T": full_like(step, float(max(1, horizon)))}, step)


def _unknown(tree: Tree) -> str:
    """Return the first part of a formula that is not supported here, or an empty text."""
    match tree:
        case Symbol(name, (), "", ""):
            return "" if name in ("t", "T", *CONSTANTS) else name
        case Apply(function, _):
            unknown = "" if function in _FUNCTIONS else function
        case Number() | Sum() | Product() | Quotient() | Power() | Negative() | Compare():
            unknown = ""
        case _:
            return type(tree).__name__.lower()
    return unknown or next((wrong for part in children(tree) if (wrong := _unknown(part))), "")


def _nodes(tree: Tree, names: dict[str, Node], like: Node) -> Node:
    match tree:
        case Number(value):
            return full_like(like, float(value))
        case Symbol(name):
            return names[name] if name in names else full_like(like, CONSTANTS[name])
    parts = [_nodes(part, names, like) for part in children(tree)]
    match tree:
        case Apply(function, _):
            return _FUNCTIONS[function](*parts)
        case Compare(sign, _, _):
            return getattr(F, _SIGNS[sign])(*parts)
        case Sum():
            return reduce(F.add, parts)
        case Product():
            return reduce(F.multiply, parts)
        case Quotient():
            return F.divide(*parts)
        case Power():
            return F.power(*parts)
        case _:
            return F.negative(*parts)
