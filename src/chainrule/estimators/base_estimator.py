"""What the classifier and the regressor share: arguments, ``fit``, ``partial_fit``, checks and tags."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, _safe_indexing, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from chainrule.data import Preparation
from chainrule.data.tables.task import Head
from chainrule.errors import UsageError, fact
from chainrule.estimators.default_network import (
    ENSEMBLE,
    Settings,
    Trained,
    fit_again,
    fit_new,
    new_online,
    update,
)
from chainrule.estimators.inputs import (
    EncodedRows,
    check_inputs,
    check_rows,
    examine_numbers,
    is_mixed_frame,
    prepare_frame,
    warn,
)
from chainrule.model import Model
from chainrule.nn import Layer
from chainrule.train.inputs.input_check import ONLY
from chainrule.validation import out_of_range

LARGEST_SEED = 2**31 - 1


@dataclass(eq=False, repr=False)
class TabularEstimator(BaseEstimator):
    """The common part of ``TabularClassifier`` and ``TabularRegressor``.

    The constructor stores its arguments and nothing else, as scikit-learn requires.
    """

    net: str | Layer = ENSEMBLE
    _: KW_ONLY
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    patience: int | None = None
    kinds: Mapping[str, str] | None = None
    warm_start: bool = False
    random_state: int | np.random.RandomState | None = None
    verbose: bool = False

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
        continues = self.warm_start and self._has_network
        settings = self._settings()
        rows = self._rows(X, y, sample_weight, is_first=not continues, is_complete=True)
        options = {"seed": self._seed(), "verbose": bool(self.verbose)}
        if continues:
            self._trained = fit_again(self._trained, settings, rows, self._head(), **options)
        else:
            self._trained = fit_new(settings, rows, self._head(), **options)
        self.n_iter_ = len(self._trained.model.history)
        self._model = self._named(self._finished(self._trained.model))
        self._completed(rows, options["seed"])
        return self

    def _partial_fit(self, x: Any, y: Any, sample_weight: Any, is_first: bool) -> Self:
        """Make one update on a batch; the first one builds the network."""
        settings = self._settings()
        rows = self._rows(x, y, sample_weight, is_first)
        if is_first:
            self._trained = Trained(new_online(settings, rows, self._head(), self._seed()))
            self.n_iter_ = 0
        self._trained = replace(self._trained, model=update(self._trained.model, settings, rows))
        self.n_iter_ += 1
        self._model = self._named(self._finished(self._trained.model))
        return self

    @property
    def model_(self) -> Model:
        """The trained ``chainrule.Model``: explain, attribute and save it.

        It predicts as the estimator does; the threshold of a classifier is one of its facts, which
        ``chainrule predict`` uses, and ``Model.predict`` returns the likelier class.
        """
        check_is_fitted(self)
        return self._model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # --- what a subclass defines

    _is_regression: ClassVar[bool]
    _trained: Trained = field(init=False)  # its network; that of a regressor predicts standardized values
    _model: Model = field(init=False)

    @abstractmethod
    def _checked_targets(self, y: np.ndarray, is_first: bool) -> np.ndarray:
        """Return the targets after all checks; in the first call they define the classes."""

    @abstractmethod
    def _encoded(self, rows: EncodedRows, is_first: bool) -> EncodedRows:
        """Return rows with targets as the network takes them, and the preparation with labels or units."""

    @abstractmethod
    def _head(self) -> Head:
        """Return what the network predicts."""

    @abstractmethod
    def _finished(self, network: Model) -> Model:
        """Return the model that predicts in the units of the targets."""

    def _completed(self, rows: EncodedRows, seed: int) -> None:
        """Do what follows ``fit``: nothing, or form intervals."""
        del rows, seed

    # --- data

    def _inputs(self, x: Any) -> np.ndarray:
        check_is_fitted(self)
        return check_inputs(self, x, self._preparation, getattr(self, "_column_means", None))

    def _named(self, model: Model) -> Model:
        """Return the model with the names of the features, so that it reads frames by name."""
        names = getattr(self, "feature_names_in_", None)
        if model.state.preparation is None and names is not None:
            model.adopt(replace(model.state, columns={ONLY: tuple(map(str, names))}))
        return model

    def _settings(self) -> Settings:
        names = ("net", "epochs", "batch_size", "learning_rate", "weight_decay", "patience")
        return Settings(**{name: getattr(self, name) for name in names})

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(LARGEST_SEED))

    @property
    def _has_network(self) -> bool:
        return hasattr(self, "_trained")

    @property
    def _preparation(self) -> Preparation | None:
        return self._trained.model.state.preparation

    def _rows(
        self, x: Any, y: Any, sample_weight: Any, is_first: bool, is_complete: bool = False
    ) -> EncodedRows:
        """Return the rows with a weight above 0 as arrays, after all checks.

        Args:
            x, y, sample_weight: as passed.
            is_first: whether this is the first call, which defines features and classes.
            is_complete: whether these are all rows, not a batch of them.
        """
        is_frame = is_mixed_frame(x, self.kinds) if is_first else self._preparation is not None
        x, y = check_rows(self, x, y, is_frame=is_frame, is_first=is_first, is_regression=self._is_regression)
        weights = _check_sample_weight(
            sample_weight, np.zeros(len(y)), dtype=np.float64, ensure_non_negative=True
        )
        used = np.flatnonzero(weights)
        if not len(used):
            raise out_of_range(fact("only zeros"), "sample_weight", "fit", fact("a weight above 0"))
        if len(used) < len(y):
            x, y, weights = _safe_indexing(x, used), y[used], weights[used]
        y = self._checked_targets(y, is_first)
        if is_frame and y.ndim > 1:
            received = fact("several targets")
            expected = fact("one target for a data frame with texts, dates or missing values")
            fix = fact("a ColumnTransformer before the estimator")
            raise UsageError("E113", where="fit", name="y", received=received, expected=expected, fix=fix)
        preparation = None
        if is_frame and is_first:
            preparation, x, findings = prepare_frame(x, y, self.kinds, self._is_regression)
            warn(findings)
        elif is_frame:
            preparation = self._preparation
            assert preparation is not None
            x = preparation.inputs(preparation.read(x))
        elif is_first and is_complete:
            names = getattr(self, "feature_names_in_", None)
            warn(examine_numbers(x, y, names, self._is_regression))
        names = getattr(self, "feature_names_in_", None)
        if is_first and not is_frame and names is not None:
            means = np.average(x, axis=0, weights=weights).tolist()
            self._column_means = dict(zip(map(str, names), means, strict=True))
        return self._encoded(EncodedRows(x, y, weights, preparation, self._is_regression), is_first)
