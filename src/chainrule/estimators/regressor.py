"""``TabularRegressor``: a regressor with the interface of scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags, column_or_1d

from chainrule.estimators.inputs import EncodedRows
from chainrule.estimators.recipe import Head, in_units, weighted_mean_and_deviation
from chainrule.estimators.tabular import TabularEstimator
from chainrule.model import Model


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
            value of ``chainrule.tabular.recipe_for`` for the number of distinct rows.
        batch_size: rows per update.
        learning_rate: initial learning rate of AdamW; it decreases to 0 by a cosine.
        weight_decay: decoupled weight decay.
        patience: epochs without improvement of the validation loss before early stopping; 0 disables it.
        kinds: the kinds of columns of a data frame where they are not to be inferred, by name:
            ``{"zip": "category"}``; one of ``"category"``, ``"number"``, ``"date"``, ``"time"``,
            ``"duration"``, ``"text"``, ``"yes_no"`` or, to leave a column out, ``"id"``.
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
        """The prediction for each row, (N,) or (N, O), in the units of the targets."""
        values = np.asarray(self.model_.predict(self._inputs(X)))
        return values.reshape(len(values), *self._target_shape)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked_targets(self, y: np.ndarray, is_first: bool) -> np.ndarray:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
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
        return Head(len(self._mean), "mse")

    def _finished(self, network: Model) -> Model:
        if self._preparation is not None:  # restores the units itself
            return network
        return in_units(network, self._mean, self._deviation)
