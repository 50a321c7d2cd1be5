"""The Transformer of 2017: an encoder reads a sentence, a decoder outputs its translation word by word."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict, Unpack

from chainrule.errors import ShapeError, fact
from chainrule.models.model_card import BATCH, ModelCard, require_counts
from chainrule.nn.blocks.language import Translator
from chainrule.nn.blocks.transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from chainrule.nn.layers.embedding import Embedding, Unembedding
from chainrule.nn.layers.normalization import LayerNorm
from chainrule.nn.layers.position_encoding import SinusoidalPosition
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec
from chainrule.validation import unknown

# Sizes of a stack of Transformer blocks.
#
# Every model of this family has named sizes, each of which consists of four numbers. A size is selected by
# its name, and any of the four numbers can be overridden: ``gpt2("small", depth=2)``.


@frozen
class Stack:
    """A size of a model.

    Args:
        width: channels of each position.
        depth: number of blocks.
        heads: number of attention heads, a divisor of the width.
        units: width of the hidden layer of each feed-forward network; ``None`` is four times the width, as in
            all of these papers.
    """

    width: int
    depth: int
    heads: int
    units: int | None = None


class StackOverrides(TypedDict, total=False):
    """The numbers that override those of a size; see ``Stack``."""

    width: int
    depth: int
    heads: int
    units: int


def resolve_stack(model: str, size: str, sizes: Mapping[str, Stack], change: StackOverrides) -> Stack:
    """Look up a size by name and apply overrides.

    Args:
        model: the calling function, for errors.
        size: the name.
        sizes: the sizes of the paper.
        change: the numbers to override.

    Raises:
        UsageError E101: an unknown size, or an override that is none of the four.
        UsageError E102: a number below 1.
        ShapeError E221: heads that do not divide the width.

    Example:
        >>> resolve_stack("gpt2", "small", {"small": Stack(768, 12, 12)}, {"depth": 2})
        Stack(width=768, depth=2, heads=12, units=None)
    """
    if size not in sizes:
        raise unknown(f"{model}, size", size, list(sizes), 'size="{}"')
    known = {name: getattr(sizes[size], name) for name in StackOverrides.__annotations__}
    for name in change:
        if name not in known:
            raise unknown(model, name, list(known), "{}=4")
    require_counts(model, **change)
    chosen = Stack(**{**known, **change})
    if chosen.width % chosen.heads:
        lower = chosen.heads * max(1, chosen.width // chosen.heads)
        upper = lower + chosen.heads
        expected = fact(
            "width {lower} or {upper}, for {heads} heads", lower=lower, upper=upper, heads=chosen.heads
        )
        received = fact("width {width}", width=chosen.width)
        fix = f"width={upper}"
        raise ShapeError("E221", op=model, what=fact("heads"), expected=expected, received=received, fix=fix)
    return chosen


SIZES = {"small": Stack(256, 2, 4), "base": Stack(512, 6, 8), "big": Stack(1024, 6, 16)}


def transformer(
    size: str = "base",
    vocabulary_size: int = 37_000,
    target_vocabulary_size: int | None = None,
    dropout: float = 0.1,
    norm_first: bool = False,
    padding: int | None = 0,
    **change: Unpack[StackOverrides],
) -> Translator:
    """Build the Transformer for translation: for each word of the target the scores of the next one.

    The parameters of the base size, C = 512, with one vocabulary of 37,000 for both texts:

    ===============  ==============================================================  ==========
    words            37,000 x 512, used three times: source, target, scores          18,944,000
    attention        4 x (512 x 512 + 512) = 1,050,624
    feed-forward     512 x 2048 + 2048 + 2048 x 512 + 512 = 2,099,712
    norm             2 x 512 = 1,024
    encoder          6 x (1 attention + 1 feed-forward + 2 norms) = 6 x 3,152,384    18,914,304
    decoder          6 x (2 attentions + 1 feed-forward + 3 norms) = 6 x 4,204,032   25,224,192
    all                                                                              63,082,496
    ===============  ==============================================================  ==========

    The paper rounds to 65 million and states "about 37,000" for the vocabulary.

    Shapes: ``source`` (B, Ts) and ``target`` (B, T), integers; optionally ``source_mask`` (B, Ts) -> (B, T,
    vocabulary_size).

    Args:
        size: ``"base"`` or ``"big"`` of table 3, or ``"small"`` as in the authors' library (tensor2tensor): 2
            blocks of 256 channels, 4 heads.
        vocabulary_size: number of words of both texts, or of the source.
        target_vocabulary_size: number of words of the target, if the texts share none; it then has its own
            embedding, which is shared with the scores.
        dropout: dropout rate; 0.3 for the big size in the paper.
        norm_first: whether parts are normalized before and not after, with one more norm at the end of each
            stack: differs from the paper, but trains well without tuning the learning rate.
        padding: the index of padding words; ``None``: every word is valid.
        change: ``width``, ``depth``, ``heads``, ``units``, to override those of the size.

    Raises:
        UsageError E101, E102: an unknown size; a number below 1.
        ShapeError E221: heads that do not divide the width.
        ShapeError E211: at run time, a word outside the vocabulary_size.

    Example:
        >>> print(transformer("small", vocabulary_size=1000).words)
        Embedding(1000, 256, scale=16.0)

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS), figure 1 and section 3.
    """
    require_counts("transformer", vocabulary_size=vocabulary_size)
    if target_vocabulary_size is not None:
        require_counts("transformer", target_vocabulary_size=target_vocabulary_size)
    stack = resolve_stack("transformer", size, SIZES, change)
    form: dict[str, Any] = {"units": stack.units, "dropout": dropout, "norm_first": norm_first}
    last = LayerNorm() if norm_first else None
    body = Transformer(
        TransformerEncoder(TransformerEncoderLayer(stack.heads, **form), stack.depth, norm=last),
        TransformerDecoder(TransformerDecoderLayer(stack.heads, **form), stack.depth, norm=last),
    )
    words = Embedding(vocabulary_size, stack.width, scale=math.sqrt(stack.width))  # section 3.4
    own = None if target_vocabulary_size is None else replace(words, vocabulary_size=target_vocabulary_size)
    output = Unembedding("words" if own is None else "target_words")
    return Translator(
        words, SinusoidalPosition(), body, output, target_words=own, dropout=dropout, padding_index=padding
    )


TRANSFORMER = ModelCard(
    transformer,
    "Transformer 翻译网络（2017）",
    (
        "Translates: an encoder reads a sentence, a decoder outputs its translation, with attention only.",
        "翻译网络：编码器读一句话，解码器逐词写出译文，只用注意力。",
    ),
    63_082_496,
    "sections 3.1 to 3.4 and 5.1 with 37,000 words; the paper rounds to 65 million",
    "Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin (2017), Attention is all you "
    "need (NeurIPS)",
    {name: Spec((BATCH, 64), "int64") for name in ("source", "target")},
)
