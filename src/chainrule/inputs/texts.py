"""Texts for a model with a tokenizer: a table with a column for each input of the network.

A model that was trained on ``{"text": tokens}`` reads the column ``text``. Each cell is encoded by the
tokenizer of the model, cut to the length of the input and padded. Targets are in the column ``y``, as in an
``.npz`` file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from chainrule.data import Finding, Table, pad_sequences, text_rows
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.data.sequences.tokenizer import BEGIN, END, UNKNOWN, Tokenizer
from chainrule.errors import DataError, TrainingError, fact
from chainrule.escaping import quoted
from chainrule.generation import generate
from chainrule.generation.text import NO_TEXT
from chainrule.inputs.arrays import input_names, read_arrays
from chainrule.inputs.kind import TARGET, Evaluation, InputKind, InputRows, Output, is_archive
from chainrule.model import Model
from chainrule.nn.loss.classification import CrossEntropy
from chainrule.records import frozen
from chainrule.symbolic_shape import bound
from chainrule.train.inputs.target import label_fix

TEXT = "text"  # the column of texts that are continued


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

    def open(self, model: Model, data: Any, reading: ReadOptions) -> Table | None:
        """Return a table with a column for each input; E313: a column is missing. E343: no rows."""
        return None if is_archive(data) else required(read_source(data, reading), self.inputs)

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the names of the inputs."""
        return tuple(self.inputs)

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the tokens of the texts.

        Raises:
            DataError: E363 an empty text. E365: a text of which no token is in the vocabulary.
        """
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


@frozen(eq=False)
class ContinuationKind(InputKind):
    """Texts for a model that continues them, or arrays of tokens.

    Args:
        reader: the input of a language model, its tokenizer and its length; ``None`` for other models of
            tokens, which read arrays.
    """

    name = "continuations"
    priority = 4  # other models with tokenizers
    keeps_columns = False
    reader: tuple[str, Tokenizer, int] | None = None

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model with tokenizers."""
        if not model.tokenizers or model.preparation is not None:
            return None
        if model.network is None or len(model.network.inputs) != 1:
            return cls()
        ((name, spec),) = model.network.inputs.items()
        tokenizer = model.tokenizers.get(name) or model.tokenizers.get("")
        outputs = [node.spec for node in model.network.inference.outputs.values()]
        if tokenizer is None or spec.rank != 2 or [s.rank for s in outputs] != [3]:
            return cls()
        is_language_model = bound(outputs[0].shape[-1:])[0] == tokenizer.size
        return cls((name, tokenizer, bound(spec.shape[1:])[0]) if is_language_model else None)

    def read(
        self, model: Model, data: Any, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an ``.npz`` file, see ``read_arrays``, or a table.

        Of a text of the table, the next token is the target of each token.
        """
        return read_arrays(self, model, data) if is_archive(data) else super().read(model, data, reading)

    def open(self, model: Model, data: Any, reading: ReadOptions) -> Table | None:
        """Return a table with the column ``text`` (E313) and rows (E343)."""
        is_table = self.reader is not None and not is_archive(data)
        return required(read_source(data, reading), [TEXT]) if is_table else None

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the column of texts; none of a model that reads arrays."""
        return () if self.reader is None else (TEXT,)

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the tokens of the texts.

        Raises:
            DataError: E363 an empty text. E365: a text of which no token is in the vocabulary.
        """
        assert self.reader is not None
        name, tokenizer, length = self.reader
        cells = table.words(TEXT).cast(pl.String).fill_null("").to_list()
        for row, cell in enumerate(cells):
            if not cell:
                raise empty_text(table, TEXT, row)
        tokens = tokenizer.encode_all(cells, ends=True)
        for row, (cell, own) in enumerate(zip(cells, tokens, strict=True)):
            _require_known(np.asarray(own[1:-1]), table, TEXT, row, cell)
        x, y = text_rows(tokens, length)
        starts = np.cumsum([0, *(-(-(len(row) - 1) // length) for row in tokens)])  # rows of each text
        parts = np.full(len(x), None, object)
        parts[starts[:-1]] = cells
        return InputRows(self, {name: x}, y, len(x), parts=parts)

    @property
    def has_own_output(self) -> bool:
        """Whether all rows have continuations: not those of arrays."""
        return False

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output | None:
        """Return the most probable continuation of each text; ``None`` for arrays.

        Of a text that fills the context of the network, the end is read: half of the context.
        """
        if rows.parts is None:
            return None
        assert self.reader is not None
        _, tokenizer, length = self.reader
        texts = [text for text in rows.parts.tolist() if text is not None]  # one in the first of its rows
        prompts = [[BEGIN, *tokens] for tokens in tokenizer.encode_all(texts)]
        prompts = [prompt if len(prompt) < length else prompt[-(length // 2 or 1) :] for prompt in prompts]
        options = {"greedy": True, "stop": [END], "suppress_tokens": [*NO_TEXT]}
        continued = np.array(texts, object)
        lengths = np.array([len(prompt) for prompt in prompts])
        for size in np.unique(lengths):  # the context limits longer prompts to fewer new tokens
            rows_of_size = np.flatnonzero(lengths == size)
            parts = generate(model.decoder, [prompts[row] for row in rows_of_size], None, **options)
            continued[rows_of_size] += [tokenizer.decode(part.tokens) for part in parts]
        return Output({TEXT: np.array(texts, object), "prediction": continued}, out)

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return the cross-entropy of the next token and its exponential, the perplexity.

        Returns:
            ``None`` without targets, for another loss, and if ``metrics`` are requested.
        """
        loss = model.state.recipe.loss
        is_plain = isinstance(loss, CrossEntropy) and not loss.label_smoothing and loss.class_weight is None
        if self.reader is None or rows.y is None or metrics or not is_plain:
            return None
        value = model.evaluate(rows.x, rows.y, metrics=[])["loss"]
        return Evaluation({fact("loss"): value, fact("perplexity"): math.exp(value)})

    def options(self) -> str:
        """Return the options that apply."""
        return fact("texts that are continued: --out, --raw") if self.reader is not None else ""

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the command that continues a text."""
        if self.reader is None:
            return fact("an .npz file with {names}", names=", ".join(input_names(model))), ""
        expected = fact("the beginning of a text: this model continues texts")
        return expected, f'chainrule generate {quoted(run)} "..."'


def target_column() -> str:
    """Return where the targets of the rows of a table are read, for an error."""
    return fact('name the column of the targets "{name}"', name=TARGET)


def required(table: Table, names: Iterable[str]) -> Table:
    """Return a table that has rows (E343), and a column of texts with each of these names (E313)."""
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
    return table


def empty_text(table: Table, column: str, row: int) -> DataError:
    """Return the error for a text without a token (E363)."""
    place = fact('{place}, column "{column}"', place=table.place(row), column=column)
    return DataError("E363", where=place, expected=fact("at least 1 token"), received=fact("an empty text"))


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
        if not len(tokens):
            raise empty_text(table, column, row)
        _require_known(tokens, table, column, row, cells[row])
    cut = sum(len(row) > length for row in rows)
    notice = Finding("texts_cut", "info", {"column": column, "count": cut, "length": length})
    return pad_sequences(rows, length, truncate=True).values, [notice] if cut else []


def _require_known(tokens: np.ndarray, table: Table, column: str, row: int, text: str) -> None:
    """Refuse a text of which no token is in the vocabulary (E365)."""
    if (tokens == UNKNOWN).all():
        raise DataError(
            "E365",
            where=fact('{place}, column "{column}"', place=table.place(row), column=column),
            token=text[:20],
            expected=fact("tokens of the training texts"),
            received=text[:80],
            fix=fact("leave the row out"),
        )
