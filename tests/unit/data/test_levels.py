"""The distinct texts of a column are those of its cells, one by one."""

from __future__ import annotations

from unittest import mock

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.cells.number_notation import level_texts
from chainrule.data.tables import table as module
from chainrule.data.tables.table import Levels

CELLS = st.one_of(
    st.lists(st.one_of(st.none(), st.sampled_from(["1", "1.0", "007", "red", "TRUE", "", "é"])), max_size=30),
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=30),
    st.lists(st.one_of(st.none(), st.booleans()), max_size=30),
    st.lists(st.one_of(st.none(), st.integers(-5, 300)), max_size=400),
)


@given(cells=CELLS, few=st.sampled_from([0, 512]))
def test_each_row_has_the_text_of_its_cell(cells: list, few: int) -> None:
    column = pl.Series("c", cells, dtype=None if any(cell is not None for cell in cells) else pl.String)
    with mock.patch.object(module, "FEW", few):
        levels = Levels.of(column)
    expected = level_texts(column).to_list()
    assert levels.texts.gather(levels.index).to_list() == expected
    assert levels.counts.sum() == len(cells)
    assert levels.is_missing[levels.index].tolist() == [text is None for text in expected]
    assert len(levels.texts) == len({0.0 if cell == 0 else cell for cell in cells})
