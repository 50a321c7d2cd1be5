"""Activations along an axis: softmax and its variants, and glu."""

from __future__ import annotations

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation.definition import Curve, Setting
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.array.reduction import axes_of
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.operation_card import Function
from chainrule.symbolic_shape import shape_text

_AXIS = {"axis": Setting(-1, integer=True)}


def _along(function: Function, name: str) -> Function:
    """Return the function with its axis counted from the front; the batch axis is rejected."""

    def build(x: Node, scope: Scope | None, axis: int) -> Node:
        (place,) = axes_of(x, axis)
        if scope is not None and place == 0:
            raise ShapeError(
                "E208",
                op=name,
                constraint=fact("an axis other than that of the samples"),
                expected=fact("(B, K) or more axes"),
                received=shape_text(x.shape),
                fix=fact("cr.Dense(3) before it"),
            )
        return function(x, place)

    return build


def _softmin(x: Node, axis: int) -> Node:
    return F.softmax(-x, axis)


def _sparsemax(x: Node, axis: int) -> Node:
    """Return the point of the simplex that is nearest to x.

    It is max(x - t, 0) with the t that makes the sum 1, and t follows from the scores that stay above it:
    they are the largest ones, and x_j is among them exactly if 1 + k x_j > s, with k and s the number and the
    sum of the scores that are not below x_j. Usually these are found by sorting; here every score is compared
    with every other, K^2 comparisons for K scores, which need no sorting and leave the gradient to the
    formula.
    """
    where, total = F.where, F.sum
    z = x - F.stop_gradient(F.max(x, axis, True))
    pairs = (*x.shape[: axis + 1], x.shape[axis], *x.shape[axis + 1 :])  # (..., K, K, ...)
    one = F.reshape(z, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]))
    other = F.broadcast_to(F.reshape(z, (*x.shape[:axis], 1, *x.shape[axis:])), pairs)
    not_below = other >= one
    ones = F.full_like(other, 1.0)
    k, s = (total(where(not_below, values, 0.0), axis + 1) for values in (ones, other))  # -> (..., K, ...)
    stays = 1.0 + k * z > s
    count = total(where(stays, F.full_like(z, 1.0), 0.0), axis, True)
    t = (total(where(stays, z, 0.0), axis, True) - 1.0) / count
    return F.relu(z - t)


def _glu(x: Node, axis: int) -> Node:
    length = x.shape[axis]
    if not isinstance(length, int) or length % 2:
        raise ShapeError(
            "E208",
            op="glu",
            constraint=fact("an even number of values to halve"),
            expected=fact("an even length"),
            received=fact("{length} along axis {axis}", length=length, axis=axis),
            fix=fact("cr.Dense(8) before it"),
        )
    half = length // 2
    return slice_axis(x, axis, 0, half) * F.sigmoid(slice_axis(x, axis, half, length))


CURVES = (
    Curve(
        name="softmax",
        formula="exp(x[j]) / sum(k, exp(x[k]))",
        says=("Exponentials divided by their sum along axis: probabilities.", "把得分变成概率。"),
        chinese="softmax",
        settings=_AXIS,
        pytorch="Softmax",
        keras="softmax",
        reference="Bridle (1990), Probabilistic interpretation of feedforward classification network "
        "outputs. PyTorch's Softmax2d is this one: channels are last here",
        build=_along(F.softmax, "softmax"),
    ),
    Curve(
        name="log_softmax",
        formula="x[j] - log(sum(k, exp(x[k])))",
        says=("Logarithm of softmax along axis.", "把得分变成对数概率。"),
        chinese="对数 softmax",
        settings=_AXIS,
        pytorch="LogSoftmax",
        keras="log_softmax",
        build=_along(F.log_softmax, "log_softmax"),
    ),
    Curve(
        name="softmin",
        formula="exp(-x[j]) / sum(k, exp(-x[k]))",
        says=("Softmax of -x along axis.", "把代价变成概率：越小越可能。"),
        chinese="softmin",
        settings=_AXIS,
        pytorch="Softmin",
        build=_along(_softmin, "softmin"),
    ),
    Curve(
        name="sparsemax",
        formula="max(x[j] - t, 0)",
        says=(
            "Projection onto the probability simplex along axis: probabilities with exact zeros.",
            "把得分变成概率，小的概率恰为 0；t 使概率之和为 1。",
        ),
        chinese="sparsemax",
        settings=_AXIS,
        keras="sparsemax",
        reference="Martins and Astudillo (2016), From softmax to sparsemax (ICML)",
        build=_along(_sparsemax, "sparsemax"),
    ),
    Curve(
        name="glu",
        formula="a * sigmoid(b)",
        says=(
            "Gated linear unit a * sigmoid(b) of the two halves a and b along axis.",
            "前一半数值由后一半的 Sigmoid 作门控。",
        ),
        chinese="门控线性单元 (GLU)",
        settings=_AXIS,
        pytorch="GLU",
        keras="glu",
        reference="Dauphin, Fan, Auli and Grangier (2017), Language modeling with gated convolutional "
        "networks (ICML)",
        build=_along(_glu, "glu"),
    ),
)
