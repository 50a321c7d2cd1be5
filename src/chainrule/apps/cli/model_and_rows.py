"""Load a trained model and the rows for a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.data.sequences.tokenizer import BEGIN, UNKNOWN, Tokenizer
from chainrule.errors import DataError, UsageError, fact
from chainrule.inputs import InputRows, read_rows, read_texts
from chainrule.model import Model
from chainrule.page import screen
from chainrule.records import frozen
from chainrule.tabular.run_folder import model_file
from chainrule.train.evaluation.rows import known_rows

# Load a text model and encode a text for it.


@frozen(eq=False)
class EncodedText:
    """A text encoded for a model.

    Args:
        tokens: token ids of the text, for a language model after the id for the beginning.
        is_language_model: whether the model predicts the next token at each position.
        length: number of tokens in the input of the model.
    """

    model: Model
    tokenizer: Tokenizer
    tokens: np.ndarray
    is_language_model: bool
    length: int

    def rows(self, tokens: np.ndarray) -> np.ndarray:
        """Return tokens as one sample (1, T), cut to the length of the model or padded with 0."""
        x = np.zeros((1, self.length), np.int64)
        x[0, : len(tokens)] = tokens[: self.length]
        return x


def read_text(run: str, text: str, where: str) -> EncodedText:
    """Load the model of a RUN and encode a text.

    Args:
        where: the command, for errors.

    Raises:
        UsageError E126: a model without a tokenizer. DataError E363: an empty text. DataError E365: tokens
        that are not in the vocabulary; a model that does not continue the text refuses it only if it has
        none of them.
    """
    model = Model.load(model_file(run))
    if model.network is None or not model.tokenizers:
        expected = fact("a model created with tokenizer=...")
        fix = 'cr.Model(net, "cross_entropy", tokenizer=tokenizer)'
        raise UsageError("E126", where=where, expected=expected, received=fact("no tokenizer"), fix=fix)
    name, spec = next(iter(model.network.inputs.items()))
    tokenizer = model.tokenizers.get(name) or model.tokenizers[""]
    is_language_model = next(iter(model.network.inference.outputs.values())).spec.rank == 3
    tokens = tokenizer.encode(text)
    if is_language_model or (tokens == UNKNOWN).all():
        tokens = tokenizer.encode(text, unknown=False)
    if not len(tokens):
        raise DataError("E363", where="--text", expected=fact("at least 1 token"), received=fact("none"))
    tokens = np.array([BEGIN, *tokens] if is_language_model else tokens)
    length = spec.shape[1] if isinstance(spec.shape[1], int) else len(tokens)
    return EncodedText(model, tokenizer, tokens, is_language_model, length)


def load(
    run: str, data: str | Sequence[str], reading: ReadOptions = NO_OPTIONS, damaged: str = ""
) -> tuple[Model, InputRows]:
    """Load the model of a RUN and the rows of a file; print findings about the rows.

    Args:
        data: what the model reads, or an ``.npz`` file; texts that the user typed.
        reading: how a table is read.
        damaged: as for ``read_rows``.

    Raises:
        FileError: a model file that is missing, damaged, foreign or newer. Others as ``read_rows``.
    """
    model = Model.load(model_file(run))
    is_file = isinstance(data, str)
    rows = read_rows(model, data, reading, run, damaged) if is_file else read_texts(model, data, run, damaged)
    screen.notices(rows.notices, to_errors=True)
    return model, rows


def require_targets(rows: InputRows, run: str, data: str) -> None:
    """Require targets (E122; E607: texts to speak); those of a table are checked where they are read."""
    if rows.y is None and not isinstance(rows.x, Table):
        raise rows.kind.without_targets(rows, run, data)


def warn_of_known_rows(model: Model, x: Any, run: str) -> bool:
    """Warn if the model was trained on these rows, so that metrics are too optimistic; returns whether."""
    known = known_rows(model.state, x)
    if known is not None:
        counts = {field.name: getattr(known, field.name) for field in fields(known)}
        key = "evaluated_known" if known.test else "evaluated_known_folds"
        screen.line(text_of(key).format(**counts, run=run), "yellow", to_errors=True)
    return known is not None
