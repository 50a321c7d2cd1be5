"""Prediction intervals of a regression, from rows that its network was not trained on.

*Quantile* intervals are as wide as the row requires. Small networks learn quantiles of the residual r from
the inputs and the prediction: two for each level. An interval is prediction + q_low - c to
prediction + q_high + c, where c is the conformal quantile of the scores max(q_low - r, r - q_high)
(conformalized quantile regression; ``train.evaluation.conformal``). The networks are an ensemble over five
folds, and a score is that of the member that was not trained on its row, so no rows are set aside.

*Constant* intervals are prediction - w to prediction + w, with the conformal quantile w of |r|. They are used
where there are too few rows to learn quantiles.

*Later rows*: where new rows are later than those of the training, residuals of the same period are too small.
The quantiles are then learned from earlier rows, and c is from the latest rows before the new ones, predicted
by a network that was trained on the rows before them. New rows are not exchangeable with those rows either,
so the coverage is measured and not guaranteed.

If no target of the training is negative, neither is an end: this cannot lower the coverage.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, cast, get_args

import numpy as np

from chainrule.errors import DataError, TrainingError, UsageError, fact, nearest
from chainrule.nn.loss.regression import Quantile
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import render
from chainrule.train.callback.early_stopping import EnsembleEarlyStopping
from chainrule.train.checkpoint import model_file
from chainrule.train.default_table_ensemble import (
    INTERVALS,
    CrossValidation,
    TabularRecipe,
    ensemble_network,
    out_of_fold,
)
from chainrule.train.evaluation.prediction import predict, predictions
from chainrule.train.evaluation.rows import encode_labeled, encode_rows
from chainrule.train.fit import fit
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData
from chainrule.train.model_state import ModelState, untrained
from chainrule.train.private.privacy import INTERVALS as INTERVALS_FACT
from chainrule.validation import random_seed, trained_network, unknown

# Prediction intervals of a regression: ranges that contain a new value with a chosen probability.
#
# They need no assumption about the distribution of the errors, only that the new row is exchangeable with the
# rows of the residuals, and that these rows were not used to train the network that predicts them.
#
# *Split-conformal*: residuals of rows that were not used in the training. The half width is the k-th smallest
# absolute residual of n, k = ceil((n + 1) level); the interval covers a new value with at least that
# probability.
#
# *Conformalized quantile regression*: with the quantiles q_low(x) and q_high(x) of rows that they were not
# fitted to, the score of a row is max(q_low(x) - y, y - q_high(x)), and the interval of a new row is
# q_low(x) - c to q_high(x) + c, with the same quantile c of the scores. The coverage is the same; the width
# follows the row.
#
# *Groups*: where the rows of a group resemble each other and the new row is of another group, the groups are
# exchangeable, not their rows. Every group has the same share of the distribution of the residuals, and the
# new group one that is infinitely far away.
#
# References: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-free predictive inference
# for regression, JASA 113, section 2.2; Romano, Patterson and Candès (2019), Conformalized quantile
# regression, NeurIPS 32; Tibshirani, Barber, Candès and Ramdas (2019), Conformal prediction under covariate
# shift, NeurIPS 32, for weights; Lee, Barber and Willett (2023), Distribution-free inference with
# hierarchical data, arXiv:2306.06342, for groups.

IntervalMethod = Literal["quantile", "constant"]
INTERVAL_METHODS: tuple[IntervalMethod, ...] = get_args(IntervalMethod)
LEVEL = 0.9


def conformal_quantile(
    scores: np.ndarray,
    level: float = LEVEL,
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> float:
    """Return the k-th smallest of n scores, k = ceil((n + 1) level); infinite if there are too few for the
    level.

    The score of a new row is at most this number with a probability of at least ``level``, if it is
    exchangeable with the others.

    Args:
        scores: (n,) how badly each row fits, such as absolute residuals of rows that were not used in the
            training; negative ones are allowed.
        level: the probability that an interval contains the value, above 0 and below 1.
        weights: (n,) sample weights, at least 0 and not all 0; the new row is assumed to have their mean. By
            default all are equal.
        groups: (n,) the group of each row; the new row is of another one. ``None``: rows are independent.

    Example:
        >>> conformal_quantile(np.arange(9.0) - 4)
        4.0
        >>> groups = np.array([0, 0, 0, 0, 1, 2])
        >>> conformal_quantile(np.array([1.0, 1.0, 1.0, 1.0, 2.0, 3.0]), 0.75, groups=groups)
        3.0
    """
    sizes = np.asarray(scores, np.float64)
    shares = np.ones(len(sizes)) if weights is None else np.asarray(weights, np.float64)
    used = shares > 0
    sizes, shares = sizes[used], shares[used] / shares[used].mean()
    count = len(sizes)  # of what is exchangeable
    if groups is not None:
        codes = np.unique(np.asarray(groups)[used], return_inverse=True)[1]
        totals = np.bincount(codes, shares)
        shares, count = shares / totals[codes], len(totals)
    order = np.argsort(sizes, kind="stable")
    rank = int(np.searchsorted(np.cumsum(shares[order]), (count + 1) * level - 1e-9))
    return float(sizes[order[rank]]) if rank < len(sizes) else math.inf


LEVELS = (0.5, 0.8, 0.9, 0.95)
MIN_ROWS = 200  # from which quantiles are learned
MIN_LABELED = 40  # rows of ``calibrate_intervals``
MAX_FEATURES = 1_024  # inputs that the networks of quantiles read; with more, they read the prediction alone
PARTS = 5  # of the rows, to measure the coverage
RECIPE = TabularRecipe(
    5, 5, (INTERVALS,), units=32, epochs=60, patience=10, batch_size=128, weight_decay=0.01
)
PREDICTION = (0,)  # the feature that is encoded by intervals
_STREAM = 0x494E5456  # "INTV"


@frozen(eq=False)
class Residuals:
    """Rows outside the training.

    Args:
        x: (N, ...) inputs of the network.
        prediction: (N,) of networks that were not trained on the rows.
        y: (N,) targets.
        weights: (N,) sample weights.
        groups: (N,) the group of each row; new rows are of other groups.
    """

    x: np.ndarray
    prediction: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Residuals:
        """Return some of the rows."""
        weights, groups = (None if part is None else part[rows] for part in (self.weights, self.groups))
        return Residuals(self.x[rows], self.prediction[rows], self.y[rows], weights, groups)

    @property
    def size(self) -> np.ndarray:
        """(N,) the residuals."""
        return np.asarray(self.y, np.float64) - self.prediction


@frozen(eq=False)
class Quantiles:
    """Networks of the quantiles of the residual.

    Args:
        network: an ensemble; outputs the lower, then the upper quantile of each level, in units of ``unit``.
        center, spread: of the predictions, which the network reads first, standardized.
        unit: the mean absolute residual.
    """

    network: ModelState
    center: float
    spread: float
    unit: float

    def __call__(self, x: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return the quantiles of new rows, (N, 2 L)."""
        assert self.network.network is not None
        name = next(iter(self.network.network.inputs))
        inputs = {name: self.features(x, prediction)}
        (values,) = predictions(self.network, inputs, "prediction").values()
        return values.astype(np.float64) * self.unit

    def features(self, x: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Return the prediction and the inputs of each row, (N, F)."""
        first = ((prediction - self.center) / self.spread).astype(np.float32)[:, None]
        is_flat = isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] <= MAX_FEATURES
        return np.concatenate([first, x], axis=1, dtype=np.float32) if is_flat else first


@frozen
class IntervalCoverage:
    """The measured intervals of one level.

    Args:
        share: of the rows whose value is inside.
        width: the mean width.
    """

    share: float
    width: float

    @staticmethod
    def of(
        low: np.ndarray, high: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None
    ) -> IntervalCoverage:
        """Compare the ends of the intervals of N rows with their values."""
        is_inside = (low <= y) & (y <= high)
        return IntervalCoverage(
            float(np.average(is_inside, weights=weights)), float(np.average(high - low, weights=weights))
        )


@frozen(eq=False)
class Intervals:
    """The prediction intervals of a regression.

    Args:
        margins: by level, what is added to the upper and subtracted from the lower end.
        quantiles: of the residual; ``None``: intervals of constant width.
        lowest: the smallest end; ``None``: there is none.
        rows: the number of rows that the margins are from.
        is_later: whether new rows are later than these rows.
        measured: these rows in intervals with margins of other rows, by level; ``None`` where rows are later.
    """

    margins: Mapping[float, float]
    quantiles: Quantiles | None
    lowest: float | None
    rows: int
    is_later: bool = False
    measured: Mapping[float, IntervalCoverage] | None = None

    @property
    def method(self) -> IntervalMethod:
        """The method by which the intervals were obtained."""
        return "constant" if self.quantiles is None else "quantile"

    def ends(self, x: np.ndarray, prediction: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper ends of new rows, (N,) each.

        Args:
            x: (N, ...) inputs of the network.
            prediction: (N,) of the network.
            level: the probability that an interval contains the value; one of ``margins``.
        """
        predicted = np.asarray(prediction, np.float64)
        own = np.zeros((len(predicted), 2 * len(LEVELS)))
        own = own if self.quantiles is None else self.quantiles(x, predicted)
        return _ends(predicted, _pair(own, level), self.margins[level], self.lowest)

    @property
    def fact(self) -> dict[str, Any]:
        """The intervals as plain data for a model file."""
        q = self.quantiles
        network = "" if q is None else base64.b64encode(model_file.to_bytes(q.network)).decode()
        numbers = [] if q is None else [q.center, q.spread, q.unit]
        return {
            "margins": {f"{level:g}": margin for level, margin in self.margins.items()},
            "network": network,
            "numbers": numbers,
            "lowest": self.lowest,
            "rows": self.rows,
            "is_later": self.is_later,
        }

    @staticmethod
    def of_fact(record: Any) -> Intervals | None:
        """Return the intervals of a model file; ``None`` if there are none or they are damaged.

        Raises:
            FileError: the networks of the quantiles are damaged.
        """
        if not isinstance(record, Mapping) or not isinstance(record.get("margins"), Mapping):
            return None
        names = {f"{level:g}": level for level in LEVELS}
        margins, lowest, rows = record["margins"], record.get("lowest"), record.get("rows")
        are_valid = set(margins) <= set(names) and all(map(_is_finite, margins.values()))
        numbers, network = record.get("numbers"), record.get("network")
        if not are_valid or not (lowest is None or _is_finite(lowest)) or type(rows) is not int:
            return None
        quantiles = _quantiles_of(network, numbers) if network else None
        if network and quantiles is None:
            return None
        by_level = {names[name]: margin for name, margin in margins.items()}
        return Intervals(by_level, quantiles, lowest, rows, record.get("is_later") is True)


def fit_intervals(
    rows: Residuals,
    later: Residuals | None = None,
    *,
    method: IntervalMethod = "quantile",
    is_signed: bool = True,
    seed: int = 0,
) -> Intervals:
    """Fit prediction intervals to rows outside the training.

    Args:
        rows: to learn quantiles from, and for the margins.
        later: the latest rows before the new ones, for the margins; ``None``: new rows are exchangeable with
            ``rows``.
        method: ``"quantile"``, which requires ``MIN_ROWS`` rows, or ``"constant"``.
        is_signed: whether the target may be negative.
        seed: of the folds and the initial parameters.

    Reference: Romano, Patterson and Candès (2019), Conformalized quantile regression, NeurIPS 32; Lei,
    G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-free predictive inference for regression,
    JASA 113, for constant widths.
    """
    seed = random_seed(seed, "calibrate_intervals")
    quantiles, own = None, np.zeros((len(rows.y), 2 * len(LEVELS)))
    if method == "quantile" and len(rows.y) >= MIN_ROWS and np.ptp(rows.size) > 0:
        quantiles, own = _fit_quantiles(rows, seed)
    base = rows
    if later is not None:
        base = later
        own = np.zeros((len(later.y), own.shape[1]))
        own = own if quantiles is None else quantiles(later.x, later.prediction)
    lowest = None if is_signed else 0.0
    margins, measured = {}, {}
    for level in LEVELS:
        pair = _pair(own, level)
        scores = np.maximum(pair[0] - base.size, base.size - pair[1])
        margin = conformal_quantile(scores, level, base.weights, base.groups)
        if not math.isfinite(margin):
            continue
        margins[level] = margin
        if later is None:
            measured[level] = _measured(base, pair, level, lowest, seed)
    return Intervals(margins, quantiles, lowest, len(base.y), later is not None, measured or None)


def _measured(
    rows: Residuals, pair: tuple[np.ndarray, np.ndarray], level: float, lowest: float | None, seed: int
) -> IntervalCoverage:
    """Return the intervals of rows with margins from four fifths of the others."""
    units = np.arange(len(rows.y)) if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1]
    part = _parts(units, PARTS, seed)
    scores, ends = np.maximum(pair[0] - rows.size, rows.size - pair[1]), np.empty((2, len(units)))
    for number in range(PARTS):
        own, others = part == number, part != number
        weights, groups = (None if w is None else w[others] for w in (rows.weights, rows.groups))
        margin = conformal_quantile(scores[others], level, weights, groups)
        ends[0, own], ends[1, own] = _ends(rows.prediction[own], (pair[0][own], pair[1][own]), margin, lowest)
    return IntervalCoverage.of(ends[0], ends[1], rows.y, rows.weights)


def _fit_quantiles(rows: Residuals, seed: int) -> tuple[Quantiles, np.ndarray]:
    """Fit networks of the quantiles; also return the quantiles by the member not trained on each row."""
    prediction, unit = np.asarray(rows.prediction, np.float64), float(np.abs(rows.size).mean())
    tails = [(1 - level) / 2 for level in LEVELS]
    loss = Quantile(levels=(*tails, *(1 - tail for tail in tails)))
    net = ensemble_network(RECIPE, PREDICTION, len(loss.levels), "value")
    state = untrained(net, loss, RECIPE.optimizer)
    quantiles = Quantiles(state, float(prediction.mean()), float(prediction.std()) or 1.0, unit)
    x = quantiles.features(rows.x, prediction)
    y = np.repeat((rows.size / unit).astype(np.float32)[:, None], len(loss.levels), axis=1)
    units = np.arange(len(x)) if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1]
    plan = CrossValidation(_parts(units, RECIPE.folds, seed), RECIPE.folds, RECIPE.members)
    share = 1.0 if rows.weights is None else rows.weights[:, None]
    options = FitOptions(
        RECIPE.epochs,
        RECIPE.batch_size,
        seed,
        verbose=False,
        probes=False,
        doctor=False,
        callbacks=[EnsembleEarlyStopping(patience=RECIPE.patience)],
        sample_weight=plan.training * share,
    )
    trained = fit(state, TrainingData(x, y, (x, y, plan.validation * share)), options)
    own = out_of_fold(trained, x, plan)[1].astype(np.float64) * unit
    return Quantiles(trained, quantiles.center, quantiles.spread, unit), own


def _parts(units: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the part of each row, (N,): units, numbered from 0, are divided at random."""
    total = int(units.max()) + 1
    part = np.zeros(total, np.int64)
    part[permutation(fold(key_of(seed), _STREAM), total)] = np.arange(total) % count
    return part[units]


def _pair(quantiles: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and the upper quantile of a level, (N,) each; where they cross, their mean."""
    index = LEVELS.index(level)
    low, high = quantiles[:, index], quantiles[:, index + len(LEVELS)]
    middle = (low + high) / 2
    return np.minimum(low, middle), np.maximum(high, middle)


def _ends(
    prediction: np.ndarray, pair: tuple[np.ndarray, np.ndarray], margin: float, lowest: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of intervals, rounded outward: a residual equal to the margin is inside."""
    low, high = prediction + (pair[0] - margin), prediction + (pair[1] + margin)
    sizes = np.abs(prediction) + np.maximum(np.abs(pair[0]), np.abs(pair[1])) + abs(margin)
    rounding = 4 * np.finfo(np.float64).eps * np.where(np.isfinite(sizes), sizes, 0.0)
    crossed = low > high  # where a negative margin exceeds the width
    middle = (np.where(crossed, low, 0.0) + np.where(crossed, high, 0.0)) / 2
    low, high = np.where(crossed, middle, low) - rounding, np.where(crossed, middle, high) + rounding
    return (low, high) if lowest is None else (np.maximum(low, lowest), np.maximum(high, lowest))


def calibrate_intervals(
    model: ModelState, x: Any, y: Any = None, *, method: IntervalMethod = "quantile", seed: int = 0
) -> IntervalReport:
    """Fit prediction intervals to labeled rows without storing them; see ``Model.calibrate_intervals``."""
    require_method(method, "calibrate_intervals, method")
    _require_values(model, "calibrate_intervals")
    rows = encode_labeled(model, x, y, "calibrate_intervals")
    predicted = np.asarray(predict(model, x), np.float64)
    values = next(iter(rows.y.values())).reshape(rows.count, -1)
    if values.shape[1] != 1:
        received = fact("{count} values", count=values.shape[1])
        expected = fact("a regression of one value")
        raise TrainingError(
            "E507", where="calibrate_intervals", received=received, expected=expected, fix="model.predict(x)"
        )
    if rows.count < MIN_LABELED:
        expected = fact("at least {count} rows", count=MIN_LABELED)
        received = fact("{count} rows", count=rows.count)
        fix = fact("add rows")
        raise DataError("E331", where="calibrate_intervals", expected=expected, received=received, fix=fix)
    restored = values if model.preparation is None else model.preparation.restore(values)
    own = Residuals(next(iter(rows.x.values())), predicted.ravel(), np.asarray(restored, np.float64).ravel())
    return report_of(
        model, own, fit_intervals(own, method=method, is_signed=bool(own.y.min() < 0), seed=seed)
    )


def require_method(method: str, where: str) -> IntervalMethod:
    """Return the method, one of ``INTERVAL_METHODS``.

    Raises:
        UsageError E101: another name.
    """
    if method not in INTERVAL_METHODS:
        raise unknown(where, method, INTERVAL_METHODS, 'method="{}"', example="quantile")
    return cast(IntervalMethod, method)


def report_of(model: ModelState, rows: Residuals, intervals: Intervals) -> IntervalReport:
    """Report new intervals beside those that the model has, on the same rows.

    Args:
        model: the trained model.
        rows: that ``intervals`` were formed from.
        intervals: the new ones.
    """
    stored = Intervals.of_fact(model.facts.get(INTERVALS_FACT))
    levels = () if stored is None else stored.margins
    before = {
        level: IntervalCoverage.of(*stored.ends(rows.x, rows.prediction, level), rows.y, rows.weights)
        for level in levels
        if stored is not None
    }
    return IntervalReport(intervals, before, settings.lang)


def with_intervals(model: ModelState, intervals: Intervals) -> ModelState:
    """Return the model with prediction intervals, which its file then contains."""
    return replace(model, facts={**model.facts, INTERVALS_FACT: intervals.fact})


@frozen(eq=False)
class IntervalReport:
    """Prediction intervals formed from labeled rows, and how often they contain the value; prints as text.

    Args:
        intervals: with their measured coverage.
        before: the intervals that the model had, on the same rows, by level; empty if it had none.
        lang: of the text.
    """

    intervals: Intervals
    before: Mapping[float, IntervalCoverage]
    lang: str

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        intervals = self.intervals
        lines = [render(f"intervals_{intervals.method}", self.lang, rows=intervals.rows)]
        for level, new in (intervals.measured or {}).items():
            words = {"level": f"{level:.0%}", "share": f"{new.share:.1%}", "width": f"{new.width:.4g}"}
            lines.append(render("intervals_level", self.lang, **words))
            if old := self.before.get(level):
                words |= {"share": f"{old.share:.1%}", "width": f"{old.width:.4g}"}
                lines.append(render("intervals_before", self.lang, **words))
        missing = [f"{level:.0%}" for level in LEVELS if level not in intervals.margins]
        if missing:
            levels = render("calibration_sets_joined", self.lang).join(missing)
            lines.append(render("intervals_too_few", self.lang, levels=levels))
        if intervals.lowest is not None:
            lines.append(render("intervals_lowest", self.lang))
        return lines


def predict_interval(model: ModelState, x: Any, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals of rows; see ``Model.predict_interval``."""
    _require_values(model, "predict_interval")
    intervals = Intervals.of_fact(model.facts.get(INTERVALS_FACT))
    margins = {} if intervals is None else intervals.margins
    if intervals is None or level not in margins:
        names = [f"{known:g}" for known in margins]
        fix = "model.calibrate_intervals(x, y)"
        if names:
            fix = f"level={nearest(f'{level:g}', names) or names[-1]}"
        raise UsageError(
            "E101",
            where="predict_interval, level",
            name=f"{level:g}",
            received=f"{level:g}",
            expected=", ".join(names) or fact("a model with intervals"),
            fix=fix,
        )
    predicted = np.asarray(predict(model, x), np.float64).ravel()
    return intervals.ends(next(iter(encode_rows(model, x, "predict_interval").x.values())), predicted, level)


def _require_values(model: ModelState, where: str) -> None:
    """Require a trained model of one value.

    Raises:
        TrainingError E503: it is not trained. E507: it predicts something else.
    """
    trained_network(model, where)
    (target,) = model.targets.values() if len(model.targets) == 1 else (None,)
    if target is None or target.loss.task != "regression":
        received = ", ".join(model.targets) if target is None else target.loss.name
        expected = fact("a regression of one value")
        raise TrainingError("E507", where=where, received=received, expected=expected, fix="model.predict(x)")


def _quantiles_of(network: Any, numbers: Any) -> Quantiles | None:
    if not isinstance(network, str) or not isinstance(numbers, list) or len(numbers) != 3:
        return None
    if not all(map(_is_finite, numbers)) or numbers[1] <= 0 or numbers[2] < 0:
        return None
    try:
        content = base64.b64decode(network, validate=True)
    except (binascii.Error, ValueError):
        return None
    state = model_file.from_bytes(content, (), "intervals")
    losses = [target.loss for target in state.targets.values() if isinstance(target.loss, Quantile)]
    if state.network is None or len(losses) != 1 or len(losses[0].levels) != 2 * len(LEVELS):
        return None
    return Quantiles(state, *numbers)


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
