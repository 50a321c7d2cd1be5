"""Predictions of rows as columns: labels or values, probabilities, prediction sets and abstention.

The calibration, the threshold and the level for unknown classes that a model stores apply here, so that every
program predicts a row alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.attribution.explanation import Decision
from chainrule.errors import UsageError, fact
from chainrule.inputs import InputKind, kind_of
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.robustness.novelty_gate import NoveltyGate, is_unlike, refusing_gate
from chainrule.tabular.threshold import decided_labels, network_threshold, reads_calibrated, stored_threshold
from chainrule.texts import render
from chainrule.train.evaluation.frame_predictions import PREDICTION, probability_columns, probability_titles
from chainrule.train.evaluation.frame_predictions import prediction_columns as columns_of_outputs
from chainrule.train.evaluation.prediction import predict, predict_with_probabilities
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.memory import couples_rows_of
from chainrule.uncertainty.conformal_sets import SetMethod
from chainrule.uncertainty.unknown_classes import UNKNOWN, stored_level, with_unknown

if TYPE_CHECKING:
    from chainrule.plotting.samples import Decide

SET, CONFIDENCE, PROBABILITIES = "set", "confidence", "probabilities"
SEPARATOR = "; "


@frozen
class Uncertainty:
    """What ``predict`` does with uncertain rows.

    Args:
        level: the probability that a prediction set contains the true class; ``None``: no sets.
        abstain: the lowest probability of the predicted class of a row that is decided; ``None``: all are.
        refuses_unlike: whether rows unlike those of the training are ``"unknown"``, where the model stores a
            level or a gate for that.
    """

    level: float | None = None
    method: SetMethod = "threshold"
    abstain: float | None = None
    refuses_unlike: bool = True

    @property
    def is_requested(self) -> bool:
        """Whether probabilities are needed."""
        return self.level is not None or self.abstain is not None

    def sets(self, model: Model, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Return the column of prediction sets; none if they are not requested.

        Args:
            model: a calibrated classifier.
            probabilities: (N, K) of the network.
            labels: (K,) the classes.

        Raises:
            UsageError E612: the model has no calibration. E101: another level.
        """
        if self.level is None:
            return {}
        if model.calibration is None:
            raise UsageError("E612", where="--sets", fix="chainrule calibrate RUN DATA")
        try:
            inside = model.calibration.sets(probabilities, self.level, self.method)
        except UsageError as error:
            error.where, error.fix = "--sets", f"--sets {error.fix.partition('=')[2]}"
            raise
        texts = [SEPARATOR.join(map(str, labels[row])) for row in inside]
        return {SET: np.array(texts, object)}

    def decided(
        self, predicted: np.ndarray, probabilities: np.ndarray, classes: Sequence[Any]
    ) -> dict[str, np.ndarray]:
        """Return the predictions, those of rows below ``abstain`` empty, with their confidence.

        Args:
            predicted: (N,) labels.
            probabilities: (N, K), calibrated if there is a calibration.
            classes: (K,) the labels. The confidence is the probability of the predicted one, and the largest
                one of rows that are named unknown.
        """
        labels, confidence = predicted.astype(object), probabilities.max(axis=1)
        for index, label in enumerate(classes):
            is_label = labels == label
            confidence[is_label] = probabilities[is_label, index]
        is_open = confidence < np.asarray(self.abstain, confidence.dtype)  # 0.7 of the user is float32(0.7)
        labels[is_open] = None
        return {"prediction": labels, CONFIDENCE: confidence}


def require_classes(model: Model, uncertainty: Uncertainty) -> None:
    """Refuse sets and abstention of a model that does not predict one class for each row (E601)."""
    is_classifier = model.task == "classification" and len(model.targets) == 1
    if uncertainty.is_requested and not is_classifier:
        name = "--sets" if uncertainty.level is not None else "--abstain"
        raise UsageError(
            "E601", where="chainrule predict", option=name, expected=fact("a model of classes"), received=name
        )


CERTAIN = Uncertainty()


def prediction_columns(
    model: Model,
    x: Any,
    proba: bool,
    threshold: float | None = None,
    uncertainty: Uncertainty = CERTAIN,
    kind: InputKind | None = None,
) -> dict[str, np.ndarray]:
    """Return the predictions of all rows by the name of their column.

    Args:
        model: a trained model.
        x: (N, ...) prepared inputs, or arrays by input name.
        proba: add a column with the probability of each class.
        threshold: from which printed probability the second of two classes is predicted; ``None``: as the
            model stores: its threshold, or the more likely class, or ``"unknown"`` below its level.
        uncertainty: what happens to uncertain rows.
        kind: that of the model, where the caller has it.

    Raises:
        TrainingError E507: probabilities of a model that predicts values. UsageError E612: sets of a model
            that is not calibrated.
    """
    return ColumnPredictor(model, proba, threshold, uncertainty, kind)(x)


class ColumnPredictor:
    """The predictions of a model as columns, for rows that arrive again and again.

    The bits of a row do not depend on the other rows, unless the network computes rows together.

    What depends only on the model is read once. Called with prepared inputs, it returns what
    ``prediction_columns`` does.

    Args:
        model, proba, threshold, uncertainty, kind: as of ``prediction_columns``.
        has_matrix: whether the probabilities of a single output are one array (N, K) under the name
            ``"probabilities"``, instead of a column (N,) for each class.
    """

    def __init__(
        self,
        model: Model,
        proba: bool,
        threshold: float | None = None,
        uncertainty: Uncertainty = CERTAIN,
        kind: InputKind | None = None,
        has_matrix: bool = False,
    ) -> None:
        self.has_matrix = has_matrix
        self.model, self.state, self.proba = model, model.state, proba
        self.is_apart = model.network is not None and not couples_rows_of(model.network.prediction_program)
        self.threshold, self.uncertainty = threshold, uncertainty
        self.spelled = (kind or kind_of(model)).spelled
        self.calibration, self.level, self.gate = model.calibration, None, None
        if uncertainty.refuses_unlike:
            self.level, self.gate = stored_level(model.state), refusing_gate(model.state)
        self.stored = stored_threshold(model) if threshold is None else None
        self.is_stored_raw = not reads_calibrated(model)
        stored = self.calibration, self.level, self.gate, self.stored
        self.is_plain = all(part is None for part in stored) and not uncertainty.is_requested
        self.is_undecided = self.is_plain and not proba and threshold is None
        self.titles: list[str] = []

    def __call__(self, x: Any) -> dict[str, np.ndarray]:
        """Return the columns for prepared inputs, (N, ...) or arrays by input name."""
        if self.is_undecided:
            return self._columns(predict(self.state, x, self.is_apart))
        if self.gate is not None and self.state.task == "regression":
            return self._values(self.gate, x)
        predicted, raw = predict_with_probabilities(self.state, x, self.is_apart)
        if isinstance(raw, dict) or isinstance(predicted, dict):
            return self._columns(predicted) | (_in_float64(self.state, raw) if self.proba else {})
        if self.is_plain and self.threshold is None:
            return self._columns(predicted) | (self._shares(raw) if self.proba else {})
        model = self.model
        probabilities, predicted = self.decide(raw, predicted)
        if self.gate is not None:
            unlike = is_unlike(self.state, self.gate, x)
            predicted = np.where(unlike, UNKNOWN, np.asarray(predicted).astype(object))
        columns = self._columns(predicted)
        if self.uncertainty.abstain is not None:
            classes = model.labels or range(probabilities.shape[1])
            columns |= self.uncertainty.decided(columns[PREDICTION], probabilities, classes)
        if self.proba:
            columns |= self._shares(probabilities)
        if self.uncertainty.level is not None:
            columns |= self.uncertainty.sets(model, raw, _labels(model, raw))
        return columns

    def decide(self, raw: np.ndarray, predicted: Any) -> tuple[np.ndarray, Any]:
        """Return the printed probabilities, (N, K), and labels, (N,), without the gate.

        Args:
            raw: (N, K) probabilities of the network.
            predicted: (N,) the labels of the largest ones.
        """
        model, probabilities = self.model, raw
        if self.calibration is not None:
            probabilities = self.calibration.map(raw)
            if len(model.labels):
                predicted = _labels(model, raw)[probabilities.argmax(axis=1)]
        if self.threshold is not None:
            return probabilities, decided_labels(model, probabilities, self.threshold)
        if self.stored is not None:
            limited = raw if self.is_stored_raw else probabilities
            return probabilities, decided_labels(model, limited, self.stored)
        if self.level is not None:
            return probabilities, with_unknown(np.asarray(predicted), raw, self.level)
        return probabilities, predicted

    def _values(self, gate: NoveltyGate, x: Any) -> dict[str, np.ndarray]:
        """Return the columns of values, ``None`` for rows unlike those of the training."""
        columns, unlike = self._columns(predict(self.state, x, self.is_apart)), is_unlike(self.state, gate, x)
        return {name: _empty_where(unlike, column) for name, column in columns.items()}

    def _columns(self, predicted: Any) -> dict[str, np.ndarray]:
        """Return the column of each output, in the form of the kind of the model."""
        return columns_of_outputs(predicted, self.spelled)

    def _shares(self, probabilities: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns of the probabilities of the only output."""
        if probabilities.ndim != 2:
            return {}
        if self.has_matrix:
            return {PROBABILITIES: probabilities}
        if not self.titles:
            self.titles = probability_titles(self.state, "", probabilities.shape[1])
        return dict(zip(self.titles, probabilities.astype(np.float64).T, strict=True))


def plotted_decision(model: Model) -> Decide | None:
    """Return how plots show what ``chainrule predict`` prints; ``None`` if the likeliest class is printed.

    Rows that are printed as unknown are shown with the class whose printed probability is the largest.
    """
    predictor, labels = ColumnPredictor(model, True), list(model.labels or ())
    is_class = model.task == "classification" and len(model.targets) == 1
    if predictor.is_plain or not (labels and is_class):
        return None

    def decide(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities, printed = predictor.decide(raw, _labels(model, raw)[raw.argmax(axis=1)])
        classes = probabilities.argmax(axis=1)
        for index, label in enumerate(labels):
            classes[np.asarray(printed == label)] = index
        return probabilities, classes

    return decide


def decision_of(model: Model, x: Any) -> Decision | None:
    """Return what ``chainrule predict`` prints for one row; ``None`` if the largest probability decides.

    Args:
        model: a trained model.
        x: one row, as for ``predict``.
    """
    labels = list(model.labels or ())
    predictor = ColumnPredictor(model, True)
    is_class = model.task == "classification" and len(model.targets) == 1
    if not (labels and is_class) or predictor.is_plain:
        return None
    _, raw = predict_with_probabilities(model.state, x, predictor.is_apart)
    if np.ndim(raw) != 2 or len(raw) != 1 or raw.shape[1] < len(labels):
        return None
    printed = raw if model.calibration is None else model.calibration.map(raw)
    label: Any = predictor(x)[PREDICTION].tolist()[0]
    is_unknown = str(label) == UNKNOWN and UNKNOWN not in labels
    index = int(np.argmax(raw[0])) if is_unknown else labels.index(label)
    limit, is_raw = predictor.stored, predictor.is_stored_raw
    own = float(printed[0, index]), float(raw[0, index])
    return Decision(labels[index], *own, limit, labels[-1], is_raw, is_unknown)


def decided_class(model: Model, x: Any) -> Any:
    """Return the class that ``chainrule predict`` prints for one row; ``None``: the likeliest one."""
    decision = decision_of(model, x)
    return None if decision is None else decision.label


def unknown_note(model: Model, x: Any, lang: str) -> str:
    """Return the sentence that ``chainrule predict`` names a row unknown; ``""`` if it does not.

    Args:
        model, x: as of ``decision_of``.
        lang: ``"en"`` or ``"zh"``.
    """
    if refusing_gate(model.state) is None and stored_level(model.state) is None:
        return ""
    decision = decision_of(model, x)
    return render("why_unknown", lang) if decision is not None and decision.is_unknown else ""


def threshold_option(model: Model) -> dict[str, Any]:
    """Return the argument ``threshold`` of methods that change rows until the printed class changes.

    It is empty for other than two classes, and where the likelier one is printed.
    """
    is_binary = model.task == "classification" and len(model.targets) == 1 and len(model.labels or ()) == 2
    limit = network_threshold(model) if is_binary else None
    return {} if limit is None else {"threshold": limit}


def _empty_where(unlike: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return a column of values with ``None`` in some rows; the others have the digits of their dtype."""
    if not unlike.any():
        return column
    values = [None if own else float(str(value)) for own, value in zip(unlike, column, strict=True)]
    return np.array(values, object)


def _in_float64(state: ModelState, probabilities: Any) -> dict[str, np.ndarray]:
    """Return the columns of the probabilities, whose digits are those of the output."""
    columns = probability_columns(state, probabilities)
    return {name: values.astype(np.float64) for name, values in columns.items()}


def _labels(model: Model, probabilities: np.ndarray) -> np.ndarray:
    """Return the classes, or their numbers from 1 where they have no names."""
    count = probabilities.shape[-1]
    return np.array(model.labels if len(model.labels) == count else range(1, count + 1))
