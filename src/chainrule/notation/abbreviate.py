"""A formula that can still be read: of one that is too long, the outline, with dots for what is left out."""

from __future__ import annotations

from chainrule.notation.tree import Symbol, Tree, children, with_children

DOTS = Symbol("…")
LEAST = 3  # leaves; a part that is given fewer is only dots


def brief(tree: Tree, most: int) -> Tree:
    """The formula with at most about ``most`` numbers and symbols.

    Short parts are kept whole, long ones share what is left; of a long sum or product the first parts and the
    last one stay.

    Example:
        >>> from chainrule.notation import parse, to_unicode
        >>> print(to_unicode(brief(parse("a + exp(b * (c + d + e + f + g) + h) * k"), 8)))
        a + e^(b·(c + … + g) + h)·k
    """
    return _brief(tree, most, _Sizes(most))


def _brief(tree: Tree, most: int, sizes: _Sizes) -> Tree:
    if sizes.of(tree) <= most:
        return tree
    if most < LEAST:
        return DOTS
    parts = _some(tree, most)
    long = [sizes.of(part) for part in parts]
    shares, left, waiting = [0] * len(parts), most, len(parts)
    for i in sorted(range(len(parts)), key=long.__getitem__):
        shares[i] = min(long[i], left // waiting)
        left, waiting = left - shares[i], waiting - 1
    shorter = tuple(_brief(part, share, sizes) for part, share in zip(parts, shares, strict=True))
    if len(parts) < len(children(tree)):
        shorter = (*shorter[:-1], DOTS, shorter[-1])
    return with_children(tree, shorter)


def _some(tree: Tree, most: int) -> tuple[Tree, ...]:
    """The parts that are shown: all while each may have a few symbols, else the first ones and the last."""
    parts = children(tree)
    room = max(most // LEAST, 2)
    return parts if len(parts) <= room else (*parts[: room - 1], parts[-1])


class _Sizes:
    """How many leaves the parts of one formula have; counting ends beyond ``most``.

    Args:
        most: more are not told apart.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._known: dict[int, int] = {}  # by identity: all parts live as long as the formula

    def of(self, tree: Tree) -> int:
        """The size of a part."""
        if id(tree) not in self._known:
            self._known[id(tree)] = self._counted(tree)
        return self._known[id(tree)]

    def _counted(self, tree: Tree) -> int:
        count = 0
        for part in children(tree):
            count += self.of(part)
            if count > self.most:
                break
        return max(count, 1)
