"""Abbreviate long formulas: keep an outline that is readable, with dots for omitted parts."""

from __future__ import annotations

from chainrule.notation.tree import Symbol, Tree, children, with_children

DOTS = Symbol("…")
MIN_LEAVES = 3  # leaves; a part with a smaller budget is replaced by dots


def abbreviate(tree: Tree, limit: int) -> Tree:
    """Abbreviate the formula to about ``limit`` numbers and symbols.

    Short parts are kept, long ones share the rest of the budget; of a long sum or product the first parts and
    the last one are kept.

    Example:
        >>> from chainrule.notation import parse, to_unicode
        >>> print(to_unicode(abbreviate(parse("a + exp(b * (c + d + e + f + g) + h) * k"), 8)))
        a + e^(b·(c + … + g) + h)·k
    """
    return _abbreviate(tree, limit, _Sizes(limit))


def _abbreviate(tree: Tree, limit: int, sizes: _Sizes) -> Tree:
    if sizes.of(tree) <= limit:
        return tree
    if limit < MIN_LEAVES:
        return DOTS
    parts = _kept_parts(tree, limit)
    sizes_of_parts = [sizes.of(part) for part in parts]
    shares, budget, remaining = [0] * len(parts), limit, len(parts)
    for i in sorted(range(len(parts)), key=sizes_of_parts.__getitem__):
        shares[i] = min(sizes_of_parts[i], budget // remaining)
        budget, remaining = budget - shares[i], remaining - 1
    shorter = tuple(_abbreviate(part, share, sizes) for part, share in zip(parts, shares, strict=True))
    if len(parts) < len(children(tree)):
        shorter = (*shorter[:-1], DOTS, shorter[-1])
    return with_children(tree, shorter)


def _kept_parts(tree: Tree, limit: int) -> tuple[Tree, ...]:
    """Return the parts that are kept: all while each gets a few symbols, else the first ones and the last."""
    parts = children(tree)
    max_parts = max(limit // MIN_LEAVES, 2)
    return parts if len(parts) <= max_parts else (*parts[: max_parts - 1], parts[-1])


class _Sizes:
    """The number of leaves of each part of one formula; counting stops beyond ``limit``."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._known: dict[int, int] = {}  # by id: all parts live as long as the formula

    def of(self, tree: Tree) -> int:
        if id(tree) not in self._known:
            self._known[id(tree)] = self._count(tree)
        return self._known[id(tree)]

    def _count(self, tree: Tree) -> int:
        count = 0
        for part in children(tree):
            count += self.of(part)
            if count > self.limit:
                break
        return max(count, 1)
