"""Embedding layers: learned vectors for words and other categories.

A word is an integer from 0 to vocabulary_size - 1, and its vector is a row of a table. The lookup equals the
product of a one-hot vector and the table, without computing the product; only the rows that are used get a
gradient.

A network that generates text ends with a score for every word. ``Unembedding`` uses the same table for it
(tied weights), so each word has one vector as input and output.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, UsageError, fact
from chainrule.graph import Node, constant
from chainrule.nn.initializer import ZEROS, Initializer, Scaled, known_initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import space_of
from chainrule.symbolic_shape import bound, count, shape_text
from chainrule.validation import require, require_choice, require_integer, require_number

UNIT = Scaled(gain=1.0, fan="in", distribution="normal")  # rows of length about 1
REDUCTIONS = ["mean", "sum", "max"]


@layer
class Embedding(Layer):
    """Embedding: maps integers to learned vectors.

    Shapes: integers (B, ...) -> (B, ..., units).

    Formula: y = scale W[x], W (vocabulary_size, units).

    Args:
        vocabulary_size: the number of words: x is 0 to vocabulary_size - 1. An input of integers
            alone is int64 in a ``Model``, so that large indices stay exact.
        units: the size of a vector.
        padding_index: the number of a word that stands for none: its vector is 0 and learns nothing.
        weight_initializer: initial values of W; by default normal, rows of length about 1.
        penalty: the penalty on W.
        scale: what every vector is multiplied by, not 0; the Transformer of 2017 has sqrt(units).

    Cost: no arithmetic; reads one row a word.

    Raises:
        ShapeError E211: a number outside the vocabulary, with its position and value.
        UsageError E101, E102: unknown initializer; a setting out of its range.

    Example:
        >>> print(Embedding(10_000, 64, padding_index=0))
        Embedding(10000, 64, padding_index=0)

    Reference: Bengio, Ducharme, Vincent and Jauvin (2003), A neural probabilistic language model (JMLR 3).
    """

    chinese = ("嵌入层", "给每个词一个学到的向量。")
    takes_one = True
    vocabulary_size: int
    units: int
    _: KW_ONLY
    padding_index: int | None = None
    weight_initializer: str | Initializer = UNIT
    penalty: Penalty | None = None
    scale: float = 1.0

    def check(self) -> None:
        _require_table(self)
        require_number(self, "scale")
        require(self, "scale", self.scale != 0, fact("a number other than 0"), "scale=1.0")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ...) -> (B, ..., units)
        rows, is_word = _looked_up(self, x, scope)
        rows = rows if self.scale == 1 else rows * float(self.scale)
        if is_word is None:
            return rows
        return rows * F.reshape(is_word, (*is_word.shape, 1)).astype(rows.dtype)


@layer
class EmbeddingBag(Layer):
    """Mean, sum or maximum of the embedding vectors of a bag of words.

    Shapes: integers (B, ..., T) -> (B, ..., units).

    Args:
        vocabulary_size, units, padding_index, weight_initializer, penalty: as in ``Embedding``; words of
            padding do not count.
        mode: ``"mean"``, ``"sum"`` or ``"max"`` over the words.

    Numerics: a bag of padding alone gives 0.

    Raises:
        ShapeError E208: no axis of words.
        ShapeError E211: a number outside the vocabulary, with its position and value.
        UsageError E101, E102: unknown way to join; a setting out of its range.

    Example:
        >>> print(EmbeddingBag(10_000, 64, mode="sum"))
        EmbeddingBag(10000, 64, mode='sum')

    Reference: Joulin, Grave, Bojanowski and Mikolov (2017), Bag of tricks for efficient text classification
    (EACL).
    """

    chinese = ("词袋嵌入层", "整袋词共用一个向量：各词向量的平均、和或最大值。")
    takes_one = True
    vocabulary_size: int
    units: int
    _: KW_ONLY
    mode: str = "mean"
    padding_index: int | None = None
    weight_initializer: str | Initializer = UNIT
    penalty: Penalty | None = None

    def check(self) -> None:
        _require_table(self)
        require_choice(self, "mode", REDUCTIONS)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., T) -> (B, ..., units)
        if x.rank < 2:
            op = "EmbeddingBag"
            constraint = fact("bags of words")
            fix = fact("cr.Embedding(...) for single words")
            raise ShapeError(
                "E208", op=op, constraint=constraint, expected="(B, T)", received=shape_text(x.shape), fix=fix
            )
        rows, is_word = _looked_up(self, x, scope)  # (B, ..., T, units)
        if is_word is None:
            return getattr(F, self.mode)(rows, -2)
        counts = F.reshape(is_word, (*is_word.shape, 1))
        some = F.sum(counts.astype(rows.dtype), -2)  # (B, ..., 1)
        if self.mode == "max":
            maximum = F.max(F.where(counts, rows, constant(-1e30, rows.dtype)), -2)
            return F.where(some > 0, maximum, constant(0.0, rows.dtype))
        total = F.sum(rows * counts.astype(rows.dtype), -2)
        return total if self.mode == "sum" else total / F.maximum(some, 1.0)


@layer
class Unembedding(Layer):
    """Scores of all words: the product with the table of an embedding (tied weights).

    The table is that of an embedding beside it, not one of its own (tied weights): a network that writes then
    has one vector for each word, which learns wherever the word comes in or could go out.

    Shapes: (B, ..., C) -> (B, ..., vocabulary), the ``Embedding(vocabulary, C)`` being ``table``.

    Formula: y = x W^T (+ b), W (vocabulary, C) the weight of the embedding.

    Args:
        table: the embedding's name among the layers beside this one: in a ``Sequential``, ``"embedding1"``.
        bias: whether each word has a number b of its own.

    Cost: 2 C vocabulary flops a vector forward, as a ``Dense`` of that many units.

    Raises:
        UsageError E101: nothing of this name, before this layer and beside it, has a table.
        ShapeError E208: vectors of another length than the table's.

    Example:
        >>> print(Unembedding())
        Unembedding()

    Reference: Press and Wolf (2017), Using the output embedding to improve language models (EACL).
    """

    chinese = ("反嵌入层", "用词嵌入的同一张表给每个词打分（权重共享）。")
    takes_one = True
    table: str = "embedding1"
    _: KW_ONLY
    bias: bool = False

    def check(self) -> None:
        require(self, "bias", type(self.bias) is bool, "True or False", "bias=True")
        require(
            self, "table", isinstance(self.table, str) and bool(self.table), fact("the name of an embedding")
        )

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> (B, ..., vocabulary)
        place = scope.beside(self.table)
        known = scope.book.parameters.get(place.named("weight"))
        if known is None or known.spec.rank != 2:
            beside = scope.beside("").path
            names = [path.removeprefix(beside) for path, _ in scope.book.tables if path.startswith(beside)]
            raise UsageError(
                "E101",
                where="Unembedding, table",
                name=self.table,
                expected=", ".join(names) or fact("an embedding before this layer"),
                received=self.table,
                fix=f'cr.Unembedding("{names[0]}")' if names else "cr.Dense(10_000)",
            )
        vocabulary, units = bound(known.spec.shape)
        if x.rank < 2 or x.shape[-1] != units:
            raise ShapeError(
                "E208",
                op="Unembedding",
                constraint=fact("vectors as long as those of {table}", table=self.table),
                expected=f"(B, ..., {units})",
                received=shape_text(x.shape),
                fix=fact("cr.Dense({units}) before it", units=units),
            )
        weight = place.parameter("weight", (vocabulary, units), known.initializer, known.penalty)
        y = x @ weight.T  # (B, ..., C) (C, vocabulary) -> (B, ..., vocabulary)
        return y + scope.parameter("bias", (vocabulary,), ZEROS) if self.bias else y


def _looked_up(owner: Embedding | EmbeddingBag, x: Node, scope: Scope) -> tuple[Node, Node | None]:
    """Return the row of each word, and where there are words that count (``None``: all do)."""
    words = x.astype("int64") if x.spec.is_float else x
    table = scope.parameter(
        "weight",
        (owner.vocabulary_size, owner.units),
        known_initializer(owner.weight_initializer),
        owner.penalty,
    )
    scope.require_rows(words, owner.vocabulary_size)
    rows = F.gather(table, words)  # (B, ...) -> (B, ..., units)
    return rows, None if owner.padding_index is None else F.not_equal(words, owner.padding_index)


def _require_table(owner: Embedding | EmbeddingBag) -> None:
    require_integer(owner, "vocabulary_size", 1, fix=f"cr.{type(owner).__name__}(10_000, 64)")
    require_integer(owner, "units", 1, fix=f"cr.{type(owner).__name__}(10_000, 64)")
    if owner.padding_index is not None:
        require_integer(owner, "padding_index", 0, int(owner.vocabulary_size) - 1, "padding_index=0")
    known_initializer(owner.weight_initializer)
    require(
        owner, "penalty", isinstance(owner.penalty, Penalty | None), fact("a penalty such as cr.L2(1e-4)")
    )


@layer
class PatchEmbedding(Layer):
    """Splits an image into square patches and maps each to a vector; the patches, row by row, form a
    sequence.

    The same weights serve every square: it is a convolution whose stride is as wide as its kernel.

    Shapes: (B, H, W, C) -> (B, (H / size) (W / size), units).

    Formula: y[t, o] = sum over i, j, c of x[square t][i, j, c] W[o, i, j, c] + b[o].

    Args:
        units: the size of a vector.
        patch_size: the side of a square.
        image_size: the side of the images, if fixed: with learned positions, a patch of a
            smaller image would get the wrong row and column. ``None``: any that the squares fill.
        weight_initializer: initial values of W, a record or a name; He's by default.

    Cost: 2 H W C units flops an image forward.

    Raises:
        ShapeError E213: no images. E233: images of another size, or that the squares do not fill.
        UsageError E101, E102: unknown initializer; a number below 1.

    Example:
        >>> print(PatchEmbedding(768, 16, image_size=224))
        PatchEmbedding(768, 16, image_size=224)

    Reference: Dosovitskiy et al. (2021), An image is worth 16x16 words (ICLR), section 3.1.
    """

    chinese = ("图块嵌入层", "把图像切成方块，每块变为一个向量，像文本中的词。")
    takes_one = True
    units: int
    patch_size: int
    _: KW_ONLY
    image_size: int | None = None
    weight_initializer: str | Initializer | None = None

    def check(self) -> None:
        require_integer(self, "units", 1, fix="cr.PatchEmbedding(768, 16)")
        require_integer(self, "patch_size", 1, fix="cr.PatchEmbedding(768, 16)")
        if self.image_size is not None:
            require_integer(self, "image_size", self.patch_size, fix=f"image_size={14 * self.patch_size}")
        if self.weight_initializer is not None:
            known_initializer(self.weight_initializer)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, H, W, C) -> (B, T, units)
        if x.rank != 4:
            received = shape_text(x.shape)
            fix = fact("cr.Reshape((28, 28, 1)) before it, for images of one channel")
            raise ShapeError("E213", op="PatchEmbedding", expected="(B, H, W, C)", received=received, fix=fix)
        height, width = space_of("PatchEmbedding", x.spec)
        expected = (height, width) if self.image_size is None else (self.image_size, self.image_size)
        if (height, width) != expected or height % self.patch_size or width % self.patch_size:
            rows, columns = (max(1, round(length / self.patch_size)) for length in expected)
            side = self.patch_size
            size = rows * side, columns * side
            expected = fact(
                "{height} x {width} = {rows} x {columns} squares of {side} x {side}",
                height=size[0],
                width=size[1],
                rows=rows,
                columns=columns,
                side=side,
            )
            received = f"{height} x {width}, of {shape_text(x.shape)}"
            fix = fact('cr.UpSampling(size={size}, mode="linear") before it', size=size)
            raise ShapeError("E233", op="PatchEmbedding", expected=expected, received=received, fix=fix)
        cut = Conv(
            self.units, self.patch_size, stride=self.patch_size, weight_initializer=self.weight_initializer
        )
        y = cut(x, scope)  # (B, H / size, W / size, units)
        return F.reshape(y, (y.shape[0], count(y.shape[1:3]), self.units))
