"""Model files of older versions: fields that were added later have their defaults.

``tests/golden/older_files`` has two models of a table with numbers, decimal commas, dates, times, categories
and yes/no, saved by the version of commit 1616a411, and rows for them.
"""

from __future__ import annotations

import copy
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import Preparation
from chainrule.data.tables.column_profile import ColumnProfile
from chainrule.data.tables.encoders import ENCODINGS
from chainrule.data.tables.fitted_preparation import ADDED, Parts

FOLDER = Path(__file__).parents[2] / "golden" / "older_files"
VALUES = [10.73299162, 9.4449171, 9.85862783, 10.96464181, 10.13957434]  # what that version predicted
SHARES = [0.5000458, 0.43468273, 0.3927872, 0.4067714, 0.48483256]


def test_older_models_predict_what_they_predicted(tmp_path: Path) -> None:
    for name, expected in (("regression", VALUES), ("classification", SHARES)):
        model = cr.load(FOLDER / f"{name}.safetensors")
        for _ in range(2):
            rows: Any = FOLDER / "rows.csv"
            predicted = model.predict(rows) if name == "regression" else model.predict_proba(rows)[:, 1]
            np.testing.assert_allclose(np.asarray(predicted), expected, rtol=1e-5)
            assert str(model.drift(rows))
            model.save(tmp_path / "again.safetensors")
            model = cr.load(tmp_path / "again.safetensors")


def record() -> dict[str, Any]:
    preparation = cr.load(FOLDER / "regression.safetensors").preparation
    assert preparation is not None
    return preparation.to_record()


def added_fields() -> list[tuple[str, ...]]:
    """The paths of all fields with a default, in a record of every kind of part."""
    paths: list[tuple[str, ...]] = [(name,) for name in Parts._field_defaults]
    paths += [("profiles", field.name) for field in fields(ColumnProfile) if field.default is not MISSING]
    for kind, encoder in ENCODINGS.items():
        names = [field.name for field in fields(encoder) if field.default is not MISSING]
        paths += [("encodings", kind, name) for name in (*names, *ADDED.get(kind, {}))]
    return paths


@pytest.mark.parametrize("path", added_fields(), ids="/".join)
def test_a_field_with_a_default_may_be_absent_and_an_unknown_one_not_be_present(
    path: tuple[str, ...],
) -> None:
    changed = copy.deepcopy(record())
    parts = [changed] if len(path) == 1 else changed[path[0]]
    chosen = [part for part in parts if len(path) < 3 or part["kind"] == path[1]]
    for part in chosen:
        part.pop(path[-1], None)  # a record has no list of missing words that is empty
    related = {"profiles": ("levels", "counts", "quantiles", "cumulative", "low", "high")}.get(path[0], ())
    if path[-1] in related:  # one of a pair: both were added together
        for part, name in ((part, name) for part in chosen for name in related):
            part.pop(name, None)
    assert Preparation.from_record(changed).to_record().keys() == record().keys()
    for part in chosen[:1]:
        part["unknown"] = 1
        with pytest.raises(cr.errors.DataError, match="E328"):
            Preparation.from_record(changed)


def test_a_field_without_a_default_is_required() -> None:
    for name in ("target", "task", "encodings", "labels", "target_mean"):
        changed = record()
        del changed[name]
        with pytest.raises(cr.errors.DataError, match="E328"):
            Preparation.from_record(changed)
