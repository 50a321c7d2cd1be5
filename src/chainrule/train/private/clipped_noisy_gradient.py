"""The gradient of a private step: clipped for each sample, summed, with noise, divided by a constant.

    g = (sum over b of min(1, C / |g_b|) g_b  +  z C noise) / batch_size

The clipped sum is part of the graph of the step (``gradient.per_sample``). The noise is an input, filled with
new numbers before each step; so is the weight of each sample, 1 for a drawn row and 0 for padding. The
divisor is the expected size of the batch: the number of rows that were drawn depends on the data.

Noise of a computer is not a real number, and a sum of floating-point numbers reveals by its last bits what
was added (Mironov, 2012). Both are therefore rounded to multiples of a power of two h and added exactly, in
float64::

    round(S / h) + round(z C noise / h)    =    round((h round(S / h) + z C noise) / h)

The right side is the exact mechanism, applied to a sum on the grid, and rounded afterwards: rounding a
published value costs no privacy, and the results lie on one grid for all rows. h sqrt(d) is at most 2^-20 C
for d parameters, so that rounding S moves it by at most 2^-20 C. Rows are clipped to a norm that is smaller
than C by that, and by ``ROUNDING`` for the rounding errors of S itself.

A penalty on parameters does not depend on rows; its gradient is added as it is. Everything after the noise,
such as the optimizer, computes with public numbers. That includes the value that the engine tests for NaN,
here the squared length of g instead of the loss: whether a training fails does not reveal more than g.
"""

from __future__ import annotations

import math

from chainrule.gradient import SampleGradients, grad
from chainrule.graph import Node, input_node
from chainrule.nn.build import Built
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape, size_at
from chainrule.train.network import Network
from chainrule.train.objective import Objective, sample_weight, sum_of
from chainrule.train.private.row_keys import with_row_keys

ROUNDING = {"float32": 2.0**-10, "float64": 2.0**-20}
"""The share of C that is kept for rounding errors of the sum of clipped gradients, by dtype."""
GRID = 2.0**-20  # the largest distance that rounding to the grid moves a sum, in units of C
NOISE = "noise/"  # prefix of the inputs with the noise of each parameter


def noise_label(path: str) -> str:
    """Return the name of the input with the noise for a parameter."""
    return f"{NOISE}{path}"


@frozen
class PrivateObjective:
    """The gradients of a private step; see ``train.step.ObjectiveOf``.

    Args:
        max_norm: the largest norm of a sample's gradient, C, with all rounding errors.
        noise_multiplier: the standard deviation of the noise in units of C, z.
        batch_size: the expected number of samples of a step.
    """

    max_norm: float
    noise_multiplier: float
    batch_size: int

    def __call__(self, network: Network, weight_shape: Shape | None, step: Node) -> tuple[Objective, Built]:
        """Return the gradients, and the network with new states (E275, E276: it combines samples)."""
        built, nodes = network.training, {path: p.node for path, p in network.trainable.items()}
        weights = sample_weight(network, weight_shape)
        losses = with_row_keys(network.sample_loss(built))
        limit = self.max_norm * (1.0 - GRID - ROUNDING[network.recipe.dtype])
        sums = SampleGradients(losses, list(nodes.values())).clipped(limit, weights)
        h = grid(self.max_norm, sum(size_at(node.spec.size, {}) for node in nodes.values()))
        gradients = {
            node: self._noisy(total, path, h)
            for (path, node), total in zip(nodes.items(), sums.gradients, strict=True)
        }
        penalty = network.penalty(built)
        if penalty is not None:
            penalty_gradients = grad(penalty, list(gradients), unused="zeros")
            gradients = {
                node: g + dp for (node, g), dp in zip(gradients.items(), penalty_gradients, strict=True)
            }
        length = sum_of(F.sum(F.square(g)) for g in gradients.values())
        norms = sums.squared_norms
        return Objective(length, length, None, known=gradients, squared_norms=norms), built

    def _noisy(self, total: Node, path: str, h: float) -> Node:
        """Return a sum of clipped gradients with noise, divided by the expected size of the batch.

        ``h`` is the distance of neighboring values on the grid.
        """
        noise = input_node(noise_label(path), total.shape, "float64", "state")
        steps = _rounded(F.cast(total, "float64") * (1.0 / h))
        steps = steps + _rounded(noise * (self.noise_multiplier * self.max_norm / h))
        return F.cast(steps * (h / self.batch_size), total.dtype)


def grid(max_norm: float, size: int) -> float:
    """Return the distance h of neighboring values of a noisy sum: a power of two.

    Args:
        max_norm: the largest norm of a sample's gradient, C.
        size: the number of parameters.

    Example:
        >>> grid(1.0, 64) == 2.0**-23
        True
    """
    return 2.0 ** math.floor(math.log2(GRID * max_norm / math.sqrt(max(size, 1))))


def _rounded(x: Node) -> Node:
    return F.floor(x + 0.5)
