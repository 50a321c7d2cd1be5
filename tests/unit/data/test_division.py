"""Division by time, by group and by file: no leak into the test rows, roles of columns, errors with rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Division, PreparedData, read_table
from chainrule.data.tables.prepared_data import row_weights
from chainrule.data.tables.random_split import FRACTIONS
from chainrule.data.tables.time_and_group_split import by_group, by_time
from chainrule.errors import DataError, UsageError


@settings(max_examples=80, deadline=None)
@given(times=st.lists(st.integers(0, 40), min_size=30, max_size=120))
def test_no_training_row_is_as_late_as_a_test_row(times: list[int]) -> None:
    values = np.array(times)
    try:
        parts = by_time(values, FRACTIONS)
    except DataError:
        parts = None
    if parts is None:  # the cuts at 64 % and 80 % lie in runs of equal times
        ordered = np.sort(values)
        cuts = ordered[[round(len(values) * 0.64) - 1, round(len(values) * 0.8) - 1]]
        assert cuts[0] == ordered[0] or (ordered == cuts[1]).sum() > 1
        return
    assert sorted(np.concatenate([parts.train, parts.validation, parts.test])) == list(range(len(values)))
    assert values[parts.train].max() < values[parts.validation].min()
    assert values[parts.validation].max() < values[parts.test].min()


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.integers(0, 60), min_size=40, max_size=150),
    seed=st.integers(0, 9),
    labels=st.booleans(),
)
def test_a_group_is_in_one_part(groups: list[int], seed: int, labels: bool) -> None:
    array = np.array([*groups, 0, 1, 2])
    classes = array % 2 if labels else None
    parts = by_group(np.arange(len(array), dtype=np.uint64), array, FRACTIONS, labels=classes, seed=seed)
    sets = [set(array[part].tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, sets)) == len(set(array.tolist()))
    assert sorted(np.concatenate([parts.train, parts.validation, parts.test])) == list(range(len(array)))
    assert min(parts.sizes) > 0


def test_few_groups_are_divided_too_and_two_are_refused() -> None:
    digests = np.arange(60, dtype=np.uint64)
    for count in (3, 4, 5, 24, 25):
        parts = by_group(digests, digests % count, FRACTIONS)
        assert min(parts.sizes) > 0
    with pytest.raises(DataError, match="E331"):
        by_group(digests, digests % 2, FRACTIONS)


def _cells(rows: int = 60) -> dict:
    index = np.arange(rows)
    return {
        "id": [f"R{i}" for i in index],
        "day": [str(np.datetime64("2021-01-01") + int(7 * i) % 61) for i in index],
        "store": (index % 12).tolist(),
        "w": (index % 3).tolist(),
        "x": (index * 0.37 % 5).tolist(),
        "y": ["no", "yes"] * (rows // 2),
    }


def test_dates_divide_rows_and_roles_are_no_inputs() -> None:
    cells = _cells()
    p = PreparedData.of(read_table(cells), "y", division=Division("time", "day"), ids=["id"], weight="w")
    days = np.array(cells["day"])
    training, validation, test = (
        days[part].tolist() for part in (p.parts.train, p.parts.validation, p.parts.test)
    )
    assert max(training) < min(validation) <= max(validation) < min(test)
    assert {feature.partition(" ")[0] for feature in p.preparation.columns} == {"day", "store", "x"}
    assert p.test.weights is not None
    assert p.test.weights.tolist() == np.array(cells["w"])[p.parts.test].tolist()
    grouped = PreparedData.of(read_table(cells), "y", division=Division("group", "store"))
    assert "store" not in grouped.preparation.columns
    assert any("its groups divide the rows" in notice.en for notice in grouped.notices)


def test_a_test_file_is_the_test_part_and_its_known_rows_are_counted() -> None:
    cells = _cells()
    test = {name: values[50:] + values[:2] for name, values in _cells(70).items()}
    test["x"] = [value + 9.0 for value in test["x"][:-2]] + test["x"][-2:]
    test["y"][0] = None
    p = PreparedData.of(read_table(cells), "y", test=read_table(test), ids=["id"])
    assert p.parts.sizes == (48, 12, 21)
    assert p.test.x.shape[0] == 21
    assert [notice.facts for notice in p.notices if notice.code == "test_known"] == [{"count": 2, "rows": 21}]
    assert p.fingerprint != p.table.fingerprint
    bad = {**test, "y": ["maybe"] * 22}
    with pytest.raises(DataError, match="E329"):
        PreparedData.of(read_table(cells), "y", test=read_table(bad))
    with pytest.raises(DataError, match="no row with a target"):
        PreparedData.of(read_table(cells), "y", test=read_table({**test, "y": [None] * 22}))
    with pytest.raises(DataError, match="E326"):
        PreparedData.of(read_table(cells), "y", test=read_table({"y": ["no"], "x": [1.0]}))


@pytest.mark.parametrize("division", [Division("time", "day"), Division("group", "site")])
def test_a_class_without_training_rows_is_named(division: Division) -> None:
    rows = 60
    cells = {
        "x": [i % 7 for i in range(rows)],
        "day": [*range(rows)],
        "site": [f"s{i // 15}" for i in range(rows)],
        "y": [f"class {i // 15}" for i in range(rows)],
    }
    with pytest.raises(DataError, match=r'(?s)E333 in row \d+ of .*no training row of class "class \d"'):
        PreparedData.of(read_table(cells), "y", division=division)


def test_a_row_without_time_group_or_weight_is_named() -> None:
    cells = _cells()
    cells["day"][3] = None
    with pytest.raises(DataError, match=r"(?s)row 4 of .*such rows: 1") as caught:
        PreparedData.of(read_table(cells), "y", division=Division("time", "day"))
    assert caught.value.code == "E333"
    with pytest.raises(DataError, match="E333"):
        PreparedData.of(read_table(cells), "y", division=Division("time", "id"))
    with pytest.raises(DataError, match="E313"):
        PreparedData.of(read_table(cells), "y", division=Division("group", "shop"))
    for weights, match in (
        ([1, -2], "row 2 of"),
        ([1, None], "row 2 of"),
        ([0, 0], "not all 0"),
        (["1", "often"], "row 2 of"),
        ([1, float("inf")], "row 2 of"),
    ):
        with pytest.raises(DataError, match=match) as caught:
            row_weights(read_table({"w": weights}), "w")
        assert caught.value.code == "E334"


@pytest.mark.parametrize("text", ["random", "time:a:b", "group: store "])
def test_divisions_are_read(text: str) -> None:
    division = Division.parse(text)
    assert ":".join(filter(None, (division.way, division.column))) == text


@pytest.mark.parametrize("text", ["", "time", "time:", "random:x", "groups:x"])
def test_other_divisions_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--split"):
        Division.parse(text)
