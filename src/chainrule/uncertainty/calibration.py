"""Calibration of a trained classifier on rows that it was not trained on.

The rows are divided at random. One half fits the map of the probabilities; the other half measures the
calibration before and after, and contains the thresholds of prediction sets, so that no number is measured on
rows that it was fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import DataError, UsageError, fact, nearest
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import render
from chainrule.train.evaluation.abstention import RiskCoverage, risk_coverage
from chainrule.train.evaluation.interval import Interval, bootstrap
from chainrule.train.evaluation.metric import Predictions, score
from chainrule.train.loading import CALIBRATION
from chainrule.uncertainty.conformal_sets import prediction_sets, set_threshold
from chainrule.uncertainty.labeled_outputs import labeled_outputs
from chainrule.uncertainty.probability_map import MAPS, ProbabilityMap, map_of

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

LEVELS = (0.8, 0.9, 0.95, 0.99)
MIN_ROWS = 40
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)
METRICS = ("calibration_error", "log_loss", "accuracy")
_STREAM = 0x43414C49  # "CALI"


@frozen(eq=False)
class Calibration:
    """What ``predict`` needs of a calibration.

    Args:
        map: from the probabilities of the network to calibrated ones.
        thresholds: the lowest calibrated probability of a class in a prediction set, by level.
        rows: the number of rows that the thresholds are from.
    """

    map: ProbabilityMap
    thresholds: Mapping[float, float]
    rows: int

    def sets(self, probabilities: np.ndarray, level: float = 0.9) -> np.ndarray:
        """Whether each class is in the prediction set of each row, (N, K).

        Args:
            probabilities: (N, K) of the network, as ``Model.predict_proba`` returns them.
            level: the probability that a set contains the true class; one of ``LEVELS``.

        Raises:
            UsageError E101: another level.
        """
        if level not in self.thresholds:
            known = [f"{value:g}" for value in self.thresholds]
            raise UsageError(
                "E101", where="sets, level", name=f"{level:g}", expected=", ".join(known),
                received=f"{level:g}", fix=f"level={nearest(f'{level:g}', known) or known[-1]}",
            )  # fmt: skip
        return prediction_sets(self.map(probabilities), self.thresholds[level])

    @property
    def fact(self) -> dict[str, Any]:
        """The calibration as plain data for a model file."""
        thresholds = {f"{level:g}": value for level, value in self.thresholds.items()}
        return {"map": self.map.fact, "thresholds": thresholds, "rows": self.rows}

    @staticmethod
    def of_fact(record: Any, classes: int) -> Calibration | None:
        """The calibration of a model file; ``None`` if there is none or it is damaged."""
        if not isinstance(record, Mapping) or not isinstance(record.get("thresholds"), Mapping):
            return None
        mapped, rows, values = map_of(record.get("map"), classes), record.get("rows"), record["thresholds"]
        names = {f"{level:g}": level for level in LEVELS}
        is_valid = all(type(v) is float and 0 <= v <= 1 and name in names for name, v in values.items())
        if mapped is None or not is_valid or type(rows) is not int or not 0 < rows < 2**53:
            return None
        return Calibration(mapped, {names[name]: value for name, value in values.items()}, rows)


@frozen(eq=False)
class CalibrationReport:
    """A calibration with its measurements, on the rows that did not fit the map.

    Args:
        calibration: the calibration.
        before, after: metrics of the probabilities, by name.
        intervals: the 95 % interval of each metric before and after.
        set_sizes: the mean number of classes in a set, by level.
        curve: risk and coverage of the calibrated probabilities.
        lang: language of the text.
    """

    calibration: Calibration
    before: Mapping[str, float]
    after: Mapping[str, float]
    intervals: tuple[Mapping[str, Interval], Mapping[str, Interval]]
    set_sizes: Mapping[float, float]
    curve: RiskCoverage
    lang: str

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        fact_of_map, rows = self.calibration.map.fact, self.calibration.rows
        value = f"{fact_of_map['value']:.4g}" if "value" in fact_of_map else ""
        lines = [render(f"calibration_{fact_of_map['method']}", self.lang, rows=rows, value=value)]
        for name in METRICS:
            words = {"name": render(f"calibration_of_{name}", self.lang)}
            for key, values, ranges in zip(
                ("before", "after"), (self.before, self.after), self.intervals, strict=True
            ):
                words[key] = f"{values[name]:.4g} ({ranges[name].low:.4g} … {ranges[name].high:.4g})"
            lines.append(render("calibration_metric", self.lang, **words))
        for level, size in self.set_sizes.items():
            lines.append(render("calibration_sets", self.lang, level=f"{level:.0%}", size=f"{size:.3g}"))
        for coverage in COVERAGES:
            confidence, risk = self.curve.at(coverage)
            words = {"coverage": f"{coverage:.0%}", "confidence": f"{confidence:.3f}", "risk": f"{risk:.2%}"}
            lines.append(render("calibration_risk", self.lang, **words))
        return lines


def calibrate(
    model: ModelState, x: Any, y: Any = None, *, method: str = "temperature", seed: int = 0
) -> CalibrationReport:
    """Calibrate a classifier; see ``Model.calibrate``."""
    rows = labeled_outputs(model, x, y, "calibrate")
    return calibrate_probabilities(rows.probabilities, rows.labels, method=method, seed=seed)


def calibrate_probabilities(
    p: np.ndarray, labels: np.ndarray, *, method: str = "temperature", seed: int = 0
) -> CalibrationReport:
    """Calibrate probabilities of rows that the model was not trained on.

    Args:
        p: (N, K) of the network.
        labels: (N,) class indices.
        method, seed: as for ``Model.calibrate``.

    Raises:
        UsageError E101: no such method. DataError E331: fewer than 40 rows.
    """
    if method not in MAPS:
        raise UsageError(
            "E101", where="calibrate, method", name=method, expected=", ".join(MAPS), received=repr(method),
            fix=f'method="{nearest(str(method), MAPS) or "temperature"}"',
        )  # fmt: skip
    if len(labels) < MIN_ROWS:
        raise DataError(
            "E331", where="calibrate", expected=fact("at least {count} rows", count=MIN_ROWS),
            received=fact("{count} rows", count=len(labels)), fix=fact("add rows"),
        )  # fmt: skip
    order = permutation(fold(key_of(seed), _STREAM), len(labels))
    own, others = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    mapped = MAPS[method].fitted(p[own], labels[own])
    raw, y = p[others], labels[others]
    calibrated = mapped(raw)
    parts = [Predictions(y, part, None, "classification") for part in (raw.astype(np.float64), calibrated)]
    before, after = (score(part, METRICS) for part in parts)
    thresholds = {level: set_threshold(calibrated, y, level) for level in LEVELS}
    calibration = Calibration(mapped, thresholds, len(y))
    sizes = {
        level: float(prediction_sets(calibrated, t).sum(axis=1).mean()) for level, t in thresholds.items()
    }
    first, second = (bootstrap(part, METRICS, seed) for part in parts)
    curve = risk_coverage(calibrated, y)
    return CalibrationReport(calibration, before, after, (first, second), sizes, curve, settings.lang)


def with_calibration(model: ModelState, report: CalibrationReport) -> ModelState:
    """Return the model with a calibration, which its file then contains."""
    return replace(model, facts={**model.facts, CALIBRATION: report.calibration.fact})


def stored_calibration(model: ModelState) -> Calibration | None:
    """The calibration in the facts of a classifier with one output; ``None`` if there is none."""
    if len(model.targets) != 1:
        return None
    (target,) = model.targets.values()
    return Calibration.of_fact(model.facts.get(CALIBRATION), len(target.labels) or target.max_classes)
