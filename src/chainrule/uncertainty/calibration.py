"""Calibration of a trained classifier on rows that it was not trained on.

The rows are divided at random. One half fits the map of the probabilities; the other half measures the
calibration before and after, and contains the thresholds of prediction sets, so that no number is measured
on rows that it was fitted to. The sets of a fifth of this half are measured with thresholds of its other
four fifths.

A map that raises the log-loss is not used, be it in cross-validation on the rows that fit it or on the other
half. The probabilities then stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import DataError, TrainingError, fact
from chainrule.metrics import Predictions, score
from chainrule.metrics.abstention import RiskCoverage, risk_coverage
from chainrule.metrics.interval import Interval, bootstrap
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import render
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.evaluation.rows import NetworkRows, encode_labeled
from chainrule.train.private.privacy import CALIBRATION
from chainrule.uncertainty.calibration_maps import MAPS, Identity, ProbabilityMap, map_of
from chainrule.uncertainty.conformal_sets import SET_METHODS, SetMethod, prediction_sets, set_thresholds
from chainrule.validation import choice, random_seed, trained_network, unknown

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

LEVELS = (0.8, 0.9, 0.95, 0.99)
MIN_ROWS = 40
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)
DETAILED = 0.9  # the level whose coverage by class and by size is printed
PARTS = 5  # of the rows that fit a map, for its log-loss in cross-validation
METRICS = ("calibration_error", "log_loss", "accuracy")
DECIDED = ("accuracy",)  # of them, about classes and not about probabilities
_STREAM = 0x43414C49  # "CALI"


@frozen
class DecisionRule:
    """A threshold that decides between two classes.

    Args:
        threshold: rows with at least this probability of the second class are predicted as this class.
        is_calibrated: whether this probability is the calibrated one, and not that of the network.
    """

    threshold: float
    is_calibrated: bool

    def classes(self, raw: np.ndarray, calibrated: np.ndarray) -> np.ndarray:
        """Return the class indices of rows, (N,), from their probabilities of both kinds, (N, 2) each.

        Example:
            >>> p = np.array([[0.9, 0.1], [0.6, 0.4]])
            >>> DecisionRule(0.3, True).classes(p, p).tolist()
            [0, 1]
        """
        p = calibrated if self.is_calibrated else raw
        return (p[:, 1].astype(np.float64) >= self.threshold).astype(int)


@frozen(eq=False)
class Calibration:
    """The part of a calibration that ``predict`` needs.

    Args:
        map: from the probabilities of the network to calibrated ones.
        thresholds: the lowest conformity of each class in a prediction set, (K,), by method and level; see
            ``set_thresholds``.
        rows: the number of rows that the thresholds are from.
    """

    map: ProbabilityMap
    thresholds: Mapping[str, Mapping[float, np.ndarray]]
    rows: int

    def sets(
        self, probabilities: np.ndarray, level: float = 0.9, method: SetMethod = "threshold"
    ) -> np.ndarray:
        """Return whether each class is in the prediction set of each row, (N, K).

        Args:
            probabilities: (N, K) of the network, as ``Model.predict_proba`` returns them.
            level: the probability that a set contains the true class; one of ``LEVELS``.
            method: ``"threshold"`` (the smallest sets), ``"adaptive"`` (larger where the network is less
                certain) or ``"class"`` (the coverage holds for every class; a class with too few rows is in
                every set). ``set_thresholds`` has the formulas.

        Raises:
            UsageError E101: another level or method.

        Reference: Sadinle, Lei and Wasserman (2019) for ``"threshold"`` and ``"class"``; Romano, Sesia and
        Candès (2020) for ``"adaptive"``.
        """
        choice(method, SET_METHODS, "method", "sets", example="threshold")
        thresholds = self.thresholds[method]
        if level not in thresholds:
            known = [f"{value:g}" for value in thresholds]
            raise unknown("sets, level", f"{level:g}", known, "level={}", example=known[-1])
        return prediction_sets(self.map(probabilities), thresholds[level], method)

    @property
    def fact(self) -> dict[str, Any]:
        """The calibration as plain data for a model file."""
        thresholds = {
            method: {f"{level:g}": values.tolist() for level, values in by_level.items()}
            for method, by_level in self.thresholds.items()
        }
        return {"map": self.map.fact, "thresholds": thresholds, "rows": self.rows}

    @staticmethod
    def of_fact(record: Any, classes: int) -> Calibration | None:
        """Return the calibration of a model file; ``None`` if there is none or it is damaged."""
        if not isinstance(record, Mapping) or not isinstance(record.get("thresholds"), Mapping):
            return None
        mapped, rows = map_of(record.get("map"), classes), record.get("rows")
        thresholds = {
            method: _thresholds_of(record["thresholds"].get(method), classes) for method in SET_METHODS
        }
        if mapped is None or type(rows) is not int or not 0 < rows < 2**53:
            return None
        known = {method: values for method, values in thresholds.items() if values is not None}
        return Calibration(mapped, known, rows) if len(known) == len(SET_METHODS) else None


def _thresholds_of(record: Any, classes: int) -> dict[float, np.ndarray] | None:
    """Return the thresholds of one method in a model file, by level; ``None`` if they are damaged."""
    names = {f"{level:g}": level for level in LEVELS}
    if not isinstance(record, Mapping) or not set(record) <= set(names):
        return None
    for values in record.values():
        if not isinstance(values, list) or len(values) != classes:
            return None
        if not all(type(value) is float and 0 <= value <= 1 for value in values):
            return None
    return {names[name]: np.array(values) for name, values in record.items()}


@frozen(eq=False)
class CalibrationReport:
    """A calibration with its measurements, on the rows that did not fit the map.

    Args:
        calibration: the calibration.
        before, after: metrics of the probabilities, by name.
        intervals: the 95 % interval of each metric before and after.
        refused: the name of a map that was not used because it does not lower the log-loss, else empty, and
            the log-loss before and after it, on rows that did not fit it.
        coverage: of the prediction sets, by method and level.
        names: of the classes.
        curve: risk and coverage of the calibrated probabilities.
        lang: language of the text.
        decided_by: the threshold that decides the classes of accuracy and curve; ``None``: the likelier one.
    """

    calibration: Calibration
    before: Mapping[str, float]
    after: Mapping[str, float]
    intervals: tuple[Mapping[str, Interval], Mapping[str, Interval]]
    refused: tuple[str, float, float]
    coverage: Mapping[str, Mapping[float, SetCoverage]]
    names: tuple[str, ...]
    curve: RiskCoverage
    lang: str
    decided_by: float | None = None

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        fact_of_map, rows = self.calibration.map.fact, self.calibration.rows
        value = f"{fact_of_map['value']:.4g}" if "value" in fact_of_map else ""
        lines = []
        name, before, after = self.refused
        if name:
            words = {"method": render(f"calibration_map_{name}", self.lang), "after": f"{after:.4g}"}
            lines.append(render("calibration_refused", self.lang, before=f"{before:.4g}", **words))
        lines.append(render(f"calibration_{fact_of_map['method']}", self.lang, rows=rows, value=value))
        for name in METRICS:
            words = {"name": render(f"calibration_of_{name}", self.lang)}
            for key, values, ranges in zip(
                ("before", "after"), (self.before, self.after), self.intervals, strict=True
            ):
                words[key] = f"{values[name]:.4g} ({ranges[name].low:.4g} … {ranges[name].high:.4g})"
            lines.append(render("calibration_metric", self.lang, **words))
        lines += self._lines_of_sets()
        if self.decided_by is not None:
            lines.append(render("calibration_decided", self.lang, threshold=f"{self.decided_by:.4g}"))
        for coverage in COVERAGES:
            confidence, risk = self.curve.at(coverage)
            words = {"coverage": f"{coverage:.0%}", "confidence": f"{confidence:.3f}", "risk": f"{risk:.2%}"}
            lines.append(render("calibration_risk", self.lang, **words))
        return lines

    def _lines_of_sets(self) -> list[str]:
        """Return how often the sets of each method contain the true class, and how large they are."""
        lines = [render("calibration_sets", self.lang, rows=self.calibration.rows)]
        for method, by_level in self.coverage.items():
            lines.append(f"  {render(f'calibration_sets_{method}', self.lang)}")
            for level, measured in by_level.items():
                words = {
                    "level": f"{level:.0%}",
                    "share": f"{measured.share:.1%}",
                    "size": f"{measured.size:.3g}",
                }
                lines.append(render("calibration_sets_level", self.lang, **words))
                if level == DETAILED:
                    lines.append(self._line_of_parts(measured))
        return lines

    def _line_of_parts(self, measured: SetCoverage) -> str:
        """Return the class with the lowest coverage, and the coverage by the size of the set."""
        lowest = int(np.nanargmin(measured.by_class))
        sizes = render("calibration_sets_joined", self.lang).join(
            render(
                "calibration_sets_size",
                self.lang,
                size=f"{size}+" if size == LARGE else size,
                share=f"{share:.1%}",
                rows=count,
            )
            for size, (share, count) in measured.by_size.items()
        )
        return render(
            "calibration_sets_parts",
            self.lang,
            class_name=self.names[lowest],
            sizes=sizes,
            lowest=f"{measured.by_class[lowest]:.1%}",
            count=int(measured.rows_of_class[lowest]),
        )


def calibrate(
    model: ModelState, x: Any, y: Any = None, *, method: str = "temperature", seed: int = 0
) -> CalibrationReport:
    """Calibrate a classifier; see ``Model.calibrate``."""
    rows, probabilities = labeled_probabilities(model, x, y, "calibrate")
    (target,) = model.targets.values()
    return calibrate_probabilities(probabilities, rows.labels, method=method, seed=seed, names=target.labels)


def labeled_probabilities(model: ModelState, x: Any, y: Any, where: str) -> tuple[NetworkRows, np.ndarray]:
    """Return labeled rows and their probabilities (N, K) by a classifier.

    Args:
        model: a trained classifier with one output.
        x, y: samples and labels as in ``Model.evaluate``.
        where: the method that needs them, for errors.

    Raises:
        TrainingError E503: the model is not trained. E507: it does not predict one class for each sample.
        UsageError E122: there are no labels.
    """
    trained_network(model, where)
    (name, target), *others = model.targets.items()
    if others or not target.is_single or target.loss.task != "classification":
        received = ", ".join(model.targets) if others else target.loss.name
        expected = fact("a classifier with one output")
        raise TrainingError("E507", where=where, received=received, expected=expected, fix="model.predict(x)")
    rows = encode_labeled(model, x, y, where)
    return rows, target.probabilities(predictions(rows.model, rows.x, "prediction")[name])


def calibrate_probabilities(
    p: np.ndarray,
    labels: np.ndarray,
    *,
    method: str = "temperature",
    seed: int = 0,
    names: Sequence[Any] = (),
    decision: DecisionRule | None = None,
) -> CalibrationReport:
    """Calibrate probabilities of rows that the model was not trained on.

    Args:
        p: (N, K) of the network.
        labels: (N,) class indices.
        method, seed: as for ``Model.calibrate``.
        names: of the classes; by default their indices.
        decision: of the classes that accuracy and risk are about; by default the likelier one.

    Raises:
        UsageError E101: no such method. DataError E331: fewer than 40 rows.
    """
    choice(method, MAPS, "method", "calibrate", example="temperature")
    seed = random_seed(seed, "calibrate")
    if len(labels) < MIN_ROWS:
        expected = fact("at least {count} rows", count=MIN_ROWS)
        received = fact("{count} rows", count=len(labels))
        raise DataError("E331", where="calibrate", expected=expected, received=received, fix=fact("add rows"))
    order = permutation(fold(key_of(seed), _STREAM), len(labels))
    own, others = order[: len(order) // 2], np.sort(order[len(order) // 2 :])
    raw, y = p[others], labels[others]
    mapped, refused = _map_that_helps(method, (p[own], labels[own]), (raw, y))
    calibrated = mapped(raw)
    parts = [Predictions(y, part, None, "classification") for part in (raw.astype(np.float64), calibrated)]
    decided = [None if decision is None else decision.classes(raw, part) for part in (raw, calibrated)]
    before, after = map(_scores, parts, decided)
    thresholds = {
        kind: {level: set_thresholds(calibrated, y, level, kind) for level in LEVELS} for kind in SET_METHODS
    }
    coverage = {
        kind: {level: set_coverage(calibrated, y, level, kind, seed) for level in LEVELS}
        for kind in SET_METHODS
    }
    calibration = Calibration(mapped, thresholds, len(y))
    first, second = (_intervals(*part, seed) for part in zip(parts, decided, strict=True))
    texts = tuple(str(names[k]) if k < len(names) else str(k) for k in range(p.shape[1]))
    curve = risk_coverage(calibrated, y, decided[1])
    measured = before, after, (first, second), refused, coverage, texts, curve, settings.lang
    return CalibrationReport(calibration, *measured, None if decision is None else decision.threshold)


def _scores(part: Predictions, classes: np.ndarray | None) -> dict[str, float]:
    """Return the metrics of probabilities; the accuracy is that of the decided classes, if there are any."""
    return score(part, METRICS) | score(_certain(part, classes), DECIDED)


def _intervals(part: Predictions, classes: np.ndarray | None, seed: int) -> dict[str, Interval]:
    """Return the intervals of ``_scores``."""
    return bootstrap(part, METRICS, seed) | bootstrap(_certain(part, classes), DECIDED, seed)


def _certain(part: Predictions, classes: np.ndarray | None) -> Predictions:
    """Return predictions whose likeliest classes are others, where there are any."""
    return part if classes is None else replace(part, prediction=np.eye(part.prediction.shape[1])[classes])


def _map_that_helps(
    method: str, own: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray]
) -> tuple[ProbabilityMap, tuple[str, float, float]]:
    """Return the map of the own rows, or none where it does not lower the log-loss; see the module.

    Returns:
        the map, and the name of a map that was not used with the log-loss before and after it; an empty name
        if it is used.
    """
    p, labels = own
    part = np.arange(len(labels)) % PARTS  # the rows are in random order
    crossed = np.empty(p.shape)
    for number in range(PARTS):
        crossed[part == number] = MAPS[method].fitted(p[part != number], labels[part != number])(
            p[part == number]
        )
    mapped = MAPS[method].fitted(p, labels)
    for rows, raw, calibrated in ((labels, p, crossed), (others[1], others[0], mapped(others[0]))):
        before, after = (
            score(Predictions(rows, values, None, "classification"), ["log_loss"])["log_loss"]
            for values in (raw.astype(np.float64), calibrated)
        )
        if not after <= before:
            return Identity(), (method, before, after)
    return mapped, ("", 0.0, 0.0)


def with_calibration(model: ModelState, report: CalibrationReport) -> ModelState:
    """Return the model with a calibration, which its file then contains."""
    return replace(model, facts={**model.facts, CALIBRATION: report.calibration.fact})


def stored_calibration(model: ModelState) -> Calibration | None:
    """Return the calibration in the facts of a classifier with one output; ``None`` if there is none."""
    if len(model.targets) != 1:
        return None
    (target,) = model.targets.values()
    return Calibration.of_fact(model.facts.get(CALIBRATION), len(target.labels) or target.max_classes)


LARGE = 3  # classes of a set, from which sizes are counted together
_COVERAGE_STREAM = 0x434F5645  # "COVE"


@frozen(eq=False)
class SetCoverage:
    """The measured coverage of prediction sets.

    Args:
        share: of the rows whose set contains the true class.
        size: the mean number of classes in a set.
        by_class: (K,) the share of the rows of each class; NaN for a class without rows.
        rows_of_class: (K,) their number.
        by_size: the share and the number of the rows with sets of 1, 2 and at least 3 classes, by size.
    """

    share: float
    size: float
    by_class: np.ndarray
    rows_of_class: np.ndarray
    by_size: Mapping[int, tuple[float, int]]

    @staticmethod
    def of(inside: np.ndarray, y: np.ndarray) -> SetCoverage:
        """Count the rows whose set contains the true class.

        Args:
            inside: (N, K) whether each class is in the set of each row.
            y: (N,) class indices.

        Example:
            >>> inside = np.array([[True, False], [True, True], [False, True]])
            >>> measured = SetCoverage.of(inside, np.array([0, 1, 0]))
            >>> round(measured.share, 2), measured.by_class.tolist(), measured.by_size
            (0.67, [0.5, 1.0], {1: (0.5, 2), 2: (1.0, 1)})
        """
        covered, classes = inside[np.arange(len(y)), y], inside.shape[1]
        counts, hits = np.bincount(y, minlength=classes), np.bincount(y, covered, classes)
        sizes = np.minimum(inside.sum(axis=1), LARGE)
        by_size = {
            int(size): (float(covered[sizes == size].mean()), int((sizes == size).sum()))
            for size in np.unique(sizes)
        }
        by_class = np.divide(hits, counts, out=np.full(classes, np.nan), where=counts > 0)
        return SetCoverage(float(covered.mean()), float(inside.sum(axis=1).mean()), by_class, counts, by_size)


def set_coverage(
    probabilities: np.ndarray, y: np.ndarray, level: float, method: SetMethod = "threshold", seed: int = 0
) -> SetCoverage:
    """Return the coverage of sets whose thresholds are from other rows.

    The rows are divided at random into five parts; the sets of a part have the thresholds of the other four.

    Args:
        probabilities: (N, K) of rows outside the training, N at least 5.
        y: (N,) class indices.
        level, method: of the sets.
        seed: of the parts.
    """
    part = np.zeros(len(y), np.int64)
    part[permutation(fold(key_of(seed), _COVERAGE_STREAM), len(y))] = np.arange(len(y)) % PARTS
    inside = np.zeros(probabilities.shape, bool)
    for number in range(PARTS):
        others, own = part != number, part == number
        thresholds = set_thresholds(probabilities[others], y[others], level, method)
        inside[own] = prediction_sets(probabilities[own], thresholds, method)
    return SetCoverage.of(inside, y)
