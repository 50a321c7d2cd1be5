"""A trained model of texts that is asked about one text: its tokens as the model reads them."""

from __future__ import annotations

import numpy as np

from chainrule.apps.cli.run_paths import model_file
from chainrule.data.sequences.tokenizer import BEGIN, Tokenizer
from chainrule.errors import DataError, UsageError
from chainrule.model import Model
from chainrule.records import frozen


@frozen(eq=False)
class Reading:
    """A text before a model.

    Args:
        model: the model.
        tokenizer: makes its tokens.
        tokens: of the text; of a model that writes, behind the one for the beginning.
        writes: whether it scores every token at each place, and so says how a text goes on.
        length: how many tokens the model reads at once.
    """

    model: Model
    tokenizer: Tokenizer
    tokens: np.ndarray
    writes: bool
    length: int

    def rows(self, tokens: np.ndarray) -> np.ndarray:
        """Tokens as one sample (1, T): cut to the model's length, or filled up with padding (0)."""
        x = np.zeros((1, self.length), np.int64)
        x[0, : len(tokens)] = tokens[: self.length]
        return x


def reading(run: str, text: str, where: str) -> Reading:
    """A text before the model of a RUN.

    Args:
        run: the folder or the model file.
        text: the text.
        where: the command, for errors.

    Raises:
        UsageError E126: a model without a tokenizer. DataError E363: a text without a token.
        DataError E365: characters that the model does not know.
    """
    model = Model.load(model_file(run))
    if model.network is None or not model.tokenizers:
        raise UsageError(
            "E126", where=where, expected="a model created with tokenizer=...", received="no tokenizer",
            fix='cr.Model(net, "cross_entropy", tokenizer=tokenizer)',
        )  # fmt: skip
    name, spec = next(iter(model.network.inputs.items()))
    tokenizer = model.tokenizers.get(name) or model.tokenizers[""]
    tokens = tokenizer.encode(text, unknown=False)
    if not len(tokens):
        raise DataError("E363", where="--text", expected="at least 1 token", received="none")
    writes = next(iter(model.network.inference.outputs.values())).spec.rank == 3
    tokens = np.array([BEGIN, *tokens] if writes else tokens)
    length = spec.shape[1] if isinstance(spec.shape[1], int) else len(tokens)
    return Reading(model, tokenizer, tokens, writes, length)
