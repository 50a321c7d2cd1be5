"""Card payments in their order in time: the later ones are the test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.data import Table
from chainrule.data.datasets import open_dataset, table_of
from chainrule.errors import DataError, fact
from chainrule_examples.table_folds import FoldPredictions, predict_later

TARGET, TIME = "Class", "Time"
COLUMNS = (TIME, *(f"V{number}" for number in range(1, 29)), "Amount", TARGET)
TEST_SHARE = 0.25


def read_payments(data: str, limit: int = 0) -> tuple[Table, Table]:
    """The earlier and the later payments, without the column of the time.

    Args:
        data: ``creditcard.csv``, its archive or its folder; ``""``: a copy or a download.
        limit: the number of earlier payments, the latest of them; 0: all.

    Raises:
        DataError: E313 a column is missing; E331 fraud is missing in a part; E332 a time that is no number;
            others as ``read_table``.
    """
    archive = open_dataset("creditcard", data)
    table = table_of(archive, "creditcard.csv", COLUMNS)
    if not table.frame[TIME].dtype.is_numeric() or table.frame[TIME].null_count():
        row = next((i for i, value in enumerate(table.frame[TIME].to_list()) if not _is_number(value)), 0)
        where = fact("row {row} of {source}", row=row + 1, source=table.source)
        raise DataError("E332", where=where, value=str(table.frame[TIME][row]), expected=fact("seconds"))
    order = np.argsort(table.frame[TIME].to_numpy(), kind="stable")
    first = table.rows - round(TEST_SHARE * table.rows)
    rows = order[max(0, first - limit) if limit else 0 : first], order[first:]
    train, test = (replace(part, frame=part.frame.drop(TIME)) for part in map(table.take, rows))
    if not all(map(_fraud, (train, test))):
        expected = fact("fraud among the earlier and among the later rows")
        raise DataError("E331", where=table.source, expected=expected, received=fact("none"))
    return train, test


def predict_payments(
    data: str, seeds: int, epochs: int, limit: int, text: str
) -> tuple[Table, list[FoldPredictions]]:
    """The later payments, and their predictions by ``seeds`` trainings on the earlier ones.

    Args:
        data, limit: as for ``read_payments``.
        seeds: the number of trainings.
        epochs: maximum number of epochs; 0: that of the recipe.
        text: the line that is printed, with the fields ``train``, ``fraud`` and ``test``.
    """
    train, test = read_payments(data, limit)
    print(text.format(train=train.rows, fraud=_fraud(train), test=test.rows), flush=True)
    return test, [predict_later(train, test, TARGET, 1, seed=s, epochs=epochs) for s in range(seeds)]


def _fraud(table: Table) -> int:
    return int((table.frame[TARGET].cast(str) == "1").sum())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
