"""Folds: duplicates and groups together, classes divided evenly, independent of row order and file format."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import folds, read_table, row_digests, unit_digests
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, UsageError

CELLS = {
    "n": st.one_of(
        st.none(), st.integers(-3, 3), st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1])
    ),
    "f": st.one_of(st.none(), st.sampled_from([0.0, -0.0, 0.5, float("inf")])),
    "t": st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "0"])),
    "b": st.one_of(st.none(), st.booleans()),
}
TYPES = {"n": pl.Int64, "f": pl.Float64, "t": pl.String, "b": pl.Boolean}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(rows=ROWS, seed=st.integers(0, 2**32))
def test_rows_have_equal_digests_exactly_where_they_are_equal(rows: list[dict], seed: int) -> None:
    table = Table(pl.DataFrame(rows, schema=TYPES))
    digests = row_digests(table)
    for i, digest in enumerate(digests):
        for j in range(i):
            assert (digest == digests[j]) == (rows[i] == rows[j])
    order = np.random.default_rng(seed).permutation(len(rows))
    assert (row_digests(table.take(order), ("b", "t", "f", "n")) == digests[order]).all()


def test_digests_are_equal_in_every_file_format(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": [1, 2, None], "f": [0.5, -0.0, 3.0], "t": ["a, b", "é", "a, b"]})
    frame.write_csv(tmp_path / "table.csv")
    frame.with_columns(pl.col("n").cast(pl.Int16)).write_parquet(tmp_path / "table.parquet")
    expected = row_digests(Table(frame)).tolist()
    assert len(set(expected)) == 3
    for name in ("table.csv", "table.parquet"):
        assert row_digests(read_table(tmp_path / name)).tolist() == expected


def test_digests_depend_on_names_and_images() -> None:
    frame = pl.DataFrame({"a": [1.0], "b": [2.0]})
    assert row_digests(Table(frame)) != row_digests(Table(frame.rename({"a": "b", "b": "a"})))
    assert row_digests(Table(frame), ["a"]) != row_digests(Table(frame), ["b"])
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    table = Table(pl.DataFrame({"p": ["x", "x"]}), images={"p": pixels})
    assert len(set(row_digests(table).tolist())) == 2
    with pytest.raises(DataError, match="E313"):
        row_digests(table, ["q"])


UNITS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(0, 8)), min_size=1, max_size=90
)  # content, label, group of each row


def _count_units(content: np.ndarray, group: np.ndarray) -> int:
    """The number of sets of rows that share content or group, directly or by other rows."""
    sets: list[set[tuple[str, int]]] = []
    for pair in zip(content.tolist(), group.tolist(), strict=True):
        merged = {("content", pair[0]), ("group", pair[1])}
        for other in [s for s in sets if s & merged]:
            merged |= other
            sets.remove(other)
        sets.append(merged)
    return len(sets)


@settings(max_examples=150, deadline=None)
@given(rows=UNITS, k=st.integers(2, 5), seed=st.integers(0, 2**63 - 1), grouped=st.booleans())
def test_folds_keep_duplicates_and_groups_together(
    rows: list[tuple[int, int, int]], k: int, seed: int, grouped: bool
) -> None:
    content, label, group = np.array(rows).T
    groups = group if grouped else None
    if _count_units(content, group if grouped else content) < k:
        with pytest.raises(DataError, match="E331"):
            folds(content.astype(np.uint64), k, labels=label, groups=groups, seed=seed)
        return
    fold = folds(content.astype(np.uint64), k, labels=label, groups=groups, seed=seed)
    assert set(fold.tolist()) == set(range(k))
    for value in set(content.tolist()):
        assert len(set(fold[content == value].tolist())) == 1
    for value in set(group.tolist() if grouped else ()):
        assert len(set(fold[group == value].tolist())) == 1
    order = np.random.default_rng(abs(seed)).permutation(len(rows))
    shuffled = None if groups is None else groups[order]
    again = folds(content[order].astype(np.uint64), k, labels=label[order], groups=shuffled, seed=seed)
    assert (again == fold[order]).all()


@settings(max_examples=80, deadline=None)
@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=5), k=st.integers(2, 7), seed=st.integers(0, 99)
)
def test_distinct_rows_are_divided_to_within_one(counts: list[int], k: int, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    if len(labels) < k:
        return
    digests = row_digests(Table(pl.DataFrame({"x": np.arange(len(labels))})))
    fold = folds(digests, k, labels=labels, seed=seed)
    assert np.ptp(np.bincount(fold, minlength=k)) <= 1
    for label in range(len(counts)):
        assert np.ptp(np.bincount(fold[labels == label], minlength=k)) <= 1


@settings(max_examples=80, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=5, max_size=60), k=st.integers(2, 5))
def test_folds_differ_by_at_most_the_largest_set_of_duplicates(sizes: list[int], k: int) -> None:
    fold = folds(np.repeat(np.arange(len(sizes)), sizes).astype(np.uint64), k)
    assert np.ptp(np.bincount(fold, minlength=k)) <= max(sizes)


def test_single_rows_level_out_a_large_group() -> None:
    digests = np.arange(100, dtype=np.uint64)
    groups = np.where(digests < 30, 0, digests)
    assert Counter(folds(digests, 3, groups=groups).tolist()) == {0: 34, 1: 33, 2: 33}


def test_groups_that_share_a_row_are_kept_together() -> None:
    fold = folds(np.array([1, 2, 2, 3, 3, 4, 5], np.uint64), 2, groups=list("aabbccd"))
    assert len(set(fold[:6].tolist())) == 1
    assert fold[6] != fold[0]


def test_the_fold_of_a_row_is_fixed_and_differs_by_seed() -> None:
    digests = row_digests(Table(pl.DataFrame({"x": range(12)})))
    assert folds(digests, 3, seed=4).tolist() == [1, 1, 0, 2, 0, 0, 1, 1, 2, 0, 2, 2]
    assert len({tuple(folds(digests, 3, seed=seed).tolist()) for seed in range(6)}) == 6


def test_too_few_rows_or_folds_are_refused() -> None:
    digests = np.array([1, 1, 2, 2], np.uint64)
    with pytest.raises(DataError, match="2 distinct rows") as caught:
        folds(digests, 3)
    assert caught.value.code == "E331"
    assert "use 2 folds" in str(caught.value)
    with pytest.raises(DataError, match="1 group"):
        folds(digests, 2, groups=[0, 0, 0, 0])
    with pytest.raises(UsageError, match="E102"):
        folds(digests, 1)
    with pytest.raises(DataError, match="0 distinct rows"):
        folds(digests[:0], 2)
    with pytest.raises(DataError, match="labels has 2"):
        folds(digests, 2, labels=[0, 1])


@given(
    levels=st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=8, max_size=20),
    seed=st.integers(0, 2**32),
)
def test_copies_are_one_unit_and_separate_observations_are_many(levels: list[tuple], seed: int) -> None:
    copies, varies = np.array([count for count, _ in levels]), np.array([varied for _, varied in levels])
    inputs = np.repeat(np.arange(len(levels), dtype=np.uint64), copies)
    targets = np.arange(len(inputs)) * np.repeat(varies, copies)  # different ones, or 0
    repeated, differing = copies[copies > 1].sum(), copies[(copies > 1) & varies].sum()
    units = unit_digests(inputs, targets)
    is_separate = differing >= repeated / 2 or not repeated
    assert len(np.unique(units)) == (len(inputs) if is_separate else len(levels))
    order = np.random.default_rng(seed).permutation(len(inputs))
    shuffled = unit_digests(inputs[order], targets[order])
    assert sorted(zip(targets[order], shuffled, strict=True)) == sorted(zip(targets, units, strict=True))


@pytest.mark.parametrize(("levels", "copies"), [(2, 4), (7, 2), (30, 10)])
def test_levels_with_one_target_each_are_in_every_fold(levels: int, copies: int) -> None:
    inputs = np.repeat(np.arange(levels, dtype=np.uint64), copies)
    units = unit_digests(inputs, inputs % 2)
    assert len(np.unique(units)) == len(inputs)


def _works_of_artists() -> pl.DataFrame:
    """Works by artists who use few materials each, and of which few differ from another one in the class."""
    draw = np.random.default_rng(0)
    artist, material = draw.integers(0, 100, 2_000), draw.integers(0, 5, (100, 3))
    is_late = (artist % 2 == 1) ^ (draw.random(2_000) < 0.05)
    used = material[artist, draw.integers(0, 3, 2_000)]
    names = [f"artist {i}" for i in artist], [f"material {i}" for i in used]
    return pl.DataFrame({"artist": names[0], "material": names[1], "is_late": is_late.astype(int)})


def _units(table: Table, target: str) -> int:
    names = [name for name in table.columns if name != target]
    columns = (row_digests(table, [name]) for name in names)
    units = unit_digests(row_digests(table, names), table.frame[target].to_numpy(), columns)
    return len(np.unique(units))


def test_rows_that_often_differ_in_one_column_are_separate_observations() -> None:
    table = Table(_works_of_artists())
    assert _units(table, "is_late") == table.rows


def test_a_file_joined_to_itself_consists_of_copies() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(500, 3)), draw.integers(0, 2, 500)
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(3)} | {"y": y})
    mislabeled = frame[:100].with_columns(y=1 - pl.col("y"))  # a fifth of the repeated rows differ
    assert _units(Table(pl.concat([frame, frame[100:], mislabeled])), "y") == 500
    one = frame.select("x0", "y")
    assert _units(Table(pl.concat([one, one[100:], mislabeled.select("x0", "y")])), "y") == 500
