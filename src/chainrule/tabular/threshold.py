"""The threshold of two classes: from which probability a row is predicted as the positive class.

With 0.5 every error counts the same. Where one class is rare, or one kind of error costs more, another
threshold is better. It has to be chosen on rows on which the result is not measured.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.metrics import Predictions
from chainrule.model import Model
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.tabular.comparison import Scores
from chainrule.tabular.option_names import option, place
from chainrule.train.model_state import THRESHOLD
from chainrule.uncertainty.calibration import DecisionRule
from chainrule.uncertainty.calibration_maps import Identity, Isotonic, Temperature
from chainrule.validation import unknown

RULES = ("f1", "youden", "cost")
PARTS = 5  # of the rows, for a threshold that is chosen and measured on the same rows
_STREAM = 0x54485253  # "THRS"


@frozen
class Cost:
    """The cost of a false positive and of a false negative, in any unit.

    Example:
        >>> Cost.parse("1:20")
        Cost(false_positive=1.0, false_negative=20.0)
    """

    false_positive: float
    false_negative: float

    @staticmethod
    def parse(text: str) -> Cost:
        """Read ``FP:FN``, two numbers that are not negative and not both 0 (E102)."""
        parts = text.split(":")
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        is_valid = (
            len(numbers) == 2 and all(math.isfinite(x) and x >= 0 for x in numbers) and sum(numbers) > 0
        )
        if not is_valid:
            expected = fact("the costs of a false positive and a false negative, FP:FN")
            raise UsageError(
                "E102",
                where=place("cost"),
                name="cost",
                expected=expected,
                received=text,
                fix=option("cost", "1:5"),
            )
        return Cost(*numbers)

    @property
    def threshold(self) -> float:
        """The probability from which a positive prediction costs less: p FN >= (1 - p) FP.

        It needs no choice on any rows, but the probabilities have to be calibrated.

        Example:
            >>> Cost(1.0, 4.0).threshold
            0.2
        """
        return self.threshold_for(1.0)

    def threshold_for(self, balance: float) -> float:
        """Return ``threshold`` for probabilities of weighted classes.

        Args:
            balance: by how much the weights multiplied the odds of the positive class.

        Formula: balance FP / (balance FP + FN).

        Example:
            >>> Cost(1.0, 100.0).threshold_for(499.0)  # one positive row in 500, and class weights
            0.8330550918196995

        Reference: Elkan (2001), The foundations of cost-sensitive learning, IJCAI, theorem 1.
        """
        weighted = balance * self.false_positive
        return weighted / (weighted + self.false_negative)

    def mean(self, y: np.ndarray, p: np.ndarray) -> float:
        """Return the mean cost per row where ``threshold`` decides.

        Args:
            y: (N,) whether each row is positive.
            p: (N,) probability of the positive class.

        Example:
            >>> Cost(1.0, 4.0).mean(np.array([1, 0, 0]), np.array([0.1, 0.3, 0.1]))
            1.6666666666666667
        """
        cost = Decisions.of(y, np.asarray(p, np.float64) >= self.threshold, self).cost
        assert cost is not None
        return cost


@frozen(eq=False)
class Threshold:
    """A threshold with the counts of the rows from which it was chosen.

    Args:
        value: rows with a probability of at least this are predicted as positive.
        rule: one of ``RULES``.
        score: the F1, the Youden index, or the mean cost per row, of these rows.
    """

    value: float
    rule: str
    score: float


@frozen(eq=False)
class ThresholdCurve:
    """The four counts of the confusion matrix for every threshold, as sums of weights, (T,) each.

    Args:
        probabilities: the distinct probabilities, descending, (T - 1,).
        thresholds: descending, from one above all probabilities to 0; others are between two probabilities.
        true_positives, false_positives, false_negatives, true_negatives: of each threshold.
    """

    probabilities: np.ndarray
    thresholds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray
    true_negatives: np.ndarray

    @staticmethod
    def of(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> ThresholdCurve:
        """Return the curve of labels and probabilities.

        Args:
            y: (N,) whether each row is positive.
            p: (N,) probability of the positive class.
            weights: (N,) sample weights.

        Example:
            >>> curve = ThresholdCurve.of(np.array([1, 0, 1]), np.array([0.9, 0.6, 0.3]))
            >>> curve.thresholds.round(2).tolist(), curve.true_positives.tolist()
            ([0.95, 0.75, 0.45, 0.0], [0.0, 1.0, 1.0, 2.0])
        """
        w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
        order = np.argsort(-p, kind="stable")
        ordered = p[order].astype(np.float64)
        last = np.flatnonzero(np.diff(ordered, append=-1.0))  # the last row of each distinct probability
        is_positive = np.asarray(y, bool)[order]
        hits = np.append(0.0, np.cumsum(w[order] * is_positive)[last])
        alarms = np.append(0.0, np.cumsum(w[order] * ~is_positive)[last])
        levels = np.append(np.nextafter(1.0, 2.0), ordered[last])
        middle = (levels[:-1] + levels[1:]) / 2
        between = np.where(middle > levels[1:], middle, levels[:-1])
        misses, rejections = hits[-1] - hits, alarms[-1] - alarms
        return ThresholdCurve(ordered[last], np.append(between, 0.0), hits, alarms, misses, rejections)

    @property
    def precision(self) -> np.ndarray:
        """The share of positive rows among those predicted as positive; 1 where there are none."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives, 1.0)

    @property
    def recall(self) -> np.ndarray:
        """The share of the positive rows that are predicted as positive."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives, 0.0)

    @property
    def specificity(self) -> np.ndarray:
        """The share of the negative rows that are predicted as negative."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives, 0.0)

    @property
    def f1(self) -> np.ndarray:
        """2 TP / (2 TP + FP + FN)."""
        errors = self.false_positives + self.false_negatives
        return _ratio(2 * self.true_positives, 2 * self.true_positives + errors, 0.0)

    @property
    def youden(self) -> np.ndarray:
        """recall + specificity - 1."""
        return self.recall + self.specificity - 1

    def cost(self, cost: Cost) -> np.ndarray:
        """Return the mean cost per row."""
        total = self.true_positives[-1] + self.false_positives[-1]
        sums = cost.false_positive * self.false_positives + cost.false_negative * self.false_negatives
        return sums / max(total, np.finfo(float).tiny)

    def at(self, threshold: float) -> int:
        """Return the index of the entry with the same predictions as a threshold."""
        return int(np.count_nonzero(self.probabilities >= np.float64(threshold)))


def best_threshold(curve: ThresholdCurve, rule: str, cost: Cost | None = None) -> Threshold:
    """Return the threshold with the best value of a rule; among equals the one closest to 0.5.

    Args:
        curve: of rows on which the result is not measured.
        rule: ``"f1"``, ``"youden"`` (recall + specificity - 1, Youden 1950) or ``"cost"``.
        cost: of the errors, for ``"cost"``.

    Raises:
        UsageError E101: another rule.

    Example:
        >>> curve = ThresholdCurve.of(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4]))
        >>> round(best_threshold(curve, "f1").value, 3)
        0.25

    Reference: Youden (1950), Index for rating diagnostic tests, Cancer 3.
    """
    if rule not in RULES or (rule == "cost") != (cost is not None):
        raise unknown(place("threshold"), rule, RULES, option("threshold", "{}"))
    values = -curve.cost(cost) if cost is not None else curve.f1 if rule == "f1" else curve.youden
    best = np.flatnonzero(values >= values.max() - 1e-12)
    index = best[np.argmin(np.abs(curve.thresholds[best] - 0.5))]
    return Threshold(float(curve.thresholds[index]), rule, float(abs(values[index])))


def threshold_of(y: np.ndarray, p: np.ndarray, rule: str = "youden") -> float:
    """Return the best threshold for labels and probabilities, (N,) each; see ``best_threshold``.

    Example:
        >>> round(threshold_of(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4])), 3)
        0.25
    """
    return best_threshold(ThresholdCurve.of(y, p), rule).value


@frozen
class Decisions:
    """What a threshold results in, as shares of the rows or of their weights.

    Args:
        accuracy, precision, recall, f1: of the positive class.
        cost: mean cost per row; ``None`` without a cost.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    cost: float | None

    @staticmethod
    def of(
        y: np.ndarray, is_predicted: np.ndarray, cost: Cost | None = None, weights: np.ndarray | None = None
    ) -> Decisions:
        """Compare decisions with the labels.

        Args:
            y: (N,) whether each row is positive.
            is_predicted: (N,) whether it is predicted as positive.
            cost: of the errors.
            weights: (N,) sample weights.

        Example:
            >>> decided = Decisions.of(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]), Cost(1, 20))
            >>> decided.recall, decided.precision, decided.cost
            (0.5, 1.0, 5.0)
        """
        w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
        truth, decision = np.asarray(y, bool), np.asarray(is_predicted, bool)
        counts = [float(w[a & b].sum()) for a in (truth, ~truth) for b in (decision, ~decision)]
        hits, misses, alarms, rejections = counts
        total = sum(counts)
        mean = None
        if cost is not None:
            mean = (cost.false_positive * alarms + cost.false_negative * misses) / total
        return Decisions(
            (hits + rejections) / total,
            hits / (hits + alarms) if hits + alarms else 1.0,
            hits / (hits + misses) if hits + misses else 0.0,
            2 * hits / (2 * hits + misses + alarms) if hits + misses + alarms else 0.0,
            mean,
        )


def cross_fitted(
    y: np.ndarray,
    p: np.ndarray,
    rule: str,
    cost: Cost | None = None,
    weights: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Return decisions by thresholds that were chosen on other rows, (N,) bool.

    The rows are divided at random into five parts; the threshold for a part is chosen on the other four. The
    result of a threshold that is chosen on all rows can be estimated from them without being too optimistic.

    Args:
        y: (N,) whether each row is positive.
        p: (N,) probability of the positive class.
        rule, cost: as for ``best_threshold``.
        weights: (N,) sample weights.

    Reference: Stone (1974), Cross-validatory choice and assessment of statistical predictions, JRSS B 36.
    """
    p = np.asarray(p, np.float64)  # thresholds lie between two of them
    part = np.zeros(len(y), np.int64)
    part[permutation(fold(key_of(seed), _STREAM), len(y))] = np.arange(len(y)) % PARTS
    decided = np.zeros(len(y), bool)
    for number in range(PARTS):
        others, own = part != number, part == number
        chosen_from = ThresholdCurve.of(y[others], p[others], None if weights is None else weights[others])
        decided[own] = p[own] >= best_threshold(chosen_from, rule, cost).value
    return decided


def _ratio(part: np.ndarray, total: np.ndarray, default: float) -> np.ndarray:
    return np.divide(part, total, out=np.full_like(part, default), where=total > 0)


DEFAULT = 0.5
BISECTIONS = 60  # of the interval from 0 to 1, down to the distance of two numbers of float64
CALIBRATED = "calibrated"  # the name of calibrated probabilities among the outputs of ``Scores``
HIGHEST = 2.0  # a threshold above every probability predicts no row as positive


@frozen
class DecisionThreshold:
    """A threshold with its result on rows that did not choose it.

    Args:
        value: rows with a probability of at least this are predicted as the positive class.
        rule: ``"f1"``, ``"youden"`` or ``"cost"``.
        cost: of the errors, ``"FP:FN"``; empty if the rule is another.
        label: the positive class.
        chosen: the result of thresholds chosen in this way.
        default: the result of the threshold 0.5 on the same rows.
        balance: by how much class weights multiplied the odds of the positive class in the training.
    """

    value: float
    rule: str
    cost: str
    label: Any
    chosen: Decisions
    default: Decisions
    balance: float = 1.0

    @property
    def fact(self) -> dict[str, Any]:
        """The entry in the facts of the model."""
        record: dict[str, Any] = {"value": self.value, "rule": self.rule}
        if self.cost:
            record["cost"] = self.cost
        if self.cost and self.balance != 1.0:
            record["balance"] = self.balance
        return record


def require_two_classes(rule: str, cost: str, classes: int) -> None:
    """Refuse a threshold for another task than two classes (E611)."""
    if (rule or cost) and classes != 2:
        raise UsageError(
            "E611",
            where=place("cost" if cost else "threshold"),
            expected=fact("two classes"),
            received=fact("{count} classes", count=classes) if classes else "regression",
        )


def choose(
    rule: str, cost: str, scores: Scores, held_out: Predictions | None, seed: int, balance: float = 1.0
) -> DecisionThreshold | None:
    """Choose the threshold by a rule or a cost; ``None`` without either.

    That of a cost follows from the cost, if the probabilities are right: a row is predicted as positive where
    this costs less on average. Another one is chosen on rows: in cross-validation on the scored ones, and its
    result is that of thresholds chosen on four fifths of them for the other fifth; otherwise on other rows.

    Args:
        rule: ``"f1"``, ``"youden"``, or empty.
        cost: of the errors, ``"FP:FN"``, or empty.
        held_out: other rows to choose on; ``None`` in cross-validation.
        balance: by how much class weights multiplied the odds of the positive class in the training.

    Reference: Elkan (2001), The foundations of cost-sensitive learning, IJCAI, section 2.
    """
    if not (rule or cost):
        return None
    scored = scores.predictions()
    y, p = scored.target, scored.prediction[:, 1].astype(np.float64)
    if cost:
        value = Cost.parse(cost).threshold_for(balance)
        return replace(_compared(value, "cost", cost, scores, p >= value), balance=balance)
    if held_out is None:
        value = best_threshold(_curve(scored), rule).value
        decided = cross_fitted(y, p, rule, None, scored.weights, seed)
        return _compared(value, rule, "", scores, decided)
    value = best_threshold(_curve(held_out), rule).value if len(held_out.target) else DEFAULT
    return _compared(value, rule, "", scores, p >= value)


def _compared(
    value: float, rule: str, cost: str, scores: Scores, decided: np.ndarray, name: str = "net"
) -> DecisionThreshold:
    rows = scores.predictions(name)
    known, p = Cost.parse(cost) if cost else None, rows.prediction[:, 1].astype(np.float64)
    chosen, default = (Decisions.of(rows.target, d, known, rows.weights) for d in (decided, p >= DEFAULT))
    return DecisionThreshold(value, rule, cost, scores.labels[1], chosen, default)


def stored_decision(model: Model, scores: Scores) -> DecisionThreshold | None:
    """Return the result of a model's threshold on other rows; ``None`` if the model has none."""
    value = stored_threshold(model)
    if value is None:
        return None
    record = model.facts[THRESHOLD]
    rule, cost = record.get("rule"), record.get("cost", "")
    try:
        Cost.parse(cost if isinstance(cost, str) else "")
    except UsageError:
        cost = ""
    if rule not in RULES or (rule == "cost") != bool(cost):
        return None
    name = CALIBRATED if reads_calibrated(model) and CALIBRATED in scores.outputs else "net"
    p = scores.predictions(name).prediction[:, 1].astype(np.float64)
    return _compared(value, rule, cost, scores, p >= value, name)


def reads_calibrated(model: Model) -> bool:
    """Return whether the stored threshold is one of calibrated probabilities.

    That of a cost is: it follows from the cost if the probabilities are right. Others were chosen on the
    probabilities of the network, and hold for them. A temperature keeps the odds of class weights, for which
    the threshold was computed.
    """
    record = model.facts.get(THRESHOLD)
    if not isinstance(record, dict) or record.get("rule") != "cost":
        return False
    is_isotonic = model.calibration is not None and model.calibration.map.name == Isotonic.name
    return is_isotonic or "balance" not in record


def predicts_as_network(model: Model) -> bool:
    """Return whether a threshold of the network's probabilities, or their largest, decides the printed class.

    An isotonic calibration of more than two classes may decide otherwise.
    """
    calibration = model.calibration
    return len(model.labels) == 2 or calibration is None or calibration.map.name != Isotonic.name


def decision_rule(model: Model) -> DecisionRule | None:
    """Return how the stored threshold decides; ``None``: the likelier class is predicted."""
    value = stored_threshold(model)
    return None if value is None else DecisionRule(value, reads_calibrated(model))


def network_threshold(model: Model, passed: float | None = None) -> float | None:
    """Return from which probability of the network ``chainrule predict`` predicts the second of two classes.

    Args:
        model: of two classes.
        passed: the threshold of ``--threshold``, of printed probabilities.

    Returns:
        a number above 1 if no row is predicted as the second class; ``None`` if the larger one decides.
    """
    stored = stored_threshold(model) if passed is None else None
    if stored is not None and not reads_calibrated(model):
        return stored
    printed, calibration = passed if passed is not None else stored, model.calibration
    if calibration is None or calibration.map.name == Identity.name:
        return printed
    if printed is None:
        if calibration.map.name == Temperature.name:
            return None
        printed = math.nextafter(DEFAULT, 1.0)  # of two equal probabilities the first class is predicted

    def reached(p: float) -> bool:
        return calibration.map(np.array([[1.0 - p, p]]))[0, 1] >= printed

    low, high = 0.0, 1.0  # the map increases
    if not reached(high):
        return HIGHEST
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _curve(predictions: Predictions) -> ThresholdCurve:
    return ThresholdCurve.of(predictions.target, predictions.prediction[:, 1], predictions.weights)


def stored_threshold(model: Model) -> float | None:
    """Return the threshold in the facts of a model of two classes; ``None`` if there is none.

    That of a cost is the one of right probabilities if an isotonic calibration corrected class weights.
    """
    record = model.facts.get(THRESHOLD)
    value = record.get("value") if isinstance(record, dict) else None
    if isinstance(record, dict) and "balance" in record and reads_calibrated(model):
        try:
            value = Cost.parse(str(record.get("cost"))).threshold
        except UsageError:
            value = None
    is_valid = isinstance(value, float) and 0 <= value <= HIGHEST
    return value if is_valid and len(model.labels or ()) == 2 else None


def with_threshold(model: Model, value: float, *, cost: str = "", rule: str = "") -> Model:
    """Return a classifier of two classes that predicts the second one from another probability than 0.5 on.

    Args:
        model: the classifier; it is not changed.
        value: rows with a probability of at least this are predicted as the second class.
        cost: of a false and of a missed second class, ``FP:FN``, if the threshold follows from it; then
            ``chainrule evaluate`` prints the mean cost.
        rule: by which it was chosen on other rows: ``"f1"`` or ``"youden"``.
    """
    record: dict[str, Any] = {"value": value, **({"rule": rule} if rule else {})}
    record |= {"rule": "cost", "cost": cost} if cost else {}
    return Model.of(replace(model.state, facts={**model.facts, THRESHOLD: record}))


def decided_labels(model: Model, probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Return the labels of rows by a threshold.

    Args:
        model: of two classes.
        probabilities: (N, 2).
        threshold: for the second class; compared in float64, since a stored one can lie between two adjacent
            numbers of float32.
    """
    labels = np.array(list(model.labels), dtype=object)
    return labels[DecisionRule(threshold, True).classes(probabilities, probabilities)]
