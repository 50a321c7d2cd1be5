"""Losses: how wrong an answer is, as one number for each sample, which training makes small.

In: what the net gives, and what was wanted. Out: nodes of shape (B,). ``LOSSES`` is the table of all by
name, ``LOSS_FUNCTIONS`` the same as functions of nodes that give the mean. ``sample.py`` says what every
loss is; the other files have one kind of loss each.
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "circle": "Circle",
        "classification": (
            "NLL BinaryCrossEntropy BinaryFocal CategoricalFocal CrossEntropy GeneralizedCrossEntropy "
            "SoftCrossEntropy"
        ),
        "ctc": "CTC",
        "functional": "LOSS_FUNCTIONS",
        "likelihood": "GaussianNLL KLDivergence Poisson",
        "margin": (
            "CategoricalHinge Hinge HingeEmbedding MultiMargin MultilabelMargin SoftMargin SquaredHinge"
        ),
        "overlap": "Dice Tversky",
        "metric_learning": "Contrastive CosineEmbedding MarginRanking TripletMargin",
        "regression": "MAE MAPE MSE MSLE CosineLoss HalfMSE Huber LogCosh SmoothL1",
        "loss": "Loss per_sample",
        "registry": "LOSSES known_loss known_losses refuse_mismatch",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
