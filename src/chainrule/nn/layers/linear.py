"""The fully connected layer, and what it has in common with that of an ensemble.

A dense layer defined by an einsum equation.

``"btc,chd->bthd"`` means: for each b and t, sum over c the input times the weight; h and d are new axes.
Every such product is one matrix product between two transpositions. There are four kinds of letters, by where
they occur:

    in x, W and y: *batch*, a product for each         in x and y: *rows*
    in x and W:    *summed*                            in W and y: *columns*

A letter that occurs only in x is summed first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import NamedTuple

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import activated, fitting_initializer, known_activation
from chainrule.nn.initializer import ZEROS, Initializer, known_initializer
from chainrule.nn.layer import Layer, Sample, layer
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, count, shape_text
from chainrule.validation import require, require_integer


@frozen
class FullyConnected(Layer):
    """Base class of the layers whose outputs depend on all inputs: their settings.

    Args:
        units: the number of outputs.
        activation: the name of g, or a layer; ``None`` leaves the sum as it is.
        bias: whether to add b.
        weight_initializer: the initializer of W, a record or a name such as ``"he"``; by default He's
            before relu, else Xavier's.
        bias_initializer: initial values of b, in the same way.
        penalty: the penalty on W, such as ``cr.L2(1e-4)``.
    """

    takes_one = True
    units: int
    activation: str | Layer | None = None
    _: KW_ONLY
    bias: bool = True
    weight_initializer: str | Initializer | None = None
    bias_initializer: str | Initializer = ZEROS
    penalty: Penalty | None = None

    def check(self) -> None:
        if isinstance(self.activation, int | float):  # Linear(in_features, out_features) of PyTorch
            self.refuse_call((self.units, self.activation), {})
        require_integer(self, "units", 1, fix=f"cr.{type(self).__name__}(10)")
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)
        for init in (self.weight_initializer, self.bias_initializer):
            if init is not None:
                known_initializer(init)
        require(
            self, "penalty", isinstance(self.penalty, Penalty | None), fact("a penalty such as cr.L2(1e-4)")
        )

    @property
    def first_weights(self) -> Initializer:
        """The initializer of W."""
        return known_initializer(self.weight_initializer or fitting_initializer(self.activation))

    @property
    def first_bias(self) -> Initializer:
        """The initializer of b."""
        return known_initializer(self.bias_initializer)


@layer
class Dense(FullyConnected):
    """Fully connected layer: ``a = g(x W^T + b)``, with an optional activation g.

    Shapes: (B, I) -> (B, O); more leading axes are treated as more samples.

    Formula: z = x W^T + b, a = g(z), with W ``(O, I)`` as in the article's z = W x + b.

    Args:
        units: O, the number of outputs.
        activation: the name of g, or a layer; ``None`` leaves the sum as it is.
        bias: whether to add b.
        weight_initializer: the initializer of W, a record or a name such as ``"he"``; by default He's
            before relu, else Xavier's.
        bias_initializer: initial values of b, in the same way.
        penalty: the penalty on W, such as ``cr.L2(1e-4)``.

    Cost: 2 B I O flops forward, 4 B I O backward.

    Raises:
        ShapeError E208: the input has no axis of fixed length at its end.
        UsageError E101: unknown activation or initializer.
        UsageError E102: fewer than one unit.
    """

    chinese = ("全连接层", "每个单元把全部输入加权求和再加偏置，可带激活函数。")
    samples = (Sample((4,), {"units": 3}), Sample((5, 4), {"units": 3, "activation": "tanh"}))

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, I) -> (B, O)
        if x.rank < 2 or not isinstance(x.shape[-1], int):
            constraint = fact("samples of fixed length")
            received = shape_text(x.shape)
            fix = fact("cr.Flatten() before it")
            raise ShapeError(
                "E208", op="Dense", constraint=constraint, expected="(B, I)", received=received, fix=fix
            )
        shape = self.units, x.shape[-1]
        weight = scope.parameter("weight", shape, self.first_weights, self.penalty)  # (O, I)
        z = x @ weight.T  # (B, I) (I, O) -> (B, O)
        if self.bias:
            z = z + scope.parameter("bias", (self.units,), self.first_bias)
        return activated(z, self.activation, scope)


FORM = re.compile(r"(\.\.\.)?([A-Za-z]*),([A-Za-z]*)->(\.\.\.)?([A-Za-z]*)")


class Equation(NamedTuple):
    """The letters of input, weight and result."""

    x: str
    weight: str
    y: str


@layer
class EinsumDense(Layer):
    """Einsum of the input and a weight, with an optional bias and activation.

    Shapes: as in the equation; its first letter of input and result is the batch.

    Formula: Einstein's: products of x and W, summed over every letter the result has not; plus a bias; then
    g.

    Args:
        equation: such as ``"btc,chd->bthd"``; ``...`` in front of input and result stands for any axes.
        output_shape: the lengths of the result's axes without the batch (and without ``...``); ``None`` for
            one that is the input's.
        bias_axes: the letters of the result along which the bias has a length; ``""``: there is none.
        activation: the name of g, or a layer.
        weight_initializer: initial values of W; as in ``Dense``.
        penalty: the penalty on W.

    Cost: 2 flops for each combination of letters.

    Raises:
        ShapeError E208: an input that does not fit the equation; lengths that contradict each other.
        UsageError E101, E102: unknown activation or initializer; no equation of this form.

    Example:
        >>> print(EinsumDense("btc,chd->bthd", (None, 8, 64), bias_axes="hd"))
        EinsumDense('btc,chd->bthd', (None, 8, 64), bias_axes='hd')

    Reference: Keras's ``EinsumDense``, whose arguments ``output_shape`` and ``bias_axes`` these are.
    """

    chinese = ("爱因斯坦求和全连接层", "按等式指定的轴把输入与权重相乘求和。")
    takes_one = True
    equation: str
    output_shape: int | tuple[int | None, ...]
    _: KW_ONLY
    bias_axes: str = ""
    activation: str | Layer | None = None
    weight_initializer: str | Initializer | None = None
    penalty: Penalty | None = None

    def check(self) -> None:
        if isinstance(self.output_shape, list):
            object.__setattr__(self, "output_shape", tuple(self.output_shape))
        match = FORM.fullmatch(self.equation.replace(" ", "")) if isinstance(self.equation, str) else None
        expected = fact('such as "btc,cd->btd", each letter once in a part')
        require(self, "equation", match is not None and bool(match[1]) == bool(match[4]), expected)
        assert match is not None
        parts = Equation(match[2], match[3], match[5])
        once = all(len(set(part)) == len(part) for part in parts)
        known = set(parts.y) <= set(parts.x + parts.weight) and set(parts.weight) <= set(parts.x + parts.y)
        require(self, "equation", once and known, expected)
        batched = bool(match[1]) or (parts.x[:1] == parts.y[:1] != "" and parts.x[0] not in parts.weight)
        require(self, "equation", batched, fact("the batch first in input and result, and not in the weight"))
        shape = self.output_shape if isinstance(self.output_shape, tuple) else (self.output_shape,)
        named = parts.y if match[1] else parts.y[1:]
        fits = all(n is None or (type(n) is int and n >= 1) for n in shape) and len(shape) == len(named)
        require(
            self,
            "output_shape",
            fits,
            fact('a length of at least 1 or None for each of "{named}"', named=named),
        )
        require(
            self,
            "bias_axes",
            isinstance(self.bias_axes, str) and set(self.bias_axes) <= set(named),
            fact('some of "{named}"', named=named),
        )
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)
        if self.weight_initializer is not None:
            known_initializer(self.weight_initializer)
        require(
            self, "penalty", isinstance(self.penalty, Penalty | None), fact("a penalty such as cr.L2(1e-4)")
        )

    def __call__(self, x: Node, scope: Scope) -> Node:
        letters, lengths = self._read(x)
        shape = tuple(lengths[letter] for letter in letters.weight)
        init = known_initializer(self.weight_initializer or fitting_initializer(self.activation))
        y = product(letters, x, scope.parameter("weight", shape, init, self.penalty))
        if self.bias_axes:
            along = tuple(lengths[letter] for letter in letters.y if letter in self.bias_axes)
            wide = [lengths[letter] if letter in self.bias_axes else 1 for letter in letters.y]
            y = y + F.reshape(scope.parameter("bias", along, ZEROS), wide)
        return activated(y, self.activation, scope)

    def _read(self, x: Node) -> tuple[Equation, dict[str, Axis]]:
        """Return the equation with letters for ``...``, and the length of each letter."""
        left, weight, right = re.split(",|->", self.equation.replace(" ", ""))
        some = x.rank - len(left.replace("...", ""))
        free = [sign for sign in map(chr, range(0x3B1, 0x3CA)) if sign not in left + weight]  # Greek
        dots = "".join(free[: max(some, 0)]) if "..." in left else ""
        letters = Equation(left.replace("...", dots), weight, right.replace("...", dots))
        wrong = (
            []
            if x.rank == len(letters.x)
            else [fact("{rank} axes for the letters {letters}", rank=x.rank, letters=letters.x)]
        )
        lengths = dict(zip(letters.x, x.shape, strict=False))
        shape = self.output_shape if isinstance(self.output_shape, tuple) else (self.output_shape,)
        for letter, n in zip(letters.y[len(letters.y) - len(shape) :], shape, strict=True):
            if n is not None and lengths.setdefault(letter, n) != n:
                wrong.append(
                    fact(
                        "{letter} is {before} in the input, {after} in the result",
                        letter=letter,
                        before=lengths[letter],
                        after=n,
                    )
                )
        wrong += [
            fact("no length for {letter}", letter=letter)
            for letter in (*letters.weight, *letters.y)
            if letter not in lengths
        ]
        wrong += [
            fact("{letter} is open", letter=letter)
            for letter in letters.weight
            if not isinstance(lengths.get(letter, 1), int)
        ]
        if wrong:
            constraint = fact('an input for "{equation}"', equation=self.equation)
            expected = fact("axes {letters}", letters=", ".join(letters.x))
            case = {"expected": expected, "received": shape_text(x.shape), "notes": wrong}
            raise ShapeError("E208", op="EinsumDense", constraint=constraint, **case)
        return letters, lengths


def product(letters: Equation, x: Node, weight: Node) -> Node:
    """Return the sum of products that an equation defines."""
    alone = tuple(i for i, c in enumerate(letters.x) if c not in letters.weight + letters.y)
    x = F.sum(x, alone) if alone else x
    left, right = [c for i, c in enumerate(letters.x) if i not in alone], list(letters.weight)
    apart = [c for c in left if c in right and c in letters.y]
    rows = [c for c in left if c not in right]
    inner = [c for c in left if c in right and c not in letters.y]
    columns = [c for c in right if c not in left]
    lengths = {**dict(zip(left, x.shape, strict=True)), **dict(zip(right, weight.shape, strict=True))}
    a = _folded(x, left, (apart, rows, inner), lengths)
    b = _folded(weight, right, (apart, inner, columns), lengths)
    flat = a @ b if apart else a[0] @ b[0]  # (apart, rows, inner) (apart, inner, columns)
    letters_found = [*apart, *rows, *columns]
    y = F.reshape(flat, [lengths[c] for c in letters_found])
    return F.transpose(y, [letters_found.index(c) for c in letters.y])


def _folded(x: Node, own: Sequence[str], kinds: tuple[list[str], ...], lengths: dict[str, Axis]) -> Node:
    """Return a factor with one axis for each kind of letters."""
    turned = F.transpose(x, [own.index(c) for kind in kinds for c in kind])
    return F.reshape(turned, [count(lengths[c] for c in kind) for kind in kinds])
