"""Tables as inputs: data frames, files and names of data sets, converted to arrays by a preparation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import data
from chainrule.data import Table
from chainrule.errors import DataError, UsageError, alternatives, fact
from chainrule.records import frozen
from chainrule.train.fit_options import FitOptions
from chainrule.train.inputs.input_check import is_frame, plain_frame

if TYPE_CHECKING:
    from chainrule.data import Finding, Preparation, PublicColumns


def is_table(x: Any, y: Any) -> bool:
    """Return whether ``x`` is a table (a path, a name of a data set, a data frame) and not arrays.

    A data frame of numbers with an array of targets counts as an array, as in scikit-learn. ``join_target``
    converts a data frame with text or dates to a table.
    """
    if y is not None and not isinstance(y, str):
        return False
    return isinstance(y, str) or isinstance(x, str | os.PathLike | Table) or is_frame(x)


def join_target(x: Any, y: Any, target: str = "", kinds: Mapping[str, str] | None = None) -> tuple[Any, Any]:
    """Return a data frame and its targets, as scikit-learn takes them, as one table and its target's name.

    Args:
        x: the inputs; a data frame of numbers is returned as it is, unless ``target`` or ``kinds`` are set.
        y: (N,) targets; the name of a column is returned as it is.
        target: the name of the target column in the training of the model.
        kinds: the kinds of columns where the user sets them.

    Returns:
        the table and the name of its target column, or ``x`` and ``y`` if ``x`` is not such a data frame.

    Raises:
        DataError E305: the frame has a column of that name already. DataError E344: another number of
            targets.
    """
    is_table = is_frame(x) and (target or kinds or not _has_only_numbers(x))
    if not is_table or y is None or isinstance(y, str):
        return x, y
    name = target or name_of(y)
    return _add_column(data.read_table(x), y, name), name


def with_targets(preparation: Preparation, table: Table, y: Any) -> Table:
    """Return a table with targets that were passed apart from it, as the column that the model predicts.

    Args:
        preparation: of the model.
        table: the rows; a target column without a value is replaced.
        y: (N,) targets, or a single one; ``None`` or the name of the target: they are in the table.

    Raises:
        DataError E305, E344: as ``join_target``.
    """
    name = preparation.target
    if y is None or (isinstance(y, str) and (y == name or y in table.columns)):
        return table
    if name in table.columns and table.frame[name].null_count() == table.rows:
        table = replace(table, frame=table.frame.drop(name))
    return _add_column(table, y, name)


def _add_column(table: Table, y: Any, name: str) -> Table:
    """Return a table with a column of targets; for the errors see ``join_target``."""
    targets = data.read_table({name: y})
    column = targets.frame[name]
    if name in table.columns:
        both, fix = fact('"{name}" in x and in y', name=name), fact('leave "{name}" out of x', name=name)
        raise DataError(
            "E305", where=fact("x and y"), expected=fact("distinct names"), received=both, fix=fix
        )
    if len(column) != table.rows:
        expected, received = (
            fact("{rows} rows, as x has", rows=table.rows),
            fact("y has {count}", count=len(column)),
        )
        raise DataError("E344", where=fact("x and y"), expected=expected, received=received)
    return replace(
        table,
        frame=table.frame.with_columns(column),
        declared=table.declared | targets.declared,
        originals={**table.originals, **targets.originals},
        notations={**table.notations, **targets.notations},
        notices=(*table.notices, *targets.notices),
    )


def encode_table(preparation: Preparation | None, x: Any, y: Any) -> tuple[Any, Any]:
    """Return inputs and targets as arrays: of a table by the model's preparation, arrays as they are."""
    if preparation is None:
        return x, y
    x, y = join_target(x, y, preparation.target)
    return inputs_and_targets(preparation, x) if is_table(x, y) else (x, y)


def _has_only_numbers(frame: Any) -> bool:
    """Return whether each column of a frame of pandas, polars or pyarrow has numbers or booleans."""
    frame = plain_frame(frame)
    dtypes = frame.schema.types if hasattr(frame, "column_names") else frame.dtypes
    return all(str(dtype).lower().startswith(_NUMBERS) for dtype in dtypes)


_NUMBERS = ("int", "uint", "float", "double", "halffloat", "bool")  # prefixes of the names of dtypes


@frozen
class Prepared:
    """Training and validation rows of a table as arrays, with weights, fitted preparation and findings.

    The training targets are indices of ``labels``; without labels they are values, or labels themselves.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    validation: Any
    preparation: Preparation
    notices: tuple[Finding, ...] = ()
    labels: tuple[Any, ...] = ()


def prepare(x: Any, y: Any, validation: Any, options: FitOptions) -> Prepared:
    """Return arrays from a table, and their preparation, which is fitted on the training rows only.

    Args:
        y: the column to predict; ``None``: the target that the table defines.
        validation: as in ``fit``: a fraction, ``(table, column)``, arrays, or ``None``.
        options: seed of the split, kinds of columns, and sample weights.

    Raises:
        DataError: E313 no such column; E344 the number of weights is not the number of rows.
    """
    table = data.read_table(x)
    if y is not None:
        data.require_columns(table, y, argument="y")
    is_fraction = _is_fraction(validation)
    fraction = float(validation) if is_fraction else 0.0
    prepared = data.PreparedData.of(
        table, y, kinds=options.kinds, seed=options.seed, fractions=(1 - fraction, fraction, 0.0)
    )
    weights = _select_weights(options.sample_weight, table, prepared.task.rows)
    train, preparation = prepared.training, prepared.preparation
    if is_fraction:
        held_out = None if weights is None else weights[prepared.parts.validation]
        rows = prepared.validation
        validation = (rows.x, prepared.labels(rows), held_out)
    else:
        validation = _encoded_validation(preparation, validation)
    if weights is not None:
        weights = weights[prepared.parts.train]
    notices = tuple(prepared.notices)
    return Prepared(train.x, train.y, weights, validation, preparation, notices, preparation.labels)


def prepare_with(preparation: Preparation, x: Any, y: Any, validation: Any, options: FitOptions) -> Prepared:
    """Return arrays from a table by the preparation of the training that is continued.

    Rows without a target are left out.

    Args:
        preparation: of the model, whose parameters expect its features.
        x, y, validation, options: as for ``prepare``.

    Raises:
        UsageError E102: another target, or kinds of columns. DataError: as ``Preparation.apply`` and
            ``targets``; E331 without a row; E344 as ``prepare``.
    """
    for name, value, expected in (("y", y, preparation.target), ("kinds", options.kinds, None)):
        if value is not None and value != expected:
            raise UsageError(
                "E102",
                where="fit",
                name=name,
                expected=repr(expected),
                received=repr(value)[:80],
                fix=f"{name}={expected!r}",
                notes=[fact("a training that continues encodes the columns as before")],
            )
    table = preparation.read(x)
    present = _rows_with_target(table, preparation.target)
    rows = table.take(present)
    weights = _select_weights(options.sample_weight, table, present)
    encoded, targets = inputs_and_targets(preparation, rows)
    if not _is_fraction(validation):
        validation = _encoded_validation(preparation, validation)
        return Prepared(encoded, targets, weights, validation, preparation)
    fraction = float(validation)
    parts = data.split(targets, options.seed, (1 - fraction, fraction, 0.0))
    part_weights = [None if weights is None else weights[part] for part in (parts.train, parts.validation)]
    validation = (encoded[parts.validation], targets[parts.validation], part_weights[1])
    return Prepared(encoded[parts.train], targets[parts.train], part_weights[0], validation, preparation)


def prepare_public(x: Any, y: Any, validation: Any, public: PublicColumns) -> Prepared:
    """Return arrays from a table, and a preparation from public knowledge about its columns, not from rows.

    Rows without a target are left out. Nothing that is found in the rows becomes a notice.

    Args:
        y: the column to predict; ``None``: the target that the table defines.
        validation: public rows, ``(table, column)`` or arrays, or ``None``.

    Raises:
        DataError: as ``public_preparation``; E311, E312, E329 for a cell that is not what is stated about its
            column; E331 without a row.
    """
    table = data.read_table(x)
    target = table.target if y is None else y
    if not target:
        expected = fact("the name of the target column")
        received = fact("none")
        fix = 'fit(table, "y", ...)'
        raise DataError("E313", where=table.source, name="", expected=expected, received=received, fix=fix)
    preparation = data.public_preparation(public, table, target)
    rows = table.take(_rows_with_target(table, target))
    encoded, targets = inputs_and_targets(preparation, rows)
    validation = _encoded_validation(preparation, validation)
    return Prepared(encoded, targets, None, validation, preparation, data.unused_columns(preparation, table))


def _is_fraction(validation: Any) -> bool:
    return isinstance(validation, Real) and 0 < float(validation) < 1


def _rows_with_target(table: Table, target: str) -> np.ndarray:
    """Return the numbers of the rows that have a target, of which there must be one."""
    data.require_columns(table, target)
    rows = np.flatnonzero(table.frame[target].is_not_null().to_numpy())
    if not len(rows):
        expected = fact("at least 1 row per part")
        received = fact("no row with a target")
        fix = alternatives(fact("add the targets"), "model.predict(rows)")
        raise DataError("E331", where=table.source, expected=expected, received=received, fix=fix)
    return rows


def _encoded_validation(preparation: Preparation, validation: Any) -> Any:
    """Return validation rows as arrays: those of a table by the preparation, others as they are."""
    if not isinstance(validation, tuple | list) or not validation or not is_table(validation[0], None):
        return validation
    x, y, *weights = (*validation, None)[: max(2, len(validation))]
    return *inputs_and_targets(preparation, join_target(x, y, preparation.target)[0]), *weights


def name_of(y: Any) -> str:
    """Return the name of the column of these targets: their own, or ``target``."""
    return str(getattr(y, "name", None) or "target")


def _select_weights(weights: Any, table: Table, rows: np.ndarray) -> np.ndarray | None:
    if weights is None:
        return None
    array = np.asarray(weights)
    if array.shape[:1] != (table.rows,):
        expected = fact("{rows} rows, as the table has", rows=table.rows)
        received = fact("weights has {count}", count=len(array) if array.ndim else 1)
        raise DataError("E344", where="fit", expected=expected, received=received)
    return array[rows]


def inputs(preparation: Preparation, x: Any) -> np.ndarray:
    """Return the inputs of a table's rows."""
    return preparation.apply(preparation.read(x)).x


def inputs_and_targets(preparation: Preparation, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs and the targets of a table's rows; targets of a classifier are labels."""
    table = preparation.read(x)
    targets = preparation.targets(table)
    if preparation.task == "classification":
        return preparation.inputs(table), np.array(preparation.labels)[targets]
    return preparation.inputs(table), targets
