"""The latent vector of a variational autoencoder: sampled in training, its mean in inference.

An encoder that outputs a vector may place each sample anywhere, so that a decoder learns nothing about the
places in between. Here the encoder outputs a normal distribution; sampling from it forces the decoder to
decode its neighborhood, and the divergence from the standard normal distribution keeps all distributions
close to each other. The sample is written as mean + deviation * noise, so that gradients reach both.

Reference: Kingma and Welling (2014), Auto-encoding variational Bayes (ICLR), section 2.4 and appendix B.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.layer import Layer, Sample, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.elementwise.cast_and_stop_gradient import extent
from chainrule.symbolic_shape import shape_text
from chainrule.validation import require_number


@layer
class GaussianLatent(Layer):
    """Samples from the normal distribution whose mean and log-variance are the input.

    Shapes: (B, ..., 2 D), first D means m, then D log-variances s -> (B, ..., D).

    Formula: y = m + exp(s / 2) u in training, u standard normal; y = m in inference. The divergence from the
    standard normal distribution is added to the objective: J <- J + weight (1/n) sum over the samples of
    1/2 sum_d (exp(s_d) + m_d^2 - 1 - s_d).

    Args:
        weight: the weight of the divergence, at least 0; 1 is that of the variational bound if the loss is
            the negative log-likelihood of a sample, summed over its values.

    Raises:
        ShapeError E208: an odd number of features.
        UsageError E102: a negative weight.

    Example:
        >>> print(GaussianLatent(weight=0.2))
        GaussianLatent(weight=0.2)

    Reference: Kingma and Welling (2014), Auto-encoding variational Bayes (ICLR); Higgins et al. (2017),
    beta-VAE (ICLR), for other weights than 1.
    """

    chinese = (
        "高斯隐变量层",
        "训练时从输入给出的正态分布中抽样，推断时取均值；与标准正态分布的散度计入目标函数。",
    )
    samples = (Sample((4,), {}), Sample((3, 2), {"weight": 0.5}))
    takes_one = True
    _: KW_ONLY
    weight: float = 1.0

    def check(self) -> None:
        require_number(self, "weight", minimum=0)

    def __call__(self, x: Node, scope: Scope) -> Node:  # (B, ..., 2 D) -> (B, ..., D)
        features = x.shape[-1]
        if x.rank < 2 or not isinstance(features, int) or features % 2:
            raise ShapeError(
                "E208",
                op="GaussianLatent",
                constraint=fact("an even number of features"),
                expected="(B, ..., 2 D)",
                received=shape_text(x.shape),
                fix=fact("cr.Dense(2 * D) before it: means and log-variances"),
            )
        mean, log_variance = (
            slice_axis(x, x.rank - 1, start, start + features // 2) for start in (0, features // 2)
        )
        divergence = F.sum(F.exp(log_variance) + F.square(mean) - 1.0 - log_variance) / 2.0
        scope.cost("divergence", divergence * self.weight / extent(x, (0,)))
        if not scope.training:
            return mean
        noise = scope.normal("noise", mean.shape).astype(x.dtype)
        return mean + F.exp(log_variance / 2.0) * noise
