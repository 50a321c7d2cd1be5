"""Scores of forecasts of the variance of a day, and of the value at risk that follows from them.

A forecast of the value at risk at 1 % is right if losses exceed it on 1 % of the days. Kupiec's test compares
the number of breaches with a binomial distribution by the ratio of likelihoods. It does not test whether
breaches come in clusters.

References: Patton (2011), Volatility forecast comparison using imperfect volatility proxies, J. of
Econometrics 160, for QLIKE; Kupiec (1995), Techniques for verifying the accuracy of risk measurement models,
J. of Derivatives 3(2); Barone-Adesi, Giannopoulos and Vosper (1999), VaR without correlations for portfolios
of derivative securities, J. of Futures Markets 19, for the quantile of standardized returns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from chainrule.data import TradingDays, read_table, trading_days
from chainrule.data.datasets import open_dataset, table_of
from chainrule.errors import DataError, fact
from chainrule.inputs import PriceKind
from chainrule.messages import Text, Texts
from chainrule.metrics import SampledScore, mean_score
from chainrule.page import BLUE, GRAY, Frame
from chainrule_examples.tuning import tuned

TRAIN_END, TEST_START = np.datetime64("2014-01-01"), np.datetime64("2016-01-01")  # of the data set
MONTH = 22  # trading days
MIN_DAYS = 100  # with all features, of other prices
TABLES = (".csv", ".tsv", ".txt", ".parquet", ".arrow", ".xlsx", ".json")
RISK = 0.01  # probability of a breach of the value at risk
OPTIONS: Texts = {
    "data": "file or folder of a copy of the data set, or a table of other daily prices",
    "long": "ten trainings",
    "seeds": "number of trainings, with seeds 0, 1, ...",
    "epochs": "number of epochs; 0: chosen",
    "out": "folder for the model, the scores and the page",
}
RIDGE: Text = "ridge regression on all 22 days"
PENALTIES = {"ridge__alpha": (0.1, 1.0, 10.0, 100.0, 1000.0)}
TEXTS: Texts = {
    "month": "mean of the last 22 days",
    "har": "linear model (HAR with leverage)",
    "ridge": RIDGE,
    "net": "linear model and GRU",
    "title": "Variance of the S&P 500",
    "own_title": "Variance of daily prices",
    "direction": (
        "Direction of the next day: accuracy {a:.3f} (95 % interval {low:.3f} to {high:.3f}); always up: "
        "{up:.3f}. No claim."
    ),
    "risk": (
        "Value at risk: the loss of the next day that is exceeded with a probability of 1 %, of {days} days"
    ),
    "risk_header": "method,breaches,share,p of Kupiec's test",
    "chart": "Log variance of each test day, and its prediction",
    "legend": (
        "Dots: the variance of the day; line: the prediction of the day before; in days from the first "
        "test day."
    ),
    "limits": (
        "No investment advice. The variance is estimated from four prices of a day, which limits every "
        "R². Nothing follows from one index in one period, without costs, for other markets or for "
        "profits."
    ),
}


def read_parts(data: str = "") -> tuple[TradingDays, TradingDays]:
    """Read the prices; returns the training and the test days whose next day is known.

    Args:
        data: file or folder of a copy of the data set; or a table of other daily prices, of which the last
            fifth of the days is for the test.

    Raises:
        DataError: as ``trading_days``; E375 a table of fewer than 122 days.
    """
    if is_own(data):
        days = trading_days(read_table(data)).known
        if len(days.date) < MIN_DAYS:
            expected = fact("at least {count} days", count=MIN_DAYS + MONTH)
            received = fact("{rows} rows", rows=len(days.date) + MONTH)
            raise DataError("E375", where=data, expected=expected, received=received)
        is_test = np.arange(len(days.date)) >= len(days.date) * 4 // 5
        return days.take(~is_test), days.take(is_test)
    days = trading_days(table_of(open_dataset("shares", data), "*sp500.csv.gz", ())).known
    return days.take(days.date < TRAIN_END), days.take(days.date >= TEST_START)


def is_own(data: str) -> bool:
    """Whether the data are a table, and no copy of the data set."""
    return Path(data).suffix.lower() in TABLES


def flat(days: TradingDays) -> np.ndarray:
    """The inputs of the network in one row for each day, (N, 73)."""
    return np.hstack([days.har, days.window.reshape(len(days.window), -1)])


def price_kind(train: TradingDays, predicted: np.ndarray) -> PriceKind:
    """How a model of these training days reads prices, and what follows from its predictions.

    Args:
        train: the training days.
        predicted: (N,) their log variances by the model.
    """
    past = np.exp(np.asarray(predicted, np.float64) / 2)
    (risk,) = value_at_risk(train.change, past, np.ones(1), RISK)
    month = train.har[:, 2]
    smearing = smearing_of(predicted, train.target[:, 0])
    return PriceKind(smearing, float(risk), float(month.min()), float(month.max()))


def breach_rows(
    train: TradingDays, test: TradingDays, known: Sequence[np.ndarray], predicted: Sequence[np.ndarray]
) -> list[tuple[int, float, float]]:
    """The breaches of the value at risk of the next day, their share, and the p-value of Kupiec's test.

    Args:
        train, test: the days.
        known, predicted: of each method the log variances of the training and of the test days.
    """
    rows = []
    for own, forecast in zip(known, predicted, strict=True):
        past, scale = (np.exp(np.asarray(part, np.float64) / 2) for part in (own, forecast))
        loss = value_at_risk(train.change, past, scale, RISK)
        breaches = int((test.change < -loss).sum())
        share = breaches / len(loss)
        rows.append((breaches, share, kupiec_test(breaches, len(loss), RISK)))
    return rows


def tuned_ridge(days: TradingDays) -> Pipeline:
    """A ridge regression on all inputs of some days; their last eighth selects the penalty."""
    x, y = flat(days), days.target[:, 0]
    end = len(x) * 7 // 8
    model = Pipeline([("scale", StandardScaler()), ("ridge", Ridge())])
    return tuned(RIDGE, model, PENALTIES, (x[:end], y[:end]), (x[end:], y[end:]), final=(x, y))


def sampled_scores(
    predicted: np.ndarray, target: np.ndarray, smearing: float = 0.0
) -> dict[str, SampledScore]:
    """R² and QLIKE of log variances; the units are months, since neighboring days resemble each other.

    Args:
        predicted, target: (N,) log variances.
        smearing: added to a predicted log variance so that its exponential is a mean, see ``smearing_of``;
            QLIKE compares variances.

    Example:
        >>> scores = sampled_scores(np.arange(44.0), np.arange(44.0))
        >>> scores["R²"].value, scores["QLIKE"].value, scores["R²"].units
        (1.0, 0.0, 2)
    """
    y = np.asarray(target, np.float64)
    months = np.arange(len(y)) // MONTH
    columns = np.ones(len(y)), y, y**2, (y - predicted) ** 2
    sums = tuple(np.bincount(months, column) for column in columns)
    ratio = y - predicted - smearing
    return {"R²": SampledScore(_r2, sums), "QLIKE": mean_score(np.exp(ratio) - ratio - 1, months)}


def smearing_of(predicted: np.ndarray, target: np.ndarray) -> float:
    """The logarithm of the factor by which variances exceed the exponential of predicted log variances.

    The exponential of a mean of logarithms is a median, which is too small as a forecast of the variance.

    Args:
        predicted, target: (N,) log variances of training days.

    Example:
        >>> round(smearing_of(np.zeros(2), np.log([1.0, 3.0])), 6)  # ln 2
        0.693147

    Reference: Duan (1983), Smearing estimate: a nonparametric retransformation method, JASA 78.
    """
    return float(np.log(np.mean(np.exp(np.asarray(target, np.float64) - predicted))))


def _r2(count: np.ndarray, y: np.ndarray, squares: np.ndarray, errors: np.ndarray) -> float:
    """R² from sums over months."""
    return float(1 - errors.sum() / (squares.sum() - y.sum() ** 2 / count.sum()))


def kupiec_test(breaches: int, days: int, probability: float) -> float:
    """The p-value of the hypothesis that each day is a breach with this probability.

    Formula: with x breaches in n days, LR = -2 ln[(1-p)^(n-x) p^x] + 2 ln[(1-x/n)^(n-x) (x/n)^x], which has
    one degree of freedom: P = erfc(sqrt(LR/2)).

    Args:
        breaches: the number of days with a larger loss than predicted.
        days: the number of days, at least 1.
        probability: of a breach on a day, between 0 and 1.

    Example:
        >>> round(kupiec_test(9, 255, 0.01), 4), kupiec_test(5, 500, 0.01)
        (0.0016, 1.0)
    """
    if not 0 <= breaches <= days or days < 1 or not 0 < probability < 1:
        raise ValueError("breaches are a part of the days, and the probability is between 0 and 1")
    share = breaches / days
    ratio = 2 * (_term(days - breaches, 1 - share, 1 - probability) + _term(breaches, share, probability))
    return math.erfc(math.sqrt(max(ratio, 0.0) / 2))


def _term(count: int, share: float, probability: float) -> float:
    """``count`` times the log of share over probability; 0 for none."""
    return count * math.log(share / probability) if count else 0.0


def value_at_risk(
    known: np.ndarray, known_scale: np.ndarray, scale: np.ndarray, probability: float
) -> np.ndarray:
    """The loss that a return falls below with a probability, as a positive number, (N,).

    The quantile is that of past returns over their predicted standard deviations, so that no distribution is
    assumed.

    Args:
        known: (M,) past returns.
        known_scale: (M,) standard deviations that were predicted for them, in any unit.
        scale: (N,) predicted standard deviations, in the same unit.
        probability: of a breach.

    Example:
        >>> known = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
        >>> value_at_risk(known, np.ones(5), np.array([1.0, 3.0]), 0.25).tolist()
        [1.0, 3.0]
    """
    return -np.quantile(known / known_scale, probability) * scale


def chart(test: TradingDays, predicted: np.ndarray) -> str:
    """The log variance of each test day as dots, and the predictions as a line."""
    days = (test.date - test.date[0]).astype(float).tolist()
    values = test.target[:, 0].tolist()
    frame = Frame((0.0, days[-1]), (min(values), max(values)))
    dots = frame.dots(list(zip(days, values, strict=True)), GRAY, 1.8)
    return frame.chart([*dots, frame.line(list(zip(days, predicted.tolist(), strict=True)), BLUE)])
