"""Read a table from the files of a data set, with the checks of ``read_table``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chainrule.data.datasets.archive import Archive
from chainrule.data.readers.content import Content
from chainrule.data.readers.files import read_content
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.tables.columns import require_columns
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact


def table_of(
    archive: Archive, pattern: str, columns: Sequence[str], blank: Sequence[int] = (), **options: Any
) -> Table:
    """Read the table in the first file whose name matches a pattern.

    Args:
        archive: the files.
        pattern: such as ``"*.csv.gz"``.
        columns: columns that the table must have.
        blank: lines of the file that are neither header nor rows, from 1.
        options: those of ``read_table``, such as ``delimiter``.

    Raises:
        DataError: E301 no such file; E313 a column is missing; others as ``read_table``.
    """
    names = archive.names(pattern)
    if not names:
        raise DataError("E301", where=f"{archive.path}/{pattern}", received=fact("no such file"))
    name = names[0]
    content = archive.read(name)
    if blank:
        lines = content.split(b"\n")
        content = b"\n".join(b"" if number in blank else line for number, line in enumerate(lines, 1))
    short = name.rpartition("/")[2]
    opened = Content(short, short, io.BytesIO(content), len(content))
    table = replace(read_content(opened, ReadOptions(**options)), source=short)
    require_columns(table, *columns)
    return table
