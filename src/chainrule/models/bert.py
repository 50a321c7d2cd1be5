"""BERT: an encoder that reads a text in both directions, and a head that takes from it what is needed."""

from __future__ import annotations

from typing import Unpack

from chainrule.models.model_card import BATCH, Model, require_counts
from chainrule.models.transformer_stack import Change, Stack, stacked
from chainrule.nn.blocks.language import TextEncoder
from chainrule.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer
from chainrule.nn.initializer import SmallNormal
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.embedding import Embedding
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.normalization import LayerNorm, UnitNorm
from chainrule.nn.layers.position_encoding import LearnedPosition
from chainrule.nn.layers.sequence_pool import SequencePool
from chainrule.nn.validation import unknown
from chainrule.spec import Spec

SIZES = {
    "minilm": Stack(384, 6, 12),
    "small": Stack(512, 4, 8),
    "base": Stack(768, 12, 12),
    "large": Stack(1024, 24, 16),
}
HEADS = ["pooled", "sentence", "sequence"]
NORM = LayerNorm(epsilon=1e-12)
SMALL = SmallNormal(0.02)


def bert(
    size: str = "base",
    head: str | Layer = "pooled",
    vocabulary: int = 30_522,
    length: int = 512,
    types: int = 2,
    dropout: float = 0.1,
    **change: Unpack[Change],
) -> TextEncoder:
    """Reads a text in both directions: each word's vector tells what the word means in this text.

    The numbers it learns, for the base size, C = 768:

    =========  ======================================================  ===========
    words      30,522 x 768                                             23,440,896
    position   512 x 768                                                   393,216
    types      2 x 768                                                       1,536
    norm       2 x 768                                                       1,536
    blocks     12 x (12 C^2 + 13 C) = 12 x 7,087,872                    85,054,464
    pooler     768 x 768 + 768                                             590,592
    all                                                                109,482,240
    =========  ======================================================  ===========

    Shapes: words (B, T), whole numbers, T at most ``length``; or by name ``sequence`` (B, T), and perhaps
    ``mask`` (B, T), true where a word counts, and ``types`` (B, T), 0 for the first text and 1 for the second
    -> (B, C), or (B, T, C) with ``head="sequence"``. Without a mask, words of number 0 do not count: that is
    ``[PAD]`` in every vocabulary of BERT.

    Args:
        size: ``"base"`` or ``"large"``, section 3 of the paper; ``"small"`` (Turc et al. 2019); ``"minilm"``,
            384 channels and 6 blocks, the form of all-MiniLM-L6-v2 (Wang et al. 2020).
        head: what is made of the words' vectors: ``"pooled"``, the first one after a dense layer and tanh,
            for classifiers; ``"sentence"``, the mean of those that count, brought to length 1, so that the
            product of two sentences says how alike they are; ``"sequence"``, all of them; or a layer of
            one's own, which is given ``sequence`` and ``mask``.
        vocabulary: how many words there are.
        length: how many places there are.
        types: how many kinds of places there are.
        dropout: the chance of a number to be dropped in training; 0 leaves it out.
        change: ``width``, ``depth``, ``heads``, ``units``, where they differ from the size.

    Fails:
        UsageError E101, E102: no such size or head; a number below 1. ShapeError E221: heads that do not
            divide the width.
        ShapeError E224, E211: when it runs, a text longer than ``length``, a word outside the vocabulary.

    Example:
        >>> bert("minilm", head="sentence").head.names
        ('mean', 'unit')

    Reference: Devlin, Chang, Lee and Toutanova (2019), BERT: pre-training of deep bidirectional transformers
    for language understanding (NAACL).
    """
    require_counts("bert", vocabulary=vocabulary, length=length, types=types)
    stack = stacked("bert", size, SIZES, change)
    block = TransformerEncoderLayer(
        stack.heads, units=stack.units, activation="gelu", dropout=dropout, norm=NORM, weight_init=SMALL
    )  # normalised after each part
    return TextEncoder(
        Embedding(vocabulary, stack.width, weight_init=SMALL),
        LearnedPosition(length),
        TransformerEncoder(block, stack.depth),
        types=Embedding(types, stack.width, weight_init=SMALL),
        norm=NORM, dropout=dropout, padding=0, head=_head(head, stack.width),
    )  # fmt: skip


def _head(head: str | Layer, width: int) -> Layer | None:
    """What is made of the words' vectors."""
    if isinstance(head, Layer):
        return head
    if head not in HEADS:
        raise unknown("cr.models.bert, head", head, HEADS, 'head="{}"')
    if head == "pooled":
        return Sequential(first=SequencePool("first"), pooler=Dense(width, "tanh", weight_init=SMALL))
    return None if head == "sequence" else Sequential(mean=SequencePool("mean"), unit=UnitNorm())


BERT = Model(
    bert,
    "BERT 文本编码器",
    (
        "Reads a text in both directions and gives vectors for its words, or one for the whole.",
        "双向读文本，给出每个词的向量或整句的向量。",
    ),
    109_482_240,
    "the weights Google published, as Hugging Face's BertModel holds them, with the pooler",
    "Devlin, Chang, Lee and Toutanova (2019), BERT: pre-training of deep bidirectional transformers for "
    "language understanding (NAACL)",
    {"x": Spec((BATCH, 512), "int64")},
)
