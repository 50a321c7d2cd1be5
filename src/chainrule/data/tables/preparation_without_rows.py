"""A preparation from public knowledge about the columns, for which no row is read.

    public                     encoding
    (low, high)                (value - middle) / half the width, clipped to -1 .. 1, and "is missing"
    ("Ulm", "Bonn")            a 0/1 feature for each level, and "is missing"; other levels are 0 in all
    target (low, high)         (value - middle) / half the width
    target ("ill", "healthy")  the classes, sorted

A missing number is the middle of the range. The feature "is missing" is always there, because whether a
column has missing values is a fact about its rows.
"""

from __future__ import annotations

from chainrule.data.tables.columns import require_columns
from chainrule.data.tables.encoders import Category, Encoding, Number
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.fitted_preparation import Preparation
from chainrule.data.tables.public_columns import Public, PublicColumns, Range, is_range
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.validation import out_of_range

LISTED = 20  # columns that a notice names


def public_preparation(public: PublicColumns, table: Table, target: str) -> Preparation:
    """Return the preparation of these columns; of the table, only the names of the columns are read.

    Args:
        public: ranges and levels.
        table: the training rows.
        target: the column to predict.

    Raises:
        DataError E313: a column that the table does not have. UsageError E102: the target is an input.

    Example:
        >>> from chainrule.data import read_table
        >>> public = PublicColumns.of({"age": (0, 100), "city": ("Ulm", "Bonn")}, ("no", "yes"))
        >>> table = read_table({"age": [25.0, None, 900.0], "city": ["Bonn", "Ulm", "Rome"], "y": ["no"] * 3})
        >>> public_preparation(public, table, "y").inputs(table).tolist()
        [[-0.5, 0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]]
    """
    require_columns(table, target, *(name for name, _ in public.columns))
    if target in dict(public.columns):
        fix = fact('leave "{name}" out of columns', name=target)
        raise out_of_range(target, "columns", "Privacy", fact("inputs other than the target"), fix=fix)
    encodings = tuple(_encoding(name, values) for name, values in public.columns)
    if not is_range(public.target):
        return Preparation(target, "classification", encodings, tuple(sorted(map(str, public.target))))
    middle, half = _middle_and_half(public.target)
    return Preparation(target, "regression", encodings, (), middle, half)


def unused_columns(preparation: Preparation, table: Table) -> tuple[Finding, ...]:
    """Return the notice that names the columns without public knowledge, which are not inputs.

    Args:
        preparation: a preparation of public knowledge.
        table: the table of the training.
    """
    known = {*preparation.columns, preparation.target}
    unused = [name for name in table.columns if name not in known]
    if not unused:
        return ()
    names = '", "'.join(unused[:LISTED]) + ('", "..."' if len(unused) > LISTED else '"')
    return (Finding("not_public", "info", {"columns": f'"{names}', "count": len(unused)}),)


def _encoding(name: str, public: Public) -> Encoding:
    if is_range(public):
        middle, half = _middle_and_half(public)
        return Number(name, middle, half, indicator=True, limit=1.0)
    levels = tuple(map(str, public))
    return Category(name, levels, (), (1,) * len(levels), 0, missing=True)


def _middle_and_half(public: Public) -> Range:
    low, high = float(public[0]), float(public[1])
    return low + (high - low) / 2, (high - low) / 2
