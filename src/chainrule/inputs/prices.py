"""Daily prices, from which a network predicts the variance of the next day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from chainrule.data import Finding, Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.data.sequences.trading_days import COLUMNS, LEVEL, MONTH, TradingDays, trading_days
from chainrule.errors import DataError, fact
from chainrule.escaping import quoted
from chainrule.inputs.arrays import read_arrays
from chainrule.inputs.kind import Evaluation, InputKind, InputRows, Output, is_archive, refuse_metrics
from chainrule.model import Model
from chainrule.records import frozen

FACT = "prices"
DATE = "date"


@frozen
class PriceKind(InputKind):
    """A table of daily prices: each day from the 22nd on is a row, also the last one.

    Args:
        smearing: added to a predicted log variance so that its exponential is a mean.
        risk: the value at risk of a day in percent, divided by the square root of the exponential of the
            predicted log variance.
        low, high: the smallest and the largest mean log variance of a month of the training days.
    """

    name = "prices"
    skips_damaged = False  # a day belongs to the windows of those behind it
    keeps_columns = False
    smearing: float
    risk: float
    low: float
    high: float

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model of trading days."""
        stored = model.facts.get(FACT)
        if not isinstance(stored, dict) or set(stored) != {"smearing", "risk", "low", "high"}:
            return None
        values = stored.values()
        is_valid = all(type(value) is float and math.isfinite(value) for value in values)
        if not is_valid or model.network is None or set(model.network.inputs) != {"har", "window"}:
            return None
        return cls(**stored)

    def read(
        self, model: Model, data: Any, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an ``.npz`` file, see ``read_arrays``, or a table of prices, see ``trading_days``."""
        if is_archive(data):
            return read_arrays(self, model, data)
        days = trading_days(read_source(data, reading))
        frame = pl.DataFrame({DATE: pl.Series(np.datetime_as_string(days.date, "D"), dtype=pl.String)})
        month = days.har[:, 2]
        outside = int(((month < self.low) | (month > self.high)).sum())
        low, high = (f"{_percent(value):.2g}" for value in (self.low, self.high))
        facts = {"count": outside, "rows": len(month), "low": low, "high": high}
        notices = (Finding("prices_outside", "warning", facts),) if outside else ()
        source = str(data)
        return InputRows(
            self, days.inputs, days.target, len(month), Table(frame, source), parts=days, notices=notices
        )

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the columns that a table needs."""
        expected = fact("a table of daily prices: {names}", names=", ".join(COLUMNS))
        return expected, f"chainrule predict {quoted(run)} prices.csv"

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return where the target of the last day is read."""
        if rows.parts is None:
            return super().target_place(rows, data)
        return fact("add the prices of the next day: its variance is the target")

    @property
    def facts(self) -> dict[str, Any]:
        """The factors of the outputs, and the range of the training days."""
        return {FACT: {name: getattr(self, name) for name in ("smearing", "risk", "low", "high")}}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("prices: --out, --raw")

    @property
    def has_own_output(self) -> bool:
        """Whether all rows have predictions in the form of the kind: not those of arrays."""
        return False

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output | None:
        """Return the prediction of the day after each day, its volatility and value at risk in percent.

        Returns:
            ``None`` for arrays.
        """
        if rows.parts is None:
            return None
        predicted = np.asarray(model.predict(rows.x)).reshape(-1)
        columns = {
            DATE: np.datetime_as_string(rows.parts.date, "D").astype(object),
            "prediction": predicted,
            "volatility": _percent(predicted + self.smearing).astype(np.float32),
            "value at risk": (self.risk * np.exp(predicted / 2)).astype(np.float32),
        }
        return Output(columns, out)

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return R² and QLIKE of the days whose next day is known; ``None`` for arrays.

        Raises:
            UsageError E601: ``metrics`` are requested. DataError E375: fewer than two such days.
        """
        days = rows.parts
        if not isinstance(days, TradingDays):
            return None
        refuse_metrics(metrics, "R², QLIKE")
        known = days.known
        if len(known.date) < 2:
            expected = fact("at least {count} days", count=MONTH + 2)  # the first two with a next day
            received = fact("{rows} rows", rows=len(days.date) + MONTH - 1)
            raise DataError("E375", where=FACT, expected=expected, received=received)
        y = known.target[:, 0].astype(np.float64)
        error = y - np.asarray(model.predict(known.inputs), np.float64).reshape(-1)
        ratio = error - self.smearing
        r2 = 1 - np.sum(error**2) / np.sum((y - y.mean()) ** 2)
        return Evaluation({"R²": float(r2), "QLIKE": float(np.mean(np.exp(ratio) - ratio - 1))})


def _percent(log_variance: Any) -> Any:
    """Return the standard deviation of a day in percent."""
    return 100 * np.exp((log_variance + LEVEL) / 2)
