"""The preparation of a table in C99: a struct with one field for each column, and the features."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.data import Preparation
from chainrule.data.tables.spellings import YES_NO
from chainrule.interop.export.c_constants_and_memory import constant, text, wrapped
from chainrule.interop.export.column_encodings import require_columns
from chainrule.interop.export.dialects import C

MISSING_DATE = "INT64_MIN"
_TYPES = {"category": "const char *", "date": "int64_t ", "image": "uint8_t "}
_NOTES = {
    "number": "NAN if missing",
    "yes_no": "1 or 0, NAN if missing",
    "duration": "seconds, NAN if missing",
    "time": "hours since midnight, NAN if missing",
    "category": 'UTF-8; "" or NULL if missing',
    "date": "microseconds since 1970-01-01 00:00, INT64_MIN if missing",
    "image": "pixels, height x width x channels",
}
_DAY = 86_400_000_000
HELPERS = {
    "scaled": """
static double scaled(double x, double mean, double std, double limit) {
    double z;
    if (!(std > 0) || isnan(x)) return 0;
    z = (x - mean) / std;
    return z < -limit ? -limit : z > limit ? limit : z;
}
""",
    "level_of": """
static int level_of(const char *text, const char *const *levels, int count) {
    for (int i = 0; i < count; i++) if (!strcmp(text, levels[i])) return i;
    return -1;
}
""",
    "calendar": """
/* Year, month from 0, weekday from Monday, day from 0 and its number in the month (Hinnant, 2013). */
static void calendar(int64_t days, int64_t *parts) {
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int64_t shifted = days + 719468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097, of_era = shifted - era * 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100), march = (5 * of_year + 2) / 153;
    parts[1] = (march + 2) % 12;
    parts[0] = year + era * 400 + (parts[1] < 2);
    parts[2] = ((days + 3) % 7 + 7) % 7;
    parts[3] = of_year - (153 * march + 2) / 5;
    parts[4] = lengths[parts[1]];
    if (parts[1] == 1 && parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)) parts[4]++;
}
""",
}


class CPreparation:
    """The fields of a row and the statements that encode them.

    Args:
        preparation: of the model.
        prefix: of the names of constants.

    Raises:
        FileError E462: columns of texts.
    """

    def __init__(self, preparation: Preparation, prefix: str) -> None:
        require_columns(preparation, _NOTES, "c")
        self.encodings: Any = preparation.encodings
        self.prefix = prefix
        self.fields = field_names([e.column for e in preparation.encodings])
        self.lines: list[str] = []
        self.constants = ""
        self.helpers: dict[str, None] = {}
        self._place = 0
        for encoding, field in zip(self.encodings, self.fields, strict=True):
            _ENCODERS[encoding.kind](self, encoding, f"input->{field}")

    @property
    def size(self) -> int:
        """The number of features of a row."""
        return self._place

    def struct(self) -> str:
        """Return the fields of the struct of a row."""
        lines = []
        for encoding, field in zip(self.encodings, self.fields, strict=True):
            size = f"[{int(np.prod(encoding.shape))}]" if encoding.kind == "image" else ""
            name = comment(f"{encoding.column}: {_NOTES[encoding.kind]}")
            lines.append(f"    {_TYPES.get(encoding.kind, 'double ')}{field}{size}; /* {name} */")
        return "\n".join(lines)

    def row(self, columns: Any, row: int) -> str:
        """Return a row as an initializer."""
        cells = [self._cell(e, columns[e.column][row]) for e in self.encodings]
        return f"{{{', '.join(cells)}}}"

    def _cell(self, encoding: Any, cell: Any) -> str:
        match encoding.kind:
            case "image":
                return f"{{\n{wrapped(map(str, cell.reshape(-1).tolist()))}\n}}"
            case "category":
                return text("" if cell is None else str(cell))
            case "date":
                return MISSING_DATE if cell is None else f"INT64_C({cell})"
            case "yes_no" if isinstance(cell, str):
                return C.literal(YES_NO[cell.lower()], "float64")
        factor = 3600 if encoding.kind == "time" else 1
        return "NAN" if cell is None else C.literal(cell / factor, "float64")

    def put(self, value: str) -> None:
        """Write the next feature."""
        self.lines.append(f"    features[{self._place}] = (float)({value});")
        self._place += 1

    def use(self, helper: str) -> str:
        """Return the name of a function, which the file then contains."""
        self.helpers[helper] = None
        return helper

    def scaled(self, x: str, mean: float, std: float, limit: float = 1e6) -> str:
        """Return the expression of a standardized value; 0 where it is missing."""
        numbers = ", ".join(C.literal(value, "float64") for value in (mean, std, limit))
        return f"{self.use('scaled')}({x}, {numbers})"

    def array(self, name: str, content: str) -> str:
        """Add a constant array of texts; return its name."""
        full = f"{self.prefix}_{name}{self._place}"
        self.constants += f"static const char *const {full}[] = {{\n{content}\n}};\n"
        return full

    def numbers(self, name: str, values: np.ndarray) -> str:
        """Add a constant array of numbers; return its name."""
        full = f"{self.prefix}_{name}{self._place}"
        self.constants += constant(full, values)
        return full

    def line(self, words: str) -> None:
        """Add a line."""
        self.lines.append(f"    {words}")

    def skip(self, count: int) -> None:
        """Count features that a line has written."""
        self._place += count

    @property
    def place(self) -> int:
        """The index of the next feature."""
        return self._place


def field_names(columns: Sequence[str]) -> list[str]:
    """Return a name in C for each column.

    Example:
        >>> field_names(["age", "marital status", "年龄", "int"])
        ['age', 'marital_status', 'column_3', 'column_4']
    """
    names: list[str] = []
    for i, column in enumerate(columns, 1):
        name = re.sub(r"[^A-Za-z0-9]+", "_", column).strip("_")
        is_plain = (
            re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) and name not in _KEYWORDS and name not in names
        )
        names.append(name if is_plain else f"column_{i}")
    return names


_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int "
    "long register restrict return short signed sizeof static struct switch typedef union unsigned void "
    "volatile while "
    "and bool catch class delete explicit export false friend mutable namespace new not operator or private "
    "protected public template this throw true try typename using virtual xor".split()
)


def comment(words: str) -> str:
    """Return words that are valid in a comment."""
    return " ".join(words.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/").split())


def _number(c: CPreparation, e: Any, x: str) -> None:
    c.put(c.scaled(x, e.mean, e.std, getattr(e, "limit", 1e6)))
    if e.indicator:
        c.put(f"isnan({x}) ? 1 : 0")


def _yes_no(c: CPreparation, e: Any, x: str) -> None:
    c.put(f"isnan({x}) ? {C.literal(e.mean, 'float64')} : {x}")
    if e.indicator:
        c.put(f"isnan({x}) ? 1 : 0")


def _time(c: CPreparation, e: Any, x: str) -> None:
    c.put(c.scaled(x, e.mean, e.std))
    for wave in ("sin", "cos"):
        c.put(f"isnan({x}) ? 0 : {wave}({x} * 6.283185307179586 / 24)")
    if e.indicator:
        c.put(f"isnan({x}) ? 1 : 0")


def _category(c: CPreparation, e: Any, x: str) -> None:
    levels = (*e.levels, *e.rare)
    names = c.array("levels", wrapped(text(level) for level in levels) if levels else '    ""')
    listed, width = len(e.levels), len(e.levels) + 2 * bool(e.rare)
    c.line("{")
    c.line(f"    const int is_missing = !{x} || !*{x};")
    c.line(f"    int level = is_missing ? -1 : {c.use('level_of')}({x}, {names}, {len(levels)});")
    if width:
        c.line(f"    for (int i = 0; i < {width}; i++) features[{c.place} + i] = 0;")
    if e.rare:
        mean, std = e.frequency
        counts = np.log(np.array([*e.counts, min(e.counts)], np.float64))
        values = c.numbers("frequency", (counts - mean) / (std or 1.0))
        index = f"level < 0 ? {len(levels)} : level"
        c.line(f"    if (!is_missing) features[{c.place + listed + 1}] = (float){values}[{index}];")
        c.line(f"    if (!is_missing && (level < 0 || level > {listed})) level = {listed};")
    c.line(f"    if (level >= 0) features[{c.place} + level] = 1;")
    if e.missing:
        c.line(f"    features[{c.place + width}] = is_missing ? 1 : 0;")
    c.line("}")
    c.skip(width + e.missing)


def _date(c: CPreparation, e: Any, x: str) -> None:
    cycles = [part for part in ("month", "weekday", "day", "hour") if part in e.parts]
    first, place = C.literal(e.first, "float64"), c.place
    values = [c.scaled(f"(double)({x}) / {_DAY}.0 - {first}", e.mean, e.std)]
    if "year" in e.parts:
        values.append(c.scaled("(double)parts[0]", e.year_mean, e.year_std))
    turns = {
        "month": "parts[1] / 12.0",
        "weekday": "parts[2] / 7.0",
        "day": "parts[3] / (double)parts[4]",
        "hour": f"rest / {_DAY}.0",
    }
    for part in cycles:
        values += [f"{wave}(6.283185307179586 * ({turns[part]}))" for wave in ("sin", "cos")]
    if "weekday" in e.parts:
        values.append("parts[2] >= 5")
    c.use("calendar")
    c.line(f"if ({x} == {MISSING_DATE}) {{")
    c.line(f"    for (int i = 0; i < {len(values)}; i++) features[{place} + i] = 0;")
    c.line("} else {")
    c.line(f"    const int64_t rest = ({x} % {_DAY} + {_DAY}) % {_DAY};")
    c.line("    int64_t parts[5];")
    c.line(f"    calendar(({x} - rest) / {_DAY}, parts);")
    c.line("    (void)parts;")
    for i, value in enumerate(values):
        c.line(f"    features[{place + i}] = (float)({value});")
    c.line("}")
    c.skip(len(values))
    if e.indicator:
        c.put(f"{x} == {MISSING_DATE} ? 1 : 0")


def _image(c: CPreparation, e: Any, x: str) -> None:
    std = np.array(e.std)
    factor = np.where(std > 0, 1 / np.where(std > 0, std, 1.0), 0.0)
    scale = c.numbers("scale", (factor / 255).astype(np.float32))
    shift = c.numbers("shift", (np.array(e.mean) * factor).astype(np.float32))
    size, depth = int(np.prod(e.shape)), e.shape[-1]
    loop = f"for (int i = 0; i < {size}; i++)"
    c.line(f"{loop} features[i] = (float){x}[i] * {scale}[i % {depth}] - {shift}[i % {depth}];")
    c.skip(size)


_ENCODERS: dict[str, Callable[[CPreparation, Any, str], None]] = {
    "number": _number,
    "yes_no": _yes_no,
    "category": _category,
    "date": _date,
    "duration": _number,
    "time": _time,
    "image": _image,
}
