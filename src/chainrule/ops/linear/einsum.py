"""``einsum``: sums of products over named axes, composed of transposes, matrix products and sums.

Operands are combined from left to right. The axes of a pair are of four kinds: stacked by both, summed over,
only in the left operand, only in the right one. With the kinds in this order, each operand is a stack of
matrices, and the pair is one matrix product::

    "bth,bsh->bts":  left (b; t; h) @ right (b; h; s) -> (b; t; s)
"""

from __future__ import annotations

import re

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.ops.array.reduction import sum
from chainrule.ops.array.shape import broadcast_to, reshape, transpose
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.elementwise.broadcasting_functions import Operand, multiply
from chainrule.ops.linear.matmul import matmul
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, count, shape_text
from chainrule.validation import out_of_range

DOTS = "ΩΨΧΦΥΤΣΡΠΟΞΝΜΛΚΙΘΗΖΕΔΓΒΑ"  # the letters of the axes of "...", from the last one
TERM = re.compile(r"[a-zA-Z]*(\.{3})?[a-zA-Z]*")


@frozen
class _Named:
    """A node whose axes have letters."""

    node: Node
    letters: str

    def length(self, letter: str) -> Axis:
        return self.node.shape[self.letters.index(letter)]


def einsum(equation: str, *operands: Operand) -> Node:
    """Return the sum of products of operands over the axes that the result does not have, as in NumPy and
    PyTorch.

    Args:
        equation: a letter for each axis of each operand, and of the result: ``"bij,bjk->bik"``. Without
            ``->`` the result has the letters that occur once, in alphabetical order. ``...`` stands for any
            number of axes. A letter that an operand has twice selects its diagonal.
        operands: nodes or arrays of one floating-point dtype.

    Numerics: an axis of length 1 is broadcast.

    Cost: a matrix product for each operand after the first, from left to right; put small ones first.

    Raises:
        UsageError E102: an equation that does not fit the operands.
        ShapeError E208: axes with the same letter differ in length.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (None, 2, 3), "float64")
        >>> einsum("bth,bsh->bts", x, x).shape, einsum("...i->...", x).shape
        ((B, 2, 2), (B, 2))
    """
    nodes = [node if isinstance(node, Node) else constant(node) for node in operands]
    inputs, output = _parsed(equation, nodes)
    named = [_diagonal(_Named(node, names)) for node, names in zip(nodes, inputs, strict=True)]
    named = _without_ones(named, output)
    result = named[0]
    for i, other in enumerate(named[1:], 2):
        rest = output + "".join(part.letters for part in named[i:])
        result = _product(_summed(result, rest + other.letters), _summed(other, rest + result.letters), rest)
    result = _summed(result, output)
    return transpose(result.node, [result.letters.index(letter) for letter in output])


def _parsed(equation: str, operands: list[Node]) -> tuple[list[str], str]:
    """Return the letters of the axes of each operand and of the result.

    Raises:
        UsageError E102: the equation is malformed, or does not fit the operands.
    """
    left, arrow, right = str(equation).replace(" ", "").partition("->")
    terms = left.split(",")
    pairs = list(zip(terms, operands, strict=False))
    dots = [node.rank - len(term.replace("...", "")) for term, node in pairs]  # axes of "..."
    fits = [n >= 0 if "..." in term else n == 0 for term, n in zip(terms, dots, strict=False)]
    widest = max((n for term, n in zip(terms, dots, strict=False) if "..." in term), default=0)
    names = [term.replace("...", _dots(n)) for term, n in zip(terms, dots, strict=False)]
    known = "".join(names)
    if arrow:
        output = right.replace("...", _dots(widest))
    else:
        output = _dots(widest) + "".join(sorted(c for c in known if known.count(c) == 1 and c not in DOTS))
    is_spelled = len(terms) == len(operands) and all(map(TERM.fullmatch, (*terms, right)))
    if not (is_spelled and all(fits) and len(set(output)) == len(output) and set(output) <= set(known)):
        shapes = ", ".join(shape_text(node.shape) for node in operands)
        expected = fact("letters for the axes of {shapes}", shapes=shapes)
        raise out_of_range(equation, "equation", "einsum", expected, fix='"bij,bjk->bik"')
    return names, output


def _dots(axes: int) -> str:
    """Return the letters of the axes of "..."."""
    return DOTS[: max(0, axes)][::-1]


def _diagonal(operand: _Named) -> _Named:
    """Return the operand with each letter once."""
    letters, x = operand.letters, operand.node
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            i, j = letters.index(letter), letters.rindex(letter)
            length = x.shape[i]
            if not isinstance(length, int) or x.shape[j] != length:
                raise _mismatch(letter, length, x.shape[j])
            others = [a for a in range(x.rank) if a not in (i, j)]
            rest = tuple(x.shape[a] for a in others)
            x = reshape(transpose(x, [*others, i, j]), (*rest, length * length))
            x = slice_axis(x, len(rest), 0, length * length, length + 1)
            letters = "".join(letters[a] for a in others) + letter
    return _Named(x, letters)


def _without_ones(operands: list[_Named], output: str) -> list[_Named]:
    """Return the operands without axes of length 1 that are longer in another operand.

    Raises:
        ShapeError E208: axes with the same letter differ in length.
    """
    lengths: dict[str, Axis] = {}
    for operand in operands:
        for letter in operand.letters:
            length, known = operand.length(letter), lengths.get(letter, 1)
            if known not in (1, length) and length != 1:
                raise _mismatch(letter, known, length)
            lengths[letter] = known if length == 1 else length
    result = []
    for operand in operands:
        remaining = [c for c in operand.letters if operand.length(c) == lengths[c]]
        shape = [lengths[c] for c in remaining]
        result.append(_Named(reshape(operand.node, shape), "".join(remaining)))
    return result


def _mismatch(letter: str, first: Axis, second: Axis) -> ShapeError:
    constraint = fact("one length for each letter")
    expected = f"{letter}: {first}"
    received = f"{letter}: {second}"
    return ShapeError("E208", op="einsum", constraint=constraint, expected=expected, received=received)


def _summed(operand: _Named, remaining: str) -> _Named:
    """Return the operand summed over the axes that are not among the remaining letters."""
    axes = tuple(i for i, letter in enumerate(operand.letters) if letter not in remaining)
    letters = "".join(letter for letter in operand.letters if letter in remaining)
    return _Named(sum(operand.node, axes), letters) if axes else operand


def _product(a: _Named, b: _Named, rest: str) -> _Named:
    """Return the product of two operands, summed over the letters of both that are not in ``rest``."""
    shared = [c for c in a.letters if c in b.letters]
    stacked = "".join(c for c in shared if c in rest)
    inner = "".join(c for c in shared if c not in rest)
    left = "".join(c for c in a.letters if c not in shared)
    right = "".join(c for c in b.letters if c not in shared)
    stack = [a.length(c) for c in stacked]
    rows, columns = [a.length(c) for c in left], [b.length(c) for c in right]
    depth = count(a.length(c) for c in inner)
    first, second = _arranged(a, stacked + left + inner), _arranged(b, stacked + inner + right)
    if inner:
        product = matmul(
            reshape(first, (*stack, count(rows), depth)), reshape(second, (*stack, depth, count(columns)))
        )
        return _Named(reshape(product, (*stack, *rows, *columns)), stacked + left + right)
    full = (*stack, *rows, *columns)
    first = reshape(first, (*stack, *rows, *[1] * len(columns)))
    second = reshape(second, (*stack, *[1] * len(rows), *columns))
    return _Named(multiply(broadcast_to(first, full), broadcast_to(second, full)), stacked + left + right)


def _arranged(operand: _Named, letters: str) -> Node:
    return transpose(operand.node, [operand.letters.index(letter) for letter in letters])
