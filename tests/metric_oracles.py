"""Every metric by scikit-learn, PyTorch or its definition, for comparison with ours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import stats
from sklearn import metrics as sk

from chainrule.metrics import Predictions

Oracle = Callable[[Predictions, float | None], float]


def w(a: Predictions) -> dict[str, Any]:
    return {"sample_weight": a.weights}


def weights(a: Predictions) -> np.ndarray:
    return np.ones(len(a.target)) if a.weights is None else a.weights


def mean(a: Predictions, values: Any) -> float:
    """The weighted mean over rows of the mean over outputs, added row by row."""
    rows = np.asarray(values, dtype=np.float64).reshape(len(a.target), -1)
    return float(sum(wi * row.mean() for wi, row in zip(weights(a), rows, strict=True)) / weights(a).sum())


def counted(name: str, average: str, **options: Any) -> Oracle:
    """A score from counts, averaged by scikit-learn."""

    def score(a: Predictions, value: float | None) -> float:
        how = average or ("binary" if a.is_binary else "macro")
        extra = options | ({"beta": 2.0 if value is None else value} if name == "fbeta" else {})
        y, predicted = (a.actual.astype(int), a.predicted.astype(int))
        if a.task == "multilabel" and a.target.shape[1] == 1:
            y, predicted, how = y[:, 0], predicted[:, 0], "binary"
        function = getattr(sk, f"{name}_score")
        return float(function(y, predicted, average=how, zero_division=0, **extra, **w(a)))

    return score


def explained(score: Callable[..., Any]) -> Oracle:
    """A share of explained variance.

    For a constant output it is 1 if the output is predicted exactly (for the explained variance: up to a
    constant), else 0. scikit-learn decides this by comparing with a rounded weighted mean.
    """

    def measure(a: Predictions, value: float | None) -> float:
        counts = weights(a) > 0
        y, p = a.target[counts], a.prediction[counts]
        if len(y) < 2:
            return math.nan
        scores = np.atleast_1d(
            score(
                y,
                p,
                multioutput="raw_values",
                sample_weight=None if a.weights is None else weights(a)[counts],
            )
        )
        error = p - y if score is sk.r2_score else p - y - (p - y)[:1]
        is_constant, is_met = np.ptp(y, axis=0) == 0, (error == 0).all(axis=0)
        return float(np.where(is_constant, is_met.astype(float), scores).mean())

    return measure


def one_against_rest(score: Callable[[np.ndarray, np.ndarray, np.ndarray], float]) -> Oracle:
    """The mean of a binary score over classes or labels, without those for which it is NaN."""

    def measure(a: Predictions, value: float | None) -> float:
        if a.task == "multilabel":
            pairs = [(a.target[:, o] == 1, a.prediction[:, o]) for o in range(a.prediction.shape[1])]
        elif a.prediction.shape[1] == 2:
            pairs = [(a.target == 1, a.prediction[:, 1])]
        else:
            present = np.unique(a.target)
            pairs = [(a.target == k, a.prediction[:, k]) for k in present] if len(present) > 1 else []
        extra = () if value is None else (value,)
        scores = [score(y, p, weights(a), *extra) for y, p in pairs]
        defined = [s for s in scores if not math.isnan(s)]
        return float(np.mean(defined)) if defined else math.nan

    return measure


def both(score: Callable[..., float]) -> Callable[..., float]:
    """The score; NaN unless both classes have rows of positive weight."""
    return lambda y, p, w, *v: score(y, p, w, *v) if w[y].sum() > 0 and w[~y].sum() > 0 else math.nan


def some(score: Callable[..., float]) -> Callable[..., float]:
    """The score; NaN unless the class has rows of positive weight."""
    return lambda y, p, w, *v: score(y, p, w, *v) if w[y].sum() > 0 else math.nan


def at_each(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> list[tuple[float, float, float]]:
    """Recall, precision and specificity at each threshold, each counted separately."""
    rows = []
    for t in np.unique(p):
        positive = p >= t
        hits = w[positive & y].sum()
        specificity = w[~positive & ~y].sum() / w[~y].sum() if w[~y].sum() else 1.0
        rows.append((hits / w[y].sum(), hits / max(w[positive].sum(), 1e-300), specificity))
    return rows


def best(of: int, under: int) -> Callable[..., float]:
    """The largest value of one column of ``at_each`` where another column reaches a minimum."""
    return lambda y, p, w, minimum=0.9: max(
        (row[of] for row in at_each(y, p, w) if row[under] >= minimum - 1e-12), default=0.0
    )


def precision_at_top(y: np.ndarray, p: np.ndarray, w: np.ndarray, share: float = 0.05) -> float:
    """The weight of hits among the first rows, which are taken group by group of equal scores."""
    if not w.sum() > 0:
        return math.nan
    size = rest = share * w.sum()
    hits = 0.0
    for score in sorted(set(p.tolist()), reverse=True):
        group = p == score
        if w[group].sum() > 0:
            used = min(rest, w[group].sum())
            hits, rest = hits + w[group & y].sum() / w[group].sum() * used, rest - used
    return float(hits / size)


def overlaps(a: Predictions, everything: bool) -> list[float]:
    """Intersection over union of each class that occurs or is predicted."""
    table = []
    if a.task == "multilabel":
        pairs = [(a.target[:, o] > 0.5, a.prediction[:, o] > 0.5) for o in range(a.prediction.shape[1])]
        pairs += [(~y, ~p) for y, p in pairs] if everything else []
    else:
        pairs = [(a.target == k, a.prediction.argmax(1) == k) for k in range(a.prediction.shape[1])]
        pairs = pairs[1:] if a.is_binary and not everything else pairs
    for y, p in pairs:
        either = weights(a)[y | p].sum()
        keeps = either > 0 if everything or (a.task == "classification" and not a.is_binary) else True
        if keeps or ((y | p).any() and not everything):
            table.append(weights(a)[y & p].sum() / either if either else 0.0)
    return table


def kinds(a: Predictions, target: bool, predicted: bool) -> float:
    """The weight of the rows in one cell of the binary confusion matrix."""
    if a.task == "multilabel":
        pairs = [(a.target[:, o] > 0.5, a.prediction[:, o] > 0.5) for o in range(a.prediction.shape[1])]
    else:
        pairs = [(a.target == k, a.prediction.argmax(1) == k) for k in range(a.prediction.shape[1])]
        pairs = pairs[1:] if a.is_binary else pairs
    return float(sum(weights(a)[(y == target) & (p == predicted)].sum() for y, p in pairs))


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float64))


def log_loss(a: Predictions, _: float | None) -> float:
    p = tensor(np.clip(a.prediction, 2**-52, 1 - 2**-52))
    if a.task == "multilabel":
        return mean(
            a, torch.nn.functional.binary_cross_entropy(p, tensor(a.target), reduction="none").numpy()
        )
    target = torch.from_numpy(a.target) if a.task == "classification" else tensor(a.target)
    return (
        mean(a, torch.nn.functional.cross_entropy(p.log(), target, reduction="none").numpy())
        if bool(torch.allclose(p.sum(1), torch.ones(len(p), dtype=torch.float64), atol=1e-12))
        else math.nan
    )


def calibration(a: Predictions, _: float | None) -> float:
    sure, right, total = a.prediction.max(1), a.prediction.argmax(1) == a.target, 0.0
    for b in range(15):
        inside = (sure > b / 15) & (sure <= (b + 1) / 15)
        total += abs((weights(a)[inside] * (right[inside] - sure[inside])).sum())
    return total / weights(a).sum()


def top_k(a: Predictions, k: float | None) -> float:
    order = np.argsort(-a.prediction, axis=1, kind="stable")[:, : int(5 if k is None else k)]
    return mean(a, [y in row for y, row in zip(a.actual, order, strict=True)])


def fit(a: Predictions, function: Callable[..., Any], **options: Any) -> float:
    return float(
        np.mean(
            [
                function(a.target[:, o], a.prediction[:, o], **options, **w(a))
                for o in range(a.target.shape[1])
            ]
        )
    )


def lines(a: Predictions) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(a.target[:, o], a.prediction[:, o]) for o in range(a.target.shape[1])]


def correlation(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    c = np.cov(np.stack([y, p]), aweights=w, ddof=0)
    return float(c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]))


def concordance(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    c = np.cov(np.stack([y, p]), aweights=w, ddof=0)
    return float(
        2 * c[0, 1] / (c[0, 0] + c[1, 1] + (np.average(y, weights=w) - np.average(p, weights=w)) ** 2)
    )


def torch_mean(loss: Callable[..., torch.Tensor]) -> Oracle:
    return lambda a, _: mean(a, loss(tensor(a.prediction), tensor(a.target)).numpy())


def pushed(power: int) -> Oracle:
    return lambda a, _: mean(a, np.maximum(0, 1 - np.where(a.target > 0, 1, -1) * a.prediction) ** power)


def averages(name: str) -> dict[str, Oracle]:
    return {f"{name}{'_' * bool(how)}{how}": counted(name, how) for how in ("", "micro", "weighted")}


F = torch.nn.functional
ORACLES: dict[str, Oracle] = {
    "accuracy": lambda a, _: mean(a, a.actual == a.predicted),
    "balanced_accuracy": lambda a, _: sk.balanced_accuracy_score(a.target, a.predicted, **w(a)),
    **averages("precision"),
    **averages("recall"),
    **averages("f1"),
    **averages("fbeta"),
    "roc_auc": one_against_rest(both(lambda y, p, w: sk.roc_auc_score(y, p, sample_weight=w))),
    "pr_auc": one_against_rest(some(lambda y, p, w: sk.average_precision_score(y, p, sample_weight=w))),
    "exact_match": lambda a, _: sk.accuracy_score(a.target.astype(int), a.predicted.astype(int), **w(a)),
    "hamming_loss": lambda a, _: sk.hamming_loss(a.actual.astype(int), a.predicted.astype(int), **w(a)),
    "top_k_accuracy": top_k,
    "specificity": lambda a, _: float(np.mean(specificities(a))),
    "mcc": lambda a, _: sk.matthews_corrcoef(a.target, a.predicted, **w(a)),
    "cohen_kappa": lambda a, _: sk.cohen_kappa_score(a.target, a.predicted, **w(a)),
    "iou": lambda a, _: float(np.mean(overlaps(a, False))),
    "mean_iou": lambda a, _: float(np.mean(overlaps(a, True))),
    "true_positives": lambda a, _: kinds(a, True, True),
    "false_positives": lambda a, _: kinds(a, False, True),
    "true_negatives": lambda a, _: kinds(a, False, False),
    "false_negatives": lambda a, _: kinds(a, True, False),
    "precision_at_top": one_against_rest(precision_at_top),
    "precision_at_recall": one_against_rest(some(best(1, 0))),
    "recall_at_precision": one_against_rest(some(best(0, 1))),
    "sensitivity_at_specificity": one_against_rest(both(best(0, 2))),
    "specificity_at_sensitivity": one_against_rest(both(best(2, 0))),
    "ks": one_against_rest(both(lambda y, p, w: max(abs(r - (1 - s)) for r, _, s in at_each(y, p, w)))),
    "log_loss": log_loss,
    "brier": lambda a, _: (
        mean(a, ((a.prediction - hot(a)) ** 2).sum(1) / (2 if a.is_binary else 1))
        if a.task != "multilabel"
        else mean(a, (a.prediction - a.target) ** 2)
    ),
    "calibration_error": calibration,
    "kl_divergence": lambda a, _: mean(
        a, [stats.entropy(y, np.clip(p, 2**-52, 1)) for y, p in zip(a.target, a.prediction, strict=True)]
    ),
    "mae": lambda a, _: sk.mean_absolute_error(a.target, a.prediction, **w(a)),
    "rmse": lambda a, _: sk.root_mean_squared_error(a.target, a.prediction, **w(a)),
    "r2": explained(sk.r2_score),
    "mse": lambda a, _: sk.mean_squared_error(a.target, a.prediction, **w(a)),
    "mape": lambda a, _: 100 * sk.mean_absolute_percentage_error(a.target, a.prediction, **w(a)),
    "msle": lambda a, _: sk.mean_squared_log_error(a.target.clip(0), a.prediction.clip(0), **w(a)),
    "log_cosh": lambda a, _: mean(a, np.log(np.cosh(a.prediction - a.target))),
    "median_absolute_error": lambda a, _: fit(a, sk.median_absolute_error),
    "max_error": lambda a, _: float(
        np.mean([sk.max_error(y[weights(a) > 0], p[weights(a) > 0]) for y, p in lines(a)])
    ),
    "quantile_loss": lambda a, v: sk.mean_pinball_loss(
        a.target, a.prediction, alpha=0.5 if v is None else v, **w(a)
    ),
    "explained_variance": explained(sk.explained_variance_score),
    "pearson": lambda a, _: float(np.mean([correlation(y, p, weights(a)) for y, p in lines(a)])),
    "concordance": lambda a, _: float(np.mean([concordance(y, p, weights(a)) for y, p in lines(a)])),
    "cosine_similarity": torch_mean(lambda p, y: F.cosine_similarity(p, y, dim=1)),
    "poisson": lambda a, _: (
        torch_mean(lambda p, y: F.poisson_nll_loss(p, y, log_input=False, eps=0, reduction="none"))(a, _)
        if (a.prediction > 0).all() and (a.target >= 0).all()
        else math.nan
    ),
    "hinge": pushed(1),
    "squared_hinge": pushed(2),
    "categorical_hinge": lambda a, _: mean(
        a,
        [
            max(0, 1 + max(p[y <= 0], default=-math.inf) - max(p[y > 0])) if (y > 0).any() else math.nan
            for y, p in zip(a.target, a.prediction, strict=True)
        ],
    ),
}


def hot(a: Predictions) -> np.ndarray:
    return np.eye(a.prediction.shape[1])[a.target] if a.task == "classification" else a.target


def specificities(a: Predictions) -> list[float]:
    """Recall of "not of the class": of class 1 of two, else of each class that occurs or is predicted."""
    if a.task == "multilabel":
        pairs = [(a.target[:, o] > 0.5, a.predicted[:, o]) for o in range(a.target.shape[1])]
    else:
        classes = [1] if a.is_binary else sorted({*a.target.tolist(), *a.predicted.tolist()})
        pairs = [(a.target == k, a.predicted == k) for k in classes]
    return [float(sk.recall_score(~y, ~p, zero_division=0, **w(a))) for y, p in pairs]
