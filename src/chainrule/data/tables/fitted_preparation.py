"""The preparation: everything between a table and a network, fitted once on training rows and then fixed.

It is stored in the model file, so that a model always includes the meaning of its numbers: the column of each
feature, the cell behind the value 1.0, the label of class 2, the units of the predictions. Two rules prevent
leakage:

- it is fitted on training rows only. A mean over all rows would carry information about the test rows into
  training;
- applying it does not change it: a new table results in numbers and notices, never in new levels or means.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from chainrule.data.cells.conventions import as_trained, mark_of
from chainrule.data.cells.missing_words import with_missing_words
from chainrule.data.cells.number_notation import EVIDENCE
from chainrule.data.readers.builtin_datasets import IMAGE_SETS
from chainrule.data.readers.images import SUFFIXES, read_image, read_images
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.data.tables.column_profile import ColumnProfile, profiles_of
from chainrule.data.tables.columns import (
    CELL_FACTS,
    USED,
    Column,
    Faults,
    codes_fix,
    is_postal_code,
    number_cells,
    short_cell,
)
from chainrule.data.tables.encoded_rows import EncodedRows, Writer, of_each
from chainrule.data.tables.encoders import ENCODINGS, Category, Encoding, Feature, Number, Pixels
from chainrule.data.tables.encoders.number import encode_together
from chainrule.data.tables.encoders.texts import within_limit
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.model_file_records import (
    defaults_of,
    invalid,
    read_fields,
    read_list,
    read_number,
    read_text,
)
from chainrule.data.tables.spellings import match_spellings
from chainrule.data.tables.statistics import mean_and_std
from chainrule.data.tables.table import Table
from chainrule.data.tables.task import Task, label_values, labels_of
from chainrule.errors import DataError, alternatives, fact, join_facts, nearest
from chainrule.memoization import cached_property
from chainrule.records import frozen

# Encode the columns of a table, so that its rows can be written where they are needed.


def encode_rows(table: Table, encodings: Sequence[Encoding], faults: Faults) -> EncodedRows:
    """Return the rows of a table; invalid cells are added to the faults."""
    together = encode_together(table, encodings)
    ends = np.cumsum([len(encoding.features) for encoding in encodings]).tolist()
    done = set(together.places) if together else ()
    others = [i for i in range(len(encodings)) if i not in done]

    def encode(i: int) -> tuple[Writer, list[Finding], Faults]:
        encoding, own = encodings[i], Faults(faults.kinds)
        if isinstance(encoding, Category):
            return *encoding.encoder(table), own
        x, findings = encoding.encode(table, own)
        return _writer_of(x.astype(np.float32, copy=False)), findings, own

    notices, writers = [*table.notices], []
    for i, (writer, findings, own) in zip(others, of_each(encode, others, table.rows), strict=True):
        notices += findings
        faults.masks += own.masks
        faults.cells += own.cells
        writers.append((ends[i - 1] if i else 0, ends[i], writer))
    if together:
        features = [ends[i] - 1 for i in together.places]
        writers.append((0, ends[-1], _writer_of(together.z, features)))
    return EncodedRows(table.rows, ends[-1], tuple(writers), tuple(notices))


def _writer_of(values: np.ndarray, features: Sequence[int] | slice = slice(None)) -> Writer:
    """Return a function that copies encoded values, (N, f), to these features."""

    def write(x: np.ndarray, rows: slice) -> None:
        x[:, features] = values[rows]

    return write


# Serialization of a preparation: the part of a model file that belongs to the package ``data``.
#
# A model file may come from anyone, so every field is validated on loading: all fields and no others are
# present, every text is short, every number finite, names and levels are distinct. A record that passes could
# have been written by ``write_record``, of this version or an older one: a field that was added later has the
# default of its class where a file lacks it, which must describe a training that did not know it. An error
# names the path of an invalid value (``encodings[3].std``).

VERSION = 1
ADDED: dict[str, dict[str, Any]] = {
    "date": {"separators": ""}
}  # later fields without a default in their class


class Parts(NamedTuple):
    """The fields of a preparation, in order."""

    target: str
    task: str
    encodings: tuple[Encoding, ...]
    labels: tuple[Any, ...]
    target_mean: float
    target_std: float
    profiles: tuple[ColumnProfile, ...] = ()
    target_mark: str = "."
    target_mark_evidence: str = "none"
    missing_words: tuple[tuple[str, tuple[str, ...]], ...] = ()


def write_record(parts: Parts) -> dict[str, Any]:
    """Return the parts as dicts, lists, texts, numbers and booleans; JSON stores floats exactly."""
    encodings = [_write_encoding(encoding) for encoding in parts.encodings]
    profiles = [profile.to_record() for profile in parts.profiles]
    lists = {"encodings": encodings, "labels": list(parts.labels), "profiles": profiles}
    record = {"version": VERSION, **parts._asdict(), **lists, "missing_words": _plain(parts.missing_words)}
    return {name: value for name, value in record.items() if name != "missing_words" or value}


def _write_encoding(encoding: Encoding) -> dict[str, Any]:
    return {"kind": encoding.kind, **{name: _plain(getattr(encoding, name)) for name in _names(encoding)}}


def _names(encoding: Encoding | type[Encoding]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(encoding))


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def read_record(record: object) -> Parts:
    """Restore the parts from a record after validating all of it; E328 has the path of what is invalid."""
    defaults = {name: _plain(value) for name, value in Parts._field_defaults.items()}
    values = read_fields("preparation", record, ("version", *Parts._fields), defaults)
    if type(values["version"]) is not int or values["version"] != VERSION:
        raise invalid("version", f"{VERSION}", values["version"])
    target = read_text("target", values["target"])
    task = values["task"]
    if task not in ("classification", "regression"):
        raise invalid("task", fact("classification or regression"), task)
    rows = enumerate(read_list("encodings", values["encodings"]))
    encodings = tuple(_read_encoding(f"encodings[{i}]", encoding) for i, encoding in rows)
    names = [encoding.column for encoding in encodings]
    if not names or len(set(names)) < len(names) or target in names:
        raise invalid(
            "encodings", fact("at least one, distinct columns, none of them the target"), names[:20]
        )
    if len(encodings) > 1 and any(isinstance(encoding, Pixels) for encoding in encodings):
        raise invalid("encodings", fact("images alone"), names[:20])
    labels = _read_labels(task, values["labels"])
    mean, std = (read_number(name, values[name]) for name in ("target_mean", "target_std"))
    if std <= 0:
        raise invalid("target_std", fact("a number above 0"), std)
    mark, evidence = values["target_mark"], values["target_mark_evidence"]
    if mark not in (".", ",") or evidence not in EVIDENCE:
        expected = f'"." or ",", {", ".join(EVIDENCE)}'
        raise invalid("target_mark, target_mark_evidence", expected, [mark, evidence])
    profiles = _read_profiles(values["profiles"], encodings)
    words = _read_words(values["missing_words"])
    return Parts(target, task, encodings, labels, mean, std, profiles, mark, evidence, words)


def _read_words(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the words for a missing value by column, ``""`` for all columns."""
    pairs = [
        (f"missing_words[{i}]", read_list(f"missing_words[{i}]", part))
        for i, part in enumerate(read_list("missing_words", value))
    ]
    for path, pair in pairs:
        if len(pair) != 2:
            raise invalid(path, fact("a column and its words"), pair[:5])
    names = [name for _, (name, _) in pairs]
    if any(not isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise invalid("missing_words", fact("distinct columns"), names[:20])
    words = [[read_text(path, word) for word in read_list(path, part)] for path, (_, part) in pairs]
    return tuple((name, tuple(own)) for name, own in zip(names, words, strict=True))


def _read_profiles(value: object, encodings: tuple[Encoding, ...]) -> tuple[ColumnProfile, ...]:
    """Return the profiles of the encoded columns, in their order; an empty list if there are none."""
    rows = enumerate(read_list("profiles", value))
    profiles = tuple(ColumnProfile.read(f"profiles[{i}]", profile) for i, profile in rows)
    names = [profile.column for profile in profiles]
    if names and names != [encoding.column for encoding in encodings]:
        raise invalid("profiles", fact("the columns of the encodings"), names[:20])
    return profiles


def _read_encoding(path: str, record: object) -> Encoding:
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in ENCODINGS:
        raise invalid(f"{path}.kind", ", ".join(ENCODINGS), kind)
    encoder = ENCODINGS[kind]
    values = read_fields(
        path, record, ("kind", *_names(encoder)), defaults_of(encoder, **ADDED.get(kind, {}))
    )
    return encoder.read(path, read_text(f"{path}.column", values["column"]), values)


def _read_labels(task: str, value: object) -> tuple[Any, ...]:
    labels = read_list("labels", value)
    if task == "regression":
        if labels:
            raise invalid("labels", fact("none for regression"), f"{len(labels)} labels")
        return ()
    kinds = {type(label) for label in labels}
    if len(labels) < 2 or len(kinds) != 1 or not kinds <= {str, int, bool}:
        raise invalid("labels", fact("at least 2 texts, integers or booleans"), labels[:5])
    is_ordered = len(labels) == 2 or all(a < b for a, b in itertools.pairwise(labels))
    if not is_ordered or len(set(labels)) < len(labels):
        raise invalid("labels", fact("sorted and distinct"), labels[:5])
    for i, label in enumerate(labels):
        if isinstance(label, str):
            read_text(f"labels[{i}]", label)
    return tuple(labels)


HINTS, SHOWN = 10, 20  # missing columns for which a similar name is suggested; that are listed


@frozen(eq=False)
class Applied:
    """The result for a table: float32 inputs, (N, F) or (N, H, W, C), and notices for the user."""

    x: np.ndarray
    notices: tuple[Finding, ...] = ()


@frozen
class Cell:
    """One feature of one row, with the cell it was computed from.

    Args:
        feature: name of the feature.
        column: name of the column.
        raw: the cell as text, ``""`` if it is missing.
        value: the input of the network.
    """

    feature: str
    column: str
    raw: str
    value: float


@frozen
class Preparation:
    """Conversion of table rows to inputs and targets, and of predictions back to labels or units.

    Args:
        target: the column to predict.
        task: ``"classification"`` or ``"regression"``.
        encodings: one per input column, in the order of the table; images cannot be combined with other
            columns.
        labels: the classes, sorted, of two the positive one second; number i in ``targets`` is ``labels[i]``.
        target_mean, target_std: of the training targets, for regression.
        profiles: the input columns in the training rows; none of images.
        target_mark, target_mark_evidence: the decimal mark of the training targets, as of ``Number``.
        missing_words: by column, ``""`` for all, the cells that mean a missing value, as of ``Table``.

    Example:
        >>> from chainrule.data import describe, read_table
        >>> table = read_table({"x": [1.0, 3.0], "c": ["red", "blue"], "y": ["no", "yes"]})
        >>> p = Preparation.fit(table, describe(table, "y"), "y", "classification")
        >>> p.feature_names, p.inputs(table).tolist(), p.targets(table).tolist()
        (('x', 'c=blue', 'c=red'), [[-1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], [0, 1])
    """

    target: str
    task: str
    encodings: tuple[Encoding, ...]
    labels: tuple[Any, ...] = ()
    target_mean: float = 0.0
    target_std: float = 1.0
    profiles: tuple[ColumnProfile, ...] = ()
    target_mark: str = "."
    target_mark_evidence: str = "none"
    missing_words: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def fit(cls, table: Table, columns: Sequence[Column], target: str, task: Task | str) -> Preparation:
        """Fit the preparation on training rows.

        Args:
            table: the training rows only.
            columns: the result of ``describe`` for the complete table.
            target: the column to predict.
            task: the result of ``choose_task``, or its kind.

        Raises:
            DataError: E311, E312, E318 for invalid cells; E323 for a constant target; E325 without any input.
        """
        inputs = [column for column in columns if column.kind in USED and column.name != target]
        if not inputs:
            raise _no_inputs(table, [column for column in columns if column.name != target])
        if len(inputs) > 1:  # images have several axes, to which numbers and categories cannot be appended
            inputs = [column for column in inputs if column.kind == "image"] or inputs
        faults = Faults({})
        encodings = within_limit([ENCODINGS[column.kind].fit(table, column, faults) for column in inputs])
        kind = task if isinstance(task, str) else task.kind
        words = tuple(sorted(table.missing_words.items()))
        if kind == "classification":
            faults.raise_any()
            known = () if isinstance(task, str) else task.labels
            labels = known or labels_of(table.frame[target])
            profiles = profiles_of(table, encodings)
            return cls(target, kind, encodings, labels, profiles=profiles, missing_words=words)
        values = number_cells(table, target, faults)
        faults.raise_any()
        mean, std = mean_and_std(values.drop_nulls().to_numpy())
        if not std > 0:
            where = fact('{place}, column "{column}"', place=table.source, column=target)
            expected = fact("at least 2 different numbers")
            received = fact("always {value:g}", value=mean)
            raise DataError("E323", where=where, expected=expected, received=received)
        profiles = profiles_of(table, encodings)
        return cls(target, kind, encodings, (), mean, std, profiles, *mark_of(table, target), words)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """All features in the order of the last axis of the inputs."""
        return tuple(feature for encoding in self.encodings for feature in encoding.features)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table must have for predictions."""
        return tuple(encoding.column for encoding in self.encodings)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row's inputs: (F,), or (H, W, C) for images."""
        first = self.encodings[0]
        return first.shape if isinstance(first, Pixels) else (len(self.features),)

    @property
    def channels(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each image channel: a pixel in 0 .. 1 is input * deviation + mean.

        Raises:
            DataError E354: the inputs are not images.
        """
        first = self.encodings[0]
        if not isinstance(first, Pixels):
            where = fact('column "{column}"', column=first.column)
            raise DataError("E354", where=where, expected=fact("images"), received=first.kind)
        std = [value if value > 0 else 1.0 for value in first.std]
        return np.array(first.mean, np.float32), np.array(std, np.float32)

    @property
    def takes_images(self) -> bool:
        """Whether the inputs are images."""
        return isinstance(self.encodings[0], Pixels)

    def read(self, source: Any, options: ReadOptions = NO_OPTIONS, damaged: str = "refuse") -> Table:
        """Read a table as this preparation requires it: a folder of images or one image in the size of the
        training images, a named data set as images if the training inputs were images.

        Args:
            source: as for ``read_table`` and ``read_images``.
            options: how a text file is read.
            damaged: as for ``read_images``.

        Raises:
            ChainruleError: as ``read_table`` and ``read_images``; E326 for a folder if the inputs are not
                images.
        """
        first = self.encodings[0]
        if not isinstance(source, str | os.PathLike) or not isinstance(first, Pixels):
            return self.as_trained(read_source(source, options))
        if os.path.isdir(source):
            return read_images(source, first.shape[:2], first.shape[2], labeled=False, damaged=damaged)
        if str(source).lower().endswith(SUFFIXES):
            return read_image(source, first.shape[:2], first.shape[2])
        return read_images(source) if str(source) in IMAGE_SETS else read_source(source, options)

    def as_trained(self, table: Table) -> Table:
        """Return the table with its missing values and ambiguous numbers read as those of the training, and
        notices about it.

        Args:
            table: a table with the columns of the training.
        """
        words = {name: own for name, own in self.missing_words if table.missing_words.get(name) != own}
        if words:
            table = with_missing_words(table, words)
        marks = [(e.column, e.mark, e.mark_evidence) for e in self.encodings if isinstance(e, Number)]
        if self.task == "regression":
            marks.append((self.target, self.target_mark, self.target_mark_evidence))
        for column, mark, evidence in marks if table.notations else ():
            table = as_trained(table, column, mark, evidence)
        return table

    def apply(self, table: Table) -> Applied:
        """Return the inputs of a table's rows, with notices.

        Args:
            table: a table with the columns of the training; others are ignored.

        Raises:
            DataError: E311, E312, E318 for invalid cells of all columns; E326 for missing columns.
        """
        self._check_columns(table)
        if isinstance(self.encodings[0], Pixels):
            return Applied(self.encodings[0].encode(table, Faults())[0], table.notices)
        rows = self.rows(table)
        return Applied(rows.inputs(), rows.notices)

    def rows(self, table: Table) -> EncodedRows:
        """Return the rows of a table, encoded where they are needed; not of images.

        Args:
            table: as for ``apply``.

        Raises:
            DataError: as ``apply``.
        """
        self._check_columns(table)
        faults = Faults()
        rows = encode_rows(self.as_trained(table), self.encodings, faults)
        faults.raise_any()
        return rows

    def faults(self, table: Table) -> Faults:
        """Return the invalid cells of a table, which ``apply`` refuses.

        Args:
            table: as for ``apply``.

        Raises:
            DataError E326: missing columns.
        """
        self._check_columns(table)
        faults = Faults()
        if not isinstance(self.encodings[0], Pixels):
            encode_rows(self.as_trained(table), self.encodings, faults)
        return faults

    def inputs(self, table: Table) -> np.ndarray:
        """Return the inputs of a table's rows: float32, (N, F) or (N, H, W, C).

        Args:
            table: as for ``apply``.
        """
        return self.apply(table).x

    def targets(self, table: Table) -> np.ndarray:
        """Return the targets of a table's rows: class numbers (int64) or standardized values (float32), (N,).

        Args:
            table: a table with the target column.

        Raises:
            DataError: E313 no target column; E311, E312 cells that are not numbers; E320 a missing target;
                E329 a class that did not occur in training.
        """
        if self.target not in table.columns:
            known = set(self.columns)
            similar = nearest(self.target, [name for name in table.columns if name not in known])
            expected = fact('a column "{name}"', name=self.target)
            fix = (
                fact('rename "{old}" to "{new}"', old=similar, new=self.target)
                if similar
                else alternatives(fact("add the targets"), "model.predict(rows)")
            )
            raise DataError("E313", where=table.source, name=self.target, expected=expected, fix=fix)
        cells = table.frame[self.target]
        if cells.null_count():
            row = int(cells.is_null().arg_max() or 0)
            where = fact('{place}, column "{column}"', place=table.place(row), column=self.target)
            received = fact("{count} missing", count=cells.null_count())
            expected = fact("a target in every row")
            raise DataError("E320", where=where, column=self.target, expected=expected, received=received)
        return (
            self._label_numbers(table) if self.task == "classification" else self._standardize_targets(table)
        )

    def _label_numbers(self, table: Table) -> np.ndarray:
        cells = label_values(table.frame[self.target])
        # Files differ in how they write a label (1, 1.0, "1"), so labels are compared as texts.
        codes = {_spelling(label): i for i, label in enumerate(self.labels)}
        labels = [label for label in self.labels if isinstance(label, str)]
        cells = match_spellings(cells, labels) if cells.dtype == pl.String else cells
        distinct = cells.unique()
        numbers = cells.replace_strict(
            distinct, [codes.get(_spelling(value), -1) for value in distinct.to_list()], return_dtype=pl.Int64
        ).to_numpy()
        if (numbers < 0).any():
            row = int((numbers < 0).argmax())
            where = fact('{place}, column "{column}"', place=table.place(row), column=self.target)
            expected = ", ".join(str(label) for label in self.labels[:20])
            fix = nearest(str(cells[row]), [str(label) for label in self.labels]) or fact(
                "leave these rows out, or train with rows of this class"
            )
            raise DataError(
                "E329", where=where, label=cells[row], expected=expected, received=f'"{cells[row]}"', fix=fix
            )
        return numbers

    def _standardize_targets(self, table: Table) -> np.ndarray:
        faults = Faults()
        values = number_cells(self.as_trained(table), self.target, faults).to_numpy()
        faults.raise_any()
        return ((values - self.target_mean) / self.target_std).astype(np.float32)

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Convert standardized predictions to the units of the target, float64.

        Args:
            values: standardized values of any shape.
        """
        return np.asarray(values, np.float64) * self.target_std + self.target_mean

    def cells(self, table: Table, row: int) -> tuple[Cell, ...]:
        """Return each feature of one row with the cell it was computed from, for explanations.

        Args:
            table: as for ``apply``.
            row: the number of the row, from 0.
        """
        one = table.take(np.array([row]))
        x = self.inputs(one)[0].reshape(-1)  # (H, W, C) -> (H * W * C,)
        raw = {name: _raw(one.frame[name][0]) for name in self.columns}
        pairs = zip(self.features, x.tolist(), strict=True)
        return tuple(Cell(f.name, f.column, raw[f.column], value) for f, value in pairs)

    def _check_columns(self, table: Table) -> None:
        pictures = [e.column for e in self.encodings if isinstance(e, Pixels)]
        present = set(table.images if pictures else table.columns)
        missing = [name for name in self.columns if name not in present]
        if not missing:
            return
        known = set(self.columns)
        spare = [name for name in table.columns if name not in known]
        similar = {name: nearest(name, spare) for name in missing[:HINTS]}
        received = fact('no "{names}"', names='", "'.join(missing[:SHOWN]))
        if len(missing) > SHOWN:
            received = fact("{text} and {count} more", text=received, count=len(missing) - SHOWN)
        hints = [
            fact('rename "{old}" to "{new}"', old=word, new=name) for name, word in similar.items() if word
        ]
        expected = ", ".join(self.columns[:20])
        fix = join_facts("; ", hints)
        raise DataError("E326", where=table.source, expected=expected, received=received, fix=fix)

    def to_record(self) -> dict[str, Any]:
        """Return the preparation as dicts, lists, texts and numbers for JSON; floats are stored exactly."""
        mean, std = self.target_mean, self.target_std
        last = (self.profiles, self.target_mark, self.target_mark_evidence, self.missing_words)
        parts = Parts(self.target, self.task, self.encodings, self.labels, mean, std, *last)
        return write_record(parts)

    @classmethod
    def from_record(cls, record: object) -> Preparation:
        """Restore a preparation from the result of ``to_record``, validating every part.

        Args:
            record: what a model file has.

        Raises:
            DataError E328: not a record that ``to_record`` could have written.
        """
        return cls(*read_record(record))


def _spelling(label: object) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _raw(cell: object) -> str:
    return "" if cell is None else str(cell)


def _no_inputs(table: Table, columns: Sequence[Column]) -> DataError:
    """Return the error for columns none of which can be an input."""
    return DataError(
        "E325",
        where=table.source,
        expected=fact("at least one input"),
        received=join_facts(
            ", ", (fact("{name} is {kind}", name=c.name, kind=fact(c.kind)) for c in columns)
        ),
        fix=alternatives("--category COLUMN", 'kinds={"column": "category"}'),
    )


# Cells that a preparation cannot encode, and tables without them.
#
# One such cell refuses a table by default. For predictions, the other rows are often wanted: either the rows
# with damaged cells are left out, or their damaged cells count as missing.

CODES = tuple(CELL_FACTS)
LISTED = 10  # cells that an error lists


@frozen(eq=False)
class DamagedCells:
    """The cells of a column that cannot be encoded.

    Args:
        code: the error code of the reason.
        is_damaged: (N,) whether the cell of a row is damaged.
    """

    column: str
    code: str
    is_damaged: np.ndarray


def damaged_cells(preparation: Preparation, table: Table) -> tuple[DamagedCells, ...]:
    """Return the cells of a table that a preparation cannot encode, by column and reason.

    Raises:
        DataError E326: missing columns.

    Example:
        >>> from chainrule.data import describe, read_table
        >>> table = read_table({"age": [18.0, 70.0], "y": ["no", "yes"]})
        >>> preparation = Preparation.fit(table, describe(table, "y"), "y", "classification")
        >>> cells = damaged_cells(preparation, read_table({"age": ["old", "31"]}))
        >>> [(c.column, c.code, c.is_damaged.tolist()) for c in cells]
        [('age', 'E311', [True, False])]
    """
    faults = preparation.faults(table)
    return tuple(DamagedCells(column, code, mask) for code, column, mask in faults.masks)


def damaged_rows(cells: Sequence[DamagedCells]) -> np.ndarray:
    """Return which rows have a damaged cell, (N,)."""
    return np.logical_or.reduce([c.is_damaged for c in cells])


def without_damaged(table: Table, cells: Sequence[DamagedCells]) -> Table:
    """Return the table with all damaged cells missing."""
    frame = table.frame
    for c in cells:
        empty = pl.when(pl.Series(c.is_damaged)).then(None).otherwise(pl.col(c.column))
        frame = frame.with_columns(empty.alias(c.column))
    return replace(table, frame=frame)


def reasons(table: Table, cells: Sequence[DamagedCells], lang: str) -> list[str | None]:
    """Return for each row the reason of its damaged cells, ``None`` without one."""
    texts: dict[int, list[str]] = {}
    for row, c in _places(cells, table.rows):
        facts = {"column": c.column, "value": short_cell(table.frame[c.column][row])}
        texts.setdefault(row, []).append(Finding(f"damaged_{c.code}", facts=facts).render(lang))
    return ["; ".join(texts[row]) if row in texts else None for row in range(table.rows)]


def refusal(table: Table, cells: Sequence[DamagedCells]) -> DataError:
    """Return the error that lists the first damaged cells, in the order of the rows."""
    count, rows = sum(int(c.is_damaged.sum()) for c in cells), int(damaged_rows(cells).sum())
    listed = _places(cells, LISTED)[:LISTED]
    where = [fact('{place}, column "{column}"', place=table.place(row), column=c.column) for row, c in listed]
    values = [short_cell(table.frame[c.column][row]) for row, c in listed]
    notes = [
        fact('{place}: "{value}"', place=place, value=value)
        for place, value in zip(where[1:], values[1:], strict=True)
    ]
    if count > len(listed):
        notes.append(fact("{count} such cells in {rows} rows", count=count, rows=rows))
    notes.append(fact("--damaged missing: predict these rows as if the cells were empty"))
    notes.append(fact("--damaged skip: predict the other rows"))
    first = listed[0][1]
    fix: object = "--damaged missing"
    if is_postal_code(values[0]):
        fix = codes_fix(f'chainrule train DATA --category "{first.column}"', fix)
    return DataError(
        first.code,
        where=where[0],
        expected=CELL_FACTS[first.code][0],
        received=f'"{values[0]}"',
        notes=notes,
        fix=fix,
        value=values[0],
        column=first.column,
    )


def _places(cells: Sequence[DamagedCells], limit: int) -> list[tuple[int, DamagedCells]]:
    """Return the damaged cells in the order of the rows, from the first ``limit`` of each column."""
    pairs = [(row, i) for i, c in enumerate(cells) for row in np.flatnonzero(c.is_damaged)[:limit].tolist()]
    pairs.sort()
    return [(row, cells[i]) for row, i in pairs]
