"""Compare new rows with the training rows of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Preparation, Table
from chainrule.data.tables.column_profile import ColumnProfile
from chainrule.data.tables.encoders import Dates, Encoding
from chainrule.errors import UsageError, fact
from chainrule.robustness.drift_columns import ColumnTest, column_tests, holm, joint_test
from chainrule.robustness.drift_result import DriftResult
from chainrule.train.evaluation.rows import encode_rows
from chainrule.validation import language, number, random_seed

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

MAX_ROWS = 20_000  # of each side whose columns are compared, evenly spaced
MAX_COLUMNS = 2000  # of arrays


def drift(
    model: ModelState,
    x: Any,
    reference: Any = None,
    *,
    level: float = 0.05,
    seed: int = 0,
    lang: str | None = None,
) -> DriftResult:
    """Return how new rows differ from training rows; see ``Model.drift``."""
    level = number(level, "level", "drift", above=0, below=1, example=0.05)
    seed, lang = random_seed(seed, "drift"), language(lang, "drift")
    preparation = model.preparation
    if preparation is None or preparation.takes_images or not preparation.encodings:
        return _of_arrays(model, x, reference, level, seed, lang)
    new = _spread(preparation.as_trained(preparation.read(x)))
    known = None if reference is None else _spread(preparation.as_trained(preparation.read(reference)))
    trained = preparation.profiles if known is None else _profiles(preparation, known)
    if not trained:
        raise _no_reference(fact("none: the model stores no profiles of its columns"))
    tests = _tests(trained, _profiles(preparation, new, trained))
    joint = None
    if known is not None:
        names, used = _undated(preparation.encodings)
        old, own = (preparation.inputs(table)[:, used] for table in (known, new))
        joint = joint_test(old, own, names, seed)
    stored = trained[0].rows
    return _result(
        tests, joint, new.rows, stored if known is None else known.rows, known is None, level, lang
    )


def _of_arrays(model: ModelState, x: Any, reference: Any, level: float, seed: int, lang: str) -> DriftResult:
    """Return the result for a model of arrays, whose columns are the elements of a row."""
    if reference is None:
        raise _no_reference(fact("none"))
    own, known = (encode_rows(model, part, "drift").x for part in (x, reference))
    new, old = (
        np.concatenate(
            [np.asarray(part, np.float64).reshape(len(part), -1) for part in parts.values()], axis=1
        )
        for parts in (own, known)
    )
    names = [
        f"{name}[{i}]"
        for name, part in own.items()
        for i in range(int(np.prod(np.shape(part)[1:], dtype=int)))
    ]
    tests = []
    for i in range(min(new.shape[1], MAX_COLUMNS)):
        profiles = (ColumnProfile.of_values(names[i], _evenly(rows[:, i])) for rows in (old, new))
        tests.append(tuple(column_tests(*profiles)))
    joint = joint_test(old, new, names, seed)
    return _result(
        [test for column in tests for test in column], joint, len(new), len(old), False, level, lang
    )


def _result(
    tests: Sequence[ColumnTest],
    joint: Any,
    rows: int,
    reference: int,
    is_stored: bool,
    level: float,
    lang: str,
) -> DriftResult:
    """Return the tests with p-values by Holm's correction, with half of the level for the joint test."""
    shares = 1 if joint is None else 2
    adjusted = np.minimum(1.0, shares * holm([test.p_value for test in tests]))
    corrected = tuple(replace(test, adjusted=float(p)) for test, p in zip(tests, adjusted, strict=True))
    if joint is not None:
        joint = replace(joint, adjusted=min(1.0, shares * joint.p_value))
    return DriftResult(corrected, joint, rows, reference, is_stored, level, lang)


def _tests(trained: Sequence[ColumnProfile], new: Sequence[ColumnProfile]) -> list[ColumnTest]:
    return [test for pair in zip(trained, new, strict=True) for test in column_tests(*pair)]


def _profiles(
    preparation: Preparation, table: Table, trained: Sequence[ColumnProfile] = ()
) -> tuple[ColumnProfile, ...]:
    """Return the profiles of all columns, with all of their values."""
    known = {profile.column: profile.levels for profile in trained}
    return tuple(
        ColumnProfile.of(table, encoding, knots=None, levels=known.get(encoding.column, ()))
        for encoding in preparation.encodings
    )


def _undated(encodings: Sequence[Encoding]) -> tuple[list[str], np.ndarray]:
    """Return names and positions of the features except those of dates, which advance in any later table."""
    features = [(feature.name, isinstance(e, Dates)) for e in encodings for feature in e.features]
    used = [i for i, (_, is_date) in enumerate(features) if not is_date]
    return [features[i][0] for i in used], np.array(used, np.int64)


def _spread(table: Table) -> Table:
    return table if table.rows <= MAX_ROWS else table.take(_evenly(np.arange(table.rows)))


def _evenly(values: np.ndarray) -> np.ndarray:
    """Return at most ``MAX_ROWS`` values, evenly spaced."""
    if len(values) <= MAX_ROWS:
        return values
    return values[np.linspace(0, len(values) - 1, MAX_ROWS).astype(int)]


def _no_reference(received: str) -> UsageError:
    return UsageError(
        "E102",
        where="drift",
        name="reference",
        expected=fact("rows like those of the training"),
        received=received,
    )
