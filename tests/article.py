"""The worked example of the article: two inputs, three hidden sigmoid units, one sigmoid output.

This module holds the chosen values only: network, weights, samples, learning rate. Every number and sentence
of the derivation comes from the general code, which has no special case for this network.
"""

from __future__ import annotations

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.nn import SGD, Dense, Sequential
from chainrule.page.explanation import Explanation
from chainrule.step_explanation.narrative import check_options, explain
from chainrule.symbolic_shape import Size, Spec
from chainrule.trace import Trace, trace
from chainrule.train.network import Network, Recipe
from chainrule.validation import out_of_range

INPUTS = ((1.0, 0.5), (-0.5, 2.0))
TARGETS = ((1.0,), (0.0,))
PARAMETERS = {
    "dense1.weight": ((0.1, 0.4), (-0.3, 0.2), (0.5, -0.6)),
    "dense1.bias": (0.1, -0.1, 0.3),
    "dense2.weight": ((0.7, -0.5, 0.3),),
    "dense2.bias": (0.05,),
}
LEARNING_RATE = 0.5
# By name: the activation function of the output and the loss.
ENDS = {
    "half_mse": ("sigmoid", "half_mse"),
    "half_mse_linear": (None, "half_mse"),
    "binary_cross_entropy": (None, "binary_cross_entropy"),
}


def article_trace(samples: int = 1, end: str = "half_mse") -> Trace:
    """Return the trace of the article's network.

    Args:
        samples: 1 or 2.
        end: ``"half_mse"`` after a sigmoid, as in the article; ``"half_mse_linear"`` without the sigmoid; or
            ``"binary_cross_entropy"``, with which the derivative of the sigmoid cancels.

    Raises:
        UsageError E102: ``samples`` is not 1 or 2. UsageError E101: unknown ``end``.

    Example:
        >>> t = article_trace()
        >>> round(t.loss, 6), round(t.new_loss, 6), round(t.predicted_change, 6)
        (0.076447, 0.067961, -0.008823)
    """
    if samples not in (1, 2):
        raise out_of_range(samples, "samples", "the article's example", fact("1 or 2"))
    if end not in ENDS:
        raise UsageError(
            "E101", where="the article's example", name=end, expected=", ".join(ENDS), received=end
        )
    activation, loss = ENDS[end]
    net = Sequential(Dense(3, activation="sigmoid"), Dense(1, activation=activation))
    network = Network(
        Recipe(net, loss, SGD(LEARNING_RATE)), {"x": Spec((Size.symbol("B"), 2), "float64")}, "reference"
    )
    parameters = {path: np.array(values) for path, values in PARAMETERS.items()}
    x, y = {"x": np.array(INPUTS[:samples])}, {"target": np.array(TARGETS[:samples])}
    return trace(network, parameters, x, y)


def article(lang: str = "en", depth: int = 2, samples: int = 1, end: str = "half_mse") -> Explanation:
    """Return the explanation of the article's example.

    Args:
        lang: ``"en"`` or ``"zh"``.
        depth: 1, 2 or 3.
        samples, end: see ``article_trace``.

    Raises:
        UsageError E101, E102: an unknown language, depth, number of samples or end.
    """
    check_options(depth, lang)
    return explain(article_trace(samples, end), depth, lang)
