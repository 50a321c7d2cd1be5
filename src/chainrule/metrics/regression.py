"""Metrics of regression: distances between predicted values and targets.

A metric of several outputs is the unweighted mean of the metrics of the outputs, as in scikit-learn.
"""

from __future__ import annotations

import numpy as np

from chainrule.metrics.inputs import Predictions, ratio
from chainrule.metrics.metric import Metric, Option

VALUES = ("regression",)
BOTH = ("regression", "distribution")


def _absolute(a: Predictions) -> float:
    return float(a.mean(np.abs(a.error)).mean())


def _squared(a: Predictions) -> float:
    return float(a.mean(a.error**2).mean())


def _root(a: Predictions) -> float:
    return float(np.sqrt(a.mean(a.error**2)).mean())


def _percentage(a: Predictions) -> float:
    size = np.maximum(np.abs(a.target.astype(np.float64)), np.finfo(np.float64).eps)
    return float(a.mean(np.abs(a.error) / size).mean()) * 100.0


def _squared_logarithmic(a: Predictions) -> float:
    p, y = (np.log1p(np.maximum(part.astype(np.float64), 0.0)) for part in (a.prediction, a.target))
    return float(a.mean((p - y) ** 2).mean())


def _log_cosh(a: Predictions) -> float:
    size = np.abs(a.error)  # log cosh e = |e| + log(1 + exp(-2 |e|)) - log 2, which never overflows
    return float(a.mean(size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0)).mean())


def _median(a: Predictions) -> float:
    """Return the weighted median of |e|; the mean of two values if both halves have the same weight."""
    size = np.abs(a.error)
    if a.weights is None:
        return float(np.median(size, axis=0).mean())
    order = np.argsort(size, axis=0, kind="stable")
    return float(
        np.mean([_middle(size[order[:, o], o], a.weights[order[:, o]]) for o in range(size.shape[1])])
    )


def _middle(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted median of sorted values."""
    values, weights = values[weights > 0], weights[weights > 0].astype(np.float64)
    below = np.cumsum(weights)
    half = below[-1] / 2
    low = int(np.searchsorted(below, half))
    is_even = low + 1 < len(values) and np.isclose(below[low], half, rtol=1e-12)
    return float((values[low] + values[low + 1]) / 2 if is_even else values[low])


def _largest(a: Predictions) -> float:
    size = np.abs(a.error)
    counted = size if a.weights is None else size[a.weights > 0]
    return float(counted.max(axis=0).mean())


def _quantile(a: Predictions, alpha: float) -> float:
    return float(a.mean(np.maximum(-alpha * a.error, (1 - alpha) * a.error)).mean())


def _explained(a: Predictions, unexplained: np.ndarray) -> float:
    """Return 1 - unexplained / variance of the targets, averaged over the outputs.

    NaN if fewer than two rows have a positive weight.
    """
    y = a.target.astype(np.float64)
    counted = y if a.weights is None else y[a.weights > 0]
    if len(counted) < 2:
        return float("nan")
    variance = np.where(np.ptp(counted, axis=0) > 0, a.mean((y - a.mean(y)) ** 2), 0.0)
    # A constant target has no variance: 1 if it is predicted exactly, otherwise 0.
    constant = np.where(unexplained > 0, 0.0, 1.0)
    return float(np.where(variance > 0, 1.0 - ratio(unexplained, variance), constant).mean())


def _r2(a: Predictions) -> float:
    return _explained(a, a.mean(a.error**2))


def _explained_variance(a: Predictions) -> float:
    return _explained(a, a.mean((a.error - a.mean(a.error)) ** 2))


def _moments(a: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return variances of targets and predictions, covariance, difference of the means: (O,) each."""
    y, p = a.target.astype(np.float64), a.prediction.astype(np.float64)
    y, p, difference = y - a.mean(y), p - a.mean(p), a.mean(a.error)
    return a.mean(y**2), a.mean(p**2), a.mean(y * p), difference


def _pearson(a: Predictions) -> float:
    target_variance, variance, covariance, _ = _moments(a)
    spread = np.sqrt(target_variance * variance)
    return float((covariance / spread).mean()) if (spread > 0).all() else float("nan")


def _concordance(a: Predictions) -> float:
    target_variance, variance, covariance, difference = _moments(a)
    spread = target_variance + variance + difference**2
    return float((2 * covariance / spread).mean()) if (spread > 0).all() else float("nan")


def _cosine(a: Predictions) -> float:
    y, p = a.target.astype(np.float64), a.prediction.astype(np.float64)
    lengths = np.linalg.norm(y, axis=1) * np.linalg.norm(p, axis=1)
    return float(a.mean(ratio((y * p).sum(axis=1), lengths)))


def _poisson(a: Predictions) -> float:
    y, p = a.target.astype(np.float64), a.prediction.astype(np.float64)
    if (p < 0).any() or (y < 0).any() or ((p == 0) & (y > 0)).any():
        return float("nan")
    return float(a.mean(p - np.where(y > 0, y * np.log(np.where(y > 0, p, 1.0)), 0.0)).mean())


def _signs(a: Predictions) -> np.ndarray:
    return np.where(a.target > 0, 1.0, -1.0)


def _hinge(a: Predictions) -> float:
    return float(a.mean(np.maximum(0.0, 1.0 - _signs(a) * a.prediction)).mean())


def _squared_hinge(a: Predictions) -> float:
    return float(a.mean(np.maximum(0.0, 1.0 - _signs(a) * a.prediction) ** 2).mean())


def _categorical_hinge(a: Predictions) -> float:
    is_class, scores = a.target > 0, a.prediction.astype(np.float64)
    score = np.max(scores, axis=1, where=is_class, initial=-np.inf)
    other = np.max(scores, axis=1, where=~is_class, initial=-np.inf)
    margins = np.maximum(0.0, 1.0 + other - score)
    return float(a.mean(margins)) if np.isfinite(score).all() else float("nan")


_E = "e = p - y"
ERRORS = (
    Metric(
        "mae",
        _absolute,
        BOTH,
        "values",
        f"mean |e|, {_E}",
        "The mean absolute error, in the units of the target.",
        ("平均绝对误差", "误差绝对值的平均，单位与目标相同。"),
        larger=False,
        usual=True,
        sklearn="mean_absolute_error",
        keras="MeanAbsoluteError",
    ),
    Metric(
        "rmse",
        _root,
        BOTH,
        "values",
        f"sqrt(mean e^2), {_E}",
        "The square root of the mean squared error, in the units of the target; large errors count more.",
        ("均方根误差", "均方误差的平方根，单位与目标相同。"),
        larger=False,
        usual=True,
        sklearn="root_mean_squared_error",
        keras="RootMeanSquaredError",
    ),
    Metric(
        "r2",
        _r2,
        VALUES,
        "values",
        "1 - sum w e^2 / sum w (y - mean y)^2",
        "The fraction of the variance of the target that is explained: 1 all, 0 no better than its mean.",
        ("决定系数", "被解释的目标方差的比例；1 为全部，0 不比均值好。"),
        usual=True,
        sklearn="r2_score",
        keras="R2Score",
        note="1 or 0 for a constant target; NaN for a single row.",
    ),
)
MORE_ERRORS = (
    Metric(
        "mse",
        _squared,
        BOTH,
        "values",
        f"mean e^2, {_E}",
        "The mean squared error.",
        ("均方误差", "误差平方的平均。"),
        larger=False,
        sklearn="mean_squared_error",
        keras="MeanSquaredError",
    ),
    Metric(
        "mape",
        _percentage,
        VALUES,
        "values",
        "100 mean |e| / |y|",
        "The mean absolute error in percent of the target.",
        ("平均绝对百分比误差", "误差占目标的百分比的平均。"),
        larger=False,
        sklearn="mean_absolute_percentage_error",
        keras="MeanAbsolutePercentageError",
        note="In percent, as in Keras; scikit-learn returns a fraction. Very large for a target close to 0.",
    ),
    Metric(
        "msle",
        _squared_logarithmic,
        VALUES,
        "values",
        "mean (log(1 + p) - log(1 + y))^2",
        "The mean squared difference of logarithms: relative errors count equally at every scale.",
        ("均方对数误差", "对数之差的平方的平均。"),
        larger=False,
        sklearn="mean_squared_log_error",
        keras="MeanSquaredLogarithmicError",
        note="Negative values are replaced by 0, as in Keras.",
    ),
    Metric(
        "log_cosh",
        _log_cosh,
        VALUES,
        "values",
        "mean log cosh e",
        "Approximately the squared error where it is small and the absolute error where it is large.",
        ("对数双曲余弦误差", "误差小时近似平方，大时近似绝对值。"),
        larger=False,
        keras="LogCoshError",
    ),
    Metric(
        "median_absolute_error",
        _median,
        VALUES,
        "values",
        "median |e|",
        "The median of the absolute errors, which is robust to outliers.",
        ("绝对误差中位数", "绝对误差的中位数，不受离群值影响。"),
        larger=False,
        sklearn="median_absolute_error",
    ),
    Metric(
        "max_error",
        _largest,
        VALUES,
        "values",
        "max |e|",
        "The largest absolute error of the rows with a positive weight.",
        ("最大误差", "最大的绝对误差。"),
        larger=False,
        sklearn="max_error",
    ),
    Metric(
        "quantile_loss",
        _quantile,
        VALUES,
        "values",
        "mean max(alpha (y - p), (1 - alpha) (p - y))",
        "The pinball loss, which is smallest for predictions of the alpha quantile.",
        ("分位数损失", "弹球损失：对 alpha 分位数的预测最小。"),
        larger=False,
        option=Option("alpha", 0.5, 0.0, 1.0),
        sklearn="mean_pinball_loss",
    ),
    Metric(
        "explained_variance",
        _explained_variance,
        VALUES,
        "values",
        "1 - var(e) / var(y)",
        "Like r2, but a constant error does not count.",
        ("可解释方差", "类似决定系数，但不计恒定偏差。"),
        sklearn="explained_variance_score",
    ),
    Metric(
        "pearson",
        _pearson,
        VALUES,
        "values",
        "cov(y, p) / sqrt(var(y) var(p))",
        "The linear correlation of predictions and targets; independent of their scales.",
        ("皮尔逊相关系数", "预测与目标的线性相关程度。"),
        keras="PearsonCorrelation",
        note="Over the rows, for each output; Keras: within each row. NaN for constant values.",
    ),
    Metric(
        "concordance",
        _concordance,
        VALUES,
        "values",
        "2 cov(y, p) / (var(y) + var(p) + (mean e)^2)",
        "The correlation that also requires equal means and scales.",
        ("一致性相关系数", "同时要求均值与尺度一致的相关系数。"),
        keras="ConcordanceCorrelation",
        note="Over the rows, for each output. Lin (1989).",
    ),
    Metric(
        "cosine_similarity",
        _cosine,
        BOTH,
        "values",
        "mean of y.p / (|y| |p|)",
        "The cosine of the angle between predictions and targets: 1 same direction, -1 opposite.",
        ("余弦相似度", "预测向量与目标向量的方向一致程度。"),
        keras="CosineSimilarity",
        note="Each row is a vector; a vector of length 0 counts as 0.",
    ),
    Metric(
        "poisson",
        _poisson,
        VALUES,
        "values",
        "mean (p - y log p)",
        "The negative log-likelihood of counts, with the predictions as Poisson rates.",
        ("泊松损失", "以预测为泊松率时计数的负对数似然。"),
        larger=False,
        keras="Poisson",
        note="Without the term log y!, as in Keras. NaN for a negative rate or count, and for a rate of 0 "
        "with a positive count.",
    ),
    Metric(
        "hinge",
        _hinge,
        VALUES,
        "values",
        "mean max(0, 1 - s p), s = 1 for y > 0, else -1",
        "How far scores are from a margin of 1 on the correct side.",
        ("合页损失", "得分未达到正确一侧 1 的差距。"),
        larger=False,
        sklearn="hinge_loss",
        keras="Hinge",
    ),
    Metric(
        "squared_hinge",
        _squared_hinge,
        VALUES,
        "values",
        "mean max(0, 1 - s p)^2",
        "The squared distance of scores from a margin of 1 on the correct side.",
        ("平方合页损失", "合页差距的平方。"),
        larger=False,
        keras="SquaredHinge",
    ),
    Metric(
        "categorical_hinge",
        _categorical_hinge,
        VALUES,
        "values",
        "mean max(0, 1 + max p of others - p of the class)",
        "How far the score of the class is from exceeding all others by 1.",
        ("多类合页损失", "正确类别得分高出其他类别不足 1 的差距。"),
        larger=False,
        keras="CategoricalHinge",
        note="The class is where the target is positive; NaN for a row without one.",
    ),
)
