"""Losses under PyTorch's names.

PyTorch's mean weights every position of the batch equally, or by its class weight; ours is computed for each
sample first. Therefore the terms of a loss are compared, reduced as PyTorch reduces them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.graph import Node, constant
from chainrule.nn.loss import LOSSES, Loss
from chainrule.ops import functional as F
from torch_database.layer_calls import refuse
from torch_database.layers import linear
from torch_database.oracle import UnsupportedError, array_of, last, move, numbers

Build = Callable[..., Any]


def reduced(terms: Node, reduction: str, count: Node | None = None) -> Node:
    """Terms without reduction, their sum or their mean; ``count`` is the divisor of the mean."""
    if reduction == "none":
        return terms
    total = F.sum(terms)
    if reduction == "sum":
        return total
    return F.mean(terms) if count is None else total / count


def terms_of(loss: Loss, output: Node, target: Node) -> Node:
    """The terms of a loss; a scalar is a batch of one."""
    if output.rank == 0:
        return F.reshape(terms_of(loss, output[None], target[None]), ())
    loss.target(output.spec)
    return loss.terms(output, target)


def _legacy(options: dict[str, Any]) -> None:
    refuse(size_average=options.get("size_average"), reduce=options.get("reduce"))


def of_values(name: str, **renamed: str) -> Build:
    """Losses of real targets, one term for each; ``renamed`` maps PyTorch's settings to ours."""

    def build(
        output: Node, target: Node, reduction: str = "mean", weight: Any = None, **options: Any
    ) -> Node:
        _legacy(options)
        settings = {renamed[key]: value for key, value in options.items() if key in renamed}
        terms = terms_of(LOSSES[name](**settings), output, target)
        if weight is None:
            return reduced(terms, reduction)
        return reduced(terms * weight, reduction, F.sum(weight))

    return build


def of_signs(name: str) -> Build:
    """Losses of targets 1 and -1; PyTorch does not check the targets."""

    def build(output: Node, target: Node, margin: float | None = None, **options: Any) -> Node:
        refuse_other_than_signs(target)
        settings = {} if margin is None else {"margin": margin}
        return of_values(name, margin="margin")(output, target, **settings, **options)

    return build


def refuse_other_than_signs(target: Node) -> None:
    """Refuse targets other than 1 and -1."""
    if (np.abs(array_of(target)) != 1).any():
        raise UnsupportedError("target other than 1 and -1")


def class_weights(weight: Node | None) -> tuple[float, ...] | None:
    """Class weights as a setting."""
    if weight is None:
        return None
    if (numbers(weight) < 0).any():
        raise UnsupportedError("negative weight")
    return tuple(numbers(weight).tolist())


def with_logits(
    z: Node,
    y: Node,
    weight: Node | None = None,
    reduction: str = "mean",
    pos_weight: Node | None = None,
    **options: Any,
) -> Node:
    _legacy(options)
    positive: float | tuple[float, ...] = 1.0
    if pos_weight is not None:
        weights = numbers(pos_weight)
        if weights.ndim > 1:
            raise UnsupportedError("pos_weight of several axes")
        positive = tuple(weights.tolist()) if weights.size > 1 else float(weights.flat[0])
    terms = terms_of(LOSSES["binary_cross_entropy"](positive_weight=positive), z, y)
    return reduced(terms if weight is None else terms * weight, reduction)


def multilabel_soft_margin(
    z: Node, y: Node, weight: Node | None = None, reduction: str = "mean", **options: Any
) -> Node:
    _legacy(options)
    loss = LOSSES["binary_cross_entropy"](class_weight=class_weights(weight))
    terms = terms_of(loss, z, y.astype(z.dtype))
    return reduced(F.mean(terms, -1), reduction)


def of_classes(name: str, **renamed: str) -> Build:
    """Losses of logits and class indices; for probabilities as targets chainrule has a separate loss."""

    def build(
        z: Node,
        y: Node,
        weight: Node | None = None,
        ignore_index: int | None = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> Node:
        _legacy(options)
        if y.spec.is_float:
            return _soft(z, y, weight, reduction, label_smoothing)
        if z.rank == 1:
            z, y = z[None], F.reshape(y, (1,))
            single = reduction == "none"
        else:
            z, single = last(z), False
        settings = {renamed[key]: value for key, value in options.items() if key in renamed}
        settings |= {"label_smoothing": label_smoothing} if label_smoothing else {}
        weights = class_weights(weight)
        loss = LOSSES[name](class_weight=weights, ignore_index=ignore_index, **settings)
        terms = terms_of(loss, z, y)
        if single:
            return terms[0]
        known = numbers(y) != (ignore_index if ignore_index is not None else -(2**31))
        shares = (
            np.ones(known.shape) if weights is None else np.asarray(weights)[np.where(known, numbers(y), 0)]
        )
        return reduced(terms, reduction, constant((shares * known).sum()))

    return build


def _soft(z: Node, y: Node, weight: Node | None, reduction: str, smoothing: float) -> Node:
    single = z.rank == 1
    z, y = (z[None], y[None]) if single else (last(z), last(y))
    loss = LOSSES["soft_cross_entropy"](label_smoothing=smoothing, class_weight=class_weights(weight))
    terms = terms_of(loss, z, y)
    if single and reduction == "none":
        return terms[0]
    return reduced(terms, reduction)


def multi_margin(
    z: Node,
    y: Node,
    p: int = 1,
    margin: float = 1.0,
    weight: Node | None = None,
    reduction: str = "mean",
    **options: Any,
) -> Node:
    _legacy(options)
    weights = class_weights(weight)
    single = z.rank == 1
    if single:
        z, y = z[None], F.reshape(y, (1,))
    terms = terms_of(LOSSES["multi_margin"](margin=margin, p=p, class_weight=weights), z, y)
    return terms[0] if single and reduction == "none" else reduced(terms, reduction)


def multilabel_margin(z: Node, y: Node, reduction: str = "mean", **options: Any) -> Node:
    """PyTorch's targets are lists of classes that end with -1."""
    _legacy(options)
    listed = np.atleast_2d(numbers(y))
    yes = np.zeros(listed.shape)
    for row, classes in zip(yes, listed, strict=True):
        ends = np.flatnonzero(classes < 0)
        labels = classes[: ends[0] if ends.size else None]
        if len(set(labels)) < len(labels):
            raise UnsupportedError("class listed twice")
        row[labels] = 1.0
    single = z.rank < 2
    z = z if z.rank == 2 else F.reshape(z, (1, -1))
    losses = LOSSES["multilabel_margin"]()(z, constant(yes))
    return losses[0] if single and reduction == "none" else reduced(losses, reduction)


def poisson(
    z: Node,
    y: Node,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
    **options: Any,
) -> Node:
    _legacy(options)
    return reduced(terms_of(LOSSES["poisson"](log_input=log_input, full=full, epsilon=eps), z, y), reduction)


def gaussian(
    mean: Node, y: Node, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Node:
    if not isinstance(var, Node):
        var = constant(np.full(mean.shape, float(var)))
    if var.rank < mean.rank:
        var = var[..., None]
    y = F.broadcast_to(y, mean.shape)
    var = F.broadcast_to(var, mean.shape)
    flat = [F.reshape(v, (math.prod(map(int, v.shape)), 1)) for v in (mean, var, y)]
    output = F.concatenate(flat[:2], 1)  # (N, 1) twice -> (N, 2)
    loss = LOSSES["gaussian_nll"](log_variance=False, full=full, epsilon=eps)
    return reduced(F.reshape(terms_of(loss, output, flat[2]), mean.shape), reduction)


def kl_div(z: Node, y: Node, reduction: str = "mean", log_target: bool = False, **options: Any) -> Node:
    _legacy(options)
    if not log_target and (array_of(y) < 0).any():
        raise UnsupportedError("negative probability")
    terms = terms_of(LOSSES["kl_divergence"](log_target=log_target), z, y)
    if reduction == "batchmean":
        return F.sum(terms) / float(int(z.shape[0]) if z.rank else 1)
    return reduced(terms, reduction)


def _stack(parts: list[Node]) -> Node:
    """Stack vectors to (B, n, D), or scores to (B, n)."""
    shape = np.broadcast_shapes(*(tuple(map(int, p.shape)) for p in parts))
    return F.stack([F.broadcast_to(p, shape) for p in parts], 1)


def margin_ranking(
    a: Node, b: Node, y: Node, margin: float = 0.0, reduction: str = "mean", **options: Any
) -> Node:
    _legacy(options)
    refuse_other_than_signs(y)
    shape = np.broadcast_shapes(*(tuple(map(int, p.shape)) for p in (a, b, y)))
    flat = [F.reshape(F.broadcast_to(p, shape), (math.prod(shape),)) for p in (a, b, y)]
    terms = terms_of(LOSSES["margin_ranking"](margin=margin), _stack(flat[:2]), flat[2])
    return reduced(F.reshape(terms, shape), reduction)


def cosine_embedding(
    a: Node, b: Node, y: Node, margin: float = 0.0, reduction: str = "mean", **options: Any
) -> Node:
    _legacy(options)
    single = a.rank == 1 and b.rank == 1
    a, b = (v[None] if v.rank == 1 else v for v in (a, b))
    y = F.reshape(y, (1,)) if single else y
    terms = terms_of(LOSSES["cosine_embedding"](margin=margin), _stack([a, b]), y)
    return terms[0] if single and reduction == "none" else reduced(terms, reduction)


def triplet(
    a: Node,
    b: Node,
    c: Node,
    margin: float = 1.0,
    p: float = 2,
    swap: bool = False,
    reduction: str = "mean",
    **options: Any,
) -> Node:
    _legacy(options)
    if options.get("eps", 1e-6) != 1e-6 or p not in (1, 2) or options.get("distance_function") is not None:
        raise UnsupportedError("distance")
    single = a.rank == 1
    parts = [v[None] if single else v for v in (a, b, c)]
    output = _stack(parts)
    if output.rank != 3:
        raise UnsupportedError("rank")
    yes = constant(np.ones(int(output.shape[0])))
    loss = LOSSES["triplet_margin"](margin=margin, distance="euclidean" if p == 2 else "manhattan", swap=swap)
    terms = terms_of(loss, output, yes)
    return terms[0] if single and reduction == "none" else reduced(terms, reduction)


def ctc(
    log_probs: Node,
    targets: Node,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Node:
    single = log_probs.rank == 2
    scores = log_probs[:, None] if single else log_probs  # (T, N, K)
    frames, lengths = (
        np.atleast_1d(numbers(v) if isinstance(v, Node) else np.asarray(v))
        for v in (input_lengths, target_lengths)
    )
    rows = numbers(targets)
    if rows.ndim == 1:
        ends = np.cumsum(lengths)
        rows = [rows[end - n : end] for end, n in zip(ends, lengths, strict=True)]
    longest = max(1, int(lengths.max(initial=1)))
    packed = np.full((len(lengths), 1 + longest), blank)
    packed[:, 0] = frames
    for row, labels, n in zip(packed, rows, lengths, strict=True):
        row[1 : 1 + n] = labels[:n]
    if (packed[:, 1:] == blank).sum() != (longest - lengths).sum():
        raise UnsupportedError("blank as a label")
    loss = LOSSES["ctc"](longest=longest, blank=blank, frames_first=True, skip_impossible=zero_infinity)
    terms = terms_of(loss, move(scores, 0, 1), constant(packed))
    if reduction == "mean":
        return F.mean(terms / constant(np.maximum(lengths, 1).astype("float64")))
    return terms[0] if single and reduction == "none" else reduced(terms, reduction)


def linear_cross_entropy(
    x: Node,
    linear_weight: Node,
    y: Node,
    linear_bias: Node | None = None,
    ignore_index: int | None = None,
    options: Any = None,
    **settings: Any,
) -> Node:
    """A fully connected layer and cross-entropy, which PyTorch fuses to save memory."""
    if y.spec.is_float is False and y.rank != x.rank - 1:
        raise UnsupportedError("out_features")
    z = linear(x, linear_weight, linear_bias)
    return of_classes("cross_entropy")(z, y, ignore_index=ignore_index, **settings)


_TABLE: dict[str, Build] = {
    "mse_loss": of_values("mse"),
    "l1_loss": of_values("mae"),
    "huber_loss": of_values("huber", delta="delta"),
    "smooth_l1_loss": of_values("smooth_l1", beta="beta"),
    "soft_margin_loss": of_signs("soft_margin"),
    "hinge_embedding_loss": of_signs("hinge_embedding"),
    "binary_cross_entropy_with_logits": with_logits,
    "cross_entropy": of_classes("cross_entropy"),
    "nll_loss": of_classes("nll"),
    "multi_margin_loss": multi_margin,
    "multilabel_margin_loss": multilabel_margin,
    "multilabel_soft_margin_loss": multilabel_soft_margin,
    "poisson_nll_loss": poisson,
    "gaussian_nll_loss": gaussian,
    "kl_div": kl_div,
    "margin_ranking_loss": margin_ranking,
    "cosine_embedding_loss": cosine_embedding,
    "triplet_margin_loss": triplet,
    "triplet_margin_with_distance_loss": triplet,
    "ctc_loss": ctc,
    **{
        f"linear_cross_entropy{variant}": linear_cross_entropy
        for variant in ("", ".chunked", ".chunked_none")
    },
}
LOSS_ROWS: dict[str, Build] = {f"nn.functional.{name}": build for name, build in _TABLE.items()}
