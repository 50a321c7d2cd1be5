"""Texts for a model with a tokenizer: a table with a column for each input of the network.

A model that was trained on ``{"text": tokens}`` reads the column ``text``. Each cell is encoded by the
tokenizer of the model, cut to the length of the input and padded. Targets are in the column ``y``, as in an
``.npz`` file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from chainrule.data import Finding, Table, pad_sequences
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.data.sequences.tokenizer import UNKNOWN, Tokenizer
from chainrule.errors import DataError, TrainingError, fact
from chainrule.escaping import quoted
from chainrule.inputs.arrays import read_arrays
from chainrule.inputs.kind import TARGET, InputKind, InputRows, is_archive
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.symbolic_shape import bound
from chainrule.train.inputs.target import label_fix


@frozen(eq=False)
class TextKind(InputKind):
    """Texts that are classified or scored.

    Args:
        inputs: the tokenizer and the length of each input.
    """

    name = "texts"
    priority = 3  # by tokenizers and the network
    inputs: dict[str, tuple[Tokenizer, int]]

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model with tokenizers that predicts no token at each position."""
        if model.network is None or not model.tokenizers or model.preparation is not None:
            return None
        if any(node.spec.rank > 2 for node in model.network.inference.outputs.values()):
            return None
        inputs = {}
        for name, spec in model.network.inputs.items():
            tokenizer = model.tokenizers.get(name) or model.tokenizers.get("")
            if tokenizer is None or spec.rank != 2:
                return None
            inputs[name] = tokenizer, bound(spec.shape[1:])[0]
        return cls(inputs) if inputs else None

    def read(self, model: Model, data: Any, reading: ReadOptions) -> InputRows | None:
        """Read a table with a column for each input, and encode its texts.

        Raises:
            DataError: E313 a column is missing. E363 an empty text. E365: a text of which
                no token is in the vocabulary.
        """
        if is_archive(data):
            return None
        table = read_source(data, reading)
        require_columns(table, self.inputs)
        encoded = {name: _tokens(table, name, *self.inputs[name]) for name in self.inputs}
        notices = tuple(notice for _, cut in encoded.values() for notice in cut)
        x = {name: tokens for name, (tokens, _) in encoded.items()}
        return InputRows(self, x, targets_in(table, model), table.rows, table, notices=notices)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the column that a table needs."""
        expected = fact('the column "{name}" with texts', name=next(iter(self.inputs)))
        return expected, f"chainrule predict {quoted(run)} texts.csv"

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return the column of the targets."""
        return target_column()


@frozen
class ContinuationKind(InputKind):
    """Arrays of tokens for a model that continues texts."""

    name = "continuations"
    priority = 4  # other models with tokenizers

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model with tokenizers."""
        return cls() if model.tokenizers and model.preparation is None else None

    def read(self, model: Model, data: str, reading: ReadOptions) -> InputRows | None:
        """Read an ``.npz`` file; see ``read_arrays``."""
        return read_arrays(self, model, data)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the command that continues a text."""
        expected = fact("the beginning of a text: this model continues texts")
        return expected, f'chainrule generate {quoted(run)} "..."'


def target_column() -> str:
    """Return where the targets of the rows of a table are read, for an error."""
    return fact('name the column of the targets "{name}"', name=TARGET)


def require_columns(table: Table, names: Iterable[str]) -> None:
    """Require rows (E343), and a column of texts with each of these names (E313)."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise DataError(
            "E313",
            where=table.source,
            name=missing[0],
            expected=fact('the column "{name}" with texts', name=missing[0]),
            received=", ".join(table.columns),
            fix=fact('name the column of the texts "{name}"', name=missing[0]),
        )
    if not table.rows:
        raise DataError("E343", where=table.source, expected=fact("at least one row"), received=fact("none"))


def targets_in(table: Table, model: Model) -> np.ndarray | None:
    """Return the cells of the column of targets; ``None`` if there is none.

    Raises:
        DataError E311: a cell that is no number, for a model that predicts numbers. TrainingError E506: a
            label that did not occur in the training.
    """
    if TARGET not in table.columns:
        return None
    cells = table.words(TARGET).cast(pl.String)
    if model.labels:
        _refuse_unknown(table, cells.to_list(), model.labels)
        return table.frame[TARGET].to_numpy()
    wrong = np.flatnonzero(cells.cast(pl.Float64, strict=False).is_null().to_numpy())
    if len(wrong):
        row, value = int(wrong[0]), cells[int(wrong[0])] or ""
        place = fact('{place}, column "{column}"', place=table.place(row), column=TARGET)
        raise DataError(
            "E311",
            where=place,
            value=value[:40],
            expected=fact("a number"),
            received=f'"{value[:40]}"',
            fix=fact("leave the row out"),
        )
    return cells.cast(pl.Float64).to_numpy()


def _refuse_unknown(table: Table, cells: list[str | None], labels: tuple[Any, ...]) -> None:
    """Refuse a label that did not occur in the training; E506 names the place in the file."""
    known = {str(label) for label in labels}
    row = next((row for row, cell in enumerate(cells) if cell not in known), None)
    if row is not None:
        raise TrainingError(
            "E506",
            where=fact('{place}, column "{column}"', place=table.place(row), column=TARGET),
            expected=", ".join(sorted(known)[:8]),
            received=f'"{(cells[row] or "")[:40]}"',
            fix=label_fix(cells[row] or "", labels),
        )


def _tokens(table: Table, column: str, tokenizer: Tokenizer, length: int) -> tuple[np.ndarray, list[Finding]]:
    """Return the tokens of a column, (N, T), and how many texts were cut."""
    cells = table.words(column).cast(pl.String).fill_null("").to_list()
    rows = tokenizer.encode_all(cells)
    for row, tokens in enumerate(rows):
        place = fact('{place}, column "{column}"', place=table.place(row), column=column)
        if not len(tokens):
            raise DataError(
                "E363", where=place, expected=fact("at least 1 token"), received=fact("an empty text")
            )
        if (tokens == UNKNOWN).all():
            raise DataError(
                "E365",
                where=place,
                token=cells[row][:20],
                expected=fact("tokens of the training texts"),
                received=cells[row][:80],
                fix=fact("leave the row out"),
            )
    cut = sum(len(row) > length for row in rows)
    notice = Finding("texts_cut", "info", {"column": column, "count": cut, "length": length})
    return pad_sequences(rows, length, truncate=True).values, [notice] if cut else []
