"""Losses of pairs and groups of vectors."""

from __future__ import annotations

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
from chainrule.nn.loss.circle import Circle
from chainrule.nn.loss.functional.mean import mean_loss
from chainrule.nn.loss.margin import HingeEmbedding
from chainrule.nn.loss.metric_learning import Contrastive, CosineEmbedding, MarginRanking, TripletMargin
from chainrule.ops.elementwise.functions import Operand


@explain_function_calls
def hinge_embedding(
    prediction: Node, target: Operand, *, margin: float = 1.0, weight: Operand | None = None
) -> Node:
    """Hinge loss of the distances of similar and dissimilar pairs."""
    return mean_loss(HingeEmbedding(margin), prediction, target, weight)


@explain_function_calls
def margin_ranking(
    prediction: Node, target: Operand, *, margin: float = 0.0, weight: Operand | None = None
) -> Node:
    """Hinge loss of the order of two scores."""
    return mean_loss(MarginRanking(margin), prediction, target, weight)


@explain_function_calls
def cosine_embedding(
    prediction: Node, target: Operand, *, margin: float = 0.0, weight: Operand | None = None
) -> Node:
    """Cosine distance of similar pairs, cosine similarity above ``margin`` of others."""
    return mean_loss(CosineEmbedding(margin), prediction, target, weight)


@explain_function_calls
def contrastive(
    prediction: Node, target: Operand, *, margin: float = 1.0, weight: Operand | None = None
) -> Node:
    """Contrastive loss of pairs of vectors."""
    return mean_loss(Contrastive(margin), prediction, target, weight)


@explain_function_calls
def triplet_margin(
    prediction: Node,
    target: Operand | None = None,
    *,
    margin: float = 1.0,
    distance: str = "euclidean",
    swap: bool = False,
    weight: Operand | None = None,
) -> Node:
    """Triplet margin loss of anchor, positive and negative, stacked along axis 1."""
    return mean_loss(TripletMargin(margin, distance=distance, swap=swap), prediction, target, weight)


@explain_function_calls
def circle(
    prediction: Node,
    target: Operand,
    *,
    gamma: float = 80.0,
    margin: float = 0.4,
    weight: Operand | None = None,
) -> Node:
    """Circle loss of vectors and their classes."""
    return mean_loss(Circle(gamma=gamma, margin=margin), prediction, target, weight)
