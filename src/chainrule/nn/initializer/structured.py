"""Initializers with a structure: identity, Dirac, sparse, orthogonal, blocks."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.nn.initializer.initializer import Initializer, axes_of
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape, shape_text
from chainrule.validation import require, require_integer, require_number


@frozen
class Eye(Initializer):
    """Ones on the diagonal and 0 elsewhere: the layer is initially the identity.

    Args:
        gain: the number on the diagonal.

    Raises:
        ShapeError E208: a parameter that is no matrix.
    """

    chinese = ("单位矩阵初始化", "对角线为 1，其余为 0：起初原样传递输入。")
    gain: float = 1.0

    def check(self) -> None:
        require_number(self, "gain")

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        if len(shape) != 2:
            raise _no_weight("Eye", fact("a matrix"), "(O, I)", shape)
        rows, columns = axes_of(shape)
        return constant(np.eye(rows, columns) * self.gain, dtype)


@frozen
class Dirac(Initializer):
    """A convolution kernel that initially preserves the channels: 1 at the center for each channel, 0
    elsewhere.

    Args:
        groups: the number of groups of outputs, each of which gets all inputs in order.

    Raises:
        ShapeError E208: a parameter that is no kernel, or outputs that cannot be divided into the groups.

    Reference: Zagoruyko and Komodakis (2017), DiracNets (arXiv 1706.00388). As PyTorch's ``dirac_``.
    """

    chinese = ("狄拉克初始化", "起初原样传递通道的卷积。")
    groups: int = 1

    def check(self) -> None:
        require_integer(self, "groups", 1)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        if len(shape) < 3:
            raise _no_weight("Dirac", fact("the weight of a convolution"), "(O, *kernel, I)", shape)
        out, *kernel, into = axes_of(shape)
        if out % self.groups:
            raise _no_weight(
                "Dirac", fact("outputs that groups divides"), f"(O, ...), groups={self.groups}", shape
            )
        weight = np.zeros((out, *kernel, into))
        middle = tuple(length // 2 for length in kernel)
        outputs_per_group = out // self.groups
        for unit in range(out):
            if unit % outputs_per_group < into:
                weight[(unit, *middle, unit % outputs_per_group)] = 1.0
        return constant(weight, dtype)


@frozen
class SparseNormal(Initializer):
    """Normally distributed numbers with a fixed fraction of each column exactly 0.

    The smallest of random numbers determine which elements of the column are 0. Their threshold is found by
    bisection, with operations that every engine has; sorting would need another kernel.

    Args:
        sparsity: of the numbers of a column that are 0, 0 <= sparsity <= 1, rounded up.
        std: the standard deviation of the others, at least 0.

    Raises:
        UsageError E102: a setting out of its range.
        ShapeError E208: a parameter that is no matrix.

    Reference: Martens (2010), Deep learning via Hessian-free optimization (ICML). As PyTorch's ``sparse_``.
    """

    chinese = ("稀疏初始化", "正态随机数，每列固定比例恰为 0。")
    sparsity: float = 0.5
    _: KW_ONLY
    std: float = 0.01

    def check(self) -> None:
        require_number(self, "sparsity", minimum=0, maximum=1)
        require_number(self, "std", minimum=0)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        if len(shape) != 2:
            raise _no_weight("SparseNormal", fact("a matrix"), "(O, I)", shape)
        rows, columns = axes_of(shape)
        zeros = float(math.ceil(self.sparsity * rows))
        draw = F.uniform(key, (rows, columns), "float64", stream ^ 0x5BD1E995)
        low = F.broadcast_to(constant(-1.0, "float64"), (1, columns))
        high = low + 2.0
        for _ in range(56):  # to the last digit of a draw
            middle = (low + high) * 0.5
            below = F.sum(F.less_equal(draw, middle).astype("float64"), 0, True)  # (1, I)
            is_many = F.greater_equal(below, zeros)
            low, high = F.where(is_many, low, middle), F.where(is_many, middle, high)
        limit = high if zeros else low
        values = F.normal(key, shape, dtype, stream) * self.std
        return F.where(F.less_equal(draw, limit), 0.0, values)


def _no_weight(op: str, constraint: str, expected: str, shape: Shape) -> ShapeError:
    return ShapeError(
        "E208",
        op=op,
        constraint=constraint,
        expected=expected,
        received=shape_text(shape),
        fix="cr.Fill(0.0)",
    )


@frozen
class Orthogonal(Initializer):
    """Orthogonal rows (or columns, if fewer) of equal length, which preserve the length of signals.

    A weight (out, *kernel, in) is reshaped to a matrix (out, the rest). A random normal matrix A = U S V^T is
    sampled, and its singular values S are all set to 1, which leaves U V^T, uniformly distributed over the
    orthogonal matrices. The Newton-Schulz iteration does this with products only: X <- 1.5 X - 0.5 X X^T X
    maps every singular value s in (0, 1] to 1.5 s - 0.5 s^3, closer to 1; A is first divided by its Frobenius
    norm, so that no singular value exceeds 1.

    The usual QR decomposition was rejected, because it needs another kernel on every engine and a correction
    of signs.

    Args:
        gain: the length of the rows, above 0.

    Numerics: computed in float64 and rounded once, so that W W^T is gain^2 on the diagonal and 0 beside it to
    1e-6 in float32 too. How many steps are taken follows from the shape, see ``newton_schulz_steps``.

    Cost: 4 rows^2 columns flops a step; some 60 steps for a square matrix, some 15 for a long one.

    Raises:
        ShapeError E208: a parameter of fewer than two axes has no directions.

    Reference: Saxe, McClelland and Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks (ICLR); Higham (2008), Functions of matrices, section 8.3.
    """

    chinese = ("正交初始化", "各行互相垂直且等长：信号只旋转，不拉伸。")
    gain: float = 1.0

    def check(self) -> None:
        require_number(self, "gain", above=0)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        lengths = axes_of(shape)
        if len(lengths) < 2:
            raise _no_weight("Orthogonal", fact("a weight of two axes or more"), "(O, I)", shape)
        rows, columns = lengths[0], math.prod(lengths[1:])
        short, long = min(rows, columns), max(rows, columns)
        x = F.normal(key, (short, long), "float64", stream)
        x = x / F.sqrt(F.sum(F.square(x)))
        for _ in range(newton_schulz_steps(short, long)):
            x = x * 1.5 - (x @ x.T) @ x * 0.5  # (short, long) stays
        matrix = x if rows == short else x.T  # -> (rows, columns)
        return F.reshape(matrix * self.gain, shape).astype(dtype)


def newton_schulz_steps(short: int, long: int) -> int:
    """Return the number of steps that bring all singular values of a random normal matrix to 1 within
    float64.

    Divided by its Frobenius norm, about sqrt(short long), its smallest singular value is about
    sqrt(long) - sqrt(short); of a square matrix it is below 1e-6/sqrt(long) once in a million draws. A small
    value grows by 1.5 a step, and from about 1 on each step doubles the digits: seven more are enough.
    """
    if not short:
        return 0
    smallest = max((math.sqrt(long) - math.sqrt(short)) / 2.0, 1e-6 / math.sqrt(long))
    return math.ceil(math.log(math.sqrt(short * long) / smallest) / math.log(1.5)) + 7


@frozen
class Blocks(Initializer):
    """Equal blocks along the first axis, each with its own initializer.

    A recurrent layer stores the weights of all its gates in one parameter; each gate is initialized
    separately.

    Args:
        parts: an initializer for each part.

    Raises:
        ShapeError E208: the first axis cannot be divided into this number of parts.
        UsageError E102: no part, or one that is no initializer.
    """

    chinese = ("分块初始化", "把第一个轴等分成几块，各用各的初始化方法。")
    parts: tuple[Initializer, ...]

    def check(self) -> None:
        are_fit = bool(self.parts) and all(isinstance(part, Initializer) for part in self.parts)
        require(self, "parts", are_fit, fact("an initializer for each part"))

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        length, *rest = axes_of(shape)
        many = len(self.parts)
        if length % many:
            constraint = fact("a first axis that {count} parts divide equally", count=many)
            expected = fact("a multiple of {factor}", factor=many)
            received = shape_text(shape)
            raise ShapeError("E208", op="Blocks", constraint=constraint, expected=expected, received=received)
        blocks = [
            part(key, (length // many, *rest), dtype, stream + 7919 * i) for i, part in enumerate(self.parts)
        ]
        return F.concatenate(blocks, 0)
