"""Load a text model and encode a text for it."""

from __future__ import annotations

import numpy as np

from chainrule.data.sequences.tokenizer import BEGIN, UNKNOWN, Tokenizer
from chainrule.errors import DataError, UsageError, fact
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.run_folder import model_file


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
