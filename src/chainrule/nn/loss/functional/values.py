"""Losses of values: regression and likelihoods."""

from __future__ import annotations

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
from chainrule.nn.loss.functional.mean import mean_loss
from chainrule.nn.loss.likelihood import GaussianNLL, KLDivergence, Poisson
from chainrule.nn.loss.regression import MAE, MAPE, MSE, MSLE, CosineLoss, HalfMSE, Huber, LogCosh, SmoothL1
from chainrule.ops.elementwise.functions import Operand


@explain_function_calls
def half_mse(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Half the squared error, summed over the outputs."""
    return mean_loss(HalfMSE(), prediction, target, weight)


@explain_function_calls
def mse(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Mean squared error."""
    return mean_loss(MSE(), prediction, target, weight)


@explain_function_calls
def mae(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Mean absolute error."""
    return mean_loss(MAE(), prediction, target, weight)


@explain_function_calls
def huber(prediction: Node, target: Operand, *, delta: float = 1.0, weight: Operand | None = None) -> Node:
    """Huber loss: squared for errors up to ``delta``, linear above."""
    return mean_loss(Huber(delta), prediction, target, weight)


@explain_function_calls
def smooth_l1(prediction: Node, target: Operand, *, beta: float = 1.0, weight: Operand | None = None) -> Node:
    """Smooth L1 loss: ``huber`` divided by ``beta``."""
    return mean_loss(SmoothL1(beta=beta), prediction, target, weight)


@explain_function_calls
def log_cosh(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Logarithm of the hyperbolic cosine of the error."""
    return mean_loss(LogCosh(), prediction, target, weight)


@explain_function_calls
def mape(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Mean absolute percentage error."""
    return mean_loss(MAPE(), prediction, target, weight)


@explain_function_calls
def msle(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Mean squared logarithmic error."""
    return mean_loss(MSLE(), prediction, target, weight)


@explain_function_calls
def cosine_similarity(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Negative cosine similarity of output and target."""
    return mean_loss(CosineLoss(), prediction, target, weight)


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
    """Negative log-likelihood of a Poisson distribution."""
    return mean_loss(Poisson(log_input=log_input, full=full, epsilon=epsilon), prediction, target, weight)


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
    """Negative log-likelihood of a normal distribution whose variance the network predicts too."""
    loss = GaussianNLL(log_variance=log_variance, full=full, epsilon=epsilon)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def kl_divergence(
    prediction: Node, target: Operand, *, log_target: bool = False, weight: Operand | None = None
) -> Node:
    """Kullback-Leibler divergence of the predicted from the target distribution."""
    return mean_loss(KLDivergence(log_target=log_target), prediction, target, weight)
