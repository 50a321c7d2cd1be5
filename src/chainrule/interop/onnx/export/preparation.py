"""The preparation of a table, as operations of ONNX: raw columns in, the features of the network out.

Each column is an input of its own with one cell a row, (B, 1):

    number, yes/no    float64: the number, 1 or 0; NaN is missing
    duration, time    float64: seconds, hours since midnight; NaN is missing
    category          string: the level as the training file has it; "" is missing
    text              string: the text in the form NFKC; "" is missing
    date              int64: microseconds since 1970-01-01 00:00; the smallest int64 is missing
    image             uint8: the pixels, (B, H, W, C), the only input

Dates are inputs as numbers since operations of ONNX cannot read a date from a text; NumPy gives the number by
``dates.astype("datetime64[us]").astype("int64")``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.data import Preparation
from chainrule.data.tables.dates import DAY
from chainrule.data.tables.encoders import Encoding
from chainrule.data.tables.encoders.calendar_parts import CYCLES
from chainrule.data.tables.encoders.feature import FAR
from chainrule.data.tables.findings import is_on_command_line
from chainrule.errors import FileError, fact
from chainrule.interop.onnx.export import TEXTS
from chainrule.interop.onnx.export.graph import TYPES, OnnxGraph
from chainrule.interop.onnx.export.texts import log_length, term_weights
from chainrule.symbolic_shape import Size, Spec

MISSING_DATE = np.iinfo(np.int64).min
BATCH = Size.symbol("B")
ML = "ai.onnx.ml"  # the domain of operations on texts
_LENGTHS = {"month": 12.0, "weekday": 7.0, "hour": float(DAY)}  # of cycles, in the units of ``_calendar``


def write_preparation(graph: OnnxGraph, preparation: Preparation) -> str:
    """Add the columns as inputs; return the name of the features, float32 (B, F) or (B, H, W, C).

    Raises:
        FileError E462: columns of texts, and a version of the operations that has none for texts.
    """
    texts = [e.column for e in preparation.encodings if e.kind == "text"]
    if texts and graph.opset < TEXTS:
        raise FileError(
            "E462",
            where="export",
            name="onnx",
            expected=fact("opset={version} or newer for columns of texts", version=TEXTS),
            received=f"opset={graph.opset}: {', '.join(texts)}",
            fix=f"--opset {TEXTS}" if is_on_command_line() else f'model.export("model.onnx", opset={TEXTS})',
        )
    parts = [ENCODERS[encoding.kind](graph, encoding) for encoding in preparation.encodings]
    features = [graph.add("Cast", part, to=TYPES["float32"]) for part in parts]
    return graph.add("Concat", *features, axis=-1) if len(features) > 1 else features[0]


def column_type(encoding: Encoding) -> str:
    """Return the dtype of the input of a column."""
    kinds = {"category": "string", "text": "string", "date": "int64", "image": "uint8"}
    return kinds.get(encoding.kind, "float64")


def cells_of(encoding: Any, cells: Any) -> np.ndarray:
    """Return cells of a column as the input of an ONNX file, (B, 1); images as (B, H, W, C).

    Args:
        encoding: the encoder of the column.
        cells: numbers, 0 or 1, levels, or microseconds since 1970; ``None`` is missing.
    """
    if encoding.kind == "image":
        return np.asarray(cells, np.uint8)
    empty = {"category": ("", object), "text": ("", object), "date": (MISSING_DATE, np.int64)}
    missing, dtype = empty.get(encoding.kind, (math.nan, np.float64))
    factor = 3600 if encoding.kind == "time" else 1  # hours, of seconds
    values = [missing if cell is None else cell / factor if factor > 1 else cell for cell in cells]
    return np.array(values, dtype).reshape(-1, 1)


def _input(graph: OnnxGraph, encoding: Encoding, shape: tuple[int, ...] = (1,)) -> str:
    name = graph.unique(encoding.column)
    graph.add_named_input(name, Spec((BATCH, *shape), column_type(encoding)))
    return name


def _scaled(graph: OnnxGraph, x: str, mean: float, std: float, limit: float = FAR) -> str:
    """Return (x - mean) / std in float64, clipped; 0 for a constant."""
    if not std > 0:
        return graph.add("Mul", x, graph.constant(0.0, np.float64))
    shifted = graph.add("Sub", x, graph.constant(mean, np.float64))
    z = graph.add("Div", shifted, graph.constant(std, np.float64))
    return graph.add("Clip", z, graph.constant(-limit, np.float64), graph.constant(limit, np.float64))


def _with_indicator(graph: OnnxGraph, values: list[str], is_missing: str, indicator: bool) -> str:
    """Return the features side by side, 0 where the cell is missing, and the indicator if there is one."""
    zero = graph.constant(0.0, np.float64)
    parts = [graph.add("Where", is_missing, zero, value) for value in values]
    if indicator:
        parts.append(graph.add("Cast", is_missing, to=TYPES["float64"]))
    return graph.add("Concat", *parts, axis=-1) if len(parts) > 1 else parts[0]


def _number(graph: OnnxGraph, encoding: Any) -> str:
    x = _input(graph, encoding)
    z = _scaled(graph, x, encoding.mean, encoding.std, getattr(encoding, "limit", FAR))
    return _with_indicator(graph, [z], graph.add("IsNaN", x), encoding.indicator)


def _yes_no(graph: OnnxGraph, encoding: Any) -> str:
    x = _input(graph, encoding)
    is_missing = graph.add("IsNaN", x)
    value = graph.add("Where", is_missing, graph.constant(encoding.mean, np.float64), x)
    if not encoding.indicator:
        return value
    return graph.add("Concat", value, graph.add("Cast", is_missing, to=TYPES["float64"]), axis=-1)


def _time(graph: OnnxGraph, encoding: Any) -> str:
    x = _input(graph, encoding)
    angle = graph.add("Mul", x, graph.constant(2 * math.pi / 24, np.float64))
    values = [_scaled(graph, x, encoding.mean, encoding.std), *_waves(graph, angle)]
    return _with_indicator(graph, values, graph.add("IsNaN", x), encoding.indicator)


def _waves(graph: OnnxGraph, angle: str) -> list[str]:
    """Sine and cosine, which ONNX Runtime computes in float32 alone."""
    narrow = graph.add("Cast", angle, to=TYPES["float32"])
    return [graph.add("Cast", graph.add(kind, narrow), to=TYPES["float64"]) for kind in ("Sin", "Cos")]


def _category(graph: OnnxGraph, encoding: Any) -> str:
    x = _input(graph, encoding)
    levels = [*encoding.levels, *encoding.rare]
    known = {level: float(code) for code, level in enumerate(levels)}
    code = graph.add(
        "LabelEncoder",
        x,
        domain=ML,
        keys_strings=[*known, ""],
        values_floats=[*known.values(), -2.0],
        default_float=-1.0,
    )
    parts = []
    listed = len(encoding.levels)
    if encoding.levels:
        own = graph.constant(np.arange(listed, dtype=np.float32)[None], name="levels")  # (1, L)
        parts.append(graph.add("Cast", graph.add("Equal", code, own), to=TYPES["float64"]))
    if encoding.rare:
        parts += _rare(graph, encoding, x, code)
    if encoding.missing:
        missing = graph.add("Equal", code, graph.constant(-2.0, np.float32))
        parts.append(graph.add("Cast", missing, to=TYPES["float64"]))
    return graph.add("Concat", *parts, axis=-1) if len(parts) > 1 else parts[0]


def _text(graph: OnnxGraph, encoding: Any) -> str:
    """Return the weights of the terms, 0 of a missing text, and its standardized length."""
    x = _input(graph, encoding)
    length = log_length(graph, x)
    is_missing = graph.add("Equal", length, graph.constant(0.0, np.float64))
    values = [term_weights(graph, encoding, x)] if encoding.terms else []
    values.append(_scaled(graph, length, encoding.mean, encoding.std))
    return _with_indicator(graph, values, is_missing, encoding.indicator)


def _rare(graph: OnnxGraph, encoding: Any, x: str, code: str) -> list[str]:
    """Return whether the level is a rare or an unseen one, and the frequency of the level."""
    counts = np.log(np.array(encoding.counts, np.float64))
    mean, std = encoding.frequency
    values = (counts - mean) / (std or 1.0)
    frequency = graph.add(
        "LabelEncoder",
        x,
        domain=ML,
        keys_strings=[*encoding.levels, *encoding.rare, ""],
        values_floats=[*values.tolist(), 0.0],
        default_float=float(values.min()),
    )
    is_rare = graph.add("GreaterOrEqual", code, graph.constant(float(len(encoding.levels)), np.float32))
    is_unseen = graph.add("Equal", code, graph.constant(-1.0, np.float32))
    other = graph.add("Cast", graph.add("Or", is_rare, is_unseen), to=TYPES["float64"])
    return [other, graph.add("Cast", frequency, to=TYPES["float64"])]


def _date(graph: OnnxGraph, encoding: Any) -> str:
    """Return the features of a date by integer arithmetic on the calendar.

    Reference: Hinnant (2013), chrono-Compatible Low-Level Date Algorithms, ``civil_from_days``.
    """
    x = _input(graph, encoding)
    is_missing = graph.add("Equal", x, graph.constant(MISSING_DATE, np.int64))
    moment = graph.add("Where", is_missing, graph.constant(0, np.int64), x)
    calendar = _calendar(graph, moment)
    micro = graph.constant(1 / DAY, np.float64)
    days = graph.add("Mul", graph.add("Cast", moment, to=TYPES["float64"]), micro)
    since = graph.add("Sub", days, graph.constant(encoding.first, np.float64))
    values = [_scaled(graph, since, encoding.mean, encoding.std)]
    if "year" in encoding.parts:
        year = graph.add("Cast", calendar["year"], to=TYPES["float64"])
        values.append(_scaled(graph, year, encoding.year_mean, encoding.year_std))
    for part in (part for part in CYCLES if part in encoding.parts):
        place = graph.add("Cast", calendar[part], to=TYPES["float64"])
        length = (
            graph.add("Cast", calendar["month_length"], to=TYPES["float64"])
            if part == "day"
            else graph.constant(_LENGTHS[part], np.float64)
        )
        turn = graph.add("Mul", graph.add("Div", place, length), graph.constant(2 * math.pi, np.float64))
        values += _waves(graph, turn)
    if "weekday" in encoding.parts:
        weekend = graph.add("GreaterOrEqual", calendar["weekday"], graph.constant(5, np.int64))
        values.append(graph.add("Cast", weekend, to=TYPES["float64"]))
    return _with_indicator(graph, values, is_missing, encoding.indicator)


def _calendar(graph: OnnxGraph, moment: str) -> dict[str, str]:
    """Year, month from 0, weekday, day from 0, length of the month, and microseconds of the day."""

    def number(value: int) -> str:
        return graph.constant(value, np.int64)

    def add(kind: str, x: str, y: str | int) -> str:
        return graph.add(kind, x, number(y) if isinstance(y, int) else y)

    rest = add("Mod", moment, DAY)  # of the sign of the divisor
    days = add("Div", add("Sub", moment, rest), DAY)
    shifted = add("Add", days, 719_468)  # days since 0000-03-01
    of_era = add("Mod", shifted, 146_097)
    era = add("Div", add("Sub", shifted, of_era), 146_097)
    leaps = add(
        "Add",
        add("Sub", add("Div", of_era, 36_524), add("Div", of_era, 1_460)),
        graph.add("Neg", add("Div", of_era, 146_096)),
    )
    year_of_era = add("Div", add("Add", of_era, leaps), 365)
    passed = add(
        "Sub",
        add("Add", add("Mul", year_of_era, 365), add("Div", year_of_era, 4)),
        add("Div", year_of_era, 100),
    )
    of_year = add("Sub", of_era, passed)  # days since March 1st
    from_march = add("Div", add("Add", add("Mul", of_year, 5), 2), 153)
    start = add("Div", add("Add", add("Mul", from_march, 153), 2), 5)
    month = add("Mod", add("Add", from_march, 2), 12)
    is_early = graph.add("Cast", add("Less", month, 2), to=TYPES["int64"])
    year = add("Add", add("Add", year_of_era, add("Mul", era, 400)), is_early)
    return {
        "year": year,
        "month": month,
        "weekday": add("Mod", add("Add", days, 3), 7),
        "day": add("Sub", of_year, start),
        "month_length": _month_length(graph, year, month),
        "hour": rest,
    }


def _month_length(graph: OnnxGraph, year: str, month: str) -> str:
    lengths = graph.constant([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64, "month_lengths")

    def divides(divisor: int) -> str:
        rest = graph.add("Mod", year, graph.constant(divisor, np.int64))
        return graph.add("Equal", rest, graph.constant(0, np.int64))

    is_leap = graph.add("Or", divides(400), graph.add("And", divides(4), graph.add("Not", divides(100))))
    is_february = graph.add("Equal", month, graph.constant(1, np.int64))
    extra = graph.add("Cast", graph.add("And", is_leap, is_february), to=TYPES["int64"])
    return graph.add("Add", graph.add("Gather", lengths, month, axis=0), extra)


def _image(graph: OnnxGraph, encoding: Any) -> str:
    x = graph.add("Cast", _input(graph, encoding, encoding.shape), to=TYPES["float32"])
    std = np.array(encoding.std)
    factor = np.where(std > 0, 1 / np.where(std > 0, std, 1.0), 0.0)
    scaled = graph.add("Mul", x, graph.constant((factor / 255).astype(np.float32)))
    return graph.add("Sub", scaled, graph.constant((np.array(encoding.mean) * factor).astype(np.float32)))


ENCODERS: dict[str, Callable[[OnnxGraph, Any], str]] = {
    "number": _number,
    "yes_no": _yes_no,
    "category": _category,
    "date": _date,
    "text": _text,
    "duration": _number,
    "time": _time,
    "image": _image,
}
"""The function that writes the features of a column, by the kind of its encoder."""
