"""The fields of a request: what a model takes, by name, and how values become rows for it.

A request has columns of values: those of JSON are lists, those of a tensor may be arrays. Four forms cover
all kinds of input:

- **table**: the columns of the training's table;
- **arrays**: the inputs of the network;
- **texts**: a column of texts for each field, as of texts, molecules and questions;
- **files**: one image or sound for each row, as its bytes.

A value is refused with the field and the row it is in. A number of a table must be a number of JSON: the
notation of a text such as ``1.234`` is decided by all rows of a file, and a row must not depend on others.
"""

from __future__ import annotations

import os
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data import Finding, Preparation, Table, encode_wave
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import NO_OPTIONS
from chainrule.data.sequences.tokenizer import Tokenizer
from chainrule.data.tables.encoders import Number
from chainrule.errors import ChainruleError, fact
from chainrule.inputs import ContinuationKind, InputKind, InputRows, TextKind
from chainrule.inputs.texts import TEXT
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.train.nonfinite.finite_check import UNTHREADED, is_finite
from chainrule.web.responses import RequestError, invalid

Columns = Mapping[str, Any]  # values of all rows by field: lists, or arrays of tensors
BYTES = "BYTES"
DTYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
DATATYPES = {dtype: name for name, dtype in DTYPES.items()}
FILES = {  # the ends of names by media type of a file
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/vnd.wave": ".wav",
    "audio/aiff": ".aiff",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
}
MOLECULE = "C"  # methane, also a text that a tokenizer may know
FEW = 256  # numbers that are compared one by one
_LARGEST = {np.dtype(name): float(np.finfo(name).max) for name in ("float16", "float32", "float64")}
LARGEST = sys.float_info.max
LARGEST_INTEGER = 1 << 53  # a float has every integer up to here
LARGEST_INT64 = (1 << 63) - 1
FEW_ROWS = 16  # up to which a frame is made of rows


@frozen
class Field:
    """A named value of each row.

    Args:
        name: of the field.
        datatype: of the Open Inference Protocol.
        shape: of the value of a row; -1 for any length.
        choices: usual values, for the description.
    """

    name: str
    datatype: str
    shape: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()


@frozen(eq=False)
class Encoded:
    """Rows of a request as the model receives them.

    Args:
        x: (N, F) or arrays by input name, which may be joined with those of other requests; ``None`` if the
            kind predicts ``rows`` itself.
        count: their number.
        rows: as a kind of input reads them.
        frame: the cells of a table.
        notices: on how the rows were read.
    """

    x: Any
    count: int
    rows: InputRows | None = None
    frame: pl.DataFrame | None = None
    notices: tuple[Finding, ...] = ()


class Form(ABC):
    """How the values of a request become rows for a model.

    Args:
        model: the model.
        fields: what it takes.
    """

    name = ""
    media_types: tuple[str, ...] = ()

    def __init__(self, model: Model, fields: Sequence[Field]) -> None:
        self.model, self.fields = model, tuple(fields)

    @abstractmethod
    def encode(self, columns: Columns, count: int) -> Encoded:
        """Return the rows of a request.

        Args:
            columns: the values of each field.
            count: the number of rows.

        Raises:
            RequestError 400: a value is not what its field takes.
            DataError, ShapeError: as of ``predict``.
        """

    @abstractmethod
    def example(self) -> Columns:
        """Return a row that the model takes."""

    def samples(self, columns: Columns, count: int) -> Any:
        """Return the rows as ``Model.explain`` takes them."""
        return self.encode(columns, count).x


class TableForm(Form):
    """Rows of a table with a preparation."""

    name = "table"

    def __init__(self, model: Model) -> None:
        preparation = model.preparation
        assert preparation is not None
        self.preparation: Preparation = preparation
        super().__init__(model, [_field_of(encoding) for encoding in preparation.encodings])
        self.is_number = {field.name: field.datatype == "FP64" for field in self.fields}

    def encode(self, columns: Columns, count: int) -> Encoded:
        """Return the encoded columns, (N, F)."""
        table = self.table(columns)
        rows = self.preparation.rows(table)
        return Encoded(rows.inputs(), count, frame=table.frame, notices=rows.notices)

    def example(self) -> Columns:
        """Return a row with means, frequent levels and otherwise missing cells."""
        means = {e.column: e.mean for e in self.preparation.encodings if isinstance(e, Number)}
        return {
            field.name: [means.get(field.name, field.choices[0] if field.choices else None)]
            for field in self.fields
        }

    def samples(self, columns: Columns, count: int) -> Table:
        """Return the rows as a table, so that an explanation names its cells."""
        return self.table(columns)

    def table(self, columns: Columns) -> Table:
        """Return the values as a table."""
        cells, types = {}, {}
        for name, is_number in self.is_number.items():
            cells[name], types[name] = (_numbers if is_number else _cells)(name, columns[name])
        count = len(next(iter(cells.values())))
        if count <= FEW_ROWS:  # faster than a series for each column
            rows = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
            return Table(pl.DataFrame(rows, schema=types, orient="row"), "rows")
        series = [pl.Series(name, values, dtype=types[name]) for name, values in cells.items()]
        return Table(pl.DataFrame(series), "rows")


class ArrayForm(Form):
    """Arrays named like the inputs of a network."""

    name = "arrays"

    def __init__(self, model: Model) -> None:
        assert model.network is not None
        self.dtypes = {name: np.dtype(spec.dtype) for name, spec in model.network.inputs.items()}
        fields = [
            Field(
                name,
                DATATYPES[str(np.dtype(spec.dtype))],
                tuple(size if isinstance(size, int) else -1 for size in spec.shape[1:]),
            )
            for name, spec in model.network.inputs.items()
        ]
        super().__init__(model, fields)

    def encode(self, columns: Columns, count: int) -> Encoded:
        """Return arrays by input name."""
        arrays = {
            field.name: _array(field, self.dtypes[field.name], columns[field.name], count)
            for field in self.fields
        }
        return Encoded(arrays, count)

    def example(self) -> Columns:
        """Return a row of zeros."""
        return {
            field.name: np.zeros((1, *(max(size, 1) for size in field.shape)), DTYPES[field.datatype])
            for field in self.fields
        }


class TextForm(Form):
    """Texts that a kind of input reads as a table.

    Args:
        kind: of the model.
        names: the columns of the table.
    """

    name = "texts"

    def __init__(self, model: Model, kind: InputKind, names: Sequence[str]) -> None:
        super().__init__(model, [Field(name, BYTES) for name in names])
        self.kind = kind

    def encode(self, columns: Columns, count: int) -> Encoded:
        """Return the rows as the kind reads them."""
        texts = {field.name: _texts(field.name, columns[field.name]) for field in self.fields}
        frame = pl.DataFrame({name: pl.Series(cells, dtype=pl.String) for name, cells in texts.items()})
        rows = self.kind.read(self.model, frame, NO_OPTIONS)
        assert rows is not None
        return Encoded(rows.x, count, rows, notices=rows.notices)

    def example(self) -> Columns:
        """Return a row of texts of one token of the vocabulary."""
        texts = {name: _known_text(tokenizer) for name, tokenizer in _tokenizers(self.kind).items()}
        return {field.name: [texts.get(field.name, MOLECULE)] for field in self.fields}


def _tokenizers(kind: InputKind) -> dict[str, Tokenizer]:
    """Return the tokenizer of each column of texts, for kinds of texts of one tokenizer each."""
    if isinstance(kind, TextKind):
        return {name: tokenizer for name, (tokenizer, _) in kind.inputs.items()}
    return {TEXT: kind.reader[1]} if isinstance(kind, ContinuationKind) and kind.reader else {}


def _known_text(tokenizer: Tokenizer) -> str:
    """Return the first token that is a text."""
    texts = (tokenizer.decode([number]).strip() for number in range(tokenizer.size))
    return next((text for text in texts if text and not text.startswith(("<", "["))), MOLECULE)


class FileForm(Form):
    """Images or sounds, as the bytes of their files.

    Args:
        kind: of the model.
        media_types: of the files.
    """

    name = "files"

    def __init__(self, model: Model, kind: InputKind, family: str) -> None:
        super().__init__(model, [Field("file", BYTES)])
        self.kind, self.family = kind, family
        self.media_types = tuple(name for name in FILES if name.startswith(family))

    def encode(self, columns: Columns, count: int) -> Encoded:
        """Return the decoded files; each is read from a folder of its own that is removed."""
        contents = columns["file"]
        if count != 1:
            raise invalid(fact("one file for each request"))
        content = contents[0]
        if not isinstance(content, bytes):
            raise invalid(fact("the file is sent as its bytes, not as text"))
        rows = self._read(content)
        if rows is None:
            raise invalid(fact("the file is of another kind"))
        if not isinstance(rows.x, Table):
            return Encoded(rows.x, 1, rows, notices=rows.notices)
        assert self.model.preparation is not None
        applied = self.model.preparation.apply(rows.x)
        return Encoded(applied.x, 1, rows, notices=(*rows.notices, *applied.notices))

    def _read(self, content: bytes) -> InputRows | None:
        """Return the rows of a file.

        Raises:
            RequestError 503: there is no space for it.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="chainrule-") as folder:
                file = Path(folder) / f"file{_suffix(content, self.family)}"
                file.write_bytes(content)
                return self.kind.read(self.model, str(file), NO_OPTIONS)
        except ChainruleError as error:
            error.where = self.fields[0].name  # not the path on this machine
            raise
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise RequestError(
                503, fact("the server cannot store the file: {reason}", reason=reason)
            ) from error

    def example(self) -> Columns:
        """Return the smallest file of the simplest format."""
        return {"file": [_IMAGE if self.family == "image/" else _SOUND]}


_IMAGE = b"P6 1 1 255\n\0\0\0"
_SOUND = encode_wave(np.array([0.5, 0.5]), 8000)  # not silent
_SIGNATURES = (
    (b"\x89PNG", ".png"),
    (b"P6", ".ppm"),
    (b"\xff\xd8", ".jpg"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"ID3", ".mp3"),
)


def _suffix(content: bytes, family: str) -> str:
    """Return the end of the name of a file by its content; that of the simplest format if it is unknown."""
    if content[:4] == b"RIFF":
        return ".webp" if content[8:12] == b"WEBP" else ".wav"
    default = ".png" if family == "image/" else ".wav"
    return next((suffix for start, suffix in _SIGNATURES if content.startswith(start)), default)


def form_of(model: Model, kind: InputKind) -> Form | None:
    """Return how a model takes requests; ``None`` for a kind that is not served.

    Args:
        kind: that of the model.
    """
    return _FORMS.get(kind.name, lambda model, kind: None)(model, kind)


def _table_or_images(model: Model, kind: InputKind) -> Form:
    assert model.preparation is not None
    return FileForm(model, kind, "image/") if model.preparation.takes_images else TableForm(model)


_FORMS: dict[str, Callable[[Model, Any], Form | None]] = {
    "tables": _table_or_images,
    "arrays": lambda model, kind: ArrayForm(model),
    "transcripts": lambda model, kind: FileForm(model, kind, "audio/") if kind.frames else ArrayForm(model),
    "continuations": lambda model, kind: TextForm(model, kind, (TEXT,)) if kind.reader else ArrayForm(model),
    "items": lambda model, kind: ArrayForm(model),
    "texts": lambda model, kind: TextForm(model, kind, tuple(kind.inputs)),
    "translations": lambda model, kind: TextForm(model, kind, ("source",)),
    "molecules": lambda model, kind: TextForm(model, kind, ("smiles",)),
    "questions": lambda model, kind: TextForm(model, kind, ("passage", "question")),
    "detection": lambda model, kind: FileForm(model, kind, "image/"),
    "segmentation": lambda model, kind: FileForm(model, kind, "image/"),
    "sounds": lambda model, kind: FileForm(model, kind, "audio/"),
}


def _field_of(encoding: Any) -> Field:
    """Return the field of a column."""
    is_number = encoding.kind == "number"
    return Field(
        encoding.column, "FP64" if is_number else BYTES, choices=tuple(getattr(encoding, "levels", ()))[:100]
    )


def _refusal(name: str, row: int, expected: str, value: object) -> RequestError:
    words = {"name": name, "row": row + 1, "expected": expected, "value": repr(value)[:60]}
    return invalid(fact('the field "{name}" of row {row} takes {expected}, not {value}', **words))


def _numbers(name: str, values: Any) -> tuple[list[Any], Any]:
    """Return numbers, with ``None`` for missing ones, and their type, which explanations spell."""
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "fiub":
            raise _refusal(name, 0, fact("a number"), values[0] if len(values) else "")
        numbers = values.astype(np.float64).reshape(len(values))
        values = [None if number != number else number for number in numbers.tolist()]
    for row, value in enumerate(values):
        if type(value) not in _NUMBERS:
            raise _refusal(name, row, fact("a number or null"), value)
    for row, value in enumerate(values):
        if value is not None and not -LARGEST <= value <= LARGEST:
            raise _refusal(name, row, fact("a number or null"), "...")
    kinds = {type(number) for number in values} - {type(None)}
    if kinds == {int} and _are_within(values, LARGEST_INTEGER):
        return values, pl.Int64
    return [None if number is None else float(number) for number in values], pl.Float64


def _are_within(values: Sequence[int | None], largest: int) -> bool:
    """Return whether integers are exact in the type of a column."""
    return all(value is None or abs(value) <= largest for value in values)


_NUMBERS = (float, int, type(None))
_CELLS = (str, int, float, bool, type(None))


def _cells(name: str, values: Any) -> tuple[list[Any], Any]:
    """Return cells as texts, numbers or booleans, and their type."""
    cells = [_decoded(value) for value in values.reshape(-1).tolist()] if _is_array(values) else values
    kinds = {type(cell) for cell in cells}
    if not kinds <= set(_CELLS):
        row = next(i for i, cell in enumerate(cells) if type(cell) not in _CELLS)
        raise _refusal(name, row, fact("a text, a number, true, false or null"), cells[row])
    kinds -= {type(None)}
    if kinds == {bool}:
        return cells, pl.Boolean
    if kinds == {float}:
        return cells, pl.Float64
    if kinds == {int} and _are_within(cells, LARGEST_INT64):
        return cells, pl.Int64
    return [cell if cell is None or isinstance(cell, str) else _spelled(cell) for cell in cells], pl.String


def _spelled(cell: object) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _is_array(values: Any) -> bool:
    return isinstance(values, np.ndarray)


def _decoded(value: Any) -> Any:
    """Return the text of an element of a tensor of bytes."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise invalid(fact("a text of a tensor is not UTF-8")) from None


def _texts(name: str, values: Any) -> list[str]:
    texts = [_decoded(value) for value in (values.reshape(-1).tolist() if _is_array(values) else values)]
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise _refusal(name, row, fact("a text"), text)
    return texts


def _array(field: Field, dtype: np.dtype, values: Any, count: int) -> np.ndarray:
    """Return the values of an input of the network, (N, ...)."""
    array, is_within = (values, False) if _is_array(values) else _nested(field, values, dtype)
    if array.dtype.kind not in ("b" if dtype.kind == "b" else "fiu"):
        raise _shape_refusal(field, fact("values of another type"))
    if array.shape != (count, *field.shape) and not _fits(array.shape, (count, *field.shape)):
        raise _shape_refusal(field, str(array.shape))
    if dtype.kind in "iu" and not _are_integers(array, np.iinfo(dtype)):
        raise _shape_refusal(field, fact("numbers with a fraction, or too large ones"))
    if dtype.kind == "f" and not is_within and not are_finite(array, dtype):
        raise _shape_refusal(field, fact("numbers that are not finite"))
    return np.ascontiguousarray(array, dtype)


def _nested(field: Field, values: Any, dtype: np.dtype) -> tuple[np.ndarray, bool]:
    """Return nested lists of numbers, or of booleans, as an array, and whether it is known to be finite."""
    flat, kinds = values, set(map(type, values))
    while kinds == {list}:
        flat = list(chain.from_iterable(flat))
        kinds = set(map(type, flat))
    if not kinds <= ({bool} if dtype.kind == "b" else {int, float}):
        raise _shape_refusal(field, fact("values of another type"))
    is_within = are_within(flat, dtype)
    try:
        return np.array(values, dtype if is_within else np.float64 if dtype.kind == "f" else None), is_within
    except (ValueError, OverflowError):
        raise _shape_refusal(field, fact("lists of different lengths")) from None


def _are_integers(array: np.ndarray, bounds: np.iinfo) -> bool:
    """Return whether all elements are integers of a type with some bounds."""
    if not array.size:
        return True
    is_whole = array.dtype.kind != "f" or bool((array == np.floor(array)).all())
    return is_whole and bounds.min <= array.min() and array.max() <= bounds.max


def are_within(numbers: Sequence[Any], dtype: np.dtype) -> bool:
    """Return whether a few numbers of JSON are in the range of a dtype of floats; false also for many.

    NumPy takes longer for a row, and would warn about numbers outside the range.
    """
    if not 0 < len(numbers) <= FEW or dtype.kind != "f":
        return False
    largest = _LARGEST[dtype]
    return -largest <= min(numbers) and max(numbers) <= largest


def are_finite(array: np.ndarray, dtype: np.dtype) -> bool:
    """Return whether all elements are finite, also after rounding to a dtype of floats."""
    if array.dtype == dtype:
        return is_finite(array)
    if array.dtype == np.float64 and array.size <= UNTHREADED:  # as in most requests
        largest = _LARGEST[dtype]
        if np.vdot(array, array) <= largest * largest:
            return True
    bounds = np.finfo(dtype)
    return not array.size or bool(bounds.min <= array.min() and array.max() <= bounds.max)


def _fits(shape: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return len(shape) == len(expected) and all(e in (-1, s) for s, e in zip(shape, expected, strict=True))


def _shape_refusal(field: Field, received: str) -> RequestError:
    shape = ", ".join("N" if size < 0 else str(size) for size in (-1, *field.shape))
    words = {"name": field.name, "shape": f"({shape})", "datatype": field.datatype, "received": received}
    return invalid(fact('the field "{name}" takes {datatype} of shape {shape}; received {received}', **words))
