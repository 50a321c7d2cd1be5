"""Read a table from any source: a file, a frame, arrays, or the name of a data set.

The result is a ``Table`` whose columns are numbers, booleans, texts or dates, with null as the only
representation of missing values (NaN is converted: in a table it means "not measured").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from chainrule.data.cells.conventions import with_conventions
from chainrule.data.readers.csv_files import check_names
from chainrule.data.readers.files import read_path
from chainrule.data.readers.frames import as_columns, of_array, of_columns, of_frame, of_pandas
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import CONVENTIONS, ReadOptions
from chainrule.data.sample_types import Samples
from chainrule.data.tables.table import Table, require_usable
from chainrule.errors import fact

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def read_table(
    source: Samples | tuple[ArrayLike, ArrayLike],
    *,
    delimiter: str = "",
    skip: int = 0,
    encoding: str = "",
    header: str | None = "auto",
    table: str = "",
    query: str = "",
    decimal: str = "",
    day_first: bool | None = None,
) -> Table:
    """Read a table from a file, a folder of images, a frame, arrays or the name of a bundled data set.

    Args:
        source: a path (CSV and other text, Parquet, Arrow, ``.npz``, ``.xlsx``, JSON, SQLite, DuckDB, also
            compressed by gzip, bzip2, xz or zip; a folder of images: see ``read_images``), ``"-"`` for
            standard input, a name (``"iris"``), a polars, pandas or pyarrow frame, a dict of columns, dicts
            of cells (a list of them, or one for a single row), a 2-D array, or a pair ``(x, y)`` of arrays.
            Columns of arrays are named x1, x2, ..., y.
        delimiter: delimiter of a text file, as a character or ``"tab"``, ``"space"``; detected by default.
        skip: lines above the header that are not read.
        encoding: encoding of a text file; detected by default.
        header: ``"auto"``: the first line that looks like column names; ``"first"``: the first line;
            ``"none"`` or ``None``: there is none, and the columns are named x1, x2, ...
        table: sheet of a workbook, table of a database, or file of an archive.
        query: SQL query of a database.
        decimal: decimal mark, ``"."`` or ``","``, of numbers in texts that could be read in two ways, such as
            ``1.234``; detected by default, with a notice where nothing decides.
        day_first: whether 05/11/2020 is in November; detected by default, with a notice where nothing
            decides.

    Raises:
        DataError: E301 no such file; E302 neither a name nor a known format; E305 column names; E314 a column
            of neither numbers, texts nor dates; E316 a damaged file; E317 columns of different lengths; E327
            several tables in a file; E338 a query that fails; for text files as ``read_delimited``.
        UsageError: E101, E102 an invalid option; E128 an option that does not apply to the source.

    Example:
        >>> read_table({"age": [31, 47, None], "sick": ["no", "yes", "no"]}).frame["age"].to_list()
        [31, 47, None]
    """
    order = {"day_first": day_first is True, "month_first": day_first is False}
    options = ReadOptions(delimiter, skip, encoding, header or "none", table, query, decimal, **order)
    result = read_source(source, options)
    require_usable(result)
    return result


def read_source(source: Samples | tuple[ArrayLike, ArrayLike], options: ReadOptions) -> Table:
    """Read a table, with the options of reading as a record; see ``read_table``.

    Columns of unsupported content are listed in ``Table.unusable`` instead of being refused, since they may
    be left out, or not be needed by a model.
    """
    table = _read(source, options.without(*CONVENTIONS))
    if table.images:
        options.require_only((), table.source, fact("images"))
    return with_conventions(table, options.decimal, options.order)


def _read(source: Samples | tuple[ArrayLike, ArrayLike], options: ReadOptions) -> Table:
    """Read a table; its cells by their own convention."""
    if isinstance(source, str | os.PathLike):
        return read_path(source, options)
    options.require_only((), "read_table", fact("data in memory"))
    if isinstance(source, Table):
        return source
    source = as_columns(source)
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return of_frame(source, "frame")
    if type(source).__module__.partition(".")[0] == "pyarrow" and hasattr(source, "column_names"):
        check_names("frame", list(map(str, cast(Any, source).column_names)))
        return of_frame(pl.DataFrame(cast(Any, source)), "frame")
    if isinstance(source, tuple) and len(source) == 2:
        return of_columns({"x": source[0], "y": source[1]}, "arrays")
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        return of_pandas(source)
    if isinstance(source, Mapping):
        return of_columns(source, "columns")
    return of_array(source)
