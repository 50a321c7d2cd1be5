"""``TabularRegressor``: a regressor with the interface of scikit-learn."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags, check_consistent_length, column_or_1d
from sklearn.utils.validation import _check_y

from chainrule.data import Finding
from chainrule.data.tables.task import Head
from chainrule.errors import DataError, UsageError, fact
from chainrule.estimators.base_estimator import TabularEstimator
from chainrule.estimators.default_network import held_out, in_units, weighted_mean_and_deviation
from chainrule.estimators.inputs import EncodedRows, warn
from chainrule.model import Model
from chainrule.tabular.comparison import Scores
from chainrule.train.private.privacy import INTERVALS
from chainrule.uncertainty.prediction_intervals import (
    MIN_LABELED,
    IntervalMethod,
    IntervalReport,
    Residuals,
    fit_intervals,
    report_of,
    require_method,
    with_intervals,
)

MIN_SCORED = 20  # rows outside the training from which a good score is no accident


@dataclass(eq=False, repr=False)
class TabularRegressor(RegressorMixin, TabularEstimator):
    """Neural network that predicts numbers from rows of a table, with the interface of scikit-learn.

    By default it trains what ``chainrule train`` trains: an ensemble over the folds of a cross-validation, in
    which each row trains most of the members. A custom network has standardized features, and one fifth of
    the rows for early stopping. In both the parameters of the best epoch are kept, and predictions are in
    the units of the targets. A data frame with categories, dates or missing values is prepared as ``chainrule
    train`` prepares a file.

    Args:
        net: ``"ensemble"``; or hidden layers as text (``"64 relu, dropout 0.2"``), or a layer, to which the
            output layer is appended.
        epochs: maximum number of passes over the rows. For this and the next four arguments, ``None`` is the
            value of ``chainrule.train.default_table_ensemble.recipe_for`` for the number of distinct rows.
        batch_size: rows per update.
        learning_rate: initial learning rate of AdamW; it decreases to 0 by a cosine.
        weight_decay: decoupled weight decay.
        patience: epochs without improvement of the validation loss before early stopping; 0 disables it.
        kinds: the kinds of columns of a data frame where they are not to be inferred, by name:
            ``{"zip": "category"}``; one of ``"category"``, ``"number"``, ``"date"``, ``"time"``,
            ``"duration"``, ``"text"``, ``"yes_no"`` or, to leave a column out, ``"id"``.
        interval_method: ``"quantile"`` (as wide as the row requires) or ``"constant"``: ``fit`` also forms
            prediction intervals from the errors of rows that the networks were not trained on, as ``chainrule
            train`` does. ``None``: it does not, which saves the time of a small training.
        warm_start: whether ``fit`` starts from the present parameters.
        random_state: seed of the folds, the initial values and the order of the rows; ``None`` samples one.
        verbose: show a progress bar.

    Attributes:
        n_iter_: epochs of ``fit``, or updates by ``partial_fit``.
        n_features_in_, feature_names_in_: number of features; their names, for a data frame.
        model_: the trained ``chainrule.Model``.

    Raises:
        ValueError: in ``fit``: data that scikit-learn or chainrule refuses, with the reason.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> x, y = load_diabetes(return_X_y=True)
        >>> regressor = TabularRegressor(random_state=0).fit(x, y)
        >>> regressor.predict(x[:2]).shape, bool(regressor.score(x, y) > 0.4)
        ((2,), True)
    """

    _is_regression = True

    _: KW_ONLY
    interval_method: Literal["quantile", "constant"] | None = None

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one update on a batch.

        The first call samples the initial values and fixes the scales of features and targets.

        Args:
            X, y, sample_weight: the batch, as in ``fit``.

        Returns:
            the estimator.
        """
        return self._partial_fit(X, y, sample_weight, is_first=not self._has_network)

    def predict(self, X: Any) -> np.ndarray:
        """Return the prediction for each row, (N,) or (N, O), in the units of the targets.

        Args:
            X: rows, as in ``fit``.
        """
        values = np.asarray(self.model_.predict(self._inputs(X)))
        return values.reshape(len(values), *self._target_shape)

    def predict_interval(self, X: Any, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper end of the prediction interval of each row, in the units of the
        targets.

        If new rows are exchangeable with those that the intervals are from, an interval contains the value
        with a probability of at least ``level``, on average over all rows.

        Args:
            X: (N, F) rows, as for ``predict``.
            level: 0.5, 0.8, 0.9 or 0.95.

        Returns:
            two arrays, (N,) each.

        Raises:
            UsageError E101: another level, or no intervals: neither ``interval_method`` is set nor
            ``calibrate_intervals`` was called after ``fit``. E113: several targets.

        Example:
            >>> from sklearn.datasets import load_diabetes
            >>> x, y = load_diabetes(return_X_y=True)
            >>> regressor = TabularRegressor("8 relu", interval_method="constant", random_state=0).fit(x, y)
            >>> low, high = regressor.predict_interval(x[:2])
            >>> low.shape, bool((low < high).all())
            ((2,), True)
        """
        inputs = self._inputs(X)
        self._require_one_target(len(self._mean), "predict_interval")
        if INTERVALS not in self._model.facts:
            raise UsageError(
                "E101",
                where="predict_interval, level",
                name=f"{level:g}",
                received=f"{level:g}",
                expected=fact("a model with intervals"),
                fix='cr.TabularRegressor(interval_method="quantile")',
            )
        return self._model.predict_interval(inputs, level)

    def calibrate_intervals(
        self, X: Any, y: Any, method: Literal["quantile", "constant"] = "quantile", seed: int = 0
    ) -> IntervalReport:
        """Form the prediction intervals from rows that the estimator was not trained on.

        They replace those of ``fit``, which are from the training rows.

        Args:
            X: (N, F) rows, as for ``predict``, at least 40.
            y: (N,) their targets.
            method: ``"quantile"``, for fewer than 200 rows constant, or ``"constant"``.
            seed: of the networks of the quantiles.

        Returns:
            the report, which prints coverage and mean width of each level.

        Raises:
            UsageError E113: several targets. E101: no such method. DataError E331: too few rows.
        """
        inputs = self._inputs(X)
        self._require_one_target(len(self._mean), "calibrate_intervals")
        values = _check_y(y, y_numeric=True, estimator=self).astype(np.float64)
        check_consistent_length(inputs, values)
        require_method(method, "calibrate_intervals, method")
        if len(values) < MIN_LABELED:
            received = fact("{count} rows", count=len(values))
            expected = fact("at least {count} rows", count=MIN_LABELED)
            fix = fact("add rows")
            raise DataError(
                "E331", where="calibrate_intervals", received=received, expected=expected, fix=fix
            )
        predicted = np.asarray(self._model.predict(inputs), np.float64).ravel()
        return self._form_intervals(Residuals(inputs, predicted, values), method, seed)

    def _completed(self, rows: EncodedRows, seed: int) -> None:
        chosen, output = held_out(self._trained, rows, self._head(), seed)
        predicted, y = (
            np.asarray(part, np.float64).reshape(len(chosen), -1) * self._deviation + self._mean
            for part in (output, rows.y[chosen])
        )
        if len(chosen) >= MIN_SCORED:
            r2 = Scores("regression", y, {"net": predicted}, rows.weights[chosen]).too_good
            warn([Finding("too_good", "warning", {"r2": r2})] if r2 is not None else [])
        if self.interval_method is not None and len(chosen):
            method = require_method(self.interval_method, "fit, interval_method")
            residuals = Residuals(rows.x[chosen], predicted[:, 0], y[:, 0], rows.weights[chosen])
            self._form_intervals(residuals, method, seed)

    def _form_intervals(self, rows: Residuals, method: IntervalMethod, seed: int) -> IntervalReport:
        """Store the intervals from these rows with the model."""
        intervals = fit_intervals(rows, method=method, is_signed=bool(rows.y.min() < 0), seed=seed)
        report = report_of(self._model.state, rows, intervals)
        self._model.adopt(with_intervals(self._model.state, intervals))
        return report

    @staticmethod
    def _require_one_target(count: int, where: str) -> None:
        if count > 1:
            received = fact("{count} values", count=count)
            expected = fact("a regression of one value")
            fix = "regressor.predict(X)"
            raise UsageError("E113", where=where, name="y", received=received, expected=expected, fix=fix)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked_targets(self, y: np.ndarray, is_first: bool) -> np.ndarray:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.interval_method is not None:
            require_method(self.interval_method, "fit, interval_method")
            self._require_one_target(y.reshape(len(y), -1).shape[1], "fit")
        return y.astype(np.float64)

    def _encoded(self, rows: EncodedRows, is_first: bool) -> EncodedRows:
        if is_first:
            columns = rows.y.reshape(len(rows.y), -1)  # (N,) -> (N, 1)
            self._mean, self._deviation = weighted_mean_and_deviation(columns, rows.weights)
            self._target_shape = rows.y.shape[1:]
        mean, deviation = self._mean.reshape(rows.y.shape[1:]), self._deviation.reshape(rows.y.shape[1:])
        y = ((rows.y - mean) / deviation).astype(rows.x.dtype)
        if rows.preparation is None:
            return replace(rows, y=y)
        units = {"target_mean": float(mean), "target_std": float(deviation)}
        return replace(rows, y=y, preparation=replace(rows.preparation, **units))

    def _head(self) -> Head:
        return replace(Head.of(()), outputs=len(self._mean))

    def _finished(self, network: Model) -> Model:
        if self._preparation is not None:  # restores the units itself
            return network
        return in_units(network, self._mean, self._deviation)
