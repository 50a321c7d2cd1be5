"""The options of reading a file: delimiter, lines to skip, encoding, header, table, query, and conventions.

Everything is detected by default. An option that does not apply to the format of a file is refused, because
an option without effect hides a misunderstanding.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection
from dataclasses import fields, replace

from chainrule.errors import UsageError, alternatives, fact
from chainrule.records import frozen
from chainrule.validation import choice, integer

DELIMITER_NAMES = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "bar": "|",
    "colon": ":",
    "space": " ",
}
HEADERS = ("auto", "first", "none")
_SKIP_LIMIT = 10_000_000
_NO_CHARACTER_SETS = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")


@frozen
class ReadOptions:
    """How a file is read where the user decides it.

    Args:
        delimiter: the delimiter of a text file, as a character or a name of ``DELIMITER_NAMES``; ``"space"``
            for columns separated by any number of blanks. Empty: detected.
        skip: lines before the header of a text file or spreadsheet that are not read.
        encoding: the encoding of a text file. Empty: detected.
        header: ``"auto"``: the first line that looks like column names; ``"first"``: the first line that is
            not skipped; ``"none"``: the file has no names, and the columns are named x1, x2, ...
        table: the sheet of a workbook, the table of a database, or the file in an archive.
        query: a query in SQL for a database.
        decimal: the decimal mark of numbers in texts that could be read in two ways, ``"."`` or ``","``.
            Empty: detected.
        missing: cells that mean a missing value in any column, in any case (``"n/v"``, ``"-999"``), besides
            those that are recognized.
        day_first, month_first: the order of day and month in dates such as 05/11/2020. Neither: detected.
    """

    delimiter: str = ""
    skip: int = 0
    encoding: str = ""
    header: str = "auto"
    table: str = ""
    query: str = ""
    decimal: str = ""
    day_first: bool = False
    month_first: bool = False
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        integer(self.skip, "skip", "read_table", minimum=0, maximum=_SKIP_LIMIT)
        choice(self.header, HEADERS, "header", "read_table", example="none")
        if self.delimiter and len(self.separator) != 1:
            expected = fact("one character, or {names}", names=", ".join(DELIMITER_NAMES))
            fix = alternatives('delimiter="tab"', "--delimiter tab")
            raise UsageError("E101", where="read_table", name=self.delimiter, expected=expected, fix=fix)
        if self.separator in ('"', "\n", "\r", "\0"):
            raise UsageError(
                "E101", where="read_table", name=ascii(self.delimiter), expected=fact("a delimiter")
            )
        if self.encoding and not is_text_encoding(self.encoding):
            expected = "utf-8, utf-16, windows-1252, gb18030, big5, shift_jis, ..."
            fix = alternatives('encoding="utf-8"', "--encoding utf-8")
            raise UsageError("E101", where="read_table", name=self.encoding, expected=expected, fix=fix)
        if self.table and self.query:
            raise UsageError("E124", where="read_table", first="table", second="query")
        self._require_conventions()

    def _require_conventions(self) -> None:
        choice(self.decimal, ("", ".", ","), "decimal", "read_table", example=",")
        if self.day_first and self.month_first:
            raise UsageError("E124", where="read_table", first="day_first", second="month_first")

    @property
    def separator(self) -> str:
        """The delimiter as a character; empty if it is detected."""
        return DELIMITER_NAMES.get(self.delimiter, self.delimiter)

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the options that the user set."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) != f.default)

    @property
    def order(self) -> bool | None:
        """Whether the user sets the day first (True) or the month (False); None: detected."""
        return True if self.day_first else False if self.month_first else None

    def without(self, *names: str) -> ReadOptions:
        """Return these options with some of them as by default."""
        return replace(self, **{name: getattr(NO_OPTIONS, name) for name in names})

    def with_query(self, query: str, source: str) -> ReadOptions:
        """Return these options with a query that was written behind the path of a database.

        Raises:
            UsageError E124: there is a query or a table already. E101: the query is empty.
        """
        for name in ("query", "table"):
            if getattr(self, name):
                raise UsageError("E124", where=source, first=name, second=fact("a query in the path"))
        if not query.strip():
            expected = fact("a query behind {mark}", mark="::")
            raise UsageError(
                "E101", where=source, name="", expected=expected, fix='"shop.db::SELECT * FROM t"'
            )
        return replace(self, query=query)

    def require_only(self, allowed: Collection[str], source: str, kind: str) -> None:
        """Refuse options outside ``allowed``, which have no effect on a format (E128)."""
        wrong = [name for name in self.changed if name not in allowed]
        if wrong:
            expected = fact("no option") if not allowed else fact("only {names}", names=", ".join(allowed))
            option = ", ".join(wrong)
            received = ", ".join(wrong)
            fix = fact("leave out {names}", names=", ".join(wrong))
            raise UsageError(
                "E128", where=source, option=option, kind=kind, expected=expected, received=received, fix=fix
            )


NO_OPTIONS = ReadOptions()
CONVENTIONS = ("decimal", "day_first", "month_first", "missing")  # of the cells of any format
TEXT_OPTIONS = ("delimiter", "skip", "encoding", "header")


def is_text_encoding(name: str) -> bool:
    """Return whether Python decodes texts of this encoding; codecs that convert bytes to bytes do not count.

    Example:
        >>> is_text_encoding("gbk"), is_text_encoding("rot13"), is_text_encoding("idna")
        (True, False, False)
    """
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    is_text = getattr(codec, "_is_text_encoding", True)
    return is_text and codec.name not in _NO_CHARACTER_SETS
