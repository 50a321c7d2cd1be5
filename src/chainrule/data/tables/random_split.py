"""Split rows at random into training, validation and test rows.

The permutation is a function of the seed and the same with every version of NumPy. Stratified: each class is
split separately by the largest remainder method, so that each part contains every class in proportion, to
within one row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule.data.tables.findings import Finding
from chainrule.errors import DataError, UsageError, fact, join_facts
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.validation import random_seed

PARTS = ("training", "validation", "test")
FRACTIONS = (0.64, 0.16, 0.2)
_STREAM = 0x53504C54  # "SPLT"


@frozen(eq=False)
class Split:
    """Row numbers of the three parts, each ascending; together every row once."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    notices: tuple[Finding, ...] = ()

    @property
    def sizes(self) -> tuple[int, int, int]:
        return len(self.train), len(self.validation), len(self.test)


def split(
    target: Sequence | np.ndarray,
    seed: int = 0,
    fractions: tuple[float, float, float] = FRACTIONS,
    stratify: bool = True,
) -> Split:
    """Split rows into training, validation and test rows.

    Args:
        target: one label or value per row. Floating-point numbers are values and are not stratified; pass
            ``stratify=False`` for integer values.
        seed: an integer from 0 to 2**63 - 1; the same seed results in the same split on every machine.
        fractions: of training, validation, test; not negative, with sum 1, training above 0.
        stratify: keep the share of each class in every part.

    Raises:
        DataError: E322 if a class has one row; E331 if a part would be empty.
        UsageError: E330 for invalid fractions.

    Example:
        >>> split(["a", "a", "a", "b", "b", "b"] * 10, seed=0).sizes
        (38, 10, 12)
    """
    seed = random_seed(seed, "split")
    labels = np.asarray(target)
    if labels.dtype == object:
        labels = labels.astype(str)
    _check_fractions(fractions)
    if not len(labels):
        raise DataError(
            "E331", where="split", expected=fact("at least 1 row per part"), received=fact("0 rows")
        )
    groups = _groups(labels) if stratify and labels.dtype.kind != "f" else [(None, np.arange(len(labels)))]
    parts: list[list[np.ndarray]] = [[], [], []]
    notices = []
    for number, (label, rows) in enumerate(groups):
        shuffled = rows[permutation(fold(key_of(seed), _STREAM, number), len(rows))]
        counts = apportion(len(rows), fractions)
        if label is not None and any(f > 0 and c == 0 for f, c in zip(fractions, counts, strict=True)):
            notices.append(Finding("thin_class", "warning", {"label": label, "count": len(rows)}))
        ends = np.cumsum(counts)
        for part, piece in zip(parts, np.split(shuffled, ends[:2]), strict=True):
            part.append(piece)
    train, validation, test = (np.sort(np.concatenate(part)) for part in parts)
    require_rows(fractions, (train, validation, test))
    return Split(train, validation, test, tuple(notices))


def apportion(count: int, fractions: Sequence[float]) -> list[int]:
    """Divide ``count`` items by ``fractions``, rounded down; the rest goes to the largest remainders.

    Example:
        >>> apportion(7, (0.64, 0.16, 0.2))
        [5, 1, 1]
    """
    exact = [count * fraction for fraction in fractions]
    shares = [math.floor(amount + 1e-9) for amount in exact]  # 0.1 * 30 must be 3, not 2
    by_remainder = sorted(range(len(exact)), key=lambda i: (round(shares[i] - exact[i], 9), i))
    for i in by_remainder[: count - sum(shares)]:
        shares[i] += 1
    return shares


def _groups(labels: np.ndarray) -> list[tuple[object, np.ndarray]]:
    names, codes = np.unique(labels, return_inverse=True)
    groups = [(name.item(), np.flatnonzero(codes == code)) for code, name in enumerate(names)]
    single = [str(name) for name, rows in groups if len(rows) == 1]
    if single:
        expected = fact("at least 2 rows per class")
        fix = fact("add rows of that class, or leave the class out")
        raise DataError(
            "E322", where="split", label=", ".join(single), expected=expected, received=fact("1 row"), fix=fix
        )
    return groups


def _check_fractions(fractions: Sequence[float]) -> None:
    is_valid = len(fractions) == 3 and all(math.isfinite(f) and f >= 0 for f in fractions)
    if not is_valid or fractions[0] <= 0 or abs(sum(fractions) - 1) > 1e-9:
        expected = fact("three fractions, not negative, training above 0, sum 1")
        fix = f"fractions={FRACTIONS}"
        raise UsageError("E330", where="split", expected=expected, received=tuple(fractions), fix=fix)


def require_rows(fractions: Sequence[float], parts: Sequence[np.ndarray]) -> None:
    """Raise E331 if a part with a positive fraction has no rows."""
    sizes = [len(part) for part in parts]
    empty = [name for name, f, size in zip(PARTS, fractions, sizes, strict=True) if f > 0 and not size]
    if empty:
        expected = fact("at least 1 row per part")
        received = fact("{rows} rows, none for {parts}", rows=sum(sizes), parts=join_facts(" and ", empty))
        fix = fact("add rows, or set that fraction to 0")
        raise DataError("E331", where="split", expected=expected, received=received, fix=fix)
