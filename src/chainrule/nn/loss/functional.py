"""The losses as functions of nodes, for use without a model: ``cr.mse(prediction, target)``.

Written by ``python -m pages.loss_functions`` from the classes of the losses, which have their formulas,
examples (``huber``: ``cr.Huber``). Each function returns the mean of its loss over the batch, ().

Raises: UsageError E131 (arguments that do not fit), E102 (a setting out of its range), and what ``Loss.mean``
raises.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
from chainrule.nn.loss.center_net import CenterNet
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
from chainrule.nn.loss.dice_and_tversky import Dice, Tversky
from chainrule.nn.loss.label_noise import Bootstrapping, SymmetricCrossEntropy
from chainrule.nn.loss.likelihood import GaussianNLL, KLDivergence, Poisson
from chainrule.nn.loss.loss import mean_loss
from chainrule.nn.loss.margin import (
    CategoricalHinge,
    Hinge,
    HingeEmbedding,
    MultilabelMargin,
    MultiMargin,
    SoftMargin,
    SquaredHinge,
)
from chainrule.nn.loss.metric_learning import (
    Circle,
    Contrastive,
    CosineEmbedding,
    MarginRanking,
    TripletMargin,
)
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
from chainrule.ops.elementwise.broadcasting_functions import Operand


@explain_function_calls
def binary_cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    label_smoothing: float = 0.0,
    positive_weight: float | tuple[float, ...] = 1.0,
    class_weight: Sequence[float] | None = None,
    weight: Operand | None = None,
) -> Node:
    """Minus the log-probability of yes or no, from one score (logit) for each binary label.

    Shapes: prediction (B,), (B, 1) or (B, O), target the same, between 0 and 1 -> (), averaged over the
        labels.

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        label_smoothing: s, 0 <= s < 1: how far targets are moved towards one half.
        positive_weight: q, above 0: the weight of a yes relative to a no; one number, or one for each label.
        class_weight: w, the weight of each label; ``None``: all weights are 1.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = BinaryCrossEntropy(
        label_smoothing=label_smoothing, positive_weight=positive_weight, class_weight=class_weight
    )
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def binary_focal(
    prediction: Node,
    target: Operand,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    label_smoothing: float = 0.0,
    weight: Operand | None = None,
) -> Node:
    """Binary cross-entropy with a small weight for well-classified samples: for rare positives.

    Shapes: prediction (B,), (B, 1) or (B, O), target the same, between 0 and 1 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        gamma: how strongly well-classified samples are down-weighted, at least 0; with 0 it is cross-entropy.
        alpha: the weight of yes, between 0 and 1; ``None``: yes and no have the same weight.
        label_smoothing: 0 <= s < 1: how far targets are moved towards one half.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = BinaryFocal(gamma=gamma, alpha=alpha, label_smoothing=label_smoothing)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def bootstrapping(
    prediction: Node,
    target: Operand,
    *,
    beta: float = 0.8,
    hard: bool = True,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:
    """Cross-entropy with targets that are partly the network's own predictions:
    robust against wrong labels.

    Shapes: prediction (B, ..., K), target (B, ...) integers 0 .. K-1 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        beta: the weight of the label, between 0 and 1; the rest is that of the prediction. The paper has 0.8
            for hard and 0.95 for soft.
        hard: whether the prediction is the most probable class, or all probabilities.
        class_weight: a weight for each of the K classes.
        ignore_index: a target that does not count, such as padding.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = Bootstrapping(beta=beta, hard=hard, class_weight=class_weight, ignore_index=ignore_index)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def categorical_focal(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    gamma: float = 2.0,
    alpha: float = 0.25,
    weight: Operand | None = None,
) -> Node:
    """Cross-entropy with a small weight for well-classified samples: for rare classes.

    Shapes: prediction (B, ..., K), target (B, ...) integers 0 .. K-1 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        class_weight: a weight for each of the K classes.
        ignore_index: a target that does not count, such as padding.
        gamma: how strongly well-classified samples are down-weighted, at least 0; with 0 it is cross-entropy.
        alpha: a factor, above 0; ``class_weight`` sets one for each class.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = CategoricalFocal(class_weight=class_weight, ignore_index=ignore_index, gamma=gamma, alpha=alpha)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def categorical_hinge(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:
    """Hinge loss of the true class and the best other class.

    Shapes: prediction (B, ..., K), target (B, ...) integers 0 .. K-1 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        class_weight: a weight for each of the K classes.
        ignore_index: a target that does not count, such as padding.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = CategoricalHinge(class_weight=class_weight, ignore_index=ignore_index)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def center_net(
    prediction: Node, target: Operand, *, box_weight: float = 1.0, weight: Operand | None = None
) -> Node:
    """Penalty-reduced focal loss of the centers of objects, and the absolute error of their boxes.

    Shapes: prediction (B, H, W, K + 4): a score for each of K classes and four numbers of a box in every
        cell; target (B, H, W, K + 5): hills of centers from 0 to 1, the four numbers, and whether the cell
        has a box (see ``chainrule.data.boxes.encode_centers``) -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        box_weight: the weight of the boxes, at least 0.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(CenterNet(box_weight=box_weight), prediction, target, weight)


@explain_function_calls
def circle(
    prediction: Node,
    target: Operand,
    *,
    gamma: float = 80.0,
    margin: float = 0.4,
    weight: Operand | None = None,
) -> Node:
    """Circle loss: attracts vectors of the same class and repels others, weighted by their error.

    Shapes: prediction (B, D), target (B,) integers, the classes -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        gamma: how strongly the worst pairs dominate, above 0.
        margin: m, 0 < m < 1: how far from the optimum pairs may stay.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(Circle(gamma=gamma, margin=margin), prediction, target, weight)


@explain_function_calls
def contrastive(
    prediction: Node, target: Operand, *, margin: float = 1.0, weight: Operand | None = None
) -> Node:
    """Contrastive loss: the distance of similar pairs, and the margin minus the distance of others.

    Shapes: prediction (B, 2, D), target (B,): yes if the two are a pair -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        margin: the required distance, above 0.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(Contrastive(margin=margin), prediction, target, weight)


@explain_function_calls
def cosine_embedding(
    prediction: Node, target: Operand, *, margin: float = 0.0, weight: Operand | None = None
) -> Node:
    """Cosine distance of similar pairs, cosine similarity above a margin of others.

    Shapes: prediction (B, 2, D), target (B,): yes if the two are a pair -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        margin: the maximum cosine of two that are no pair, -1 to 1.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(CosineEmbedding(margin=margin), prediction, target, weight)


@explain_function_calls
def cosine_similarity(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Minus the cosine of the angle between output and target: only the direction matters, not the length.

    Shapes: prediction (B, D), target the same -> (); with more axes the mean over the positions in between.

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(CosineLoss(), prediction, target, weight)


@explain_function_calls
def cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    weight: Operand | None = None,
) -> Node:
    """Minus the log-probability of the true class, from scores (logits) of K classes.

    Shapes: prediction (B, K), target (B,) integers 0 .. K-1 -> (). With axes in between, prediction (B, T, K)
        or (B, H, W, K), target (B, T) or (B, H, W): the mean over the positions.

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        class_weight, ignore_index: see ``OneClass``.
        label_smoothing: s, 0 <= s < 1: how much of the probability is spread over all classes, which keeps
            scores bounded.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = CrossEntropy(class_weight=class_weight, ignore_index=ignore_index, label_smoothing=label_smoothing)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def ctc(
    prediction: Node,
    target: Operand,
    *,
    max_target_length: int | None = None,
    blank: int = 0,
    time_major: bool = False,
    zero_infinity: bool = False,
    weight: Operand | None = None,
) -> Node:
    """Minus the log-probability of a sequence of labels, summed over all alignments to the frames.

    Shapes: prediction (B, T, K), scores; target (B, S) integers, labels followed by blanks up to S -> ().
        ``fit`` pads shorter targets with blanks; ``predict`` gives the labels of the likeliest path, padded
        too.

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        max_target_length: S, the maximum number of labels of a target; ``None``: T, which costs more than
            necessary if targets are short.
        blank: the index of the blank symbol, which also pads targets.
        time_major: whether a column before the labels gives the number of valid frames of the T; the others
            are ignored.
        zero_infinity: whether a target that has no path (more labels than frames) costs 0; otherwise it costs
            infinity, at which training stops. ``refuse`` detects such targets beforehand.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = CTC(
        max_target_length=max_target_length, blank=blank, time_major=time_major, zero_infinity=zero_infinity
    )
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def dice(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """1 minus twice the common area over the sum of both areas.

    Shapes: prediction (B, ...), one score for each cell; target the same, yes and no as 1 and 0 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(Dice(), prediction, target, weight)


@explain_function_calls
def gaussian_nll(
    prediction: Node,
    target: Operand,
    *,
    log_variance: bool = True,
    full: bool = False,
    epsilon: float = 1e-06,
    weight: Operand | None = None,
) -> Node:
    """For a network that also predicts its uncertainty: minus the log-likelihood of a normal distribution.

    Shapes: prediction (B, 2 O), first the O means m, then the O variances v; target (B, O) -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        log_variance: whether the network gives the logarithm of v, which may be any number.
        full: whether the constant is added.
        epsilon: the minimum variance, if the network gives the variance itself, above 0.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = GaussianNLL(log_variance=log_variance, full=full, epsilon=epsilon)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def generalized_cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    q: float = 0.5,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:
    """Between cross-entropy (q near 0) and the absolute error (q = 1): robust against wrong labels.

    Shapes: prediction (B, ..., K), target (B, ...) integers 0 .. K-1 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        q: 0 < q <= 1; the larger, the smaller the weight of labels that the network considers impossible.
        class_weight: a weight for each of the K classes.
        ignore_index: a target that does not count, such as padding.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = GeneralizedCrossEntropy(q=q, class_weight=class_weight, ignore_index=ignore_index)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def half_mse(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Half the squared error:
    the article's J = 1/(2n) sum (yhat - y)^2, whose gradient is the error itself.

    Shapes: prediction (B, O), target the same -> (); the squares of several outputs are added.

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(HalfMSE(), prediction, target, weight)


@explain_function_calls
def hinge(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Hinge loss: 0 if the score is on the right side by at least 1, linear otherwise.

    Shapes: prediction (B,), (B, 1) or (B, O), target the same, yes and no -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(Hinge(), prediction, target, weight)


@explain_function_calls
def hinge_embedding(
    prediction: Node, target: Operand, *, margin: float = 1.0, weight: Operand | None = None
) -> Node:
    """For distances: same-class pairs should be near, other pairs at least a margin apart.

    Shapes: prediction (B, ...), distances; target the same, yes (same class) and no -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        margin: the required distance, above 0.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(HingeEmbedding(margin=margin), prediction, target, weight)


@explain_function_calls
def huber(prediction: Node, target: Operand, *, delta: float = 1.0, weight: Operand | None = None) -> Node:
    """Squared for small errors, absolute for large ones: smooth at 0 and robust against outliers.

    Shapes: prediction (B, O), target the same -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        delta: where the quadratic part ends, above 0, in the target's unit.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(Huber(delta=delta), prediction, target, weight)


@explain_function_calls
def kl_divergence(
    prediction: Node, target: Operand, *, log_target: bool = False, weight: Operand | None = None
) -> Node:
    """The divergence of the network's probabilities from the target's: 0 only if they are equal.

    Shapes: prediction (B, K), log-probabilities; target the same, probabilities -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        log_target: whether the target too consists of log-probabilities.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(KLDivergence(log_target=log_target), prediction, target, weight)


@explain_function_calls
def log_cosh(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The logarithm of the hyperbolic cosine of the error: like ``huber``, but smooth everywhere.

    Shapes: prediction (B, O), target the same -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(LogCosh(), prediction, target, weight)


@explain_function_calls
def mae(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The absolute error, averaged over the outputs: linear in the error, so outliers have less influence.

    Shapes: prediction (B, O), target the same -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(MAE(), prediction, target, weight)


@explain_function_calls
def mape(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The absolute error in percent of the target, averaged over the outputs.

    Shapes: prediction (B, O), target the same -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(MAPE(), prediction, target, weight)


@explain_function_calls
def margin_ranking(
    prediction: Node, target: Operand, *, margin: float = 0.0, weight: Operand | None = None
) -> Node:
    """Hinge loss of the order of two scores.

    Shapes: prediction (B, 2), target (B,): yes if the first should be higher, no if the second -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        margin: the required difference, at least 0.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(MarginRanking(margin=margin), prediction, target, weight)


@explain_function_calls
def mse(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The squared error, averaged over the outputs: large errors have a far larger weight than small ones.

    Shapes: prediction (B, O), target the same -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(MSE(), prediction, target, weight)


@explain_function_calls
def msle(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The squared difference of logarithms: a factor of 2 costs the same for small and large targets.

    Shapes: prediction (B, O), target the same, none of them negative -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(MSLE(), prediction, target, weight)


@explain_function_calls
def multi_margin(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    margin: float = 1.0,
    p: int = 1,
    weight: Operand | None = None,
) -> Node:
    """Hinge loss of the true class and each other class.

    Shapes: prediction (B, ..., K), target (B, ...) integers 0 .. K-1 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        class_weight: a factor for each class; as in PyTorch, the mean does not divide by it.
        ignore_index: a target that does not count, such as padding.
        margin: the required difference, above 0.
        p: 1 or 2.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = MultiMargin(class_weight=class_weight, ignore_index=ignore_index, margin=margin, p=p)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def multilabel_margin(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Hinge loss of every class that a sample has and every class that it does not have.

    Shapes: prediction (B, K), target the same, yes and no for each class -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(MultilabelMargin(), prediction, target, weight)


@explain_function_calls
def nll(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:
    """Minus the log-probability of the true class, for a network that ends in log-probabilities.

    Shapes: prediction (B, ..., K), target (B, ...) integers 0 .. K-1 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        class_weight: a weight for each of the K classes.
        ignore_index: a target that does not count, such as padding.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(NLL(class_weight=class_weight, ignore_index=ignore_index), prediction, target, weight)


@explain_function_calls
def poisson(
    prediction: Node,
    target: Operand,
    *,
    log_input: bool = True,
    full: bool = False,
    epsilon: float = 1e-08,
    weight: Operand | None = None,
) -> Node:
    """For targets that count events: minus the log-probability under a Poisson distribution.

    Shapes: prediction (B, O), target the same, not negative -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        log_input: whether the network gives the logarithm of the rate, which may be any number.
        full: whether the term that depends on the target alone is added.
        epsilon: added to a rate before its logarithm is computed, above 0.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(Poisson(log_input=log_input, full=full, epsilon=epsilon), prediction, target, weight)


@explain_function_calls
def quantile(
    prediction: Node, target: Operand, *, levels: tuple[float, ...] = (0.5,), weight: Operand | None = None
) -> Node:
    """The error of a quantile (pinball loss), averaged over the outputs: output o learns the quantile q_o.

    Shapes: prediction (B, O), target the same -> (); for several quantiles of one value, the target repeats
        it.

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        levels: q of each output, or one for all, each between 0 and 1. With 0.5 the loss is half of ``mae``.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(Quantile(levels=levels), prediction, target, weight)


@explain_function_calls
def smooth_l1(prediction: Node, target: Operand, *, beta: float = 1.0, weight: Operand | None = None) -> Node:
    """``huber`` divided by its delta, so that its slope for large errors is always 1.

    Shapes: prediction (B, O), target the same -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        beta: where the quadratic part ends, above 0, in the target's unit.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(SmoothL1(beta=beta), prediction, target, weight)


@explain_function_calls
def soft_cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    label_smoothing: float = 0.0,
    class_weight: Sequence[float] | None = None,
    weight: Operand | None = None,
) -> Node:
    """Cross-entropy for targets that are probabilities: mixed images, a teacher's predictions, votes.

    Shapes: prediction (B, ..., K), target the same -> (), the mean over the positions in between.

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        label_smoothing: s, 0 <= s < 1: how much of the probability is spread over all classes.
        class_weight: w, the weight of each class, K numbers; ``None``: all weights are 1.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = SoftCrossEntropy(label_smoothing=label_smoothing, class_weight=class_weight)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def soft_margin(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """A hinge with a rounded corner: the logistic loss of labels that are 1 and -1.

    Shapes: prediction (B,), (B, 1) or (B, O), target the same, yes and no -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(SoftMargin(), prediction, target, weight)


@explain_function_calls
def squared_hinge(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """The square of the hinge: smooth where it begins, and large for predictions that are far off.

    Shapes: prediction (B,), (B, 1) or (B, O), target the same, yes and no -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(SquaredHinge(), prediction, target, weight)


@explain_function_calls
def symmetric_cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:
    """Cross-entropy plus its reverse, which is bounded: robust against wrong labels.

    Shapes: prediction (B, ..., K), target (B, ...) integers 0 .. K-1 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        alpha: the weight of cross-entropy, at least 0; it helps the network to converge.
        beta: the weight of the reverse cross-entropy, at least 0.
        log_zero: A, below 0: the logarithm of a probability of 0.
        class_weight: a weight for each of the K classes.
        ignore_index: a target that does not count, such as padding.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    loss = SymmetricCrossEntropy(
        alpha=alpha, beta=beta, log_zero=log_zero, class_weight=class_weight, ignore_index=ignore_index
    )
    return mean_loss(loss, prediction, target, weight)


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
    """Triplet loss: the anchor should be closer to the positive than to the negative, by a margin.

    Shapes: prediction (B, 3, D): anchor, positive, negative, in this order -> (). There is no target: call
        ``model.fit(x)``.

    Args:
        prediction: the output of the network.
        target: ``None``; the loss takes no targets.
        margin: the required difference, above 0.
        distance: ``"euclidean"``, ``"squared_euclidean"``, ``"manhattan"`` or ``"cosine"`` (1 - cosine).
        swap: whether the negative's distance is the smaller of those to the anchor and to the positive.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(TripletMargin(margin=margin, distance=distance, swap=swap), prediction, target, weight)


@explain_function_calls
def tversky(
    prediction: Node, target: Operand, *, alpha: float = 0.5, beta: float = 0.5, weight: Operand | None = None
) -> Node:
    """1 minus the share of the marked area that both agree on,
    with separate weights for each kind of error.

    Shapes: prediction (B, ...), one score for each cell; target the same, yes and no as 1 and 0 -> ().

    Args:
        prediction: the output of the network.
        target: the targets, a node or an array.
        alpha: the weight of a cell that is missed, at least 0.
        beta: the weight of a cell that is marked by mistake, at least 0.
        weight: the weight of each sample, (B,), or of each term, in the shape of the terms; the mean is then
            the sum of weight times loss, divided by the sum of the weights.
    """
    return mean_loss(Tversky(alpha=alpha, beta=beta), prediction, target, weight)
