"""A target that is computed from a few inputs: a sum, a difference, a product, a linear combination.

A table of ``price`` and ``tax`` predicts ``total`` without an error, and nothing is learned from it.
The columns are determined in two steps:

1. least squares on all numbers: without a coefficient of determination above ``NEAR``, there is none;
2. columns are left out, those of the smallest contribution first, as long as the fit stays as good.

A product of columns is a sum of their logarithms with integral coefficients. Rejected: forward selection,
which begins with a column that correlates with the sum and is not part of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.data.readers.number_parsing import number_text
from chainrule.records import frozen

NEAR = 0.999  # coefficient of determination from which a prediction is too good to be true
EXACT = 1 - 1e-9
FEW = 5  # columns of a combination that are named
MAX_COLUMNS = 100
MAX_ROWS = 1000
ROWS_PER_COLUMN, SPARE_ROWS = 3, 20  # rows from which a good fit is no accident
COMPLETE = 0.8  # share of the rows that must have all of the columns
POWERS = (-2, -1, 1, 2)


@frozen
class Combination:
    """Columns that together determine the target.

    Args:
        columns: their names.
        formula: the target by these columns: ``price + tax``; empty for more than ``FEW``.
        r2: the coefficient of determination.
    """

    columns: tuple[str, ...]
    formula: str
    r2: float

    @property
    def is_exact(self) -> bool:
        """Whether the formula has no error beyond rounding."""
        return self.r2 >= EXACT


def combination_of(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Combination | None:
    """The combination of columns that is the target, or nearly; ``None`` if there is none.

    Args:
        columns: numbers (N,) by name, NaN where missing.
        target: (N,) numbers.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> price, tax, age = rng.uniform(1, 9, (3, 200))
        >>> combination_of({"age": age, "price": price, "tax": tax}, price + tax).formula
        'price + tax'
        >>> combination_of({"age": age, "price": price, "tax": tax}, price * tax).formula
        'price * tax'
    """
    with np.errstate(all="ignore"):
        return _linear(columns, target) or _product(columns, target)


def _linear(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Combination | None:
    names, x, y = _complete(columns, target)
    r2 = _r2(x, y)
    if r2 < NEAR:
        return None
    chosen = _fewest(x, y, EXACT if r2 >= EXACT else NEAR)
    r2, weights, constant = _fit(x[:, chosen], y)
    weights, constant = _rounded(x[:, chosen], y, weights, constant)
    terms = [_term(weight, names[i]) for weight, i in zip(weights, chosen, strict=True)]
    terms += [_short(constant)] if constant else []
    formula = " + ".join(terms).replace("+ -", "- ") if len(chosen) <= FEW else ""
    return Combination(tuple(names[i] for i in chosen), formula, r2)


def _product(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Combination | None:
    """A product of powers of columns; only rows with positive numbers are examined."""
    logs = {name: np.log(np.where(values > 0, values, np.nan)) for name, values in columns.items()}
    names, x, y = _complete(logs, np.log(np.where(target > 0, target, np.nan)))
    if _r2(x, y) < NEAR:
        return None
    chosen = _fewest(x, y, 1 - 1e-5 if _r2(x, y) >= 1 - 1e-5 else NEAR)
    r2, powers, _ = _fit(x[:, chosen], y)
    exponents = np.round(powers)
    if len(chosen) > FEW or np.abs(powers - exponents).max() > 0.01 or not np.isin(exponents, POWERS).all():
        return None
    factor = float(np.exp((y - x[:, chosen] @ exponents).mean()))
    up = [_power(names[i], power) for i, power in zip(chosen, exponents, strict=True) if power > 0]
    down = [_power(names[i], -power) for i, power in zip(chosen, exponents, strict=True) if power < 0]
    up = [*([] if up and abs(factor - 1) < 1e-3 else [_short(factor, 4)]), *up]
    return Combination(tuple(names[i] for i in chosen), " / ".join([" * ".join(up), *down]), r2)


def _complete(
    columns: Mapping[str, np.ndarray], target: np.ndarray
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The names (K,), the columns (N, K) and the target (N,) in rows that have all of them."""
    is_known = np.isfinite(target)
    usable = {
        name: values
        for name, values in columns.items()
        if (np.isfinite(values) & is_known).mean() >= COMPLETE and np.nanstd(values) > 0
    }
    if not usable:
        return [], np.zeros((0, 0)), np.zeros(0)
    names, x = list(usable), np.stack(list(usable.values()), axis=1)
    rows = np.flatnonzero(np.isfinite(x).all(axis=1) & is_known)
    rows = rows[:: max(1, -(-len(rows) // MAX_ROWS))]
    x, y = x[rows], target[rows]
    limit = min(MAX_COLUMNS, (len(rows) - SPARE_ROWS) // ROWS_PER_COLUMN)
    if len(names) > limit:  # those that correlate most
        if limit < 1 or len(rows) < COMPLETE * is_known.sum() / max(1, len(target) // MAX_ROWS):
            return [], np.zeros((0, 0)), np.zeros(0)
        z = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
        strongest = np.sort(np.argsort(-np.abs(z.T @ (y - y.mean())), kind="stable")[:limit])
        names, x = [names[i] for i in strongest], x[:, strongest]
    return names, x, y


def _fewest(x: np.ndarray, y: np.ndarray, level: float) -> list[int]:
    """Columns none of which can be left out at this coefficient of determination."""
    _, weights, _ = _fit(x, y)
    order = np.argsort(np.abs(weights) * x.std(axis=0), kind="stable").tolist()
    chosen, groups = set(order), [order]
    while groups:  # groups of columns first: most columns have no part in the target
        group = groups.pop()
        others = sorted(chosen.difference(group))
        if others and _r2(x[:, others], y) >= level:
            chosen = set(others)
        elif len(group) > 1:
            middle = len(group) // 2
            groups += [group[middle:], group[:middle]]
    return sorted(chosen)


def _r2(x: np.ndarray, y: np.ndarray) -> float:
    return _fit(x, y)[0] if x.size else 0.0


def _fit(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray, float]:
    """Least squares: the coefficient of determination, the weights (K,) and the constant."""
    mean, std = x.mean(axis=0), x.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    z, centered = (x - mean) / std, y - y.mean()
    total = float(centered @ centered)
    if not 0 < total < np.inf or not np.isfinite(z).all():
        return 0.0, np.zeros(x.shape[1]), 0.0
    weights, *_ = np.linalg.lstsq(z, centered, rcond=1e-10)
    rest = centered - z @ weights
    weights = weights / std
    return 1 - float(rest @ rest) / total, weights, float(y.mean() - weights @ mean)


def _rounded(x: np.ndarray, y: np.ndarray, weights: np.ndarray, constant: float) -> tuple[np.ndarray, float]:
    """The weights and the constant with the fewest digits that fit nearly as well."""

    def error(w: np.ndarray, c: float) -> float:
        rest = y - x @ w - c
        return float(rest @ rest)

    limit = 1.2 * error(weights, constant) + 1e-12 * float(((y - y.mean()) ** 2).sum())
    for digits in range(1, 7):
        w = np.array([float(f"{weight:.{digits}g}") for weight in weights])
        for c in (0.0, float(f"{(y - x @ w).mean():.{digits}g}")):
            if error(w, c) <= limit:
                return w, c
    return weights, constant


def _term(weight: float, name: str) -> str:
    if abs(weight) == 1:
        return name if weight > 0 else f"-{name}"
    return f"{_short(weight)} * {name}"


def _power(name: str, power: float) -> str:
    return name if power == 1 else f"{name}^{number_text(power)}"


def _short(value: float, digits: int = 6) -> str:
    return number_text(float(f"{value:.{digits}g}"))
