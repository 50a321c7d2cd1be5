"""Losses of regression: the target is a number, or several."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.graph import Node
from chainrule.nn.sample_loss import Loss, per_sample
from chainrule.nn.setting import require_number
from chainrule.ops import PUBLIC


@dataclass(frozen=True)
class HalfMSE(Loss):
    """Half the squared error: the article's J = 1/(2n) sum (yhat - y)^2, whose gradient is the error itself.

    Shapes: output (B, O), target the same -> (B,); the squares of several outputs are added.

    Formula: J^(i) = 1/2 sum_o (yhat_o - y_o)^2; the gradient by yhat is yhat - y.
    """

    name = "half_mse"

    def __call__(self, output: Node, target: Node) -> Node:
        return per_sample(PUBLIC["square"](output - target), "sum") / 2.0


@dataclass(frozen=True)
class MSE(Loss):
    """The squared error, averaged over the outputs: large errors count far more than small ones.

    Shapes: output (B, O), target the same -> (B,).

    Formula: J^(i) = 1/O sum_o (yhat_o - y_o)^2.

    Reference: equal to PyTorch's ``MSELoss``, the mean over all elements. ``half_mse`` is O/2 times this.
    """

    name = "mse"

    def __call__(self, output: Node, target: Node) -> Node:
        return per_sample(PUBLIC["square"](output - target), "mean")


@dataclass(frozen=True)
class MAE(Loss):
    """The absolute error, averaged over the outputs: every unit of error counts alike, so outliers pull less.

    Shapes: output (B, O), target the same -> (B,).

    Formula: J^(i) = 1/O sum_o |yhat_o - y_o|.

    Numerics: the slope where the error is exactly 0 is taken as 0.
    """

    name = "mae"

    def __call__(self, output: Node, target: Node) -> Node:
        return per_sample(PUBLIC["abs"](output - target), "mean")


@dataclass(frozen=True)
class Huber(Loss):
    """Squared for small errors, absolute for large ones: smooth at 0 and calm about outliers.

    Shapes: output (B, O), target the same -> (B,).

    Formula: with d = yhat - y and c = d cut to [-delta, delta]: J^(i) = 1/O sum_o c (d - c/2), which is d^2/2
    up to delta and delta (|d| - delta/2) beyond; the gradient by yhat is c/O.

    Args:
        delta: where the one goes over into the other, above 0, in the target's unit.

    Fails:
        UsageError E102: delta is not above 0.

    Reference: Huber (1964), Robust estimation of a location parameter (Annals of Mathematical Statistics 35).
    """

    name = "huber"
    delta: float = 1.0

    def check(self) -> None:
        require_number(self, "delta", above=0)

    def __call__(self, output: Node, target: Node) -> Node:
        d = output - target
        c = PUBLIC["clip"](d, -self.delta, self.delta)
        return per_sample(c * (d - c / 2.0), "mean")
