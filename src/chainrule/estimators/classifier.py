"""``TabularClassifier``: a classifier with the interface of scikit-learn."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
)

from chainrule.data.tables.task import Head
from chainrule.errors import DataError, UsageError, fact
from chainrule.estimators.base_estimator import TabularEstimator
from chainrule.estimators.default_network import held_out
from chainrule.estimators.inputs import EncodedRows
from chainrule.model import Model
from chainrule.tabular.threshold import Cost, ThresholdCurve, best_threshold, stored_threshold, with_threshold
from chainrule.validation import unknown

CHOSEN_RULES = ("f1", "youden")  # of a threshold that is chosen on rows


@dataclass(eq=False, repr=False)
class TabularClassifier(ClassifierMixin, TabularEstimator):
    """Neural network that classifies rows of a table, with the interface of scikit-learn.

    By default it trains what ``chainrule train`` trains: an ensemble over the folds of a cross-validation, in
    which each row trains most of the members. A custom network has standardized features, and one fifth of
    the rows for early stopping. In both the parameters of the best epoch are kept. A data frame with
    categories, dates or missing values is prepared as ``chainrule train`` prepares a file.

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
        positive: the positive one of two classes, by default the second of ``classes_``: that of ``cost``,
            ``threshold``, and of the metrics of ``model_``. The order of ``classes_`` does not depend on it.
        cost: of a false positive and a false negative, ``"FP:FN"``: ``predict`` returns the positive class
            from the probability FP / (FP + FN) on; ``None``: the more likely class, or by ``threshold``.
        threshold: ``"f1"`` or ``"youden"`` (recall + specificity - 1): ``predict`` returns the positive class
            from the probability on that is best by this rule on rows that the networks were not trained on.
            Without effect beside ``cost``.
        warm_start: whether ``fit`` starts from the present parameters.
        random_state: seed of the folds, the initial values and the order of the rows; ``None`` samples one.
        verbose: show a progress bar.

    Attributes:
        classes_: (K,) the labels, sorted.
        n_iter_: epochs of ``fit``, or updates by ``partial_fit``.
        n_features_in_, feature_names_in_: number of features; their names, for a data frame.
        model_: the trained ``chainrule.Model``.

    Raises:
        ValueError: in ``fit``: data that scikit-learn or chainrule refuses, with the reason.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> x, y = load_iris(return_X_y=True)
        >>> classifier = TabularClassifier(random_state=0).fit(x, y)
        >>> classifier.predict_proba(x[:1]).shape, bool(classifier.score(x, y) > 0.9)
        ((1, 3), True)
    """

    _is_regression = False

    _: KW_ONLY
    positive: Any = None
    cost: str | None = None
    threshold: str | None = None

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Make one update on a batch.

        The first call samples the initial values and fixes the scales of the features.

        Args:
            X, y, sample_weight: the batch, as in ``fit``.
            classes: all labels; required in the first call.

        Returns:
            the estimator.
        """
        is_first = not self._has_network
        if is_first:
            _check_partial_fit_first_call(self, classes)
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise _other_classes(self.classes_, np.unique(classes))
        self._are_classes_known = True
        return self._partial_fit(X, y, sample_weight, is_first)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        self._are_classes_known = self.warm_start and self._has_network
        return super().fit(X, y, sample_weight)

    fit.__doc__ = TabularEstimator.fit.__doc__

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row, (N,); for several labels zeros and ones, (N, L).

        Args:
            X: rows, as in ``fit``.
        """
        probabilities = self.predict_proba(X)
        if self._is_multilabel:
            return (probabilities > 0.5).astype(np.int64)
        level = stored_threshold(self._model)
        if level is None:
            return self.classes_[probabilities.argmax(axis=1)]
        order = 0 if self._has_first_as_positive else 1
        is_positive = probabilities[:, order] >= level
        return self.classes_[np.where(is_positive, order, 1 - order)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, (N, K) in the order of ``classes_``; of each label, (N, L).

        Args:
            X: rows, as in ``fit``.
        """
        probabilities = np.asarray(self.model_.predict_proba(self._inputs(X)), np.float64)
        if self._is_multilabel:
            return probabilities
        if self._has_first_as_positive:  # classes_ are sorted, the model has the positive class second
            probabilities = probabilities[:, ::-1]
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _checked_targets(self, y: np.ndarray, is_first: bool) -> np.ndarray:
        check_classification_targets(y)
        kind = type_of_target(y)
        if kind.endswith("multioutput"):
            expected = fact("one class for each row, or zeros and ones")
            fix = "sklearn.multioutput.MultiOutputClassifier(cr.TabularClassifier())"
            raise UsageError("E113", where="fit", name="y", expected=expected, received=kind, fix=fix)
        is_multilabel = kind.startswith("multilabel")
        if not is_multilabel:
            y = column_or_1d(y, warn=True)
        classes = np.arange(y.shape[1]) if is_multilabel else np.unique(y)
        if not self._are_classes_known:
            self.classes_, self._is_multilabel = classes, is_multilabel
        elif is_first:
            self._is_multilabel = is_multilabel
        if is_multilabel != self._is_multilabel or not np.isin(classes, self.classes_).all():
            raise _other_classes(self.classes_, classes)
        if len(self.classes_) < 2 and not is_multilabel:
            received = fact("only {labels}", labels=", ".join(map(str, self.classes_)))
            raise DataError("E321", where="y", expected=fact("at least 2 classes"), received=received)
        self._refuse_positive()
        return y

    def _refuse_positive(self) -> None:
        """Refuse what is of two classes for other ones (E611), an unknown class or rule (E101)."""
        if self.cost is not None:
            Cost.parse(self.cost)
        for name in ("positive", "cost", "threshold"):
            if getattr(self, name) is not None and (self._is_multilabel or len(self.classes_) != 2):
                received = fact("{count} classes", count=len(self.classes_))
                raise UsageError(
                    "E611", where=f"fit, {name}", expected=fact("two classes"), received=received
                )
        if self.threshold is not None and self.threshold not in CHOSEN_RULES:
            fix, example = 'threshold="{}"', CHOSEN_RULES[0]
            raise unknown("fit, threshold", self.threshold, CHOSEN_RULES, fix, example=example)
        if self.positive is not None and self.positive not in self.classes_.tolist():
            names = [str(label) for label in self.classes_]
            fix = 'positive="{}"' if isinstance(self.classes_[0], str) else "positive={}"
            raise unknown("fit, positive", self.positive, names, fix, example=names[1])

    @property
    def _has_first_as_positive(self) -> bool:
        return self.positive is not None and self.positive == self.classes_.tolist()[0]

    @property
    def _labels(self) -> list[Any]:
        """The labels in the order of the outputs of the model: of two, the positive one second."""
        labels = self.classes_.tolist()
        return labels[::-1] if self._has_first_as_positive else labels

    def _encoded(self, rows: EncodedRows, is_first: bool) -> EncodedRows:
        if self._is_multilabel:
            return replace(rows, y=rows.y.astype(rows.x.dtype))
        if rows.preparation is None or not is_first:
            return rows
        labels = tuple(self._labels)
        preparation = replace(rows.preparation, task="classification", labels=labels)
        return replace(rows, preparation=replace(preparation, target_mean=0.0, target_std=1.0))

    def _head(self) -> Head:
        if self._is_multilabel:
            return Head(len(self.classes_), "binary_cross_entropy")
        return Head.of(self._labels)

    def _finished(self, network: Model) -> Model:
        if self.cost is None:
            return network
        return with_threshold(network, Cost.parse(self.cost).threshold, cost=self.cost)

    def _completed(self, rows: EncodedRows, seed: int) -> None:
        if self.threshold is None or self.cost is not None:
            return
        chosen, p = held_out(self._trained, rows, self._head(), seed)
        if len(chosen):
            is_positive = rows.y[chosen] == self._labels[1]
            curve = ThresholdCurve.of(is_positive, p[:, 1], rows.weights[chosen])
            best = best_threshold(curve, self.threshold)
            self._model = self._named(with_threshold(self._model, best.value, rule=best.rule))


def _other_classes(known: np.ndarray, received: np.ndarray) -> DataError:
    return DataError(
        "E329",
        where="y",
        label=next((label for label in received.tolist() if label not in known), ""),
        expected=", ".join(map(str, known[:20])),
        received=", ".join(map(str, received[:20])),
    )
