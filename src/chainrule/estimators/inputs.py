"""From the X and y that scikit-learn passes to the arrays of a network.

A data frame with texts, categories, dates or missing values is prepared column by column, as ``chainrule
train`` prepares a file: the model then takes such frames too. Everything else is an array of numbers, in
float32 if it is float32 and otherwise in float64; a network of numbers standardizes them itself. Sparse
matrices become dense arrays.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_y, check_consistent_length, validate_data

from chainrule.data import Column, Finding, Preparation, PreparedData, Table, Task, read_table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.suspicious_columns import MAX_COLUMNS, ROWS, leaks, suspicions
from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.train.inputs.input_check import column_names
from chainrule.validation import wrong_type

NUMBERS = ("int", "uint", "float")  # prefixes of the names of dtypes, in pandas and polars
FLOATS = (np.float64, np.float32)
TARGET = "target"  # the name of the targets in notices
TARGET_KIND = Finding("requested")
MAX_TARGETS = 10  # whose columns are compared


@frozen(eq=False)
class EncodedRows:
    """Rows as a network takes them.

    Args:
        x: (N, F) float32 or float64.
        y: (N,) labels, (N, L) zeros and ones, or standardized values (N,) or (N, O).
        weights: (N,) above 0.
        preparation: of a data frame; ``None`` for numbers.
        is_regression: whether the targets are values.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    preparation: Preparation | None = None
    is_regression: bool = False


def is_mixed_frame(x: Any, kinds: Mapping[str, str] | None = None) -> bool:
    """Return whether X is a data frame with a column not numeric, with gaps or of a kind set by the user."""
    if type(x).__name__ != "DataFrame" or not hasattr(x, "columns"):
        return False
    if kinds:
        return True
    if any(not str(dtype).lower().startswith(NUMBERS) for dtype in x.dtypes):
        return True
    if hasattr(x, "isna"):  # pandas
        return bool(x.isna().to_numpy().any())
    return any(column.null_count() > 0 or column.is_nan().any() for column in x.get_columns())


def check_rows(
    estimator: BaseEstimator, x: Any, y: Any, *, is_frame: bool, is_first: bool, is_regression: bool
) -> tuple[Any, np.ndarray]:
    """Return X and y after scikit-learn's checks: a frame as it is, or a dense array.

    Args:
        estimator: the estimator; in the first call the number and names of features are set, otherwise
            compared.
        x, y: as passed.
        is_frame: whether X is prepared as a data frame.
        is_first: whether this is the first call.
        is_regression: whether y must be numbers.

    Raises:
        ValueError: missing or infinite numbers, another number of features, fewer than 2 rows.
        DataError E305: a frame with repeated names.
    """
    column_names(x)
    if is_frame:
        validate_data(estimator, x, y, reset=is_first, skip_check_array=True)
        y = _check_y(y, multi_output=True, y_numeric=is_regression, estimator=estimator)
        check_consistent_length(x, y)
    else:
        x, y = validate_data(
            estimator,
            x,
            y,
            reset=is_first,
            accept_sparse=("csr", "csc"),
            dtype=FLOATS,
            order="C",
            ensure_min_samples=2 if is_first else 1,
            multi_output=True,
            y_numeric=is_regression,
        )
        x = _dense(x)
    return x, _dense(y)


def check_inputs(
    estimator: BaseEstimator,
    x: Any,
    preparation: Preparation | None,
    means: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Return the inputs of a trained network, after scikit-learn's checks.

    Args:
        means: of the columns of a frame of numbers in the training, for missing values in later frames.

    Raises:
        ValueError: as ``check_rows``. UsageError E113: no frame where the network was trained on one.
        DataError E305: a frame with repeated names.
    """
    column_names(x)
    if preparation is not None:
        if not hasattr(x, "columns"):
            expected = fact("a data frame, as in the training")
            raise wrong_type(x, "X", "predict", expected)
        validate_data(estimator, x, reset=False, skip_check_array=True)
        return preparation.inputs(preparation.read(x))
    x = _filled(x, means or {})
    return _dense(
        validate_data(estimator, x, reset=False, accept_sparse=("csr", "csc"), dtype=FLOATS, order="C")
    )


def _filled(x: Any, means: Mapping[str, float]) -> Any:
    """Return a data frame of numbers with the training means in place of missing values; warns of them."""
    if type(x).__name__ != "DataFrame" or set(map(str, getattr(x, "columns", ()))) != set(means):
        return x
    is_pandas, findings = hasattr(x, "isna"), []
    for name, mean in means.items():
        cells = x[name]
        is_missing = cells.isna() if is_pandas else cells.is_null() | cells.cast(pl.Float64).is_nan()
        if count := int(is_missing.sum()):
            findings.append(Finding("filled", "warning", {"count": count, "column": name, "mean": mean}))
    warn(findings)
    if not findings:
        return x
    if is_pandas:
        return x.fillna(dict(means))
    return x.with_columns(
        pl.col(name).cast(pl.Float64).fill_nan(None).fill_null(mean) for name, mean in means.items()
    )


def prepare_frame(
    x: Any, y: np.ndarray, kinds: Mapping[str, str] | None = None, is_regression: bool = False
) -> tuple[Preparation, np.ndarray, list[Finding]]:
    """Fit the preparation of a data frame.

    Args:
        y: (N,) the targets, to which columns are compared.
        kinds: the kinds of columns where the user sets them.
        is_regression: whether the targets are values.

    Returns:
        the preparation, whose task and labels are not set yet, the inputs (N, F), and notices about columns
        that are left out or predict the target too well.

    Raises:
        DataError: a column that cannot be read; no usable column.
    """
    table = read_table(x)
    name = _unused_name(table.columns)
    numbers = pl.Series(name, np.arange(table.rows, dtype=np.float64))  # any target with different values
    prepared = PreparedData.of(
        replace(table, frame=table.frame.with_columns(numbers)),
        name,
        task="regression",
        kinds=kinds,
        fractions=(1.0, 0.0, 0.0),
    )
    task = Task(_kind(is_regression), name, *_labels_and_rows(y), TARGET_KIND)
    compared = replace(prepared.table, frame=prepared.table.frame.with_columns(pl.Series(name, y.tolist())))
    doubts = suspicions(compared, prepared.columns, task)
    return prepared.preparation, prepared.training.x, replace(prepared, doubts=tuple(doubts)).notices


def examine_numbers(
    x: np.ndarray, y: np.ndarray, names: Sequence[str] | None, is_regression: bool
) -> list[Finding]:
    """Return the notices about columns of numbers that predict a target too well.

    Args:
        x: (N, F).
        y: (N,) or (N, O) targets.
        names: of the columns; by default x0, x1, ... as in scikit-learn.
        is_regression: whether the targets are values.
    """
    rows = np.arange(0, len(x), max(1, len(x) // ROWS))
    names = [f"x{i}" for i in range(x.shape[1])] if names is None else list(map(str, names))
    frame = pl.DataFrame({name: x[rows, i] for i, name in enumerate(names[:MAX_COLUMNS])})
    columns = [Column(name, "number", TARGET_KIND, len(rows), 0) for name in frame.columns]
    target = _unused_name(frame.columns)
    findings = []
    for values in y[rows].reshape(len(rows), -1).T[:MAX_TARGETS]:
        table = Table(frame.with_columns(pl.Series(target, values.tolist())))
        task = Task(_kind(is_regression), target, *_labels_and_rows(values), TARGET_KIND)
        findings += leaks(table, columns, task)
    if len(rows) < len(x):
        findings = [replace(finding, sample=(len(rows), len(x))) for finding in findings]
    return findings


def warn(findings: Sequence[Finding]) -> None:
    """Warn the caller of ``fit``."""
    for finding in findings:
        warnings.warn(finding.render(settings.lang), UserWarning, stacklevel=4)


def _kind(is_regression: bool) -> str:
    return "regression" if is_regression else "classification"


def _labels_and_rows(y: np.ndarray) -> tuple[tuple[Any, ...], np.ndarray]:
    return tuple(np.unique(y).tolist()), np.arange(len(y))


def _unused_name(names: Iterable[str]) -> str:
    """Return ``target``, or a name like it that no column has."""
    name, known = TARGET, set(map(str, names))
    while name in known:
        name += "_"
    return name


def _dense(x: Any) -> np.ndarray:
    return x.toarray() if hasattr(x, "toarray") else x
