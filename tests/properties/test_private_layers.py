"""Every registered layer in a private training: its values of a row depend on this row, or it is refused.

Dropout masks by the place in the batch, statistics of the batch and random numbers that rows share in part
would all let one row change the terms of others, which the noise does not cover.
"""

from __future__ import annotations

import numpy as np
import pytest

from case_loops import loop_over
from chainrule.engines import evaluate
from chainrule.errors import GradientError
from chainrule.gradient import SampleGradients
from chainrule.graph import Graph, Node, constant, input_node
from chainrule.ops import functional as F
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import bound
from chainrule.train.private.refusals import unsafe_layers
from chainrule.train.private.row_keys import ROW_KEYS, keys_of_rows, row_words, with_row_keys
from layer_cases import CASES, Ready, as_numbers, ready

COUPLING = (  # layers with values of the whole batch, of all training rows, or with a cost of the batch
    "BatchNorm",
    "EnsembleLinearModel",
    "EnsembleNormalization",
    "EnsemblePiecewiseLinear",
    "ActivityRegularization",
    "GaussianLatent",
)


def losses(net: Ready) -> Node:
    """A loss of each sample, (B,), that depends on every element of the output in another way."""
    output = as_numbers(net.built.output)
    weights = np.sin(1.0 + np.arange(np.prod(bound(output.shape[1:]), dtype=int)))
    value = output * constant(weights.reshape(1, *bound(output.shape[1:])).astype(output.dtype))
    total = F.sum(value, tuple(range(1, output.rank))) if output.rank > 1 else value
    return with_row_keys(total * input_node("factor", (), total.dtype, "state"))


def is_refused(net: Ready, loss: Node) -> bool:
    """Whether a private training refuses the layer."""
    try:
        SampleGradients(loss, [input_node("factor", (), loss.dtype, "state")])
    except GradientError as refusal:
        return refusal.code == "E275"
    return any(True for _ in unsafe_layers(net.built.book, loss))


def value(loss: Node, net: Ready, rows: np.ndarray) -> np.ndarray:
    """The losses of some rows."""
    inputs = {name: net.arrays[name][rows] for name in net.built.inputs}
    key = key_of(5)
    random = {KEY: key, ROW_KEYS: keys_of_rows(key, row_words(inputs))}
    arrays = {**net.arrays, **inputs, **random, "factor": np.ones((), loss.dtype)}
    known = Graph({"loss": loss}).inputs
    return evaluate([loss], {name: arrays[name] for name in known}, "reference")[0]


@pytest.mark.long
@loop_over("name", CASES)
def test_the_value_of_a_row_depends_on_this_row_alone_or_the_layer_is_refused(name: str) -> None:
    net = ready(CASES[name], training=True)
    loss = losses(net)
    kinds = {type(layer).__name__ for layer in (CASES[name].net, *net.built.book.layers.values())}
    is_coupled = not kinds.isdisjoint(COUPLING)
    if is_refused(net, loss):
        assert is_coupled
        return
    assert not is_coupled
    count = len(net.arrays[next(iter(net.built.inputs))])
    assert count > 1
    every = value(loss, net, np.arange(count))
    for row in range(count):
        rest = value(loss, net, np.delete(np.arange(count), row))
        np.testing.assert_allclose(rest, np.delete(every, row), rtol=1e-9, atol=1e-12)


def test_random_layers_are_among_the_cases() -> None:
    random = [name for name in CASES if ROW_KEYS in Graph({"loss": losses(ready(CASES[name], True))}).inputs]
    assert len(random) > 10
