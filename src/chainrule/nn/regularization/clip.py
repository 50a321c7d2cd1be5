"""Gradient clipping: bounding a gradient that is too large, before the optimizer uses it.

One bad batch can give a gradient a thousand times the usual one, and a single step along it can undo an
epoch. Clipping bounds the step. Like all of this package it consists of nodes: gradients in, gradients out.
"""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.extension import Extensible
from chainrule.graph import Node
from chainrule.nn.safe_norms import norm
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require_number

_SAFE = 1e-6  # as in PyTorch: keeps the quotient finite when the gradient is 0


@frozen
class Clip(Extensible):
    """Base of all clipping methods.

    Args:
        limit: the maximum size that is left unchanged, above 0.

    Raises:
        UsageError E102: a limit that is not above 0.
    """

    limit: float = 1.0

    def __post_init__(self) -> None:
        require_number(self, "limit", above=0)

    def __call__(self, gradients: Mapping[str, Node]) -> dict[str, Node]:
        """Return the clipped gradients, by the same names.

        Args:
            gradients: the gradient by each parameter, by path.
        """
        raise TypeError(f"{type(self).__name__} clips nothing")


@frozen
class ClipValue(Clip):
    """Clips every number of a gradient to [-limit, limit]; the direction may change.

    Reference: as PyTorch's ``clip_grad_value_``.
    """

    chinese = ("按值裁剪", "把梯度的每个数限制在 [−limit, limit]，方向可能改变。")

    def __call__(self, gradients: Mapping[str, Node]) -> dict[str, Node]:
        return {name: F.clip(g, -self.limit, self.limit) for name, g in gradients.items()}


@frozen
class ClipNorm(Clip):
    """Scales the gradient of each parameter separately to length ``limit`` if it is longer.

    Formula: g <- g min(1, limit / (|g| + 1e-6)).
    """

    chinese = ("按范数裁剪", "每个参数的梯度过长时缩短到 limit。")

    def __call__(self, gradients: Mapping[str, Node]) -> dict[str, Node]:
        return {name: g * shortening([g], self.limit) for name, g in gradients.items()}


@frozen
class ClipGlobalNorm(Clip):
    """Scales all gradients together, as one long vector, to length ``limit``; the direction stays.

    Formula: g <- g min(1, limit / (|all g| + 1e-6)).

    Numerics: squares are added at two scales, so that lengths up to the largest number are right.

    Reference: Pascanu, Mikolov and Bengio (2013), On the difficulty of training recurrent neural networks
    (ICML). As PyTorch's ``clip_grad_norm_``.
    """

    chinese = ("按全局范数裁剪", "把所有梯度当作一个向量缩短到 limit，方向不变。")

    def __call__(self, gradients: Mapping[str, Node]) -> dict[str, Node]:
        if not gradients:
            return {}
        factor = shortening(list(gradients.values()), self.limit)
        return {name: g * factor for name, g in gradients.items()}


def shortening(gradients: list[Node], limit: float) -> Node:
    """Return the factor, at most 1, that brings gradients taken together to length ``limit``."""
    return F.minimum(limit / (norm(gradients) + _SAFE), 1.0)
