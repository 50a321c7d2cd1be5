"""GPT-2: a stack of blocks that look back, trained for nothing but to guess the next word."""

from __future__ import annotations

import math
from typing import Unpack

from chainrule.models.model_card import BATCH, Model, chain, require_counts
from chainrule.models.transformer_stack import Change, Stack, stacked
from chainrule.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer
from chainrule.nn.initializer import SmallNormal
from chainrule.nn.layers.containers import Dropout, Sequential
from chainrule.nn.layers.embedding import Embedding, Unembedding
from chainrule.nn.layers.normalization import LayerNorm
from chainrule.nn.layers.position_encoding import LearnedPosition
from chainrule.spec import Spec

SIZES = {
    "small": Stack(768, 12, 12),
    "medium": Stack(1024, 24, 16),
    "large": Stack(1280, 36, 20),
    "xl": Stack(1600, 48, 25),
}
STD = 0.02


def gpt2(
    size: str = "small",
    vocabulary: int = 50_257,
    length: int = 1024,
    dropout: float = 0.1,
    **change: Unpack[Change],
) -> Sequential:
    """Continues a text: gives for each word the scores of the one after it.

    With vocabulary V, length N and width C it learns V C + N C numbers for words and places, 12 C^2 + 13 C in
    each block and 2 C in the norm at the end; the scores cost none, as they use the table of words. For the
    small size 38,597,376 + 786,432 + 12 x 7,087,872 + 1,536 = 124,439,808.

    Shapes: whole numbers (B, T) -> (B, T, vocabulary), T at most ``length``.

    Args:
        size: ``"small"``, ``"medium"``, ``"large"`` or ``"xl"``: table 2 of the paper.
        vocabulary: how many words there are; 50,257 byte pairs are OpenAI's.
        length: how many words it can look back.
        dropout: the chance of a number to be dropped in training; 0 leaves it out.
        change: ``width``, ``depth``, ``heads``, ``units``, where they differ from the size.

    Fails:
        UsageError E101, E102: no such size; a number below 1. ShapeError E221: heads that do not divide the
            width.
        ShapeError E224, E211: when it runs, a text longer than ``length``, a word outside the vocabulary.

    Example:
        >>> net = gpt2(vocabulary=65, length=64, width=32, depth=2, heads=4)
        >>> print(*net.names)
        words position dropout blocks output

    Reference: Radford, Wu, Child, Luan, Amodei and Sutskever (2019), Language models are unsupervised
    multitask learners, sections 2.2 and 2.3.
    """
    require_counts("gpt2", vocabulary=vocabulary, length=length)
    stack = stacked("gpt2", size, SIZES, change)
    block = TransformerEncoderLayer(
        stack.heads, units=stack.units, activation="gelu_tanh", dropout=dropout, norm_first=True, causal=True,
        weight_init=SmallNormal(STD), output_init=SmallNormal(round(STD / math.sqrt(2 * stack.depth), 6)),
    )  # fmt: skip
    return chain(
        words=Embedding(vocabulary, stack.width, weight_init=SmallNormal(STD)),  # (B, T) -> (B, T, C)
        position=LearnedPosition(length),
        dropout=Dropout(dropout) if dropout else None,
        blocks=TransformerEncoder(block, stack.depth, norm=LayerNorm()),
        output=Unembedding("words"),  # -> (B, T, vocabulary)
    )


GPT2 = Model(
    gpt2,
    "GPT-2 语言模型",
    (
        "Continues a text: blocks that look back, trained to guess the next word.",
        "续写文本：每个词只看前文，训练目标是预测下一个词。",
    ),
    124_439_808,
    "the weights OpenAI published, as Hugging Face's GPT2Model holds them",
    "Radford, Wu, Child, Luan, Amodei and Sutskever (2019), Language models are unsupervised multitask "
    "learners",
    {"x": Spec((BATCH, 1024), "int64")},
)
