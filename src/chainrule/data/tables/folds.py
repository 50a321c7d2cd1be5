"""Folds for cross-validation, drawn over distinct rows by a hash of their content.

The fold of a row depends on the content of the rows alone, not on their order or on the format of the file.
Duplicates share a fold: a row of which a copy is in the training folds is predicted from memory, and its
score is no estimate for new rows. Rows with equal inputs that are separate observations do not share one
(``unit_digests``): four variants of an experiment are four different rows, and a network that is trained on
other folds would otherwise never see the variant that it is stopped and scored on.

The rows that have to share a fold form a *unit*: the duplicates of a row, or whole groups. Units are assigned
to folds by descending size. All units of one kind (equal size and equal labels) are assigned at once, each to
the fold with the lowest level so far, where the level of fold f for a unit with c_l rows of label l is

    sum over labels l of c_l n_fl / N_l,    n_fl of the N_l rows of label l are in fold f.

It is the increase of the sum over f and l of n_fl^2 / N_l, which is smallest where every label is divided
evenly. Among folds of equal level, the one with fewest rows is next. Rows without duplicates are the last
units, and level out what the larger ones left uneven. Within a kind, a keyed hash of the content decides
which unit goes to which fold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import require_columns
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.prng import fold, key_of, threefry
from chainrule.records import frozen
from chainrule.validation import out_of_range, random_seed

FEW = 8  # different rows below which equal rows are separate observations
REPEATED = 10.0  # rows for each different one, on average, from which they are
DIFFERING = 0.5  # the share of the repeated rows that equal a row with another target, from which they are
SOME_DIFFERING = 0.1  # the same, where most rows repeat and many differ in one column alone
MOST = 0.5  # of the rows
NEAR = 2.0  # pairs of rows that differ in one column alone, for each pair of equal rows
_STREAM = 0x464F4C44  # "FOLD"
_COPY_KEY = key_of(0x434F5059)  # "COPY"
_ROW_KEY, _LABEL_KEY = key_of(0x524F5753), key_of(0x4C41424C)  # "ROWS", "LABL"
_NUMBER, _TEXT, _IMAGE = range(3)


def row_digests(table: Table, columns: Sequence[str] | None = None) -> np.ndarray:
    """Return a 64-bit digest of the content of each row, (N,) uint64: the same in any file format.

    Numbers are hashed as float64 (integers that float64 does not represent as text), everything else as UTF-8
    text, each with the name of its column, as in ``Table.fingerprint``. Neither the order of the rows nor
    that of the columns changes a digest.

    Args:
        table: the rows.
        columns: the columns whose cells are hashed; by default all.

    Raises:
        DataError E313: a column that the table does not have.

    Example:
        >>> digests = row_digests(Table(pl.DataFrame({"x": [1, 2, 1], "c": ["a", "a", "a"]})))
        >>> (digests[0] == digests[2]).item(), (digests[0] == digests[1]).item()
        (True, False)
    """
    names = table.columns if columns is None else tuple(columns)
    require_columns(table, *names)
    digests = np.zeros(table.rows, np.uint64)
    for name in names:
        if name in table.images:
            digests += _keyed(name, _IMAGE, _image_words(table.images[name]))
            continue
        cells = table.frame[name]
        is_number = _is_number(cells)
        numbers = cells.cast(pl.Float64) if cells.dtype.is_numeric() else pl.Series([None] * len(cells))
        digests += np.where(
            is_number,
            _keyed(name, _NUMBER, _number_words(numbers.cast(pl.Float64))),
            _keyed(name, _TEXT, _text_words(cells, ~is_number)),
        )
    return digests


def unit_digests(inputs: np.ndarray, targets: np.ndarray, columns: Iterable[np.ndarray] = ()) -> np.ndarray:
    """Return the digests over which folds are drawn, (N,) uint64: equal where rows are copies of one row.

    Rows with equal inputs are copies of one row (a file that was joined to itself, classes that were repeated
    to be equally large) or separate observations under equal conditions (an experiment, a table of a few
    categories). They are separate observations if ``DIFFERING`` of the rows whose inputs repeat are among
    equal ones with another target, if there are ``REPEATED`` rows for each different one, or fewer than
    ``FEW`` different ones. Classes that follow closely from the inputs differ less often: ``SOME_DIFFERING``
    is enough where at least half of the rows repeat and rows often differ in one column alone, as works of
    one artist in many materials do. A row that was copied has few such neighbors. Then the n-th copy of a row
    is a unit of its own, in any order of the rows, and the result has N different digests.

    Args:
        inputs: (N,) the digest of the inputs of each row.
        targets: (N,) or (N, O) targets.
        columns: (N,) the digest of each column, whose sum is ``inputs``; read only where it matters.

    Example:
        >>> rows, same = np.arange(20, dtype=np.uint64) // 2, np.arange(20) // 10
        >>> [len(np.unique(unit_digests(rows, y))) for y in (same, np.arange(20) % 2)]
        [10, 20]
    """
    distinct, of_row, counts = np.unique(inputs, return_inverse=True, return_counts=True)
    target = np.unique(targets, axis=0, return_inverse=True)[1].reshape(-1)  # (N,) ranks
    pairs, of_pair, copies = np.unique(
        np.stack([of_row, target]), axis=1, return_inverse=True, return_counts=True
    )
    repeated = counts[counts > 1].sum()
    differing = counts[np.bincount(pairs[0]) > 1].sum()
    is_level = len(distinct) < FEW or len(inputs) >= REPEATED * len(distinct)
    if not repeated:
        return inputs
    is_level = is_level or differing >= DIFFERING * repeated
    is_candidate = repeated >= MOST * len(inputs) and differing >= SOME_DIFFERING * repeated
    if not is_level and not (is_candidate and _has_near_rows(inputs, columns)):
        return inputs
    order = np.argsort(of_pair.reshape(-1), kind="stable")
    copy = np.empty(len(inputs), np.uint64)
    copy[order] = np.arange(len(inputs)) - np.repeat(np.cumsum(copies) - copies, copies)
    return _mix(_COPY_KEY, _mix(_COPY_KEY, inputs ^ _mix(_LABEL_KEY, target.astype(np.uint64))) + copy)


def _has_near_rows(inputs: np.ndarray, columns: Iterable[np.ndarray]) -> bool:
    """Return whether there are ``NEAR`` pairs of rows that differ in one of several columns alone for each
    pair of equal rows.
    """
    equal = _equal_pairs(inputs)
    for column in columns:
        others = inputs - column  # 0 if there is one column
        if others.any() and _equal_pairs(others) >= (1 + NEAR) * equal:
            return True
    return False


def _equal_pairs(digests: np.ndarray) -> float:
    counts = np.unique(digests, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())


def folds(
    digests: np.ndarray,
    k: int,
    *,
    labels: Sequence | np.ndarray | None = None,
    groups: Sequence | np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Divide rows into ``k`` folds of nearly equal size; the fold of each row, (N,) int64 in 0 .. k - 1.

    Rows with equal digests share a fold. No two folds differ in the rows of one label by more than the
    largest unit with that label, where each unit has one label; without duplicates and groups, by at most 1.

    Args:
        digests: the content of the rows, as from ``row_digests``.
        k: the number of folds, at least 2.
        labels: (N,) class labels; each class is divided evenly.
        groups: (N,) group of each row; the rows of a group share a fold.
        seed: an integer from 0 to 2**63 - 1.

    Raises:
        UsageError E102: fewer than 2 folds.
        DataError: E331 fewer distinct rows, or groups, than folds; E344 labels or groups of another length.

    Example:
        >>> folds(np.arange(6, dtype=np.uint64), 3, labels=list("aabbaa"), seed=1).tolist()
        [2, 1, 1, 0, 2, 0]
        >>> folds(np.array([5, 5, 6, 7], np.uint64), 2).tolist()
        [0, 0, 1, 1]
    """
    seed = random_seed(seed, "folds")
    digests = np.asarray(digests, np.uint64)
    if k < 2:
        raise out_of_range(k, "k", "folds", ">= 2")
    label_of = np.zeros(len(digests), np.int64) if labels is None else _codes("labels", labels, digests)
    group_of = None if groups is None else _codes("groups", groups, digests)
    units = _units(digests, group_of, label_of)
    if len(units.identity) < k:
        raise _too_few(len(units.identity), k, groups is not None)
    key = fold(key_of(seed), _STREAM)
    order = np.lexsort((units.identity, _mix(key, units.identity), units.signature, -units.size))
    is_new = np.diff(units.size[order], prepend=-1) != 0
    is_new[1:] |= units.signature[order][1:] != units.signature[order][:-1]
    counts = _FoldCounts(np.zeros((k, int(label_of.max()) + 1), np.int64), np.bincount(label_of))
    fold_of = np.empty(len(order), np.int64)
    for kind in np.split(order, np.flatnonzero(is_new)[1:]):
        share = counts.assign(len(kind), *np.unique(label_of[units.rows(kind[0])], return_counts=True))
        fold_of[kind] = np.repeat(np.arange(k), share)
    return fold_of[units.of_row]


@frozen(eq=False)
class _FoldCounts:
    """The rows of each label in each fold so far.

    Args:
        rows: (k, L), changed by ``assign``.
        totals: (L,) rows of each label in all folds.
    """

    rows: np.ndarray
    totals: np.ndarray

    def assign(self, units: int, labels: np.ndarray, amounts: np.ndarray) -> np.ndarray:
        """Return the number of units that each fold receives, each in turn to the fold of the lowest level.

        A unit has ``amounts`` rows with each of ``labels``.
        """
        k, size = len(self.rows), amounts.sum()
        weights = amounts if len(labels) == 1 else amounts / self.totals[labels]  # one label: exact integers
        level, step = self.rows[:, labels] @ weights, amounts @ weights
        gap = int(np.ceil((level.max() - level.min()) / step))
        rounds = max(0, units // k - gap)  # after these no fold has been passed over yet
        rest = units - rounds * k
        depth = min(rest, gap + rest // k + 2)
        nth = np.arange(depth) + rounds
        heights = level[:, None] + nth * step  # (k, depth)
        sizes = self.rows.sum(axis=1)[:, None] + nth * size
        order = np.lexsort((sizes.reshape(-1), heights.reshape(-1)))[:rest]
        share = rounds + np.bincount(order // max(depth, 1), minlength=k)
        self.rows[:, labels] += share[:, None] * amounts
        return share


@frozen(eq=False)
class _Units:
    """Sets of rows that share a fold, U of them.

    Args:
        of_row: (N,) the unit of each row.
        identity: (U,) the lowest digest of the unit's rows.
        size: (U,) number of rows.
        signature: (U,) a hash of the labels of its rows, in any order.
        sorted_rows: (N,) row numbers, those of a unit next to each other.
        starts: (U,) where the rows of each unit begin in ``sorted_rows``.
    """

    of_row: np.ndarray
    identity: np.ndarray
    size: np.ndarray
    signature: np.ndarray
    sorted_rows: np.ndarray
    starts: np.ndarray

    def rows(self, unit: int) -> np.ndarray:
        return self.sorted_rows[self.starts[unit] : self.starts[unit] + self.size[unit]]


def _units(digests: np.ndarray, groups: np.ndarray | None, labels: np.ndarray) -> _Units:
    distinct, of_row = np.unique(digests, return_inverse=True)
    if groups is not None:
        of_row = np.unique(_components(of_row, groups)[groups], return_inverse=True)[1]
    size = np.bincount(of_row)
    rows = np.argsort(of_row, kind="stable")
    starts = np.cumsum(size) - size
    if not len(rows):
        return _Units(of_row, distinct, size, distinct, rows, starts)
    identity = np.minimum.reduceat(digests[rows], starts)
    signature = np.add.reduceat(_mix(_LABEL_KEY, labels.astype(np.uint64))[rows], starts)
    return _Units(of_row, identity, size, signature, rows, starts)


def _components(digest: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return a representative of each group; groups that share a row, even by others, have the same one."""
    pairs = np.unique(np.stack([digest, group]), axis=1)  # (2, P), by digest
    is_shared = np.flatnonzero(pairs[0, 1:] == pairs[0, :-1])
    parent = list(range(int(group.max(initial=-1)) + 1))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in zip(pairs[1, is_shared].tolist(), pairs[1, is_shared + 1].tolist(), strict=True):
        parent[root(b)] = root(a)
    return np.array([root(node) for node in range(len(parent))], np.int64)


def _codes(name: str, values: Sequence | np.ndarray, digests: np.ndarray) -> np.ndarray:
    """Return the rank of each value among the distinct values."""
    array = np.asarray(values)
    if array.shape != digests.shape:
        expected = fact("{rows} rows, as {name} has", rows=len(digests), name="digests")
        received = fact("{name} has {count}", name=name, count=len(array))
        raise DataError("E344", where="folds", expected=expected, received=received)
    if array.dtype == object:
        array = array.astype(str)
    return np.unique(array, return_inverse=True)[1]


def _too_few(units: int, k: int, grouped: bool) -> DataError:
    received = fact("{count} groups", count=units) if grouped else fact("{count} distinct rows", count=units)
    return DataError(
        "E331",
        where="folds",
        expected=fact("at least one distinct row or group per fold, {count}", count=k),
        received=received,
        fix=fact("add rows, or use {count} folds", count=units) if units > 1 else fact("add rows"),
    )


def _mix(key: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return a random permutation of the 64-bit words that depends on the key."""
    high, low = threefry(key, (words >> np.uint64(32)).astype(np.uint32), words.astype(np.uint32))
    return (high.astype(np.uint64) << np.uint64(32)) | low


def _keyed(column: str, kind: int, words: np.ndarray) -> np.ndarray:
    name = int.from_bytes(hashlib.blake2b(column.encode(), digest_size=8).digest(), "little")
    return _mix(fold(_ROW_KEY, name, kind), words)


def _is_number(cells: pl.Series) -> np.ndarray:
    """Return whether each cell is hashed as a number: every number of which float64 has the exact value."""
    if not cells.dtype.is_numeric():
        return np.zeros(len(cells), bool)
    if not cells.dtype.is_integer():
        return np.ones(len(cells), bool)
    restored = cells.cast(pl.Float64).cast(cells.dtype, strict=False)
    return ((restored == cells).fill_null(False) | cells.is_null()).to_numpy()


def _number_words(numbers: pl.Series) -> np.ndarray:
    values = numbers.fill_null(float("nan")).to_numpy().astype("<f8") + 0.0  # -0 becomes 0
    values[np.isnan(values)] = np.nan
    return values.view("<u8").astype(np.uint64)


def _text_words(cells: pl.Series, chosen: np.ndarray) -> np.ndarray:
    """Return a hash of each chosen cell as text; 0 for missing cells and for others."""
    words = np.zeros(len(cells), np.uint64)
    texts = cells.filter(chosen).cast(pl.String)
    distinct = texts.drop_nulls().unique()
    if len(distinct):
        hashes = [
            int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
            for text in distinct.to_list()
        ]
        replaced = texts.replace_strict(
            distinct, pl.Series(hashes, dtype=pl.UInt64), default=0, return_dtype=pl.UInt64
        )
        words[chosen] = replaced.fill_null(0).to_numpy()
    return words


def _image_words(pixels: np.ndarray) -> np.ndarray:
    words = (
        hashlib.blake2b(image.tobytes(), digest_size=8, person=_shape(image)).digest() for image in pixels
    )
    return np.array([int.from_bytes(word, "little") for word in words], np.uint64)


def _shape(image: np.ndarray) -> bytes:
    return "x".join(map(str, image.shape)).encode()[:16]
