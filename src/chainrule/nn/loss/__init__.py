"""Losses: how wrong an answer is, as one number for each sample, which training makes small.

In: what the net gives, and what was wanted. Out: nodes of shape (B,). ``LOSSES`` is the table of all by
name, ``LOSS_FUNCTIONS`` the same as functions of nodes that give the mean. ``sample.py`` says what every
loss is; the other files have one kind of loss each.
"""

from chainrule.nn.loss.circle import Circle
from chainrule.nn.loss.classification import (
    NLL,
    BinaryCrossEntropy,
    BinaryFocal,
    CategoricalFocal,
    CrossEntropy,
    GeneralizedCrossEntropy,
    SoftCrossEntropy,
)
from chainrule.nn.loss.ctc import CTC
from chainrule.nn.loss.likelihood import GaussianNLL, KLDivergence, Poisson
from chainrule.nn.loss.margin import (
    CategoricalHinge,
    Hinge,
    HingeEmbedding,
    MultilabelMargin,
    MultiMargin,
    SoftMargin,
    SquaredHinge,
)
from chainrule.nn.loss.overlap import Dice, Tversky
from chainrule.nn.loss.pair import Contrastive, CosineEmbedding, MarginRanking, TripletMargin
from chainrule.nn.loss.regression import (
    MAE,
    MAPE,
    MSE,
    MSLE,
    CosineLoss,
    HalfMSE,
    Huber,
    LogCosh,
    SmoothL1,
)
from chainrule.nn.loss.sample import Loss, per_sample
from chainrule.nn.loss.table import LOSS_FUNCTIONS, LOSSES, known_loss, known_losses, refuse_mismatch

__all__ = [
    "CTC",
    "LOSSES",
    "LOSS_FUNCTIONS",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "NLL",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "CategoricalFocal",
    "CategoricalHinge",
    "Circle",
    "Contrastive",
    "CosineEmbedding",
    "CosineLoss",
    "CrossEntropy",
    "Dice",
    "GaussianNLL",
    "GeneralizedCrossEntropy",
    "HalfMSE",
    "Hinge",
    "HingeEmbedding",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MarginRanking",
    "MultiMargin",
    "MultilabelMargin",
    "Poisson",
    "SmoothL1",
    "SoftCrossEntropy",
    "SoftMargin",
    "SquaredHinge",
    "TripletMargin",
    "Tversky",
    "known_loss",
    "known_losses",
    "per_sample",
    "refuse_mismatch",
]
