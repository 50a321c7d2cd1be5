"""Every loss with sample outputs, sample targets and its counterpart in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from chainrule import nn
from chainrule.graph import Node, input_node
from chainrule.nn import loss as losses

RNG = np.random.default_rng(1)
VALUES = RNG.normal(size=(7, 3)) * 2
WANTED = RNG.normal(size=(7, 3))
CHANCES = RNG.uniform(size=(7, 3))
SHARES = CHANCES / CHANCES.sum(1, keepdims=True)
YES = (CHANCES > 0.5).astype(float)
SIGNS = 2 * YES - 1
CLASSES = np.array([0, 2, 1, 1, 0, 2, 2])
PLACES = RNG.normal(size=(7, 4, 3))
PLACE_CLASSES = RNG.integers(0, 3, (7, 4))
WITH_GAPS = np.where(RNG.uniform(size=(7, 4)) < 0.4, -100, PLACE_CLASSES)
WITH_GAPS[0] = -100  # a sample without any label
VECTORS = RNG.normal(size=(7, 3, 5))
PAIR_SIGNS = np.array([1.0, -1, 1, -1, -1, 1, 1])
WEIGHTS = (0.5, 2.0, 1.5)
WEIGHT = torch.tensor(WEIGHTS, dtype=torch.float64)
TEXTS = np.array(
    [[1, 2, 2, 0], [3, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 1], [2, 2, 2, 0], [3, 1, 0, 0], [1, 1, 0, 0]]
)
CELLS = RNG.normal(size=(7, 3, 2, 6))
FRAMES = np.array([6, 4, 3, 6, 5, 2, 3])
SCORES = RNG.normal(size=(7, 6, 4))

Peer = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Case = tuple[nn.Loss, np.ndarray, np.ndarray, Peer]


def _places(z: torch.Tensor, y: torch.Tensor, **options: object) -> torch.Tensor:
    """PyTorch's cross-entropy, the mean over all positions of the batch."""
    return functional.cross_entropy(z.movedim(-1, 1), y, **options)


def _weighted_mean(losses: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The weighted mean of the losses of samples."""
    return (losses * WEIGHT[y]).sum() / WEIGHT[y].sum()


def ctc_by_torch(z: torch.Tensor, y: torch.Tensor, frames: torch.Tensor | None = None) -> torch.Tensor:
    frames = torch.full((len(z),), z.shape[1]) if frames is None else frames
    log_p = z.log_softmax(-1).transpose(0, 1)
    return functional.ctc_loss(log_p, y, frames, (y != 0).sum(1), reduction="none").mean()


def _listed(yes: torch.Tensor) -> torch.Tensor:
    """The classes of each sample, then -1: the form that PyTorch expects."""
    rows = [[*np.flatnonzero(row), *[-1] * int((row == 0).sum())] for row in yes.numpy()]
    return torch.tensor(np.array(rows, "int64"))


def _focal(z: torch.Tensor, y: torch.Tensor, gamma: float, alpha: float | None = None) -> torch.Tensor:
    p = torch.sigmoid(z)
    p_t = y * p + (1 - y) * (1 - p)
    losses = -((1 - p_t) ** gamma) * (y * torch.log(p) + (1 - y) * torch.log(1 - p))
    return (losses if alpha is None else losses * (y * alpha + (1 - y) * (1 - alpha))).mean()


def _of(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return p.gather(1, y[:, None])[:, 0]


def _categorical_hinge(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    hot = functional.one_hot(y, 3)
    return torch.relu(((1 - hot) * z).amax(1) - (hot * z).sum(1) + 1).mean()


def _hills() -> np.ndarray:
    """Targets of a detector on 3 x 2 cells: hills of two classes, four numbers of a box, the mark."""
    hills = RNG.uniform(size=(7, 3, 2, 2)) * 0.9
    hills[:5, 1, 0, 0] = hills[1, 2, 1, 1] = 1.0  # the last two samples have no center
    marks = (hills == 1.0).any(-1, keepdims=True).astype(float)
    return np.concatenate([hills, RNG.normal(size=(7, 3, 2, 4)) * marks, marks], -1)


def _center_net(z: torch.Tensor, y: torch.Tensor, weight: float) -> torch.Tensor:
    heat, hills, mark = torch.sigmoid(z[..., :2]), y[..., :2], y[..., 6:]
    center = (hills == 1.0).to(z)
    terms = center * (1 - heat) ** 2 * torch.log(heat)
    terms = terms + (1 - center) * (1 - hills) ** 4 * heat**2 * torch.log(1 - heat)
    boxes = ((z[..., 2:] - y[..., 2:6]).abs() * mark).sum((1, 2, 3)) / mark.sum((1, 2, 3)).clamp(min=1)
    return (weight * boxes - terms.sum((1, 2, 3)) / center.sum((1, 2, 3)).clamp(min=1)).mean()


def _contrastive(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    d = torch.linalg.norm(z[:, 0] - z[:, 1], dim=1)
    return torch.where(y > 0, d**2, torch.relu(3.0 - d) ** 2).mean() / 2


def _triplet(z: torch.Tensor, y: torch.Tensor, **options: object) -> torch.Tensor:
    """PyTorch's triplet loss, which has no target."""
    return functional.triplet_margin_loss(*z.unbind(1), **options)


def _circle(z: torch.Tensor, y: torch.Tensor, gamma: float = 80.0, m: float = 0.4) -> torch.Tensor:
    """Keras's definition: distances, masks without the diagonal, two sums."""
    unit = functional.normalize(z, dim=1)
    d = torch.clamp(1 - unit @ unit.T, min=0)
    same = y[:, None] == y[None, :]
    positives = same & ~torch.eye(len(y), dtype=torch.bool)
    alike = (-gamma * (m + d) * (m - d)).masked_fill(~positives, -torch.inf).logsumexp(1)
    apart = (gamma * torch.relu(1 + m - d) * (1 - m - d)).masked_fill(same, -torch.inf).logsumexp(1)
    return functional.softplus(alike + apart, threshold=1e6).mean()


def _dice(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = torch.sigmoid(z)
    return (1 - 2 * (y * p).sum(1) / (y.sum(1) + p.sum(1) + 1e-7)).mean()


def _tversky(z: torch.Tensor, y: torch.Tensor, alpha: float, beta: float) -> torch.Tensor:
    p = torch.sigmoid(z)
    hits, false_negatives, false_positives = ((a * b).sum(1) for a, b in ((y, p), (y, 1 - p), (1 - y, p)))
    return (1 - hits / (hits + alpha * false_negatives + beta * false_positives + 1e-7)).mean()


def _msle(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return ((torch.log(z.clamp(min=1e-7) + 1) - torch.log(y.clamp(min=1e-7) + 1)) ** 2).mean()


def _gaussian(z: torch.Tensor, y: torch.Tensor, log: bool, **options: object) -> torch.Tensor:
    mean, variance = z[:, :3], z[:, 3:].exp() if log else z[:, 3:]
    return functional.gaussian_nll_loss(mean, y, variance, **options)


def _quantile(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    levels = torch.tensor([0.1, 0.5, 0.9], dtype=z.dtype)
    return torch.maximum(levels * (y - z), (levels - 1) * (y - z)).mean()


def _embedding(z: torch.Tensor, y: torch.Tensor, margin: float = 0.0) -> torch.Tensor:
    return functional.cosine_embedding_loss(z[:, 0], z[:, 1], y, margin)


MEAN_AND_SPREAD = RNG.normal(size=(7, 6))
MEAN_AND_VARIANCE = np.concatenate([VALUES, RNG.uniform(0.0, 1, (7, 3))], 1)  # some below 0.2: cut off

CASES: dict[str, Case] = {
    "half_mse": (nn.HalfMSE(), VALUES, WANTED, lambda z, y: ((z - y) ** 2).sum(1).mean() / 2),
    "half_mse of one": (nn.HalfMSE(), VALUES[:, 0], WANTED[:, 0], lambda z, y: ((z - y) ** 2).mean() / 2),
    "mse": (nn.MSE(), VALUES, WANTED, functional.mse_loss),
    "mae": (nn.MAE(), VALUES, WANTED, functional.l1_loss),
    "huber": (nn.Huber(), VALUES, WANTED, functional.huber_loss),
    "huber 0.3": (nn.Huber(0.3), VALUES, WANTED, lambda z, y: functional.huber_loss(z, y, delta=0.3)),
    "quantile": (losses.Quantile(), VALUES, WANTED, lambda z, y: functional.l1_loss(z, y) / 2),
    "quantile 0.1, 0.5, 0.9": (losses.Quantile(levels=(0.1, 0.5, 0.9)), VALUES, WANTED, _quantile),
    "smooth_l1": (losses.SmoothL1(), VALUES, WANTED, functional.smooth_l1_loss),
    "smooth_l1 0.4": (
        losses.SmoothL1(beta=0.4),
        VALUES,
        WANTED,
        lambda z, y: functional.smooth_l1_loss(z, y, beta=0.4),
    ),
    "log_cosh": (losses.LogCosh(), VALUES, WANTED, lambda z, y: torch.log(torch.cosh(z - y)).mean()),
    "mape": (losses.MAPE(), VALUES, WANTED, lambda z, y: 100 * (torch.abs(z - y) / torch.abs(y)).mean()),
    "msle": (losses.MSLE(), VALUES, CHANCES, _msle),
    "cosine_similarity": (
        losses.CosineLoss(),
        VALUES,
        WANTED,
        lambda z, y: -functional.cosine_similarity(z, y).mean(),
    ),
    "cosine_similarity of places": (
        losses.CosineLoss(),
        PLACES,
        PLACES[::-1].copy(),
        lambda z, y: -functional.cosine_similarity(z, y, -1).mean(),
    ),
    "poisson": (losses.Poisson(), VALUES, CHANCES * 4, lambda z, y: functional.poisson_nll_loss(z, y)),
    "poisson full": (
        losses.Poisson(full=True),
        VALUES,
        CHANCES * 4,
        lambda z, y: functional.poisson_nll_loss(z, y, full=True),
    ),
    "poisson of rates": (
        losses.Poisson(log_input=False),
        CHANCES,
        CHANCES[::-1] * 4,
        lambda z, y: functional.poisson_nll_loss(z, y, False),
    ),
    "gaussian_nll": (
        losses.GaussianNLL(),
        MEAN_AND_SPREAD,
        WANTED,
        lambda z, y: _gaussian(z, y, True, eps=0),
    ),
    "gaussian_nll of variances": (
        losses.GaussianNLL(log_variance=False, full=True, epsilon=0.2),
        MEAN_AND_VARIANCE,
        WANTED,
        lambda z, y: _gaussian(z, y, False, full=True, eps=0.2),
    ),
    "kl_divergence": (
        losses.KLDivergence(),
        VALUES,
        SHARES,
        lambda z, y: functional.kl_div(z, y, reduction="batchmean"),
    ),
    "kl_divergence of logs": (
        losses.KLDivergence(log_target=True),
        VALUES,
        np.log(SHARES),
        lambda z, y: functional.kl_div(z, y, reduction="batchmean", log_target=True),
    ),
    "binary": (nn.BinaryCrossEntropy(), VALUES, CHANCES, functional.binary_cross_entropy_with_logits),
    "binary of one": (
        nn.BinaryCrossEntropy(),
        VALUES[:, 0],
        CHANCES[:, 0].round(),
        functional.binary_cross_entropy_with_logits,
    ),
    "binary smoothed": (
        nn.BinaryCrossEntropy(label_smoothing=0.2),
        VALUES,
        YES,
        lambda z, y: functional.binary_cross_entropy_with_logits(z, y * 0.8 + 0.1),
    ),
    "binary weighed": (
        nn.BinaryCrossEntropy(positive_weight=2.5, class_weight=WEIGHTS),
        VALUES,
        YES,
        lambda z, y: functional.binary_cross_entropy_with_logits(z, y, WEIGHT, pos_weight=torch.tensor(2.5)),
    ),
    "binary weighed by question": (
        nn.BinaryCrossEntropy(positive_weight=WEIGHTS),
        VALUES,
        YES,
        lambda z, y: functional.binary_cross_entropy_with_logits(z, y, pos_weight=WEIGHT),
    ),
    "multilabel_soft_margin": (
        nn.BinaryCrossEntropy(class_weight=WEIGHTS),
        VALUES,
        YES,
        lambda z, y: functional.multilabel_soft_margin_loss(z, y, WEIGHT),
    ),
    "cross_entropy": (nn.CrossEntropy(), VALUES, CLASSES, functional.cross_entropy),
    "cross_entropy smoothed": (
        nn.CrossEntropy(label_smoothing=0.1),
        VALUES,
        CLASSES,
        lambda z, y: functional.cross_entropy(z, y, label_smoothing=0.1),
    ),
    "cross_entropy weighed and smoothed": (
        nn.CrossEntropy(label_smoothing=0.1, class_weight=WEIGHTS),
        VALUES,
        CLASSES,
        lambda z, y: functional.cross_entropy(z, y, WEIGHT, label_smoothing=0.1),
    ),
    "cross_entropy of places": (nn.CrossEntropy(), PLACES, PLACE_CLASSES, _places),
    "cross_entropy with gaps": (
        nn.CrossEntropy(class_weight=WEIGHTS, ignore_index=-100, label_smoothing=0.2),
        PLACES,
        WITH_GAPS,
        lambda z, y: _places(z, y, weight=WEIGHT, label_smoothing=0.2),
    ),
    "soft_cross_entropy": (losses.SoftCrossEntropy(), VALUES, SHARES, functional.cross_entropy),
    "soft_cross_entropy weighed and smoothed": (
        losses.SoftCrossEntropy(label_smoothing=0.1, class_weight=WEIGHTS),
        VALUES,
        SHARES,
        lambda z, y: functional.cross_entropy(z, y, WEIGHT, label_smoothing=0.1),
    ),
    "nll": (losses.NLL(), VALUES, CLASSES, functional.nll_loss),
    "nll weighed": (
        losses.NLL(class_weight=WEIGHTS),
        VALUES,
        CLASSES,
        lambda z, y: functional.nll_loss(z, y, WEIGHT),
    ),
    "nll with gaps": (
        losses.NLL(class_weight=WEIGHTS, ignore_index=-100),
        PLACES,
        WITH_GAPS,
        lambda z, y: functional.nll_loss(z.movedim(-1, 1), y, WEIGHT),
    ),
    "categorical_focal weighed": (
        losses.CategoricalFocal(class_weight=WEIGHTS),
        VALUES,
        CLASSES,
        lambda z, y: _weighted_mean(-0.25 * (1 - _of(z.softmax(1), y)) ** 2 * _of(z.log_softmax(1), y), y),
    ),
    "binary_focal": (losses.BinaryFocal(), VALUES, CHANCES, lambda z, y: _focal(z, y, 2.0)),
    "binary_focal weighed": (
        losses.BinaryFocal(gamma=1.5, alpha=0.25, label_smoothing=0.1),
        VALUES,
        YES,
        lambda z, y: _focal(z, y * 0.9 + 0.05, 1.5, 0.25),
    ),
    "binary_focal 0": (losses.BinaryFocal(gamma=0), VALUES, YES, functional.binary_cross_entropy_with_logits),
    "categorical_focal": (
        losses.CategoricalFocal(),
        VALUES,
        CLASSES,
        lambda z, y: -(0.25 * (1 - _of(z.softmax(1), y)) ** 2 * _of(z.log_softmax(1), y)).mean(),
    ),
    "generalized_cross_entropy": (
        losses.GeneralizedCrossEntropy(0.7),
        VALUES,
        CLASSES,
        lambda z, y: ((1 - _of(z.softmax(1), y) ** 0.7) / 0.7).mean(),
    ),
    "symmetric_cross_entropy": (
        losses.SymmetricCrossEntropy(0.3, 0.7, -6.0),
        VALUES,
        CLASSES,
        lambda z, y: (-0.3 * _of(z.log_softmax(1), y) + 4.2 * (1 - _of(z.softmax(1), y))).mean(),
    ),
    "bootstrapping": (
        losses.Bootstrapping(),
        VALUES,
        CLASSES,
        lambda z, y: -(0.8 * _of(z.log_softmax(1), y) + 0.2 * z.log_softmax(1).amax(1)).mean(),
    ),
    "bootstrapping softly": (
        losses.Bootstrapping(0.95, hard=False),
        VALUES,
        CLASSES,
        lambda z, y: (
            -(0.95 * _of(z.log_softmax(1), y) + 0.05 * (z.softmax(1) * z.log_softmax(1)).sum(1)).mean()
        ),
    ),
    "hinge": (losses.Hinge(), VALUES, SIGNS, lambda z, y: torch.relu(1 - y * z).mean()),
    "squared_hinge": (losses.SquaredHinge(), VALUES, SIGNS, lambda z, y: (torch.relu(1 - y * z) ** 2).mean()),
    "soft_margin": (losses.SoftMargin(), VALUES, SIGNS, functional.soft_margin_loss),
    "categorical_hinge": (losses.CategoricalHinge(), VALUES, CLASSES, _categorical_hinge),
    "multi_margin": (losses.MultiMargin(), VALUES, CLASSES, functional.multi_margin_loss),
    "multi_margin squared": (
        losses.MultiMargin(margin=0.7, p=2, class_weight=WEIGHTS),
        VALUES,
        CLASSES,
        lambda z, y: functional.multi_margin_loss(z, y, 2, 0.7, WEIGHT),
    ),
    "multilabel_margin": (
        losses.MultilabelMargin(),
        VALUES,
        YES,
        lambda z, y: functional.multilabel_margin_loss(z, _listed(y)),
    ),
    "hinge_embedding": (
        losses.HingeEmbedding(0.8),
        VALUES,
        SIGNS,
        lambda z, y: functional.hinge_embedding_loss(z, y, 0.8),
    ),
    "margin_ranking": (
        losses.MarginRanking(0.3),
        VALUES[:, :2],
        PAIR_SIGNS,
        lambda z, y: functional.margin_ranking_loss(z[:, 0], z[:, 1], y, 0.3),
    ),
    "cosine_embedding": (losses.CosineEmbedding(), VECTORS[:, :2], PAIR_SIGNS, _embedding),
    "cosine_embedding -0.3": (
        losses.CosineEmbedding(-0.3),
        VECTORS[:, :2],
        PAIR_SIGNS,
        lambda z, y: _embedding(z, y, -0.3),
    ),
    "contrastive": (losses.Contrastive(3.0), VECTORS[:, :2], PAIR_SIGNS, _contrastive),
    "triplet_margin": (losses.TripletMargin(), VECTORS, PAIR_SIGNS, _triplet),
    "triplet_margin manhattan": (
        losses.TripletMargin(2.0, distance="manhattan"),
        VECTORS,
        PAIR_SIGNS,
        lambda z, y: _triplet(z, y, margin=2.0, p=1),
    ),
    "triplet_margin swapped": (
        losses.TripletMargin(swap=True),
        VECTORS,
        PAIR_SIGNS,
        lambda z, y: _triplet(z, y, swap=True),
    ),
    "center_net": (losses.CenterNet(box_weight=0.5), CELLS, _hills(), lambda z, y: _center_net(z, y, 0.5)),
    "circle": (losses.Circle(), VALUES, CLASSES, _circle),
    "circle of strangers": (
        losses.Circle(gamma=4.0, margin=0.2),
        VALUES,
        np.arange(7),
        lambda z, y: _circle(z, y, 4.0, 0.2),
    ),
    "circle with a single": (
        losses.Circle(gamma=4.0, margin=0.2),
        VALUES,
        np.array([0, 1, 1, 0, 2, 0, 0]),
        lambda z, y: _circle(z, y, 4.0, 0.2),
    ),
    "dice": (losses.Dice(), VALUES, YES, _dice),
    "tversky": (losses.Tversky(alpha=0.3, beta=0.7), VALUES, YES, lambda z, y: _tversky(z, y, 0.3, 0.7)),
    "ctc": (losses.CTC(max_target_length=4), SCORES, TEXTS, ctc_by_torch),
    "ctc with frames": (
        losses.CTC(max_target_length=4, time_major=True),
        SCORES,
        np.concatenate([FRAMES[:, None], TEXTS], 1),
        lambda z, y: ctc_by_torch(z, y[:, 1:], y[:, 0]),
    ),
}


def nodes(z: np.ndarray, y: np.ndarray) -> tuple[Node, Node]:
    """Input nodes for outputs and targets, with an open batch."""
    return input_node("z", (None, *z.shape[1:]), z.dtype.name), input_node(
        "y", (None, *y.shape[1:]), y.dtype.name
    )
