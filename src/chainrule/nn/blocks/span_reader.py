"""A reader: marks the answer to a question in a passage.

The answer is a part of the passage, so the network scores each position twice: as the first and as the last
character of the answer. Cross-entropy over the positions is the loss, with two targets for each sample.

Three ways lead from the question to a position. Features compare both texts by characters and need no
learning. Attention aligns each character of the passage with similar ones of the question. And a vector of
the question, the maximum over its positions, scales the channels of the convolutions: it represents the
kind of question: who, when or how many. The convolutions have growing dilations: a position depends on a
clause around it.

A passage may have no answer. A further position, after the last, means so: its scores are a function of the
maximum over the passage and of the question, and compete with those of all positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.attention.inputs import require_names
from chainrule.nn.attention.single_head import Attention
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.embedding import Embedding
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.normalization import LayerNorm
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import shape_text
from chainrule.validation import require_integer, require_number

NEVER = 30.0  # what is subtracted from the scores of padding
CYCLE = 4  # dilations are 1, 2, 4, 8, 1, 2, ...


@layer
class SpanReader(Layer):
    """Reader of questions: scores of each position of a passage as the start and the end of the answer.

    Shapes: by name ``passage`` (B, T) and ``question`` (B, Q), integers with 0 for padding, and ``features``
    (B, T, F) -> (B, 2, T), or (B, 2, T + 1) with ``no_answer``.

    Formula: e, q = embeddings of passage and question; a = attention of relu(e A) to relu(q A) with values q;
    v = maximum over Q of relu(conv(q)); h = relu([e, a, features] W^T + v V^T); for each convolution:
    h = h + 2 sigmoid(v G^T) relu(conv(norm(h))); scores = norm(h) S^T. Of the position for no answer:
    relu([maximum over T of norm(h), v] P^T) N^T.

    Args:
        vocabulary_size: the number of characters or words.
        units: the width of the convolutions.
        embedding: the length of an embedding.
        convolutions: their number.
        dropout: the probability that a number is dropped in training.
        no_answer: whether there is a further position T, the target of questions without an answer.

    Cost: about 6 T units^2 flops a sample and convolution forward.

    Raises:
        ShapeError E208, E220: inputs of another shape. ShapeError E211: a number outside the vocabulary.
        UsageError E101, E102: other names; a setting out of its range.

    Example:
        >>> print(SpanReader(3000, 64))
        SpanReader(3000, 64)

    Reference: Chen, Fisch, Weston and Bordes (2017), Reading Wikipedia to answer open-domain questions (ACL),
    section 3.2; Yu et al. (2018), QANet (ICLR); Rajpurkar, Jia and Liang (2018), Know what you don't know
    (ACL), for questions without an answer.
    """

    chinese = ("阅读理解网络", "为文章的每个位置打分：是否为答案的开头或结尾。")
    vocabulary_size: int
    units: int
    _: KW_ONLY
    embedding: int = 64
    convolutions: int = 4
    dropout: float = 0.0
    no_answer: bool = False

    def check(self) -> None:
        for name, value in (("vocabulary_size", 3000), ("units", 64), ("embedding", 64), ("convolutions", 4)):
            require_integer(self, name, 1, fix=f"{name}={value}")
        require_number(self, "dropout", minimum=0, below=1)

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:  # -> (B, 2, T) or (B, 2, T + 1)
        names = {"passage", "question", "features"}
        require_names(x, names, names)
        passage, features = x["passage"], x["features"]
        _require_shapes(self, x)
        table = Embedding(self.vocabulary_size, self.embedding, padding_index=0)
        e = self._dropped(scope.run(table, passage, "embedding"), scope, "passage_dropout")  # (B, T, E)
        q = self._dropped(scope.run(table, x["question"], "embedding"), scope, "question_dropout")
        has_word = F.not_equal(x["question"], 0)  # (B, Q)
        aligned = self._aligned(e, q, has_word, scope)  # (B, T, E)
        v = self._kind(q, has_word, scope)  # (B, units)
        both = F.concatenate((e, aligned, features.astype(e.dtype)), -1)
        h = F.relu(scope.run(Dense(self.units), both, "input") + self._spread(v, scope, "kind"))
        for i in range(self.convolutions):
            h = h + self._convolved(h, v, i, scope)
        h = self._dropped(scope.run(LayerNorm(), h, "norm"), scope, "dropout")
        exists = F.reshape(F.not_equal(passage, 0), (*passage.shape, 1)).astype(h.dtype)  # (B, T, 1)
        never = (exists - 1.0) * NEVER
        scores = F.transpose(scope.run(Dense(2), h, "span") + never, (0, 2, 1))  # (B, T, 2) -> (B, 2, T)
        return F.concatenate((scores, self._none(h + never, v, scope)), -1) if self.no_answer else scores

    def _none(self, h: Node, v: Node, scope: Scope) -> Node:
        """Return the scores of the position that means no answer, (B, 2, 1)."""
        both = F.concatenate((F.max(h, 1), v), -1)  # (B, 2 units)
        scores = scope.run(Dense(2), scope.run(Dense(self.units, "relu"), both, "summary"), "none")
        return F.reshape(scores, (*scores.shape, 1))

    def _dropped(self, x: Node, scope: Scope, name: str) -> Node:
        return scope.run(Dropout(self.dropout), x, name)

    def _aligned(self, e: Node, q: Node, exists: Node, scope: Scope) -> Node:
        """Return for each position of the passage the similar embeddings of the question, (B, T, E)."""
        shared = Dense(self.units, "relu")
        keys = {"query": scope.run(shared, e, "align"), "key": scope.run(shared, q, "align")}
        return scope.run(Attention(), {**keys, "value": q, "mask": exists}, "attention")

    def _kind(self, q: Node, exists: Node, scope: Scope) -> Node:
        """Return the vector of the question, (B, units)."""
        h = scope.run(Conv(self.units, 3, padding="same", activation="relu"), q, "question")  # (B, Q, units)
        return F.max(h * F.reshape(exists, (*exists.shape, 1)).astype(h.dtype), 1)

    def _spread(self, v: Node, scope: Scope, name: str, activation: str | None = None) -> Node:
        """Return a linear function of the question, for all positions, (B, 1, units)."""
        values = scope.run(Dense(self.units, activation), v, name)
        return F.reshape(values, (values.shape[0], 1, self.units))

    def _convolved(self, h: Node, v: Node, i: int, scope: Scope) -> Node:
        """Return a convolution of the passage, gated by the question, (B, T, units)."""
        normalized = self._dropped(scope.run(LayerNorm(), h, f"norm{i + 1}"), scope, f"dropout{i + 1}")
        layer = Conv(self.units, 3, dilation=2 ** (i % CYCLE), padding="same", activation="relu")
        gate = self._spread(v, scope, f"gate{i + 1}", "sigmoid")
        return scope.run(layer, normalized, f"conv{i + 1}") * gate * 2.0


def _require_shapes(owner: Layer, x: Mapping[str, Node]) -> None:
    """Refuse inputs that are not (B, T), (B, Q) and (B, T, F)."""
    passage, question, features = x["passage"], x["question"], x["features"]
    if (passage.rank, question.rank, features.rank) != (2, 2, 3) or features.shape[:2] != passage.shape:
        received = [shape_text(node.shape) for node in (passage, question, features)]
        raise ShapeError(
            "E208",
            op=type(owner).__name__,
            constraint=fact("a number for each word, and features"),
            expected="passage (B, T), question (B, Q), features (B, T, F)",
            received=", ".join(received),
        )
