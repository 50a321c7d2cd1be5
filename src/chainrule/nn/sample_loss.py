"""What every loss is: how wrong an answer is, as one number for each sample.

A loss gives nodes of shape (B,); the step takes their (weighted) mean. That keeps the article's J = (1/n) sum
J^(i) in one place for all losses, and sample weights and class weights are one mechanism.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chainrule.errors import DtypeError, ShapeError
from chainrule.graph import Node
from chainrule.ops import PUBLIC
from chainrule.spec import INTEGERS, Spec, shape_text


@dataclass(frozen=True)
class Loss:
    """Base of every loss.

    ``name`` is what it is called in ``Model(loss=...)``; ``task`` is ``"regression"`` or
    ``"classification"``; ``wants`` says what the net must end in: ``"values"``, or ``"logits"``, which the
    loss itself makes probabilities.
    """

    name: ClassVar[str]
    task: ClassVar[str] = "regression"
    wants: ClassVar[str] = "values"

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    def target(self, output: Spec) -> Spec:
        """The spec of the targets that belong to outputs of this spec."""
        return output

    def __call__(self, output: Node, target: Node) -> Node:
        """The loss of each sample, shape (B,)."""
        raise TypeError(f"{type(self).__name__} says no loss")

    def answer(self, output: Node) -> Node:
        """The output in the user's terms: probabilities of a classifier, values of a regressor."""
        return output

    def mean(self, output: Node, target: Node) -> Node:
        """J, the mean over the batch, shape (), once output and target are known to belong together.

        Fails:
            ShapeError E201: the shapes differ. Without this check ``(B, 1) - (B,)`` would be broadcast to
                ``(B, B)``.
            DtypeError E252, E253: the target's numbers are of the wrong kind.
        """
        wanted = self.target(output.spec)
        if target.shape != wanted.shape:
            raise ShapeError(
                "E201", op=self.name, expected=f"target {shape_text(wanted.shape)}",
                received=f"target {shape_text(target.shape)}",
                fix=f"target.reshape({shape_text(wanted.shape)})",
                notes=[f"the net gives {shape_text(output.shape)}"],
            )  # fmt: skip
        if not wanted.is_float and target.dtype not in INTEGERS:
            raise DtypeError(
                "E253", op=self.name, kind="whole", expected=", ".join(INTEGERS), received=target.dtype,
                fix='target.astype("int64")',
            )  # fmt: skip
        if wanted.is_float and target.dtype != wanted.dtype:
            raise DtypeError(
                "E252", op=self.name, expected=wanted.dtype, received=target.dtype,
                fix=f'target.astype("{wanted.dtype}")',
            )  # fmt: skip
        return PUBLIC["mean"](self(output, target))


def per_sample(values: Node, how: str) -> Node:
    """The sum or mean over everything but the batch axis: (B, ...) -> (B,)."""
    inside = tuple(range(1, values.rank))
    return PUBLIC[how](values, inside) if inside else values
