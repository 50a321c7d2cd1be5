"""What every loss is: how far a prediction is from its target, as one number per sample.

A loss gives nodes of shape (B,); the step computes their (weighted) mean. That keeps the article's J = (1/n)
sum J^(i) in one place for all losses.

Terms may have different weights: classes have weights, positions without a label have weight 0, and a user
weights samples or positions. Weighted or not, J is one quotient over all terms of the batch, which is
PyTorch's ``reduction="mean"``:

    J = sum of weight * loss / sum of weight.

``Loss.parts`` gives numerator and denominator of each sample. Their sums over any set of samples make the
mean over that set, so a batch that is split, an evaluation in blocks and an epoch agree with one large batch.
The mean of the quotients of single samples, or of batches, is a different number.

What a loss compares:

- *values* with values, or *scores* (logits) with classes: output and target of one sample each;
- *pairs and triplets*: the output holds them stacked along axis 1, (B, 2, D) or (B, 3, D), as a network
  gives them that is applied to (B, 2, ...) inputs (``Dense`` treats additional leading axes as additional
  samples), or ``cr.stack([a, b], 1)`` of two results; the target has one number for each pair or triplet;
- only the output itself, if its order defines the pairs (``TripletMargin``);
- binary targets are 1 (yes) and 0 (no); -1 for no is accepted too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from chainrule.errors import DtypeError, ShapeError, UsageError, fact
from chainrule.extension import Extensible
from chainrule.graph import Node, constant
from chainrule.nn.safe_norms import defined
from chainrule.ops import functional as F
from chainrule.ops.elementwise.broadcasting_functions import Operand
from chainrule.records import frozen
from chainrule.symbolic_shape import INTEGERS, Spec, shape_text


@frozen
class Loss(Extensible):
    """Base of every loss: it defines ``terms``, or ``__call__`` if a sample has no terms of its own.

    ``name`` is its name in ``Model(loss=...)``; ``task`` is ``"regression"`` or ``"classification"``;
    ``wants`` is what the network must end in: ``"values"``, ``"log-probabilities"``, or ``"logits"``, which
    the loss itself converts to probabilities; ``joins`` is how the terms of a sample are reduced to one
    number; ``needs_target`` is false if the loss depends on the output alone (``fit`` takes no y).
    ``pytorch`` and ``keras`` are its names there, ``chinese`` its Chinese name and summary.
    """

    name: ClassVar[str]
    task: ClassVar[str] = "regression"
    wants: ClassVar[str] = "values"
    joins: ClassVar[str] = "mean"
    needs_target: ClassVar[bool] = True
    pytorch: ClassVar[str] = ""
    keras: ClassVar[str] = ""

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if not hasattr(cls, "name"):  # a custom loss without one
            cls.name = cls.__name__

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    def target(self, output: Spec) -> Spec:
        """Return the spec of the targets that belong to outputs of this spec.

        Args:
            output: the spec of the output of the network.
        """
        return output

    def terms(self, output: Node, target: Node) -> Node:
        """Return the terms of a sample's loss: (B, ...), one for each value or position, or (B,).

        Args:
            output: the output of the network, (B, ...).
            target: the targets, of the spec of ``target``.
        """
        if type(self).__call__ is not Loss.__call__:
            return self(output, target)
        expected = fact("a method")
        fix = fact("terms(self, output, target), such as cr.square(output - target)")
        raise UsageError(
            "E113", where=type(self).__name__, name="terms", expected=expected, received=fact("none"), fix=fix
        )

    def shares(self, output: Node, target: Node) -> Node | None:
        """Return the weight of each term, in the shape of ``terms``, a factor of them; ``None``: all 1.

        Args:
            output, target: as in ``terms``.
        """
        return None

    @property
    def has_shares(self) -> bool:
        """Whether ``shares`` gives weights."""
        return False

    def __call__(self, output: Node, target: Node) -> Node:
        """Return the loss of each sample, shape (B,): J of a batch of this sample alone."""
        total, weight = self.parts(output, target)
        return total if weight is None else total / divisor(weight)

    def parts(self, output: Node, target: Node, weight: Node | None = None) -> tuple[Node, Node | None]:
        """Return numerator and denominator of each sample's loss, (B,) each; sums of both make the mean of a
        batch.

        Args:
            output: predictions of the network.
            target: the targets.
            weight: the weight of each sample, (B,), or of each term, in the shape of the terms.

        Returns:
            the numerators and the denominators; ``None`` for denominators that are all 1.

        Raises:
            ShapeError E201: weights of a different shape.
            ShapeError E236: terms that are not those of the samples, such as a mean over the batch.
        """
        terms, shares = self.terms(output, target), self.shares(output, target)
        require_rows(self, terms, output)
        if weight is not None and weight.shape not in (output.shape[:1], terms.shape):
            expected = fact("weight {shape}", shape=shape_text(terms.shape))
            received = fact("weight {shape}", shape=shape_text(weight.shape))
            fix = f"weight.reshape({shape_text(output.shape[:1])})"
            raise ShapeError("E201", op=self.name, expected=expected, received=received, fix=fix)
        if weight is not None and weight.shape != output.shape[:1]:
            shares = weight if shares is None else shares * weight
            terms, weight = terms * weight, None
        if shares is None:
            total = per_sample(terms, self.joins)
            return (total, None) if weight is None else (total * weight, weight)
        both = "mean" if self.joins == "sum" else "sum"
        total, count = per_sample(terms, "sum"), per_sample(shares, both)
        return (total, count) if weight is None else (total * weight, count * weight)

    def prediction(self, output: Node) -> Node:
        """Return the output in the user's terms: probabilities of a classifier, values of a regressor.

        Args:
            output: the output of the network, (B, ...).
        """
        return output

    def pad(self, target: Any, shape: tuple[int, ...]) -> Any:
        """Return an array of targets, padded to the shape of a sample, if this loss supports padding.

        Args:
            target: the targets (N, ...).
            shape: the shape of the targets of one sample.

        Raises:
            TrainingError E504: they cannot be padded to that shape.
        """
        return target

    def to_targets(self, prediction: Any) -> Any:
        """Return the array ``prediction`` in the form of targets; ``None`` if it has that form already.

        Args:
            prediction: predictions of the network, as ``prediction`` computes them.
        """
        return None

    def refuse(self, target: Any, output: Spec) -> None:
        """Refuse an array of targets whose values no output of this spec can match.

        Args:
            target: the encoded targets, (N, ...).
            output: the spec of the output of the network.
        """

    def mean(self, output: Node, target: Node, weight: Node | None = None) -> Node:
        """Return J, the mean over the batch, shape (), after checking that output and target match.

        Args:
            output: the network's output.
            target: the targets.
            weight: the weight of each sample, (B,), or of each term, in the shape of the terms. J is then the
                sum of weight times loss, divided by the sum of the weights; 0 where that sum is 0.

        Raises:
            ShapeError E201: the shapes differ. Without this check ``(B, 1) - (B,)`` would be broadcast to
                ``(B, B)``.
            DtypeError E252, E253: the target has a wrong dtype.
        """
        if self.needs_target:
            self._agree(output, target)
        total, count = self.parts(output, target, weight)
        if count is None:
            return F.mean(total)
        return F.sum(total) / divisor(F.sum(count))

    def _agree(self, output: Node, target: Node) -> None:
        spec = self.target(output.spec)
        if target.shape != spec.shape:
            expected = fact("target {shape}", shape=shape_text(spec.shape))
            received = fact("target {shape}", shape=shape_text(target.shape))
            fix = f"target.reshape({shape_text(spec.shape)})"
            notes = [fact("the network gives {shape}", shape=shape_text(output.shape))]
            raise ShapeError("E201", op=self.name, expected=expected, received=received, fix=fix, notes=notes)
        if not spec.is_float and target.dtype not in INTEGERS:
            raise DtypeError(
                "E253",
                op=self.name,
                kind="whole",
                expected=", ".join(INTEGERS),
                received=target.dtype,
                fix='target.astype("int64")',
            )
        if spec.is_float and target.dtype != spec.dtype:
            fix = f'target.astype("{spec.dtype}")'
            raise DtypeError("E252", op=self.name, expected=spec.dtype, received=target.dtype, fix=fix)


def require_rows(loss: Loss, terms: Node, output: Node) -> None:
    """Refuse terms without a row for each sample.

    Raises:
        ShapeError E236: a scalar, such as the mean over the batch, or another number of rows.
    """
    if terms.shape[:1] != output.shape[:1]:
        raise ShapeError(
            "E236",
            where=type(loss).__name__,
            loss=type(loss).__name__,
            expected=shape_text((*output.shape[:1], "...")),  # pyright: ignore[reportArgumentType]
            received=shape_text(terms.shape),
            fix=fact("one loss for each sample: the mean over the batch is computed by the training"),
        )


def per_sample(values: Node, how: str) -> Node:
    """Return the sum or mean over everything but the batch axis: (B, ...) -> (B,)."""
    inside = tuple(range(1, values.rank))
    return getattr(F, how)(values, inside) if inside else values


def divisor(weight: Node) -> Node:
    """Return a sum of weights to divide by: 1 where all weights are 0, as its numerator is 0 there."""
    return F.where(weight > 0.0, weight, 1.0)


def signs(target: Node) -> Node:
    """Return 1 for yes and -1 for no, whether the target encodes no as 0 or as -1."""
    return F.where(target > 0.0, F.full_like(target, 1.0), -1.0)


def refuse_target(loss: Loss, target: Any, with_target: str, without: str) -> None:
    """Refuse a target that a loss does not take, and require one that it needs.

    Args:
        target: the argument; ``None``: none was passed.
        with_target, without: the call with a target, and the one without.

    Raises:
        UsageError E132: the loss takes none. UsageError E133: it needs one.
    """
    if target is not None and not loss.needs_target:
        expected = fact("no y: the output alone decides")
        raise UsageError(
            "E132", where=loss.name, loss=loss.name, expected=expected, received="y", fix=without
        )
    if target is None and loss.needs_target:
        raise UsageError(
            "E133",
            where=loss.name,
            loss=loss.name,
            expected="targets",
            received=fact("none"),
            fix=with_target,
        )


def require_shape(loss: Loss, output: Spec, shape: str, holds: bool, fix: str) -> None:
    """Refuse an output of a shape the loss is not defined for.

    Args:
        output: the spec of the network's output.
        shape: the required shape, such as ``"(B, 2, D)"``.
        holds: whether the output has it.
        fix: a line that can be pasted.

    Raises:
        ShapeError E208: it has not.
    """
    if not holds:
        constraint = fact("an output of shape {shape}", shape=shape)
        received = shape_text(output.shape)
        raise ShapeError(
            "E208", op=loss.name, constraint=constraint, expected=shape, received=received, fix=fix
        )


# The mean of a loss over a batch, of nodes and arrays.


def mean_loss(loss: Loss, prediction: Node, target: Operand | None, weight: Operand | None) -> Node:
    """Return the mean of a loss over the batch, shape ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array; ``None`` for a loss that takes none.
        weight: the weight of each sample or term, as in ``Loss.mean``.
    """
    refuse_target(loss, target, f"cr.{loss.name}(prediction, target)", f"cr.{loss.name}(prediction)")
    if target is None:
        target = prediction
    if not isinstance(target, Node):
        array, spec = target, loss.target(prediction.spec)
        target = constant(target, spec.dtype if spec.is_float else None)
        loss.refuse(array, prediction.spec)
    if weight is not None and not isinstance(weight, Node):
        weight = constant(weight, prediction.dtype)
    return loss.mean(prediction, target, weight)


_SHORT = 1e-12  # the square of the minimum length that is divided by


def length(x: Node) -> Node:
    """Return the Euclidean length along the last axis, at least 1e-6: its gradient then exists at 0 too."""
    squared = F.sum(F.square(x), -1)
    return defined(F.sqrt(F.maximum(squared, _SHORT)), squared)


def cosine(a: Node, b: Node) -> Node:
    """Return the cosine of the angle between two vectors: (..., D), (..., D) -> (...)."""
    return F.sum(a * b, -1) / (length(a) * length(b))


def _apart(a: Node, b: Node) -> Node:
    # PyTorch adds this to every difference, so that two equal vectors differ slightly.
    return a - b + 1e-6


DISTANCES: dict[str, Callable[[Node, Node], Node]] = {
    "euclidean": lambda a, b: length(_apart(a, b)),
    "manhattan": lambda a, b: F.sum(F.abs(_apart(a, b)), -1),
    "squared_euclidean": lambda a, b: F.sum(F.square(a - b), -1),
    "cosine": lambda a, b: 1.0 - cosine(a, b),
}
