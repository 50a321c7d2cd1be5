"""Predictions as columns beside the input, and as CSV text.

Labels and cells come from data and are escaped according to the destination:

* on a terminal, control characters are printed as escape sequences, such as ``\\x1b``;
* in a file or pipe, cells are quoted as CSV requires. A text that a spreadsheet would evaluate as a formula,
  or that starts with an apostrophe, is prefixed by an apostrophe, which
  ``chainrule.escaping.spreadsheet_text`` removes; ``--raw`` writes texts unchanged.

Columns are converted as a whole, so that a million rows take about a second, and are written in parts of some
rows. polars does not quote a carriage return, so text that contains one is written by ``csv_text``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import UsageError, fact
from chainrule.escaping import FORMULA, csv_text, printable, spreadsheet_cell
from chainrule.inputs import kind_of
from chainrule.model import Model
from chainrule.page import screen
from chainrule.records import frozen
from chainrule.tabular.threshold import decided_labels
from chainrule.tabular.training_status import TableFacts
from chainrule.train.evaluation.frame_predictions import PREDICTION, free_name, probability_columns
from chainrule.train.evaluation.frame_predictions import prediction_columns as columns_of_outputs
from chainrule.train.evaluation.prediction import predict_with_probabilities
from chainrule.uncertainty.conformal_sets import SetMethod
from chainrule.uncertainty.probability_map import Identity
from chainrule.uncertainty.unknown_classes import stored_level, with_unknown

# The columns of ``chainrule predict`` about the uncertainty of a class: set and confidence.

SET, CONFIDENCE = "set", "confidence"
SEPARATOR = "; "


@frozen
class Uncertainty:
    """What ``predict`` does with uncertain rows.

    Args:
        level: the probability that a prediction set contains the true class; ``None``: no sets.
        abstain: the lowest probability of a class that is predicted; ``None``: every row is decided.
    """

    level: float | None = None
    method: SetMethod = "threshold"
    abstain: float | None = None

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

    def decided(self, predicted: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
        """Return the predictions, some empty, with their confidence; none if every row is decided.

        Args:
            predicted: (N,) labels.
            probabilities: (N, K), calibrated if there is a calibration.
        """
        if self.abstain is None:
            return {}
        confidence = probabilities.max(axis=1)
        is_open = confidence < np.asarray(self.abstain, confidence.dtype)  # 0.7 of the user is float32(0.7)
        words = {"count": int(is_open.sum()), "rows": len(is_open), "limit": f"{self.abstain:g}"}
        screen.line(text_of("abstained").format(**words), "yellow", to_errors=True)
        labels = predicted.astype(object)
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


REASON = "reason"
EXACT = (PREDICTION, "lower", "upper")  # columns whose values are not rounded
DIGITS = 6  # significant digits of a probability
CERTAIN = Uncertainty()
PART = 1 << 16  # rows that are written together
TINY = 1e-15  # below which polars rounds to a neighbor of the nearest number of six digits
CELLS: dict[str, Callable[[Any], Any] | None] = {
    "terminal": lambda value: printable(value) if isinstance(value, str) else value,
    "spreadsheet": spreadsheet_cell,
    "raw": None,
}


def prediction_columns(
    model: Model, x: Any, proba: bool, threshold: float | None = None, uncertainty: Uncertainty = CERTAIN
) -> dict[str, np.ndarray]:
    """Return the predictions of all rows by the name of their column.

    Args:
        model: a trained model.
        x: (N, ...) prepared inputs, or arrays by input name.
        proba: add a column with the probability of each class.
        threshold: from which probability the second of two classes is predicted; ``None``: the more likely,
            or ``"unknown"`` below the level that the model stores.
        uncertainty: what happens to uncertain rows.

    Raises:
        TrainingError E507: probabilities of a model that predicts values. UsageError E612: sets of a model
            that is not calibrated.
    """
    calibration, level = model.calibration, stored_level(model.state)
    is_plain = calibration is None and level is None and not uncertainty.is_requested
    if is_plain and not proba and threshold is None:
        return _columns(model, model.predict(x))
    predicted, raw = predict_with_probabilities(model.state, x)
    if isinstance(raw, dict) or isinstance(predicted, dict):
        return _columns(model, predicted) | (_shares(model, raw) if proba else {})
    labels = np.array(model.labels if len(model.labels) == raw.shape[-1] else range(1, raw.shape[-1] + 1))
    probabilities = raw
    if calibration is not None:
        probabilities = calibration.map(raw)
        predicted = labels[probabilities.argmax(axis=1)] if len(model.labels) else predicted
    if threshold is not None:
        predicted = decided_labels(model, probabilities, threshold)
    elif level is not None:
        predicted = with_unknown(np.asarray(predicted), raw, level)
    columns = _columns(model, predicted)
    columns |= uncertainty.decided(columns.get(PREDICTION, np.zeros(0)), probabilities)
    if proba:
        columns |= _shares(model, probabilities)
    return columns | uncertainty.sets(model, raw, labels)


def announce_calibration(model: Model) -> None:
    """Print that predictions come from calibrated probabilities, where the map changes them."""
    calibration = model.calibration
    if calibration is None or calibration.map.name == Identity.name:
        return
    words = {"method": text_of(f"calibration_{calibration.map.name}"), "rows": calibration.rows}
    screen.line(text_of("calibration_used").format(**words), to_errors=True)


def _shares(model: Model, probabilities: Any) -> dict[str, np.ndarray]:
    """Return the columns of the probabilities, whose digits are those of the output."""
    columns = probability_columns(model.state, probabilities)
    return {name: values.astype(np.float64) for name, values in columns.items()}


def _columns(model: Model, predicted: Any) -> dict[str, np.ndarray]:
    """Return the column of each output, in the form of the kind of the model."""
    return columns_of_outputs(predicted, kind_of(model).spelled)


def prediction_frame(
    columns: Mapping[str, np.ndarray], rows: int, index: np.ndarray | None = None
) -> pl.DataFrame:
    """Return the predictions as a frame.

    Args:
        columns: by name, (n, ...) each.
        rows: the number of rows of the frame.
        index: (n,) the rows that have a prediction; the others are empty; ``None``: all have one.
    """
    frame = pl.DataFrame([_series(name, values) for name, values in columns.items()])
    if index is None:
        return frame
    places = np.full(rows, -1)
    places[index] = np.arange(len(index))
    return frame.select(pl.all().gather(pl.Series(places).replace(-1, None)))


def _series(name: str, values: np.ndarray) -> pl.Series:
    if values.ndim > 1:  # several values for each row
        return pl.Series(name, [str(row) for row in values.tolist()], dtype=pl.String)
    if values.dtype.kind == "U":  # in parts, since lists of texts take several times the memory of a column
        parts = [values[start : start + PART].tolist() for start in range(0, len(values), PART)]
        return pl.concat([pl.Series(name, part, dtype=pl.String) for part in parts or [[]]])
    if name in EXACT or values.dtype.kind != "f":
        return pl.Series(name, values if values.dtype.kind in "fiub" else values.tolist())
    rounded = pl.Series(name, values).round_sig_figs(DIGITS).to_numpy().copy()
    for row in np.flatnonzero((values > 0) & (values < TINY)).tolist():
        rounded[row] = float(f"{values[row]:.{DIGITS}g}")
    return pl.Series(name, rounded)


def id_columns(model: Model, table: Table) -> list[str]:
    """Return the columns of a table that identified rows in the training of the model."""
    known = set(table.columns)
    return [name for name in TableFacts.of(model.facts).ids if name in known]


def beside(table: Table, names: Sequence[str], predictions: pl.DataFrame) -> pl.DataFrame:
    """Return columns of a table, with cells as in its file, followed by the predictions.

    A prediction column whose name is one of these is called ``NAME (2)``.
    """
    if not names:
        return predictions  # a frame without columns has no rows either
    used = set(names)
    renamed = {name: free_name(name, used) for name in predictions.columns}
    cells = [texts.alias(name) for name, texts in table.originals.items() if name in used]
    frame = table.frame.select(names).with_columns(cells)
    return frame.hstack(predictions.rename(renamed).get_columns())


def to_csv(frame: pl.DataFrame, destination: str) -> str:
    """Return a frame as CSV; see ``csv_parts``."""
    return "".join(csv_parts(frame, destination))


def csv_parts(frame: pl.DataFrame, destination: str) -> Iterator[str]:
    """Yield a frame as CSV for ``"terminal"``, ``"spreadsheet"`` or ``"raw"``, ``PART`` rows at a time."""
    cell = CELLS[destination]
    names = [name if cell is None else cell(name) for name in frame.columns]
    escapes = {c.name: _escapes(c, destination) for c in frame.get_columns() if c.dtype == pl.String}
    is_quoted = any("\r" in name for name in names) or any(has_return for _, has_return in escapes.values())
    yield csv_text([names])
    for start in range(0, frame.height, PART):
        columns = [
            column.replace(list(changes), list(changes.values())) if changes else column
            for column in frame.slice(start, PART).get_columns()
            for changes, _ in [escapes.get(column.name, ({}, False))]
        ]
        yield _with_returns(columns) if is_quoted else _without_returns(columns)


def _escapes(column: pl.Series, destination: str) -> tuple[dict[str, str], bool]:
    """Return the texts that are replaced for a destination, and whether a text has a carriage return then."""
    cell, distinct = CELLS[destination], column.unique().drop_nulls()
    changes: dict[str, str] = {}
    if cell is not None:
        risky = distinct
        if destination == "spreadsheet":
            risky = distinct.filter(distinct.str.head(1).is_in([*FORMULA, "'"]))  # the others do not change
        changes = {text: safe for text in risky.to_list() if (safe := cell(text)) != text}
    safe_texts = distinct.replace(list(changes), list(changes.values())) if changes else distinct
    return changes, bool(safe_texts.str.contains("\r", literal=True).any())


def _with_returns(columns: Sequence[pl.Series]) -> str:
    """Return rows as CSV, which may contain carriage returns."""
    rows = zip(*(column.to_list() for column in columns), strict=True)
    return csv_text([_plain(value) for value in row] for row in rows)


def _without_returns(columns: Sequence[pl.Series]) -> str:
    """Return rows as CSV, written by polars."""
    unnamed = pl.DataFrame([column.alias(f"{i}") for i, column in enumerate(columns)])
    # An empty text would be written as "", a missing cell is not.
    plain = unnamed.with_columns(pl.col(pl.String).replace("", None))
    return plain.write_csv(include_header=False)


def _plain(value: Any) -> Any:
    """Return a cell as ``polars`` writes it."""
    return ("true" if value else "false") if isinstance(value, bool) else value
