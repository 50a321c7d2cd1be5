"""Language networks: a text encoder, and an encoder-decoder for translation.

Both begin alike. A word becomes a vector, and its position is added; from there on there are only vectors,
and blocks (``chainrule.nn.blocks.transformer``) in which they attend to each other. Padding words, with which
short texts are filled up, must not be attended to: if the index of the padding word is given
(``padding_index``), the mask is computed here, from the words themselves, and need not be passed along.

A network that only continues a text needs no special layer: it is an embedding, positions, causal blocks and
``Unembedding``, one after the other. A causal text needs no mask either, as padding is at its end, where no
other word attends to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.attention.inputs import require_names
from chainrule.nn.blocks.transformer import picked
from chainrule.nn.incremental_decoding import at_once
from chainrule.nn.layer import Layer, Value, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.validation import require_integer, require_number

TRANSLATED = {"source", "target", "source_mask", "target_mask"}


@layer
class TextEncoder(Layer):
    """Text encoder as in BERT: embeddings, position encoding, transformer blocks and an optional head.

    Shapes: integers (B, T) -> (B, T, C), or what the head makes of it. By name: ``sequence`` (B, T);
    perhaps ``mask`` (B, T), true where a word counts; perhaps ``types`` (B, T), which part of the text a word
    belongs to, 0 by default.

    Formula: x = norm(words[w] + W[t] + types[s]), then the blocks, then the head.

    Args:
        words: the vector of each word, an ``Embedding``.
        position: the position encoding.
        blocks: such as a ``TransformerEncoder``.
        types: the vector of each type, an ``Embedding``; ``None``: there are none.
        norm: of the sum; ``None``: none.
        dropout: the chance of a number of the sum to be dropped in training.
        padding_index: the number of the word that stands for none: where no mask is given, such words do not
            count.
        head: what follows the blocks: it is given ``sequence`` and, if there is one, ``mask``.

    Raises:
        As its parts. UsageError E101: names that are none of these. E104: a part that is not a layer.
        ShapeError E211: a word outside the vocabulary. E224: a text longer than the positions.

    Example:
        >>> from chainrule.nn.layers.embedding import Embedding
        >>> from chainrule.nn.layers.position_encoding import LearnedPosition
        >>> from chainrule.nn.blocks.transformer import TransformerEncoderLayer
        >>> print(TextEncoder(Embedding(100, 8), LearnedPosition(512), TransformerEncoderLayer(2)))
        TextEncoder(Embedding(100, 8), LearnedPosition(512), TransformerEncoderLayer(2))

    Reference: Devlin, Chang, Lee and Toutanova (2019), BERT: pre-training of deep bidirectional transformers
    for language understanding (NAACL).
    """

    chinese = ("文本编码器", "像 BERT 那样读一段文本：词变为向量，各层让每个词看到所有词。")
    words: Layer
    position: Layer
    blocks: Layer
    _: KW_ONLY
    types: Layer | None = None
    norm: Layer | None = None
    dropout: float = 0.1
    padding_index: int | None = None
    head: Layer | None = None

    def check(self) -> None:
        _require_parts(self, "words", "position", "blocks", "types", "norm", "head")

    def __call__(self, x: Value, scope: Scope) -> Value:  # x (B, T) -> (B, T, C), or as the head
        inputs = dict(x) if isinstance(x, Mapping) else {"sequence": x}
        may = {"sequence", "mask"} | ({"types"} if self.types is not None else set())
        require_names(inputs, {"sequence"}, may)
        words = inputs["sequence"]
        y = scope.run(self.position, scope.run(self.words, words, "words"), "position")  # (B, T, C)
        if self.types is not None:
            y = y + scope.run(self.types, inputs.get("types", words * 0), "types")
        if self.norm is not None:
            y = scope.run(self.norm, y, "norm")
        if self.dropout:
            y = scope.run(Dropout(self.dropout), y, "dropout")
        masks = _mask(self.padding_index, inputs, "sequence", "mask")
        y = scope.run(self.blocks, {"sequence": y, **masks}, "blocks")
        return y if self.head is None else scope.run(self.head, {"sequence": y, **masks}, "head")


@layer
class Translator(Layer):
    """Encoder-decoder for translation as in the Transformer of 2017: from words to scores of the next words.

    Shapes: by name ``source`` (B, Ts) and ``target`` (B, T), integers; perhaps ``source_mask`` and
    ``target_mask``, true where a word counts -> (B, T, vocabulary): for each word of the target the scores of
    the one after it.

    Args:
        words: the vector of each word, an ``Embedding``: of both texts, unless ``target_words`` is given.
        position: the position encoding of both texts.
        transformer: what reads and writes, a ``Transformer``.
        output: scores each word: ``Unembedding("words")`` with the table of the words themselves, or a
            ``Dense``.
        target_words: the vector of each word of the target, where the two texts share no vocabulary.
        dropout: the chance of a number of a word to be dropped in training.
        padding_index: the index of the padding word: if no mask is given, such words of the
            source are masked. In the target they come after all others, which attend only to earlier
            words.

    Raises:
        As its parts. UsageError E101: names that are none of these. E104: a part that is not a layer.
        ShapeError E211: a word outside the vocabulary.

    Example:
        >>> from chainrule.nn import Embedding, SinusoidalPosition, Transformer, TransformerDecoderLayer
        >>> from chainrule.nn import TransformerEncoderLayer, Unembedding
        >>> body = Transformer(TransformerEncoderLayer(2), TransformerDecoderLayer(2))
        >>> print(Translator(Embedding(99, 8), SinusoidalPosition(), body, Unembedding("words")))
        Translator(
          words: Embedding(99, 8)
          position: SinusoidalPosition()
          transformer: Transformer(TransformerEncoderLayer(2), TransformerDecoderLayer(2))
          output: Unembedding(table='words')
        )

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS), figure 1.
    """

    chinese = ("翻译网络", "2017 年的 Transformer：读一段文本，逐词写出另一段。")
    words: Layer
    position: Layer
    transformer: Layer
    output: Layer
    _: KW_ONLY
    target_words: Layer | None = None
    dropout: float = 0.1
    padding_index: int | None = None

    def check(self) -> None:
        _require_parts(self, "words", "position", "transformer", "output", "target_words")

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        require_names(x, {"source", "target"}, TRANSLATED)
        inputs = picked(x, target_mask="target_mask")
        inputs |= _mask(self.padding_index, x, "source", "source_mask")
        inputs["source"] = self._placed(self.words, x["source"], ("words", "source"), at_once(scope))
        own = (self.words, "words") if self.target_words is None else (self.target_words, "target_words")
        inputs["target"] = self._placed(own[0], x["target"], (own[1], "target"), scope)
        y = scope.run(self.transformer, inputs, "transformer")  # (B, T, C)
        return scope.run(self.output, y, "output")  # -> (B, T, vocabulary)

    def _placed(self, words: Layer, text: Node, names: tuple[str, str], scope: Scope) -> Node:
        """Return the vectors of a text with their positions: (B, T) -> (B, T, C)."""
        table, name = names
        y = scope.run(self.position, scope.run(words, text, table), f"{name}_position")
        return scope.run(Dropout(self.dropout), y, f"{name}_dropout") if self.dropout else y


def _mask(padding: int | None, x: Mapping[str, Node], words: str, name: str) -> dict[str, Node]:
    """Return the mask that was passed or that follows from the padding index; empty if there is neither."""
    if name in x or padding is None:
        return picked(x, **{name: name})
    return {name: F.not_equal(x[words], padding)}


def _require_parts(owner: TextEncoder | Translator, *names: str) -> None:
    """Refuse parts that are no layers, and settings out of their range."""
    for name in names:
        part = getattr(owner, name)
        if part is not None:
            require_layer(f"{type(owner).__name__}, {name}", part)
    require_number(owner, "dropout", minimum=0, below=1)
    if owner.padding_index is not None:
        require_integer(owner, "padding_index", 0, fix="padding_index=0")
