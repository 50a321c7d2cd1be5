"""First names for a language model of characters: read, split and encode them, and score n-gram models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

import chainrule as cr
from chainrule.data import PAD, split
from chainrule.data.datasets import open_dataset
from chainrule.errors import fact
from chainrule.messages import Texts
from chainrule.metrics import SampledScore
from chainrule_examples import COMMON
from chainrule_examples.ngram import NGram, best_order
from chainrule_examples.score_table import Score

FILES = ("names/dist.female.first", "names/dist.male.first")
LENGTH = 16  # tokens of a name with its end
UNIGRAM = fact("frequency of letters")
OPTIONS: Texts = {
    **COMMON,
    "data": "archive or folder of names",
    "long": "two blocks of 64 channels",
    "epochs": "maximum number of epochs; 0: chosen for the network",
    "out": "folder for the model, the scores and the derived step",
}
TEXTS: Texts = {
    "data": "{0:,} training, {1:,} validation, {2:,} test names",
    "done": "seed {seed}: {size:,} parameters, {epochs} epochs, {speed:,.0f} tokens per second of CPU",
    "speed": "Published, with 1 name per step: 7,430 in pure Python, 40,244 in NumPy; here {batch} names",
    "names": "Invented names, {share:.0%} of them not in the list: {names}",
    "note": (
        "The names were given in the United States before 1990; the test names are of the same list."
        "\nSomebody may have an invented name."
    ),
}


class Names(NamedTuple):
    """Training, validation and test names.

    Args:
        parts: the names of each part.
        tokenizer: of the characters of the training names.
        tokens: the tokens of each name with begin and end.
        rows: inputs and targets of each part, (N, LENGTH).
    """

    parts: list[list[str]]
    tokenizer: cr.Tokenizer
    tokens: list[list[np.ndarray]]
    rows: list[tuple[np.ndarray, np.ndarray]]


def read_names(data: str) -> Names:
    """Read the different names, in lower case; a line of a file is a name and its frequencies.

    Args:
        data: archive or folder of the package; empty: a copy is looked for or downloaded.

    Raises:
        DataError: as ``open_dataset``; E307 not UTF-8; E331 too few names.
    """
    archive = open_dataset("names", data)
    lines = [line.split() for file in FILES for line in archive.text(file).splitlines()]
    names = sorted({line[0].lower()[: LENGTH - 1] for line in lines if line})
    rows = split(np.zeros(len(names)), 0, (0.8, 0.1, 0.1))
    parts = [[names[i] for i in part] for part in (rows.train, rows.validation, rows.test)]
    tokenizer = cr.Tokenizer.learn(parts[0], "character", 4 + len(set("".join(parts[0]))))
    tokens = [tokenizer.encode_all(part, ends=True) for part in parts]
    return Names(parts, tokenizer, tokens, [cr.text_rows(part, LENGTH) for part in tokens])


def baseline_scores(names: Names) -> list[Score]:
    """The perplexity of n-gram models on the test names; the order is chosen on the validation names."""
    size = names.tokenizer.size
    training, validation, test = ([ids[1:] for ids in part] for part in names.tokens)  # without the begin
    unigram, best = NGram(training, 1, size), best_order(training, validation, size)
    title = fact("{order}-gram model (Kneser-Ney)", order=best.order)
    pairs, lengths = ((UNIGRAM, unigram), (title, best)), [len(ids) for ids in test]
    runs = ((name, perplexity(model.losses(test), lengths)) for name, model in pairs)
    return [Score.on_test_set(name, [{"perplexity": own}]) for name, own in runs]


def perplexity(losses: np.ndarray, lengths: Sequence[int]) -> SampledScore:
    """The perplexity of names.

    Args:
        losses: (T,) of the tokens of all names.
        lengths: (N,) the number of tokens of each name.

    Example:
        >>> perplexity(np.log([2.0, 8.0, 4.0]), [2, 1]).value
        4.0
    """
    names, counts = np.repeat(np.arange(len(lengths)), lengths), np.array(lengths)
    sums = np.bincount(names, losses)
    return SampledScore(lambda nats, tokens: float(np.exp(nats.sum() / tokens.sum())), (sums, counts))


def losses_of(model: cr.Model, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The loss of each token, (T,), and the number of tokens of each row."""
    p, is_token = np.asarray(model.predict_proba(x)), y != PAD  # (N, L, size)
    right = np.take_along_axis(p, y[..., None], axis=-1)[..., 0]
    return -np.log(right[is_token]), is_token.sum(axis=1).tolist()
