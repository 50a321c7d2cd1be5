"""Rows of texts for a model with a tokenizer: a table with a column for each input of the network.

A model that was trained on ``{"text": tokens}`` reads the column ``text``. Each cell is encoded by the
tokenizer of the model, cut to the length of the input and padded. Targets are in the column ``y``, as in an
``.npz`` file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from chainrule.apps.cli import screen
from chainrule.data import Finding, Table, pad_sequences
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.sequences.tokenizer import UNKNOWN, Tokenizer
from chainrule.errors import DataError, TrainingError, fact
from chainrule.model import Model
from chainrule.spec import bound
from chainrule.train.inputs.target import label_fix

TARGET = "y"


def text_inputs(model: Model) -> dict[str, tuple[Tokenizer, int]]:
    """The tokenizer and the length of each input; empty if the model does not classify or score texts.

    Args:
        model: a model. One that predicts a token at each position, such as a GPT, continues texts instead.
    """
    if model.network is None or not model.tokenizers or model.preparation is not None:
        return {}
    if any(node.spec.rank > 2 for node in model.network.inference.outputs.values()):
        return {}
    inputs = {}
    for name, spec in model.network.inputs.items():
        tokenizer = model.tokenizers.get(name) or model.tokenizers.get("")
        if tokenizer is None or spec.rank != 2:
            return {}
        inputs[name] = tokenizer, bound(spec.shape[1:])[0]
    return inputs


def encode_texts(inputs: Mapping[str, tuple[Tokenizer, int]], table: Table) -> dict[str, np.ndarray]:
    """The tokens of every row by input, (N, T) each; prints how many texts were cut.

    Args:
        inputs: of ``text_inputs``.
        table: has a column for each input.

    Raises:
        DataError: E313 a column is missing. E363 an empty text. E365: a text of which
        no token is in the vocabulary.
    """
    require_columns(table, inputs)
    return {name: _tokens(table, name, *inputs[name]) for name in inputs}


def require_columns(table: Table, names: Iterable[str]) -> None:
    """Require rows, and a column of texts with each of these names.

    Raises:
        DataError: E313 a column is missing. E343 no rows.
    """
    missing = [name for name in names if name not in table.columns]
    if missing:
        expected = fact('the column "{name}" with texts', name=missing[0])
        received = ", ".join(table.columns)
        fix = fact('name the column of the texts "{name}"', name=missing[0])
        raise DataError(
            "E313", where=table.source, name=missing[0], expected=expected, received=received, fix=fix
        )
    if not table.rows:
        raise DataError("E343", where=table.source, expected=fact("at least one row"), received=fact("none"))


def targets_in(table: Table, model: Model) -> np.ndarray | None:
    """The cells of the column of targets; ``None`` if there is none.

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
        raise DataError("E311", where=place, value=value[:40], expected=fact("a number"),
                        received=f'"{value[:40]}"', fix=fact("leave the row out"))  # fmt: skip
    return cells.cast(pl.Float64).to_numpy()


def _refuse_unknown(table: Table, cells: list[str | None], labels: tuple[Any, ...]) -> None:
    """Refuse a label that did not occur in the training.

    Raises:
        TrainingError E506: with the place in the file.
    """
    known = {str(label) for label in labels}
    row = next((row for row, cell in enumerate(cells) if cell not in known), None)
    if row is not None:
        where = fact('{place}, column "{column}"', place=table.place(row), column=TARGET)
        expected = ", ".join(sorted(known)[:8])
        received = f'"{(cells[row] or "")[:40]}"'
        fix = label_fix(cells[row] or "", labels)
        raise TrainingError("E506", where=where, expected=expected, received=received, fix=fix)


def _tokens(table: Table, column: str, tokenizer: Tokenizer, length: int) -> np.ndarray:
    """The tokens of a column, (N, T)."""
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
                "E365", where=place, token=cells[row][:20], expected=fact("tokens of the training texts"),
                received=cells[row][:80], fix=fact("leave the row out"),
            )  # fmt: skip
    cut = sum(len(tokens) > length for tokens in rows)
    if cut:
        facts = {"column": column, "count": cut, "length": length}
        screen.notices([Finding("texts_cut", "info", facts)], to_errors=True)
    return pad_sequences(rows, length, truncate=True).values
