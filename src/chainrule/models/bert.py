"""BERT: a bidirectional text encoder with a head for classification, sentence vectors or word vectors."""

from __future__ import annotations

from typing import Unpack

from chainrule.models.model_card import BATCH, ModelCard, require_counts
from chainrule.models.transformer import Stack, StackOverrides, resolve_stack
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
from chainrule.symbolic_shape import Spec
from chainrule.validation import unknown

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
    vocabulary_size: int = 30_522,
    length: int = 512,
    types: int = 2,
    dropout: float = 0.1,
    **change: Unpack[StackOverrides],
) -> TextEncoder:
    """Build BERT, a bidirectional text encoder: a contextual vector for each word, or one for the text.

    The parameters of the base size, C = 768:

    =========  ======================================================  ===========
    words      30,522 x 768                                             23,440,896
    position   512 x 768                                                   393,216
    types      2 x 768                                                       1,536
    norm       2 x 768                                                       1,536
    blocks     12 x (12 C^2 + 13 C) = 12 x 7,087,872                    85,054,464
    pooler     768 x 768 + 768                                             590,592
    all                                                                109,482,240
    =========  ======================================================  ===========

    Shapes: words (B, T), integers, T at most ``length``; or by name ``sequence`` (B, T), and optionally
    ``mask`` (B, T), true at valid positions, and ``types`` (B, T), 0 for the first text and 1 for the second
    -> (B, C), or (B, T, C) with ``head="sequence"``. Without a mask, words with index 0 are padding: that is
    ``[PAD]`` in every vocabulary of BERT.

    Args:
        size: ``"base"`` or ``"large"``, section 3 of the paper; ``"small"`` (Turc et al. 2019); ``"minilm"``,
            384 channels and 6 blocks, the form of all-MiniLM-L6-v2 (Wang et al. 2020).
        head: how the word vectors are reduced: ``"pooled"``, the first one after a dense layer and tanh, for
            classifiers; ``"sentence"``, the mean over valid positions, normalized to length 1, so that the
            dot product of two sentences measures their similarity; ``"sequence"``, all of them; or a custom
            layer with the inputs ``sequence`` and ``mask``.
        vocabulary_size: number of words.
        length: maximum number of positions.
        types: number of segment types.
        dropout: dropout rate; 0 omits the layers.
        change: ``width``, ``depth``, ``heads``, ``units``, to override those of the size.

    Raises:
        UsageError E101, E102: an unknown size or head; a number below 1.
        ShapeError E221: heads that do not divide the width.
        ShapeError E224, E211: at run time, a text longer than ``length``, a word outside the vocabulary_size.

    Example:
        >>> bert("minilm", head="sentence").head.names
        ('mean', 'unit')

    Reference: Devlin, Chang, Lee and Toutanova (2019), BERT: pre-training of deep bidirectional transformers
    for language understanding (NAACL).
    """
    require_counts("bert", vocabulary_size=vocabulary_size, length=length, types=types)
    stack = resolve_stack("bert", size, SIZES, change)
    block = TransformerEncoderLayer(
        stack.heads,
        units=stack.units,
        activation="gelu",
        dropout=dropout,
        norm=NORM,
        weight_initializer=SMALL,
    )  # normalized after each part
    return TextEncoder(
        Embedding(vocabulary_size, stack.width, weight_initializer=SMALL),
        LearnedPosition(length),
        TransformerEncoder(block, stack.depth),
        types=Embedding(types, stack.width, weight_initializer=SMALL),
        norm=NORM,
        dropout=dropout,
        padding_index=0,
        head=_head(head, stack.width),
    )


def _head(head: str | Layer, width: int) -> Layer | None:
    """Return the layer that reduces the word vectors."""
    if isinstance(head, Layer):
        return head
    if head not in HEADS:
        raise unknown("cr.models.bert, head", head, HEADS, 'head="{}"')
    if head == "pooled":
        return Sequential(first=SequencePool("first"), pooler=Dense(width, "tanh", weight_initializer=SMALL))
    return None if head == "sequence" else Sequential(mean=SequencePool("mean"), unit=UnitNorm())


BERT = ModelCard(
    bert,
    "BERT 文本编码器",
    (
        "Reads a text in both directions and outputs a vector for each word, or one for the text.",
        "双向读文本，给出每个词的向量或整句的向量。",
    ),
    109_482_240,
    "the weights published by Google, as in Hugging Face's BertModel, with the pooler",
    "Devlin, Chang, Lee and Toutanova (2019), BERT: pre-training of deep bidirectional transformers for "
    "language understanding (NAACL)",
    {"x": Spec((BATCH, 512), "int64")},
)
