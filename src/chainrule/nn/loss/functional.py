"""The losses as functions of nodes, for use without a model: ``cr.mse(prediction, target)``.

Written by ``python -m pages.loss_functions`` from the classes of the losses, which have their formulas,
shapes and settings (``huber``: ``cr.Huber``). Each function returns the mean of its loss over the batch, ().

Args of every function:
    prediction: the output of the network.
    target: the targets: a node, or an array.
    weight: the weight of each sample, (B,), or of each term, in the shape of the terms. The mean is then the
        sum of weight times loss, divided by the sum of the weights.
    The others are the settings of the loss.

Raises: UsageError E131 (arguments that do not fit), E102 (a setting out of its range), and what ``Loss.mean``
raises.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
from chainrule.nn.loss.center_net import CenterNet
from chainrule.nn.loss.circle import Circle
from chainrule.nn.loss.classification import (
    NLL,
    BinaryCrossEntropy,
    BinaryFocal,
    CategoricalFocal,
    CrossEntropy,
    GeneralizedCrossEntropy,
    SoftCrossEntropy,
)
from chainrule.nn.loss.ctc import CTC
from chainrule.nn.loss.label_noise import Bootstrapping, SymmetricCrossEntropy
from chainrule.nn.loss.likelihood import GaussianNLL, KLDivergence, Poisson
from chainrule.nn.loss.margin import (
    CategoricalHinge,
    Hinge,
    HingeEmbedding,
    MultilabelMargin,
    MultiMargin,
    SoftMargin,
    SquaredHinge,
)
from chainrule.nn.loss.mean_loss import mean_loss
from chainrule.nn.loss.metric_learning import Contrastive, CosineEmbedding, MarginRanking, TripletMargin
from chainrule.nn.loss.overlap import Dice, Tversky
from chainrule.nn.loss.regression import (
    MAE,
    MAPE,
    MSE,
    MSLE,
    CosineLoss,
    HalfMSE,
    Huber,
    LogCosh,
    Quantile,
    SmoothL1,
)
from chainrule.ops.elementwise.functions import Operand


@explain_function_calls
def binary_cross_entropy(
    prediction: Node, target: Operand, *, label_smoothing: float = 0.0,
    positive_weight: float | tuple[float, ...] = 1.0, class_weight: Sequence[float] | None = None,
    weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Minus the log-probability of yes or no, from one score (logit) for each binary label."""
    loss = BinaryCrossEntropy(
        label_smoothing=label_smoothing, positive_weight=positive_weight, class_weight=class_weight
    )
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def binary_focal(
    prediction: Node, target: Operand, *, gamma: float = 2.0, alpha: float | None = None,
    label_smoothing: float = 0.0, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Binary cross-entropy with a small weight for well-classified samples: for rare positives."""
    loss = BinaryFocal(gamma=gamma, alpha=alpha, label_smoothing=label_smoothing)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def bootstrapping(
    prediction: Node, target: Operand, *, beta: float = 0.8, hard: bool = True,
    class_weight: Sequence[float] | None = None, ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Cross-entropy with targets that are partly the network's own predictions:
    robust against wrong labels."""
    loss = Bootstrapping(beta=beta, hard=hard, class_weight=class_weight, ignore_index=ignore_index)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def categorical_focal(
    prediction: Node, target: Operand, *, class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None, gamma: float = 2.0, alpha: float = 0.25, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Cross-entropy with a small weight for well-classified samples: for rare classes."""
    loss = CategoricalFocal(class_weight=class_weight, ignore_index=ignore_index, gamma=gamma, alpha=alpha)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def categorical_hinge(
    prediction: Node, target: Operand, *, class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Hinge loss of the true class and the best other class."""
    loss = CategoricalHinge(class_weight=class_weight, ignore_index=ignore_index)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def center_net(
    prediction: Node, target: Operand, *, box_weight: float = 1.0, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Penalty-reduced focal loss of the centers of objects, and the absolute error of their boxes."""
    return mean_loss(CenterNet(box_weight=box_weight), prediction, target, weight)


@explain_function_calls
def circle(
    prediction: Node, target: Operand, *, gamma: float = 80.0, margin: float = 0.4,
    weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Circle loss: attracts vectors of the same class and repels others, weighted by their error."""
    return mean_loss(Circle(gamma=gamma, margin=margin), prediction, target, weight)


@explain_function_calls
def contrastive(
    prediction: Node, target: Operand, *, margin: float = 1.0, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Contrastive loss: the distance of similar pairs, and the margin minus the distance of others."""
    return mean_loss(Contrastive(margin=margin), prediction, target, weight)


@explain_function_calls
def cosine_embedding(
    prediction: Node, target: Operand, *, margin: float = 0.0, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Cosine distance of similar pairs, cosine similarity above a margin of others."""
    return mean_loss(CosineEmbedding(margin=margin), prediction, target, weight)


@explain_function_calls
def cosine_similarity(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Minus the cosine of the angle between output and target: only the direction matters, not the length."""
    return mean_loss(CosineLoss(), prediction, target, weight)


@explain_function_calls
def cross_entropy(
    prediction: Node, target: Operand, *, class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None, label_smoothing: float = 0.0, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Minus the log-probability of the true class, from scores (logits) of K classes."""
    loss = CrossEntropy(class_weight=class_weight, ignore_index=ignore_index, label_smoothing=label_smoothing)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def ctc(
    prediction: Node, target: Operand, *, max_target_length: int | None = None, blank: int = 0,
    time_major: bool = False, zero_infinity: bool = False, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Minus the log-probability of a sequence of labels, summed over all alignments to the frames."""
    loss = CTC(
        max_target_length=max_target_length, blank=blank, time_major=time_major, zero_infinity=zero_infinity
    )
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def dice(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """1 minus twice the common area over the sum of both areas."""
    return mean_loss(Dice(), prediction, target, weight)


@explain_function_calls
def gaussian_nll(
    prediction: Node, target: Operand, *, log_variance: bool = True, full: bool = False,
    epsilon: float = 1e-06, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """For a network that also predicts its uncertainty: minus the log-likelihood of a normal distribution."""
    loss = GaussianNLL(log_variance=log_variance, full=full, epsilon=epsilon)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def generalized_cross_entropy(
    prediction: Node, target: Operand, *, q: float = 0.5, class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Between cross-entropy (q near 0) and the absolute error (q = 1): robust against wrong labels."""
    loss = GeneralizedCrossEntropy(q=q, class_weight=class_weight, ignore_index=ignore_index)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def half_mse(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Half the squared error:
    the article's J = 1/(2n) sum (yhat - y)^2, whose gradient is the error itself."""
    return mean_loss(HalfMSE(), prediction, target, weight)


@explain_function_calls
def hinge(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Hinge loss: 0 if the score is on the right side by at least 1, linear otherwise."""
    return mean_loss(Hinge(), prediction, target, weight)


@explain_function_calls
def hinge_embedding(
    prediction: Node, target: Operand, *, margin: float = 1.0, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """For distances: same-class pairs should be near, other pairs at least a margin apart."""
    return mean_loss(HingeEmbedding(margin=margin), prediction, target, weight)


@explain_function_calls
def huber(prediction: Node, target: Operand, *, delta: float = 1.0, weight: Operand | None = None) -> Node:
    """Squared for small errors, absolute for large ones: smooth at 0 and robust against outliers."""
    return mean_loss(Huber(delta=delta), prediction, target, weight)


@explain_function_calls
def kl_divergence(
    prediction: Node, target: Operand, *, log_target: bool = False, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """The divergence of the network's probabilities from the target's: 0 only if they are equal."""
    return mean_loss(KLDivergence(log_target=log_target), prediction, target, weight)


@explain_function_calls
def log_cosh(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The logarithm of the hyperbolic cosine of the error: like ``huber``, but smooth everywhere."""
    return mean_loss(LogCosh(), prediction, target, weight)


@explain_function_calls
def mae(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The absolute error, averaged over the outputs: linear in the error, so outliers have less influence."""
    return mean_loss(MAE(), prediction, target, weight)


@explain_function_calls
def mape(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The absolute error in percent of the target, averaged over the outputs."""
    return mean_loss(MAPE(), prediction, target, weight)


@explain_function_calls
def margin_ranking(
    prediction: Node, target: Operand, *, margin: float = 0.0, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Hinge loss of the order of two scores."""
    return mean_loss(MarginRanking(margin=margin), prediction, target, weight)


@explain_function_calls
def mse(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The squared error, averaged over the outputs: large errors have a far larger weight than small ones."""
    return mean_loss(MSE(), prediction, target, weight)


@explain_function_calls
def msle(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The squared difference of logarithms: a factor of 2 costs the same for small and large targets."""
    return mean_loss(MSLE(), prediction, target, weight)


@explain_function_calls
def multi_margin(
    prediction: Node, target: Operand, *, class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None, margin: float = 1.0, p: int = 1, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Hinge loss of the true class and each other class."""
    loss = MultiMargin(class_weight=class_weight, ignore_index=ignore_index, margin=margin, p=p)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def multilabel_margin(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Hinge loss of every class that a sample has and every class that it does not have."""
    return mean_loss(MultilabelMargin(), prediction, target, weight)


@explain_function_calls
def nll(
    prediction: Node, target: Operand, *, class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Minus the log-probability of the true class, for a network that ends in log-probabilities."""
    return mean_loss(NLL(class_weight=class_weight, ignore_index=ignore_index), prediction, target, weight)


@explain_function_calls
def poisson(
    prediction: Node, target: Operand, *, log_input: bool = True, full: bool = False, epsilon: float = 1e-08,
    weight: Operand | None = None,
) -> Node:  # fmt: skip
    """For targets that count events: minus the log-probability under a Poisson distribution."""
    return mean_loss(Poisson(log_input=log_input, full=full, epsilon=epsilon), prediction, target, weight)


@explain_function_calls
def quantile(
    prediction: Node, target: Operand, *, levels: tuple[float, ...] = (0.5,), weight: Operand | None = None,
) -> Node:  # fmt: skip
    """The error of a quantile (pinball loss), averaged over the outputs: output o learns the quantile q_o."""
    return mean_loss(Quantile(levels=levels), prediction, target, weight)


@explain_function_calls
def smooth_l1(prediction: Node, target: Operand, *, beta: float = 1.0, weight: Operand | None = None) -> Node:
    """``huber`` divided by its delta, so that its slope for large errors is always 1."""
    return mean_loss(SmoothL1(beta=beta), prediction, target, weight)


@explain_function_calls
def soft_cross_entropy(
    prediction: Node, target: Operand, *, label_smoothing: float = 0.0,
    class_weight: Sequence[float] | None = None, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Cross-entropy for targets that are probabilities: mixed images, a teacher's predictions, votes."""
    loss = SoftCrossEntropy(label_smoothing=label_smoothing, class_weight=class_weight)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def soft_margin(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """A hinge with a rounded corner: the logistic loss of labels that are 1 and -1."""
    return mean_loss(SoftMargin(), prediction, target, weight)


@explain_function_calls
def squared_hinge(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The square of the hinge: smooth where it begins, and large for predictions that are far off."""
    return mean_loss(SquaredHinge(), prediction, target, weight)


@explain_function_calls
def symmetric_cross_entropy(
    prediction: Node, target: Operand, *, alpha: float = 0.1, beta: float = 1.0, log_zero: float = -4.0,
    class_weight: Sequence[float] | None = None, ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Cross-entropy plus its reverse, which is bounded: robust against wrong labels."""
    loss = SymmetricCrossEntropy(
        alpha=alpha, beta=beta, log_zero=log_zero, class_weight=class_weight, ignore_index=ignore_index
    )
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def triplet_margin(
    prediction: Node, target: Operand | None = None, *, margin: float = 1.0, distance: str = 'euclidean',
    swap: bool = False, weight: Operand | None = None,
) -> Node:  # fmt: skip
    """Triplet loss: the anchor should be closer to the positive than to the negative, by a margin."""
    return mean_loss(TripletMargin(margin=margin, distance=distance, swap=swap), prediction, target, weight)


@explain_function_calls
def tversky(
    prediction: Node, target: Operand, *, alpha: float = 0.5, beta: float = 0.5,
    weight: Operand | None = None,
) -> Node:  # fmt: skip
    """1 minus the share of the marked area that both agree on,
    with separate weights for each kind of error."""
    return mean_loss(Tversky(alpha=alpha, beta=beta), prediction, target, weight)
