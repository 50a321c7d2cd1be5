"""Columns to be looked at before a training: copies and combinations of the target, ids, counters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from chainrule.data.cells.number_notation import level_texts, number_text, numbers
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import ID_NAME, Column, count_distinct
from chainrule.data.tables.dates import DAY, iso_date, read_moments
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.data.tables.task import Task
from chainrule.records import frozen

# A target that is computed from a few inputs: a sum, a difference, a product, a linear combination.
#
# A table of ``price`` and ``tax`` predicts ``total`` without an error, and nothing is learned from it.
# The columns are determined in two steps:
#
# 1. least squares on all numbers: without a coefficient of determination above ``NEAR``, there is none;
# 2. columns are left out, those of the smallest contribution first, as long as the fit stays as good.
#
# A product of columns is a sum of their logarithms with integral coefficients. For numbers of any sign, and
# for sums of products, a few squares, products, ratios and maxima of pairs of columns are searched, for the
# target, its square (``sqrt(a^2 + b^2)``) and its reciprocal (``a / (a + b)`` is 1 / (1 + b / a)).
#
# Rejected for sums of many columns: forward selection, which begins with a column that correlates with the
# sum and is not part of it.

NEAR = 0.999  # coefficient of determination from which a prediction is too good to be true
EXACT = 1 - 1e-9
FEW = 5  # columns of a combination that are named
MAX_COMBINED = 100
MAX_ROWS = 1000
ROWS_PER_COLUMN, SPARE_ROWS = 3, 20  # rows from which a good fit is no accident
COMPLETE = 0.8  # share of the rows that must have all of the columns
POWERS = (-2, -1, 1, 2)
MAX_PAIRED = 25  # columns of which pairs are searched
MAX_TERMS, MATCHED_TERMS = 3, 5  # terms of a formula, and of those that it is reduced from
SEARCHED, SEARCHED_ROWS = 2_000_000, 100  # numbers that are searched for terms; rows, at least
SHAPES = (  # of a formula: a function of the target that is a sum of terms, and its inverse
    ("{}", lambda y: y, lambda total: total),
    ("sqrt({})", np.square, lambda total: np.sqrt(np.maximum(total, 0))),
    ("1 / ({})", np.reciprocal, np.reciprocal),
)
OPERATIONS = {
    "{0}": lambda a, _: a,
    "{0}^2": np.multiply,
    "{0} * {1}": np.multiply,
    "max({0}, {1})": np.maximum,
    "{0} / {1}": np.divide,
}
Term = tuple[str, int, int]  # an operation, and the numbers of its columns


@frozen
class Combination:
    """Columns that together determine the target.

    Args:
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
    """Return the combination of columns that is the target, or nearly; ``None`` if there is none.

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
        return _linear(columns, target) or _product(columns, target) or _pairs(columns, target)


def _linear(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Combination | None:
    names, x, y = _complete(columns, target)
    r2 = _r2(x, y)
    if r2 < NEAR:
        return None
    chosen = _fewest(x, y, EXACT if r2 >= EXACT else NEAR)
    r2, weights, constant = _fit(x[:, chosen], y)
    weights, constant = _rounded(x[:, chosen], y, weights, constant)
    formula = _sum(weights, [names[i] for i in chosen], constant) if len(chosen) <= FEW else ""
    return Combination(tuple(names[i] for i in chosen), formula, r2)


def _product(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Combination | None:
    """Return a product of powers of columns; only rows with positive numbers are examined."""
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


def _pairs(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Combination | None:
    """Return a linear combination of few squares, products, ratios and maxima, or its root or reciprocal."""
    names, x, y = _strongest(*_complete(columns, target))
    if not x.size:
        return None
    terms = _terms(len(names))
    rows = min(len(y), max(SEARCHED_ROWS, SEARCHED // len(terms)))
    searched = np.linspace(0, len(y) - 1, rows).astype(int)
    z = _standardized(_term_values(x[searched], terms))
    for shape, function, inverse in SHAPES[: len(SHAPES) if (y > 0).all() else 1]:
        chosen = [terms[i] for i in _matching(z, function(y[searched]))]
        fitted = _fitted(_term_values(x, chosen), function(y)) if chosen else None
        if fitted is None:
            continue
        minimal, weights, constant = fitted
        chosen = [chosen[i] for i in minimal]
        r2 = _explained(inverse(_term_values(x, chosen) @ weights + constant), y)
        if r2 >= NEAR:
            texts = [operation.format(names[i], names[j]) for operation, i, j in chosen]
            used = dict.fromkeys(names[k] for _, i, j in chosen for k in (i, j))
            return Combination(tuple(used), shape.format(_sum(weights, texts, constant)), r2)
    return None


def _fitted(values: np.ndarray, y: np.ndarray) -> tuple[list[int], np.ndarray, float] | None:
    """Return the terms that cannot be left out, their weights and the constant; ``None``: no such fit."""
    r2 = _r2(values, y)
    minimal = _fewest(values, y, EXACT if r2 >= EXACT else NEAR) if r2 >= NEAR else []
    if not 0 < len(minimal) <= MAX_TERMS:
        return None
    _, weights, constant = _fit(values[:, minimal], y)
    return minimal, *_rounded(values[:, minimal], y, weights, constant)


def _strongest(names: list[str], x: np.ndarray, y: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return at most ``MAX_PAIRED`` columns: those that correlate most with the target.

    Also those whose distance from their median correlates most with that of the target, as a factor's does.
    """
    if len(names) <= MAX_PAIRED:
        return names, x, y
    strength = np.zeros(len(names))
    for part, target in ((x, y), (np.abs(x - np.median(x, axis=0)), np.abs(y - np.median(y)))):
        ranks, target_ranks = (np.argsort(np.argsort(a, axis=0), axis=0) for a in (part, target))
        strength = np.maximum(strength, np.abs((target_ranks - target_ranks.mean()) @ _standardized(ranks)))
    chosen = np.sort(np.argsort(-strength, kind="stable")[:MAX_PAIRED])
    return [names[i] for i in chosen], x[:, chosen], y


def _terms(count: int) -> list[Term]:
    """Return each of K columns, and the squares, products, maxima and ratios of pairs."""
    pairs = list(combinations(range(count), 2))
    singles = [(name, i, i) for name in ("{0}", "{0}^2") for i in range(count)]
    symmetric = [(name, i, j) for name in ("{0} * {1}", "max({0}, {1})") for i, j in pairs]
    return singles + symmetric + [("{0} / {1}", *pair) for i, j in pairs for pair in ((i, j), (j, i))]


def _term_values(x: np.ndarray, terms: Sequence[Term]) -> np.ndarray:
    """Return the terms of columns (N, K), (N, T)."""
    names = np.array([name for name, _, _ in terms])
    i, j = np.array([term[1:] for term in terms]).T
    values = np.empty((len(x), len(terms)))
    for name, operation in OPERATIONS.items():
        own = names == name
        values[:, own] = operation(x[:, i[own]], x[:, j[own]])
    return values


def _standardized(values: np.ndarray) -> np.ndarray:
    """Return columns of mean 0 and norm 1; a column with an infinite number or without differences is 0."""
    centered = values - values.mean(axis=0)
    norm = np.sqrt((centered * centered).sum(axis=0))
    return np.where(np.isfinite(norm) & (norm > 0), centered / norm, 0.0)


def _matching(z: np.ndarray, y: np.ndarray) -> list[int]:
    """Return terms, each of which correlates most with what those before it leave unexplained.

    Empty if they do not explain nearly everything. Orthogonal matching pursuit: Pati, Rezaiifar and
    Krishnaprasad 1993.

    Args:
        z: standardized terms, (N, T).
        y: (N,).
    """
    centered, chosen = y - y.mean(), []
    total, rest = float(centered @ centered), centered
    if not 0 < total < np.inf:
        return []
    for _ in range(MATCHED_TERMS):
        chosen.append(int(np.argmax(np.abs(rest @ z))))
        weights, *_ = np.linalg.lstsq(z[:, chosen], centered, rcond=1e-10)
        rest = centered - z[:, chosen] @ weights
        if float(rest @ rest) <= (1 - EXACT) * total:
            break
    return sorted(set(chosen)) if float(rest @ rest) <= (1 - NEAR) * total else []


def _explained(predicted: np.ndarray, y: np.ndarray) -> float:
    """Return the coefficient of determination of predictions; 0 where one is not finite."""
    rest, centered = y - predicted, y - y.mean()
    return 1 - float(rest @ rest) / float(centered @ centered) if np.isfinite(rest).all() else 0.0


def _complete(
    columns: Mapping[str, np.ndarray], target: np.ndarray
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the names (K,), the columns (N, K) and the target (N,) in rows that have all of them."""
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
    limit = min(MAX_COMBINED, (len(rows) - SPARE_ROWS) // ROWS_PER_COLUMN)
    if len(names) > limit:  # those that correlate most
        if limit < 1 or len(rows) < COMPLETE * is_known.sum() / max(1, len(target) // MAX_ROWS):
            return [], np.zeros((0, 0)), np.zeros(0)
        z = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
        strongest = np.sort(np.argsort(-np.abs(z.T @ (y - y.mean())), kind="stable")[:limit])
        names, x = [names[i] for i in strongest], x[:, strongest]
    return names, x, y


def _fewest(x: np.ndarray, y: np.ndarray, level: float) -> list[int]:
    """Return columns none of which can be left out at this coefficient of determination."""
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
    """Fit least squares; returns the coefficient of determination, the weights (K,) and the constant."""
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
    """Return the weights and the constant with the fewest digits that fit nearly as well."""

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


def _sum(weights: np.ndarray, names: Sequence[str], constant: float) -> str:
    terms = [_term(weight, name) for weight, name in zip(weights, names, strict=True)]
    return " + ".join([*terms, *([_short(constant)] if constant else [])]).replace("+ -", "- ")


def _term(weight: float, name: str) -> str:
    if abs(weight) == 1:
        return name if weight > 0 else f"-{name}"
    return f"{_short(weight)} * {name}"


def _power(name: str, power: float) -> str:
    return name if power == 1 else f"{name}^{number_text(power)}"


def _short(value: float, digits: int = 6) -> str:
    return number_text(float(f"{value:.{digits}g}"))


# Dates that mean "missing" or "until further notice": 9999-12-31, 1900-01-01.

DATES = tuple(
    (
        "0001-01-01 1753-01-01 1800-01-01 1899-12-30 1899-12-31 1900-01-01 1970-01-01 2099-12-31 2100-12-31 "
        "2999-12-31 9999-12-30 9999-12-31"
    ).split()
)
_GAP = 15 * 365 * DAY  # to all other dates


def sentinel_dates(sample: Table, inputs: Sequence[Column]) -> Iterator[Finding]:
    """Yield the findings about dates that are far from all others of their column."""
    for column in inputs:
        if column.dates is None:
            continue
        moments = read_moments(sample.frame[column.name], column.dates.is_day_first)
        days = moments.instant[moments.is_valid] // DAY
        distinct = np.unique(days)
        if len(distinct) < 3:
            continue
        for value, neighbor in ((distinct[0], distinct[1]), (distinct[-1], distinct[-2])):
            date = iso_date(int(value) * DAY)
            if date in DATES and abs(value - neighbor) * DAY >= _GAP:
                facts = {"column": column.name, "value": date, "count": int((days == value).sum())}
                yield Finding("sentinel_date", "warning", facts)


ROWS = 10_000  # rows that are examined
MAX_COLUMNS = 2000  # columns that are compared with the target
NEAR_AUC = 0.995  # area under the ROC curve of one column
NEAR_CORRELATION = 0.999
FEWEST = 10  # rows of each class from which a separation is no accident
STRONG = (-999_999, -99_999, -9_999, -999, 999, 9_999, 99_999, 999_999)
WEAK = (-99, -9, -1, 99)
APART = 5  # between negative codes and the smallest number
_ID_VALUE = r"^[A-Za-z]{0,4}[-_ ]?[0-9]{2,}$"


def suspicions(table: Table, columns: Sequence[Column], task: Task) -> list[Finding]:
    """Return the findings about the columns of a table.

    Args:
        table: the rows that have a target.
        columns: the result of ``describe``.
        task: the result of ``choose_task``.

    Example:
        >>> from chainrule.data import choose_task, describe, read_table
        >>> table = read_table({"x": [1, 2, 3, 4] * 9, "y": ["a", "b", "a", "b"] * 9})
        >>> [finding.code for finding in suspicions(table, describe(table, "y"), choose_task(table, "y"))]
        ['leak']
    """
    sample, inputs = _sample(table), _inputs(columns)
    findings = leaks(sample, columns, task)
    findings += _identifiers(sample, inputs)
    findings += _sentinels(sample, inputs)
    findings += sentinel_dates(sample, inputs)
    if sample is table:
        return findings
    return [replace(finding, sample=(sample.rows, table.rows)) for finding in findings]


def leaks(table: Table, columns: Sequence[Column], task: Task) -> list[Finding]:
    """Return findings about columns that predict the target too well, alone or together."""
    sample, inputs = _sample(table), _inputs(columns)
    findings: list[Finding] = []
    for rule in (_gaps, _copies, _near_copies, _combinations):  # a column is reported once
        reported = {finding.facts["column"] for finding in findings}
        findings += rule(sample, [column for column in inputs if column.name not in reported], task)
    return findings


def _sample(table: Table) -> Table:
    step = max(1, table.rows // ROWS)
    return table.take(np.arange(0, table.rows, step)) if step > 1 else table


def _inputs(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if column.is_input and column.kind != "image"][:MAX_COLUMNS]


def _combinations(sample: Table, inputs: Sequence[Column], task: Task) -> Iterator[Finding]:
    """Yield a few columns of which the target is a sum, a product or another linear combination."""
    if task.is_classification:
        return
    columns = {column.name: _values(sample.frame[column.name], column) for column in inputs}
    known = {name: values for name, values in columns.items() if values is not None}
    combination = combination_of(known, numbers(sample.frame[task.target]).to_numpy())
    if combination is None:
        return
    facts = {
        "column": ", ".join(combination.columns[:FEW]),
        "target": task.target,
        "formula": combination.formula,
        "count": len(combination.columns),
        "r2": combination.r2,
    }
    code = "many_columns" if not combination.formula else "near_formula"
    yield Finding("formula" if combination.is_exact and combination.formula else code, "warning", facts)


def _copies(sample: Table, inputs: Sequence[Column], task: Task) -> Iterator[Finding]:
    """Yield columns that equal the target, or each of whose values occurs with only one target value."""
    target = level_texts(sample.frame[task.target]).alias("target")
    for column in inputs:
        if _is_unlike(sample.frame[column.name], target):
            continue
        texts = level_texts(sample.frame[column.name]).alias("column")
        if texts.equals(target, check_names=False, null_equal=True):
            yield Finding("copy_of_target", "error", {"column": column.name})
            continue
        levels = texts.n_unique()
        repeated = levels * 2 <= sample.rows  # a value that occurs once is no evidence of leakage
        if repeated and levels > 1 and pl.DataFrame([texts, target]).n_unique() == levels:
            yield Finding("leak", "warning", {"column": column.name, "levels": levels})


def _is_unlike(cells: pl.Series, target: pl.Series) -> bool:
    """Return whether a numeric column certainly neither copies the target nor repeats its values.

    Avoids formatting every number of a wide table.
    """
    if not cells.dtype.is_float() or count_distinct(cells) * 2 <= len(cells):
        return False
    first = cells[0]
    return (None if first is None else number_text(first)) != target[0]


def _classes(sample: Table, task: Task) -> tuple[np.ndarray, int]:
    """Return the class of each row as a number from 0, and the number of classes."""
    codes = level_texts(sample.frame[task.target]).rank("dense").to_numpy().astype(np.int64) - 1
    return codes, int(codes.max()) + 1


def _gaps(sample: Table, inputs: Sequence[Column], task: Task) -> Iterator[Finding]:
    """Yield columns whose missing cells alone predict two classes nearly without errors."""
    if len(task.labels) != 2:
        return
    codes, _ = _classes(sample, task)
    for column in inputs:
        if column.missing:
            missing = sample.frame[column.name].is_null().to_numpy().astype(np.float64)
            if _separation(missing, codes) >= NEAR_AUC:
                yield Finding("missing_reveals_target", "warning", {"column": column.name})


def _near_copies(sample: Table, inputs: Sequence[Column], task: Task) -> Iterator[Finding]:
    """Yield columns that alone predict the target nearly without errors."""
    if task.is_classification:
        codes, classes = _classes(sample, task)
    else:
        codes, classes = numbers(sample.frame[task.target]).to_numpy(), 0
    for column in inputs:
        values = _values(sample.frame[column.name], column)
        if values is None:
            continue
        x, y = values[np.isfinite(values)], codes[np.isfinite(values)]
        if _separation(x, y, classes) >= NEAR_AUC if classes else _is_near(x, y):
            yield Finding("near_copy", "warning", {"column": column.name})


def _values(cells: pl.Series, column: Column) -> np.ndarray | None:
    """Return a column of numbers as float64 with NaN where missing; None for other columns."""
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean or column.kind == "number":
        return numbers(cells).to_numpy()
    return None


def _separation(values: np.ndarray, codes: np.ndarray, classes: int = 2) -> float:
    """Return the area under the ROC curve of a column for two classes; for more, 1 if all are separate."""
    counts = np.bincount(codes, minlength=classes)
    if len(counts) > classes or counts.min() < FEWEST:
        return 0.0
    if classes > 2:
        groups = sorted((values[codes == k] for k in range(classes)), key=lambda group: group.min())
        return float(all(low.max() < high.min() for low, high in itertools.pairwise(groups)))
    ordered = np.sort(values)
    ranks = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1) / 2
    area = (ranks[codes == 1].mean() - (counts[1] + 1) / 2) / counts[0]
    return float(max(area, 1 - area))


def _is_near(values: np.ndarray, target: np.ndarray) -> bool:
    """Return whether the target is nearly a linear function of a column, or exactly a monotonic one."""
    return _correlation(values, target) >= NEAR_CORRELATION or _is_monotonic(values, target)


def _is_monotonic(values: np.ndarray, target: np.ndarray) -> bool:
    order = np.lexsort((target, values))
    x, y = values[order], target[order]
    steps = np.diff(y)
    if len(np.unique(y)) < 2 * FEWEST or steps[np.diff(x) == 0].any():
        return False
    return bool((steps >= 0).all() or (steps <= 0).all())


def _correlation(values: np.ndarray, target: np.ndarray) -> float:
    """Return the absolute correlation of two columns."""
    if len(values) < 2 * FEWEST:
        return 0.0
    with np.errstate(all="ignore"):
        x, y = values - values.mean(), target - target.mean()
        size = float(np.sqrt((x * x).sum() * (y * y).sum()))
        return abs(float((x * y).sum())) / size if 0 < size < np.inf else 0.0


def _identifiers(sample: Table, inputs: Sequence[Column]) -> Iterator[Finding]:
    """Yield columns that count the rows, or that name groups of a few rows."""
    for column in inputs:
        if column.kind not in ("number", "category"):
            continue
        present = sample.frame[column.name].drop_nulls()
        distinct = count_distinct(present)
        if distinct < 2 * FEWEST:
            continue
        values = _values(present, column)
        is_whole = values is not None and bool((values == np.floor(values)).all())
        facts = {"column": column.name, "levels": distinct, "count": len(present)}
        if is_whole and values is not None and distinct == len(values) == np.ptp(values) + 1:
            yield Finding("counter", "warning", facts)
        elif distinct * 5 >= len(present) and (is_whole or values is None) and _is_id(present, column.kind):
            yield Finding("group_id", "warning", facts)


def _is_id(present: pl.Series, kind: str) -> bool:
    """Return whether values look like ids: by the name, their form, or equally many rows of each."""
    counts = present.value_counts()["count"]
    if ID_NAME.match(present.name) or (counts.min() == counts.max() and counts[0] > 1):
        return True
    return kind == "category" and present.dtype == pl.String and bool(present.str.contains(_ID_VALUE).all())


def _sentinels(sample: Table, inputs: Sequence[Column]) -> Iterator[Finding]:
    """Yield numbers such as -999 that are far from all others of their column."""
    for column in inputs:
        if column.kind != "number" or column.minimum is None or column.maximum is None:
            continue
        if column.minimum not in (*STRONG, *WEAK) and column.maximum not in (*STRONG, *WEAK):
            continue
        values = numbers(sample.frame[column.name]).drop_nulls().to_numpy()
        codes = _negative_codes(values)
        if codes:
            count, listed = int((values < 0).sum()), ", ".join(map(number_text, codes))
            yield Finding("sentinel", "warning", {"column": column.name, "value": listed, "count": count})
            continue
        for value in dict.fromkeys((column.minimum, column.maximum)):
            count = int((values == value).sum())
            if count > 1 and _is_sentinel(value, values[values != value]):
                text = number_text(value)
                yield Finding("sentinel", "warning", {"column": column.name, "value": text, "count": count})


def _negative_codes(values: np.ndarray) -> list[float]:
    """Return several numbers from -9 to -1 apart from all others, as the codes of surveys: -9 and -8."""
    codes, others = np.unique(values[values < 0]), np.unique(values[values >= 0])
    is_code = len(codes) > 1 and bool(np.isin(codes, range(-9, 0)).all())
    return codes.tolist() if is_code and len(others) >= FEWEST and others[0] - codes[-1] >= APART else []


def _is_sentinel(value: float, rest: np.ndarray) -> bool:
    """Return whether a number does not belong to the others of its column."""
    if value not in (*STRONG, *WEAK) or len(np.unique(rest)) < FEWEST // 2:
        return False
    low, high = float(rest.min()), float(rest.max())
    gap, width = (low - value if value < low else value - high), high - low
    if value in STRONG:
        return gap >= (0.05 if value < 0 else 1.0) * width
    return (value < 0 <= low and len(np.unique(rest)) >= FEWEST) or gap >= width
