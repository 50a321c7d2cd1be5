"""The losses as functions of nodes, for use without a model: ``cr.mse(prediction, target)``.

Each function returns the mean of its loss over the batch, shape (). It is named after ``Loss.name``, and its
formula, shapes and settings are those of the class (``huber``: ``cr.Huber``).

Args of every function:
    prediction: the output of the network.
    target: the targets: a node, or an array.
    weight: the weight of each sample, (B,), or of each term, in the shape of the terms. The mean is then the
        sum of weight times loss, divided by the sum of the weights.
    The others are the settings of the loss.

Raises: UsageError E131 (arguments that do not fit), E102 (a setting out of its range), and what ``Loss.mean``
raises.
"""

from chainrule.nn.loss.functional.classes import (
    binary_cross_entropy,
    binary_focal,
    categorical_focal,
    categorical_hinge,
    cross_entropy,
    ctc,
    dice,
    generalized_cross_entropy,
    hinge,
    multi_margin,
    multilabel_margin,
    nll,
    soft_cross_entropy,
    soft_margin,
    squared_hinge,
    tversky,
)
from chainrule.nn.loss.functional.values import (
    cosine_similarity,
    gaussian_nll,
    half_mse,
    huber,
    kl_divergence,
    log_cosh,
    mae,
    mape,
    mse,
    msle,
    poisson,
    smooth_l1,
)
from chainrule.nn.loss.functional.vectors import (
    circle,
    contrastive,
    cosine_embedding,
    hinge_embedding,
    margin_ranking,
    triplet_margin,
)

__all__ = [
    "binary_cross_entropy", "binary_focal", "categorical_focal", "categorical_hinge", "circle",
    "contrastive", "cosine_embedding", "cosine_similarity", "cross_entropy", "ctc", "dice",
    "gaussian_nll", "generalized_cross_entropy", "half_mse", "hinge", "hinge_embedding", "huber",
    "kl_divergence", "log_cosh", "mae", "mape", "margin_ranking", "mse", "msle", "multi_margin",
    "multilabel_margin", "nll", "poisson", "smooth_l1", "soft_cross_entropy", "soft_margin",
    "squared_hinge", "triplet_margin", "tversky",
]  # fmt: skip
