"""The methods that the campaign compares: models of scikit-learn and LightGBM with their defaults.

All of them receive the same prepared columns: categories one-hot (unknown levels are all zeros, a missing
value is a level), numbers with the median in the place of missing values, then standardized. Text columns in
which more than half of the values are different are left out, as an identifier is; an ISO date is the days
since 1970, the day of the year and the hour as numbers, and the day of the week as a category. The regression
targets of multilayer perceptrons and ridge regression are standardized too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from campaigns.table_cases.case import Case
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

try:
    import lightgbm
except ImportError:  # a method whose library is missing is left out
    lightgbm = None

IDENTIFIER_SHARE = 0.5
Estimator = Any
Create = Callable[[int], Estimator]
CLASSIFIERS: dict[str, Create] = {
    "linear": lambda seed: LogisticRegression(max_iter=1000),
    "mlp": lambda seed: MLPClassifier(random_state=seed),
    "mlp_early_stopping": lambda seed: MLPClassifier(early_stopping=True, random_state=seed),
    "forest": lambda seed: RandomForestClassifier(random_state=seed),
    "hist_gradient_boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
}
REGRESSORS: dict[str, Create] = {
    "linear": lambda seed: _standardized(Ridge()),
    "mlp": lambda seed: _standardized(MLPRegressor(random_state=seed)),
    "mlp_early_stopping": lambda seed: _standardized(MLPRegressor(early_stopping=True, random_state=seed)),
    "forest": lambda seed: RandomForestRegressor(random_state=seed),
    "hist_gradient_boosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
}
if lightgbm is not None:
    _SETTINGS = {"n_jobs": 1, "verbose": -1}
    CLASSIFIERS["lightgbm"] = lambda seed: lightgbm.LGBMClassifier(random_state=seed, **_SETTINGS)
    REGRESSORS["lightgbm"] = lambda seed: lightgbm.LGBMRegressor(random_state=seed, **_SETTINGS)
BASELINES = tuple(CLASSIFIERS)


def predict(
    method: str, case: Case, train: pl.DataFrame, test: pl.DataFrame, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train on ``train`` and predict the rows of ``test``.

    Args:
        method: one of ``BASELINES``.
        case: the table, which names its target and task.
        train, test: the rows of a split, with the target.
        seed: of the method.

    Returns:
        the labels in order and the probability of each (N, K); for a regression no labels, and values (N,).
    """
    dates = [*case.dates, *([case.in_time] if case.in_time else [])]
    x, x_test = prepared(*(with_calendar(part.drop(case.target), dates) for part in (train, test)))
    y = train[case.target].to_numpy()
    create = REGRESSORS if case.task == "regression" else CLASSIFIERS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        estimator = create[method](seed).fit(x, y)
        if case.task == "regression":
            return np.empty(0), np.asarray(estimator.predict(x_test))
        return estimator.classes_, np.asarray(estimator.predict_proba(x_test))


def prepared(train: pl.DataFrame, test: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The columns of both parts as numbers; medians, levels and scales are those of ``train``."""
    numbers = [name for name in train.columns if train.schema[name].is_numeric()]
    levels = [name for name in train.columns if name not in numbers and not is_identifier(train[name])]
    scale = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns: list[tuple[np.ndarray, np.ndarray]] = []
    if numbers:
        columns.append(
            (scale.fit_transform(_floats(train, numbers)), scale.transform(_floats(test, numbers)))
        )
    if levels:
        columns.append((encode.fit_transform(_texts(train, levels)), encode.transform(_texts(test, levels))))
    return np.hstack([first for first, _ in columns]), np.hstack([second for _, second in columns])


def with_calendar(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The columns with each of ``names``, ISO dates, replaced by features of the calendar."""
    for name in names:
        moment = frame[name].str.slice(0, 19).str.to_datetime(format=None)
        features = {
            "day": moment.dt.epoch("d"),
            "day of the year": moment.dt.ordinal_day(),
            "hour": moment.dt.hour(),
            "day of the week": moment.dt.weekday().cast(pl.String),
        }
        frame = frame.drop(name).with_columns(**{f"{name}: {key}": value for key, value in features.items()})
    return frame


def is_identifier(column: pl.Series) -> bool:
    """Whether more than half of the texts of a column are different."""
    return column.n_unique() > IDENTIFIER_SHARE * len(column)


def _floats(frame: pl.DataFrame, names: list[str]) -> np.ndarray:
    return frame.select(pl.col(names).cast(pl.Float64)).to_numpy()


def _texts(frame: pl.DataFrame, names: list[str]) -> np.ndarray:
    return frame.select(pl.col(names).cast(pl.String).fill_null("missing")).to_numpy()


def _standardized(regressor: Estimator) -> Estimator:
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())
