"""From the X and y that scikit-learn passes to the arrays of a network.

A data frame with texts, categories, dates or missing values is prepared column by column, as ``chainrule
train`` prepares a file: the model then takes such frames too. Everything else is an array of numbers, in
float32 if it is float32 and otherwise in float64; a network of numbers standardizes them itself. Sparse
matrices become dense arrays.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_y, check_consistent_length, validate_data

from chainrule.data import Preparation, PreparedData, read_table
from chainrule.errors import UsageError, fact
from chainrule.records import frozen
from chainrule.settings import settings

NUMBERS = ("int", "uint", "float")  # prefixes of the names of dtypes, in pandas and polars
FLOATS = (np.float64, np.float32)


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
    """Whether X is a data frame with a column that is not numeric or with gaps, or kinds set by the user."""
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
    """X and y after scikit-learn's checks: a frame as it is, or a dense array.

    Args:
        estimator: the estimator; in the first call the number and names of features are set, otherwise
            compared.
        x, y: as passed.
        is_frame: whether X is prepared as a data frame.
        is_first: whether this is the first call.
        is_regression: whether y must be numbers.

    Raises:
        ValueError: missing or infinite numbers, another number of features, fewer than 2 rows.
    """
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


def check_inputs(estimator: BaseEstimator, x: Any, preparation: Preparation | None) -> np.ndarray:
    """The inputs of a trained network, after scikit-learn's checks.

    Raises:
        ValueError: as ``check_rows``. UsageError E113: no frame where the network was trained on one.
    """
    if preparation is not None:
        if not hasattr(x, "columns"):
            raise UsageError(
                "E113", where="predict", name="X", received=type(x).__name__,
                expected=fact("a data frame, as in the training"),
            )  # fmt: skip
        validate_data(estimator, x, reset=False, skip_check_array=True)
        return preparation.inputs(preparation.read(x))
    return _dense(
        validate_data(estimator, x, reset=False, accept_sparse=("csr", "csc"), dtype=FLOATS, order="C")
    )


def prepare_frame(x: Any, kinds: Mapping[str, str] | None = None) -> tuple[Preparation, np.ndarray]:
    """Fit the preparation of a data frame; warn about columns that are left out.

    Args:
        x: the frame.
        kinds: the kinds of columns where the user sets them.

    Returns:
        the preparation, whose task and labels are not set yet, and the inputs (N, F).

    Raises:
        DataError: a column that cannot be read; no usable column.
    """
    name, names = "target", {str(column) for column in x.columns}
    while name in names:
        name += "_"
    table = read_table(x)
    numbers = read_table({name: np.arange(table.rows, dtype=np.float64)}).frame[name]
    table = replace(table, frame=table.frame.with_columns(numbers))
    prepared = PreparedData.of(table, name, task="regression", kinds=kinds, fractions=(1.0, 0.0, 0.0))
    for notice in prepared.notices:
        warnings.warn(notice.render(settings.lang), UserWarning, stacklevel=5)
    return prepared.preparation, prepared.training.x


def _dense(x: Any) -> np.ndarray:
    return x.toarray() if hasattr(x, "toarray") else x
