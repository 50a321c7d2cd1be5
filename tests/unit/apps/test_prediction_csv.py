"""Predictions as CSV text: the size of its parts changes nothing; every reader splits it in the same way."""

from __future__ import annotations

import csv
import io
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.apps.cli import prediction_output
from chainrule.apps.cli.prediction_output import CELLS, csv_parts, to_csv

CELL = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "a", "=1+1", "'q", "-3", "a,b", 'a"b', "two\nlines", "one\rreturn", "\x1b[31m", "é"]
    ),
)


@given(
    texts=st.lists(CELL, min_size=1, max_size=12),
    part=st.integers(1, 13),
    name=st.sampled_from(["note", "=n", "a\rb"]),
    destination=st.sampled_from([*CELLS]),
)
def test_the_size_of_parts_does_not_change_the_text(
    texts: list[str | None], part: int, name: str, destination: str
) -> None:
    columns = [pl.Series(name, texts, dtype=pl.String), pl.Series("n", range(len(texts)))]
    frame = pl.DataFrame([*columns, pl.Series("yes", [i % 2 == 0 for i in range(len(texts))])])
    complete = to_csv(frame, destination)
    with mock.patch.object(prediction_output, "PART", part):
        assert "".join(csv_parts(frame, destination)) == complete
    cell = CELLS[destination] or (lambda value: value)
    expected = [
        [cell(name), "n", "yes"],
        *([cell(text or ""), str(i), "false" if i % 2 else "true"] for i, text in enumerate(texts)),
    ]
    assert list(csv.reader(io.StringIO(complete, newline=""))) == expected


def test_labels_become_a_column_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array(["a", "bb", "", "ccc", "a"])
    frame = prediction_output.prediction_frame({"prediction": labels}, 5)
    monkeypatch.setattr(prediction_output, "PART", 2)
    assert prediction_output.prediction_frame({"prediction": labels}, 5).equals(frame)
    assert frame["prediction"].to_list() == labels.tolist()
