"""GPT-2: a stack of causal Transformer blocks, trained to predict the next word."""

from __future__ import annotations

import math
from typing import Unpack

from chainrule.models.model_card import BATCH, ModelCard, chain, require_counts
from chainrule.models.transformer import Stack, StackOverrides, resolve_stack
from chainrule.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer
from chainrule.nn.initializer import SmallNormal
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.embedding import Embedding, Unembedding
from chainrule.nn.layers.normalization import LayerNorm
from chainrule.nn.layers.position_encoding import LearnedPosition
from chainrule.symbolic_shape import Spec

SIZES = {
    "small": Stack(768, 12, 12),
    "medium": Stack(1024, 24, 16),
    "large": Stack(1280, 36, 20),
    "xl": Stack(1600, 48, 25),
}
STD = 0.02


def gpt2(
    size: str = "small",
    vocabulary_size: int = 50_257,
    length: int = 1024,
    dropout: float = 0.1,
    **change: Unpack[StackOverrides],
) -> Sequential:
    """Build GPT-2, a language model: for each word the scores of the next one.

    With vocabulary V, length N and width C, it has V C + N C parameters for words and positions, 12 C^2 + 13
    C in each block and 2 C in the final norm; the scores add none, as they share the word embedding. For the
    small size: 38,597,376 + 786,432 + 12 x 7,087,872 + 1,536 = 124,439,808.

    Shapes: integers (B, T) -> (B, T, vocabulary_size), T at most ``length``.

    Args:
        size: ``"small"``, ``"medium"``, ``"large"`` or ``"xl"``: table 2 of the paper.
        vocabulary_size: number of words; OpenAI uses 50,257 byte pairs.
        length: maximum number of positions.
        dropout: dropout rate; 0 omits the layers.
        change: ``width``, ``depth``, ``heads``, ``units``, to override those of the size.

    Raises:
        UsageError E101, E102: an unknown size; a number below 1.
        ShapeError E221: heads that do not divide the width.
        ShapeError E224, E211: at run time, a text longer than ``length``, a word outside the vocabulary.

    Example:
        >>> net = gpt2(vocabulary_size=65, length=64, width=32, depth=2, heads=4)
        >>> print(*net.names)
        words position dropout blocks output

    Reference: Radford, Wu, Child, Luan, Amodei and Sutskever (2019), Language models are unsupervised
    multitask learners, sections 2.2 and 2.3.
    """
    require_counts("gpt2", vocabulary_size=vocabulary_size, length=length)
    stack = resolve_stack("gpt2", size, SIZES, change)
    block = TransformerEncoderLayer(
        stack.heads,
        units=stack.units,
        activation="gelu_tanh",
        dropout=dropout,
        norm_first=True,
        causal=True,
        weight_initializer=SmallNormal(STD),
        output_initializer=SmallNormal(round(STD / math.sqrt(2 * stack.depth), 6)),
    )
    return chain(
        words=Embedding(vocabulary_size, stack.width, weight_initializer=SmallNormal(STD)),
        # (B, T) -> (B, T, C)
        position=LearnedPosition(length),
        dropout=Dropout(dropout) if dropout else None,
        blocks=TransformerEncoder(block, stack.depth, norm=LayerNorm()),
        output=Unembedding("words"),  # -> (B, T, vocabulary_size)
    )


GPT2 = ModelCard(
    gpt2,
    "GPT-2 语言模型",
    (
        "Continues a text: causal blocks, trained to predict the next word.",
        "续写文本：每个词只看前文，训练目标是预测下一个词。",
    ),
    124_439_808,
    "the weights published by OpenAI, as in Hugging Face's GPT2Model",
    "Radford, Wu, Child, Luan, Amodei and Sutskever (2019), Language models are unsupervised multitask "
    "learners",
    {"x": Spec((BATCH, 1024), "int64")},
)
