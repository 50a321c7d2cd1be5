"""The gradient of a private step: clipped for each sample, summed, with noise, divided by a constant.

    g = (sum over b of min(1, C / |g_b|) g_b  +  z C noise) / batch_size

The clipped sum is part of the graph of the step (``gradient.per_sample``). The noise is an input, filled with
new numbers before each step; so is the weight of each sample, 1 for a drawn row and 0 for padding. The
divisor is the expected size of the batch: the number of rows that were drawn depends on the data.

A penalty on parameters does not depend on rows; its gradient is added as it is. Everything after the noise,
such as the optimizer, computes with public numbers. That includes the value that the engine tests for NaN,
here the squared length of g instead of the loss: whether a training fails does not reveal more than g.
"""

from __future__ import annotations

from chainrule.gradient import SampleGradients, grad
from chainrule.graph import Node, input_node
from chainrule.nn.build import Built
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.spec import Shape
from chainrule.train.network import Network
from chainrule.train.objective import Objective, sample_weight, sum_of

NOISE = "noise/"  # prefix of the inputs with the noise of each parameter


def noise_label(path: str) -> str:
    """The name of the input with the noise for a parameter."""
    return f"{NOISE}{path}"


@frozen
class PrivateObjective:
    """The gradients of a private step; see ``train.step.ObjectiveOf``.

    Args:
        max_norm: the largest norm of a sample's gradient, C.
        noise_multiplier: the standard deviation of the noise in units of C, z.
        batch_size: the expected number of samples of a step.
    """

    max_norm: float
    noise_multiplier: float
    batch_size: int

    def __call__(self, network: Network, weight_shape: Shape | None, step: Node) -> tuple[Objective, Built]:
        """Return the gradients, and the network whose states the step updates.

        Raises:
            GradientError E275, E276: a layer or the loss combines samples, or has no rule for single ones.
        """
        built, nodes = network.training, {path: p.node for path, p in network.trainable.items()}
        weights = sample_weight(network, weight_shape)
        sums = SampleGradients(network.sample_loss(built), list(nodes.values())).clipped(
            self.max_norm, weights
        )
        gradients = {}
        for (path, node), total in zip(nodes.items(), sums.gradients, strict=True):
            noise = input_node(noise_label(path), node.shape, node.dtype, "state")
            noisy = total + noise * (self.noise_multiplier * self.max_norm)
            gradients[node] = noisy / float(self.batch_size)
        penalty = network.penalty(built)
        if penalty is not None:
            penalty_gradients = grad(penalty, list(gradients), unused="zeros")
            gradients = {
                node: g + dp for (node, g), dp in zip(gradients.items(), penalty_gradients, strict=True)
            }
        length = sum_of(F.sum(F.square(g)) for g in gradients.values())
        norms = sums.squared_norms
        return Objective(length, length, None, known=gradients, squared_norms=norms), built
