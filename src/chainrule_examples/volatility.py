"""Daily prices, the variance of a day, and what tomorrow's variance is predicted from.

The variance of a day is estimated from its open, high, low and close by Garman and Klass (1980):

    v = 1/2 (ln high/low)^2 - (2 ln 2 - 1) (ln close/open)^2

Its logarithm is nearly normal and changes slowly: the means over a day, a week and a month (HAR, Corsi 2009)
predict tomorrow's well, and falls of the price raise it (the leverage effect).

A forecast of the value at risk at 1 % is right if losses exceed it on 1 % of the days. Kupiec's test compares
the number of breaches with a binomial distribution by the ratio of likelihoods. It does not test whether
breaches come in clusters.

References: Garman and Klass (1980), On the estimation of security price volatilities from historical data, J.
of Business 53; Corsi (2009), A simple approximate long-memory model of realized volatility, J. of Financial
Econometrics 7; Patton (2011), Volatility forecast comparison using imperfect volatility proxies, J. of
Econometrics 160, for QLIKE; Kupiec (1995), Techniques for verifying the accuracy of risk measurement models,
J. of Derivatives 3(2); Barone-Adesi, Giannopoulos and Vosper (1999), VaR without correlations for portfolios
of derivative securities, J. of Futures Markets 19, for the quantile of standardized returns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from chainrule.data import Table
from chainrule.data.datasets import open_dataset, table_of
from chainrule.errors import DataError, fact
from chainrule.messages import Text, Texts
from chainrule.metrics import SampledScore, mean_score
from chainrule.page import BLUE, GRAY, Frame
from chainrule_examples.tuning import tuned

COLUMNS = ("Date", "Open", "High", "Low", "Close", "Volume")
MONTH, WEEK = 22, 5  # trading days
SMALLEST = 1e-8  # variance of a day without any movement
RISK = 0.01  # probability of a breach of the value at risk
LEVEL = -9.5  # subtracted from log variances, so that they are near 0
OPTIONS: Texts = {
    "data": "file or folder of a copy of the data set",
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


@dataclass(frozen=True, eq=False)
class Days:
    """What is known at the close of each day, and what happens on the next.

    Args:
        date: (N,) the day, datetime64.
        har: (N, 7) log variance (minus ``LEVEL``) over a day, a week and a month; return and fall over a
            day and a week.
        window: (N, 22, 3) log variance, return and log volume of the last 22 days.
        target: (N, 1) log variance of the next day, minus ``LEVEL``.
        change: (N,) log return to the close of the next day, in percent.
    """

    date: np.ndarray
    har: np.ndarray
    window: np.ndarray
    target: np.ndarray
    change: np.ndarray

    def take(self, chosen: np.ndarray) -> Days:
        """Some of the days."""
        return Days(*(part[chosen] for part in (self.date, self.har, self.window, self.target, self.change)))

    @property
    def is_up(self) -> np.ndarray:
        """Whether the next day closes higher, (N,)."""
        return self.change > 0

    @property
    def flat(self) -> np.ndarray:
        """The inputs of the network in one row for each day, (N, 73)."""
        return np.hstack([self.har, self.window.reshape(len(self.window), -1)])

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs of the network by name."""
        return {"har": self.har, "window": self.window}


def read_days(data: str = "") -> Days:
    """Read the prices and compute the features of each day.

    Args:
        data: file or folder of a copy.

    Raises:
        DataError: E313 a column is missing; E316 dates that do not ascend, or prices that are not positive or
            outside the range from low to high.
    """
    table = table_of(open_dataset("shares", data), "*sp500.csv.gz", COLUMNS)
    dates = table.frame["Date"]
    if dates.dtype == pl.String:
        forms = ("%m/%d/%Y", "%Y-%m-%d")
        dates = pl.select(pl.coalesce(*(dates.str.to_date(form, strict=False) for form in forms))).to_series()
    days = dates.cast(pl.Date).to_numpy().astype("datetime64[D]")
    prices = table.frame.select(COLUMNS[1:]).cast(pl.Float64).to_numpy()
    _check(table, days, prices)
    return features_of(days, *prices.T)


def features_of(
    date: np.ndarray,
    first: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    last: np.ndarray,
    volume: np.ndarray,
) -> Days:
    """The features of each day from the 22nd to the last but one.

    Args:
        date: (T,) ascending.
        first, high, low, last: (T,) prices at open, high, low and close.
        volume: (T,) shares traded.
    """
    log_variance = np.log(garman_klass(first, high, low, last)) - LEVEL
    change = np.diff(np.log(last), prepend=np.log(first[0])) * 100  # percent
    means = [_mean(log_variance, length) for length in (1, WEEK, MONTH)]
    changes = [_mean(change, length) for length in (1, WEEK)]
    har = np.stack([*means, *changes, *(np.minimum(part, 0) for part in changes)], axis=1)  # (T, 7)
    activity = np.log(np.maximum(volume, 1)) - _mean(np.log(np.maximum(volume, 1)), MONTH)
    columns = np.stack([log_variance, change, activity], axis=1)  # (T, 3)
    now = np.arange(MONTH - 1, len(date) - 1)
    window = columns[now[:, None] + np.arange(1 - MONTH, 1)]  # (N, 22, 3)
    target = log_variance[now + 1, None]
    features, days, next_target = (part.astype(np.float32) for part in (har[now], window, target))
    return Days(date[now], features, days, next_target, change[now + 1])


def garman_klass(first: np.ndarray, high: np.ndarray, low: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The variance of each day, at least ``SMALLEST``.

    Example:
        >>> garman_klass(np.array([100.0]), np.array([102.0]), np.array([99.0]), np.array([100.0])).round(6)
        array([0.000446])
    """
    ranges, moves = np.square(np.log(high / low)), np.square(np.log(last / first))
    return np.maximum(ranges / 2 - (2 * np.log(2) - 1) * moves, SMALLEST)


def breach_rows(
    train: Days, test: Days, known: Sequence[np.ndarray], predicted: Sequence[np.ndarray]
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


def tuned_ridge(days: Days) -> Pipeline:
    """A ridge regression on all inputs of some days; their last eighth selects the penalty."""
    x, y = days.flat, days.target[:, 0]
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


def _mean(values: np.ndarray, length: int) -> np.ndarray:
    """The mean of each value and those before it, at most ``length`` values."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - length, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _check(table: Table, days: np.ndarray, prices: np.ndarray) -> None:
    """Refuse dates and prices that cannot be."""
    wrong = np.flatnonzero(np.isnat(days[1:]) | ~(days[1:] > days[:-1]))
    if len(wrong):
        row = int(wrong[0]) + 1
        expected = fact("later than {value}", value=str(days[row - 1]))
        raise DataError(
            "E316", where=table.place(row), expected=expected, received=str(table.frame["Date"][row])
        )
    first, high, low, last, _ = prices.T
    inside = (low > 0) & (low <= np.minimum(first, last)) & (high >= np.maximum(first, last))
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        received = f"{first[row]:g}, {high[row]:g}, {low[row]:g}, {last[row]:g}"
        raise DataError(
            "E316", where=table.place(row), expected="0 < Low <= Open, Close <= High", received=received
        )


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


def chart(test: Days, predicted: np.ndarray) -> str:
    """The log variance of each test day as dots, and the predictions as a line."""
    days = (test.date - test.date[0]).astype(float).tolist()
    values = test.target[:, 0].tolist()
    frame = Frame((0.0, days[-1]), (min(values), max(values)))
    dots = frame.dots(list(zip(days, values, strict=True)), GRAY, 1.8)
    return frame.chart([*dots, frame.line(list(zip(days, predicted.tolist(), strict=True)), BLUE)])
