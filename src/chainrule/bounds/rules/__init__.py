"""The rules of bounds by the name of the operation's card."""

from __future__ import annotations

from chainrule.bounds.rule import BoundRule
from chainrule.bounds.rules import extremes, indexing, linear, monotone, products, selection, steps

RULES: dict[str, BoundRule] = {
    **linear.RULES,
    **products.RULES,
    **monotone.RULES,
    **extremes.RULES,
    **selection.RULES,
    **indexing.RULES,
    **steps.RULES,
}
