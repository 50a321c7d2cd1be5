"""Transformers: blocks of attention and a feed-forward network, each with a residual connection.

A block has two or three parts, and each part is x + part(x) with a normalization. The position of the
normalization matters:

    after   x <- norm(x + part(x))   the paper; deep networks need a warm-up of the learning rate
    before  x <- x + part(norm(x))   no normalization on the residual path, so training is more stable; needs
                                     one more normalization after the last block

A block of an encoder attends to all positions of one sequence, a block of a decoder to earlier positions of
its own sequence and to all positions of another one, the *memory*. A network that only continues a text (GPT)
is an encoder with ``causal=True``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from typing import Any

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import known_activation
from chainrule.nn.attention.inputs import require_names, require_sequence
from chainrule.nn.attention.multi_head import GroupedQueryAttention, Heads, MultiHeadAttention
from chainrule.nn.attention.single_head import require_flags
from chainrule.nn.incremental_decoding import at_once
from chainrule.nn.initializer import Initializer, known_initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.normalization import LayerNorm
from chainrule.nn.layers.position_encoding import RotaryPosition
from chainrule.nn.scope import Scope
from chainrule.records import frozen
from chainrule.symbolic_shape import bound, shape_text
from chainrule.validation import require_integer, require_number

# The feed-forward network of a transformer block.


@layer
class FeedForward(Layer):
    """Feed-forward network with one hidden layer, applied to each position of a sequence.

    Shapes: (B, ..., C) -> the same.

    Formula: y = g(x W^T + b) V^T + c; gated: y = (g(x W^T + b) (x U^T + d)) V^T + c.

    Args:
        units: the width of the hidden layer; usually 4 C, gated 8/3 C.
        activation: the name of g, or a layer.
        dropout: the chance of each hidden number to be dropped in training.
        gated: whether a second product decides how much of each hidden number passes (with ``"silu"``:
            SwiGLU).
        bias: whether the products have a bias.
        weight_initializer, output_initializer: initial values of the weights, and of the last ones if others.

    Cost: 4 C units flops a position forward, gated 6.

    Raises:
        ShapeError E208: no axis of channels of known length.
        UsageError E101, E102: unknown activation; a setting out of its range.

    Example:
        >>> print(FeedForward(256, activation="gelu"))
        FeedForward(256, activation='gelu')

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS), section 3.3; Shazeer (2020), GLU
    variants improve Transformer.
    """

    chinese = ("前馈网络", "对每个位置单独作用的两层网络。")
    takes_one = True
    units: int
    _: KW_ONLY
    activation: str | Layer | None = "relu"
    dropout: float = 0.0
    gated: bool = False
    bias: bool = True
    weight_initializer: str | Initializer | None = None
    output_initializer: str | Initializer | None = None

    def check(self) -> None:
        require_integer(self, "units", 1, fix="cr.FeedForward(256)")
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)
        require_number(self, "dropout", minimum=0, below=1)
        require_flags(self, "gated", "bias")
        for init in (self.weight_initializer, self.output_initializer):
            if init is not None:
                known_initializer(init)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        if x.rank < 2 or not isinstance(x.shape[-1], int):
            op = "FeedForward"
            constraint = fact("samples of known length")
            received = shape_text(x.shape)
            fix = fact("cr.Flatten() before it")
            raise ShapeError(
                "E208", op=op, constraint=constraint, expected="(B, ..., C)", received=received, fix=fix
            )
        first = self.weight_initializer
        wide = Dense(self.units, self.activation, bias=self.bias, weight_initializer=first)
        hidden = scope.run(wide, x, "hidden")
        if self.gated:
            gate = Dense(self.units, None, bias=self.bias, weight_initializer=first)
            hidden = hidden * scope.run(gate, x, "gate")
        hidden = Dropout(self.dropout)(hidden, scope)
        last = self.output_initializer or first
        output = Dense(bound(x.shape[-1:])[0], None, bias=self.bias, weight_initializer=last)
        return scope.run(output, hidden, "output")


LAYER_NORM = LayerNorm()
ENCODED = {"sequence", "mask"}
DECODED = {"target", "memory", "target_mask", "memory_mask"}


@frozen
class Block(Layer):
    """The common part of encoder and decoder blocks."""

    is_block = True
    heads: int
    _: KW_ONLY
    units: int | None = None
    activation: str | Layer | None = "relu"
    dropout: float = 0.1
    norm_first: bool = False
    norm: Layer = LAYER_NORM
    groups: int | None = None
    gated: bool = False
    bias: bool = True
    rotary: bool | RotaryPosition = False
    alibi: bool = False
    weight_initializer: str | Initializer | None = None
    output_initializer: str | Initializer | None = None

    def check(self) -> None:
        require_layer(type(self).__name__, self.norm)
        require_flags(self, "norm_first")
        self.attention(True)  # each part checks what it is made of
        self.feed_forward(self.heads)

    def attention(self, causal: bool, is_own: bool = True) -> Heads:
        """Return an attention of the block: to its own sequence, or to the memory, without relative
        positions.

        Args:
            causal: whether a position attends to earlier ones only.
            is_own: whether it attends to its own sequence.
        """
        more: dict[str, Any] = {"rotary": self.rotary, "alibi": self.alibi} if is_own else {}
        more |= {"causal": causal, "dropout": self.dropout, "bias": self.bias}
        more |= {"weight_initializer": self.weight_initializer, "output_initializer": self.output_initializer}
        if self.groups is None:
            return MultiHeadAttention(self.heads, **more)
        return GroupedQueryAttention(self.heads, groups=self.groups, **more)

    def feed_forward(self, channels: int) -> FeedForward:
        """Return the feed-forward network, by default four times as wide as the block.

        Args:
            channels: the width of the block.
        """
        units = 4 * channels if self.units is None else self.units
        inits = {"weight_initializer": self.weight_initializer, "output_initializer": self.output_initializer}
        form = {"activation": self.activation, "dropout": self.dropout, "gated": self.gated}
        return FeedForward(units, bias=self.bias, **form, **inits)  # type: ignore[arg-type]

    def around(self, name: str, x: Node, part: Callable[[Node], Node], scope: Scope) -> Node:
        """Return x + part(x), normalized before or after.

        Args:
            name: the name of the part.
            x: (B, T, C).
            part: maps the normalized input to (B, T, C).
            scope: the scope of the layer.
        """
        y = part(scope.run(self.norm, x, f"{name}_norm") if self.norm_first else x)
        if self.dropout:
            y = scope.run(Dropout(self.dropout), y, f"{name}_dropout")
        return x + y if self.norm_first else scope.run(self.norm, x + y, f"{name}_norm")

    def fed_forward(self, x: Node, scope: Scope) -> Node:
        """Return the last part of every block.

        Args:
            x: (B, T, C).
            scope: the scope of the layer.
        """
        net = self.feed_forward(bound(x.shape[-1:])[0])
        return self.around("feed_forward", x, lambda v: scope.run(net, v, "feed_forward"), scope)


@layer
class TransformerEncoderLayer(Block):
    """Encoder block of a Transformer: self-attention and a feed-forward network, each with a residual
    connection.

    Shapes: (B, T, C) -> the same; or by name ``sequence`` and ``mask``, in one of the forms of
    ``MultiHeadAttention``.

    Formula: x <- norm(x + attention(x)), x <- norm(x + feed_forward(x)); with ``norm_first`` x <- x +
    part(norm(x)).

    Args:
        heads: of the attention.
        units: the width of the small network; 4 C by default.
        activation: of the small network.
        dropout: the chance of a weight of the attention, a hidden number and a part's result to be dropped.
        norm_first: whether parts are normalized before and not after.
        norm: the normalization, such as ``cr.RMSNorm()``.
        groups: heads of keys and values, if fewer than ``heads``.
        gated: whether the small network is gated (``FeedForward``).
        bias: whether the products have a bias.
        rotary, alibi: the position encoding of the attention (``MultiHeadAttention``).
        weight_initializer, output_initializer: initial values of all weights, and if others of those with
            which each part ends: what is added to the way around. GPT-2 draws these the smaller, the more
            blocks there are.
        causal: whether each position attends to earlier ones only, as in a GPT.

    Cost: 8 T C^2 + 4 T^2 C + 4 T C units flops a sample forward.

    Raises:
        As ``MultiHeadAttention`` and ``FeedForward``. UsageError E104: a norm that is not a layer.

    Example:
        >>> print(TransformerEncoderLayer(8, norm_first=True, causal=True))
        TransformerEncoderLayer(8, norm_first=True, causal=True)

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS); Xiong et al. (2020), On layer
    normalization in the Transformer architecture (ICML).
    """

    chinese = ("Transformer 编码器块", "自注意力和前馈网络，各带残差连接与规范化。")
    _: KW_ONLY
    causal: bool = False

    def __call__(self, x: Node | Mapping[str, Node], scope: Scope) -> Node:
        named = x if isinstance(x, Mapping) else {"sequence": x}
        require_names(named, {"sequence"}, ENCODED)
        require_sequence(self, "sequence", named["sequence"], 3)
        attention = self.attention(self.causal)

        def looked(v: Node) -> Node:
            return scope.run(attention, {**named, "sequence": v}, "attention")

        return self.fed_forward(self.around("attention", named["sequence"], looked, scope), scope)


@layer
class TransformerDecoderLayer(Block):
    """Decoder block of a Transformer: self-attention, attention to the memory, and a feed-forward network.

    Shapes: by name ``target`` (B, T, C) and ``memory`` (B, Tm, C'), perhaps ``target_mask`` and
    ``memory_mask`` -> (B, T, C).

    Formula: x <- norm(x + attention(x)), x <- norm(x + attention(x, memory)), x <- norm(x +
    feed_forward(x)); with ``norm_first`` x <- x + part(norm(x)).

    Args:
        heads, units, activation, dropout, norm_first, norm, groups, gated, bias, weight_initializer,
            output_initializer: as in ``TransformerEncoderLayer``.
        rotary, alibi: in the same way, for its own sequence.
        causal: whether each place of the target looks back only, as it must to write word by word.

    Raises:
        As ``TransformerEncoderLayer``.

    Example:
        >>> print(TransformerDecoderLayer(8))
        TransformerDecoderLayer(8)

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS).
    """

    chinese = ("Transformer 解码器块", "自注意力、对编码器的注意力和前馈网络。")
    _: KW_ONLY
    causal: bool = True

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        require_names(x, {"target", "memory"}, DECODED)
        for name in ("target", "memory"):
            require_sequence(self, name, x[name], 3)
        own, other = self.attention(self.causal), self.attention(False, is_own=False)

        def looked(v: Node) -> Node:
            return scope.run(own, {"sequence": v, **picked(x, mask="target_mask")}, "attention")

        def read(v: Node) -> Node:
            inputs = {"query": v, "value": x["memory"], **picked(x, mask="memory_mask")}
            return scope.run(other, inputs, "memory_attention")

        y = self.around("attention", x["target"], looked, scope)
        return self.fed_forward(self.around("memory_attention", y, read, scope), scope)


@layer
class TransformerEncoder(Layer):
    """A sequence of encoder blocks of the same form, all with the same mask.

    Shapes: as the block.

    Args:
        block: the form of each, such as ``TransformerEncoderLayer(8)``; its parameters are drawn separately
            for each.
        num_layers: the number of blocks.
        norm: a normalization after the last; wanted where the blocks have ``norm_first``.

    Raises:
        As the block. UsageError E102, E104: fewer than one block; something that is not a layer.

    Example:
        >>> print(TransformerEncoder(TransformerEncoderLayer(8), 6))
        TransformerEncoder(TransformerEncoderLayer(8), 6)
    """

    chinese = ("Transformer 编码器", "叠起来的编码器块。")
    block: Layer
    num_layers: int
    _: KW_ONLY
    norm: Layer | None = None

    def check(self) -> None:
        _require_stack(self)

    def __call__(self, x: Node | Mapping[str, Node], scope: Scope) -> Node:
        named = x if isinstance(x, Mapping) else {"sequence": x}
        require_names(named, {"sequence"}, ENCODED)
        return _stacked(self, named, "sequence", scope)


@layer
class TransformerDecoder(Layer):
    """A sequence of decoder blocks of the same form, all with the same memory and masks.

    Shapes: as the block.

    Args:
        block: the form of each, such as ``TransformerDecoderLayer(8)``.
        num_layers, norm: as in ``TransformerEncoder``.

    Raises:
        As the block. UsageError E102, E104: fewer than one block; something that is not a layer.

    Example:
        >>> print(TransformerDecoder(TransformerDecoderLayer(8), 6))
        TransformerDecoder(TransformerDecoderLayer(8), 6)
    """

    chinese = ("Transformer 解码器", "叠起来的解码器块。")
    block: Layer
    num_layers: int
    _: KW_ONLY
    norm: Layer | None = None

    def check(self) -> None:
        _require_stack(self)

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        require_names(x, {"target", "memory"}, DECODED)
        return _stacked(self, x, "target", scope)


@layer
class Transformer(Layer):
    """Encoder-decoder Transformer: the decoder attends to the output of the encoder.

    Shapes: by name ``source`` (B, Ts, C) and ``target`` (B, T, C), perhaps ``source_mask`` and
    ``target_mask``; true where a position counts -> (B, T, C). Both are vectors already: ``cr.Embedding`` and
    a position before them, a ``cr.Dense`` for each word after them.

    Args:
        encoder: what reads, such as a ``TransformerEncoder``.
        decoder: what writes, such as a ``TransformerDecoder``.

    Raises:
        As its parts. UsageError E104: something that is not a layer.

    Example:
        >>> print(Transformer(TransformerEncoder(TransformerEncoderLayer(8), 6),
        ...                   TransformerDecoder(TransformerDecoderLayer(8), 6)).encoder)
        TransformerEncoder(TransformerEncoderLayer(8), 6)

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS).
    """

    chinese = ("Transformer", "读一个序列、写另一个序列：编码器加解码器。")
    encoder: Layer
    decoder: Layer

    def check(self) -> None:
        require_layer("Transformer, encoder", self.encoder)
        require_layer("Transformer, decoder", self.decoder)

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        require_names(x, {"source", "target"}, {"source", "target", "source_mask", "target_mask"})
        read = {"sequence": x["source"], **picked(x, mask="source_mask")}
        memory = at_once(scope).run(self.encoder, read, "encoder")
        inputs = picked(x, target="target", target_mask="target_mask", memory_mask="source_mask")
        return scope.run(self.decoder, {**inputs, "memory": memory}, "decoder")


def picked(x: Mapping[str, Node], **names: str) -> dict[str, Node]:
    """Return the values of these names that are there, each under its new name: ``picked(x, new="old")``."""
    return {new: x[old] for new, old in names.items() if old in x}


def _require_stack(owner: TransformerEncoder | TransformerDecoder) -> None:
    require_layer(f"{type(owner).__name__}, block", owner.block)
    require_integer(owner, "num_layers", 1, fix="num_layers=6")
    if owner.norm is not None:
        require_layer(f"{type(owner).__name__}, norm", owner.norm)


def _stacked(
    owner: TransformerEncoder | TransformerDecoder, x: Mapping[str, Node], name: str, scope: Scope
) -> Node:
    """Apply the blocks in sequence: each passes the value of this name to the next."""
    y = x[name]
    for i in range(owner.num_layers):
        y = scope.run(owner.block, {**x, name: y}, f"layer{i + 1}")
    return y if owner.norm is None else scope.run(owner.norm, y, "norm")
