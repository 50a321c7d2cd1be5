"""What the classifier and the regressor share: arguments, ``fit``, ``partial_fit``, checks and tags."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, _safe_indexing, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from chainrule.data import Preparation
from chainrule.errors import UsageError, fact
from chainrule.estimators.inputs import EncodedRows, check_inputs, check_rows, is_mixed_frame, prepare_frame
from chainrule.estimators.recipe import Recipe, build, initialize, train
from chainrule.model import Model
from chainrule.model_arguments import LossName
from chainrule.nn import Layer

LARGEST_SEED = 2**31 - 1


class TabularEstimator(BaseEstimator):
    """The common part of ``TabularClassifier`` and ``TabularRegressor``."""

    _network: Model  # the trained network; that of a regressor predicts standardized values
    _model: Model

    def __init__(
        self,
        net: str | Layer | None = None,
        *,
        epochs: int = 200,
        batch_size: int = 64,
        learning_rate: float = 0.002,
        penalty: float = 1e-3,
        patience: int = 20,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.net = net
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.penalty = penalty
        self.patience = patience
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a network.

        Args:
            X: (N, F) numbers as an array, sparse matrix or data frame; or a data frame with categories,
                dates or missing values.
            y: (N,) targets; (N, L) zeros and ones for several labels, (N, O) values.
            sample_weight: (N,) not negative; weight 0 leaves a row out, weight 2 counts it twice.

        Returns:
            the estimator.

        Raises:
            ValueError: data that scikit-learn or chainrule refuses, with the reason.
        """
        continues = self.warm_start and hasattr(self, "_network")
        rows = self._rows(X, y, sample_weight, is_first=not continues)
        seed = int(check_random_state(self.random_state).randint(LARGEST_SEED))
        if not continues:
            self._network = build(self._recipe, rows, *self._outputs_and_loss())
            initialize(self._network, rows, self._labels, seed)
        train(self._network, self._recipe, rows, seed=seed, verbose=bool(self.verbose))
        self.n_iter_ = len(self._network.history)
        self._model = self._finished(self._network)
        return self

    def _partial_fit(self, x: Any, y: Any, sample_weight: Any, is_first: bool) -> Self:
        """Make one update on a batch; the first one builds the network."""
        rows = self._rows(x, y, sample_weight, is_first)
        if is_first:
            self._network = build(self._recipe, rows, *self._outputs_and_loss())
            seed = int(check_random_state(self.random_state).randint(LARGEST_SEED))
            initialize(self._network, rows, self._labels, seed)
            self.n_iter_ = 0
        self._network.partial_fit(rows.x, rows.y, sample_weight=rows.weights)
        self.n_iter_ += 1
        self._model = self._finished(self._network)
        return self

    @property
    def model_(self) -> Model:
        """The trained ``chainrule.Model``: explain, attribute and save it; its predictions are those of the
        estimator."""
        check_is_fitted(self)
        return self._model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # --- what a subclass defines

    _task: str
    _labels: tuple[Any, ...] | None = None

    @abstractmethod
    def _checked_targets(self, y: np.ndarray, is_first: bool) -> np.ndarray:
        """The targets after all checks; in the first call they define the classes."""

    @abstractmethod
    def _encoded(self, rows: EncodedRows, is_first: bool) -> EncodedRows:
        """The rows with targets as the network takes them, and the preparation with labels or units."""

    @abstractmethod
    def _outputs_and_loss(self) -> tuple[int, LossName]:
        """The number of outputs of the network, and its loss."""

    @abstractmethod
    def _finished(self, network: Model) -> Model:
        """The model that predicts in the units of the targets."""

    # --- data

    def _inputs(self, x: Any) -> np.ndarray:
        """The inputs of the trained network."""
        check_is_fitted(self)
        return check_inputs(self, x, self._preparation)

    @property
    def _recipe(self) -> Recipe:
        return Recipe(self.net, self.epochs, self.batch_size, self.learning_rate, self.penalty, self.patience)

    @property
    def _preparation(self) -> Preparation | None:
        return self._network.state.preparation

    def _rows(self, x: Any, y: Any, sample_weight: Any, is_first: bool) -> EncodedRows:
        """The rows with a weight above 0 as arrays, after all checks."""
        is_frame = is_mixed_frame(x) if is_first else self._preparation is not None
        is_regression = self._task == "regression"
        x, y = check_rows(self, x, y, is_frame=is_frame, is_first=is_first, is_regression=is_regression)
        weights = _check_sample_weight(
            sample_weight, np.zeros(len(y)), dtype=np.float64, ensure_non_negative=True
        )
        used = np.flatnonzero(weights)
        if not len(used):
            expected, received = fact("a weight above 0"), fact("only zeros")
            raise UsageError("E102", where="fit", name="sample_weight", expected=expected, received=received)
        if len(used) < len(y):
            x, y, weights = _safe_indexing(x, used), y[used], weights[used]
        y = self._checked_targets(y, is_first)
        if is_frame and y.ndim > 1:
            raise UsageError(
                "E113", where="fit", name="y", received=fact("several targets"),
                expected=fact("one target for a data frame with texts, dates or missing values"),
                fix=fact("a ColumnTransformer before the estimator"),
            )  # fmt: skip
        preparation = None
        if is_frame and is_first:
            preparation, x = prepare_frame(x)
        elif is_frame:
            preparation = self._preparation
            x = preparation.inputs(preparation.read(x))
        return self._encoded(EncodedRows(x, y, weights, preparation), is_first)
