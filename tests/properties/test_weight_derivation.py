"""Ledgers of the weights of every layer: formula, product and sum over paths equal the gradient."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import nn
from chainrule.step_explanation.narrative import explain
from chainrule.step_explanation.sections.weight_derivation import PathFinder, expanded
from chainrule.step_explanation.writer import Writer, figure
from chainrule.symbolic_shape import bound
from chainrule.trace import Scalar, Trace, trace
from chainrule.train.network import Network, Recipe
from layer_cases import CASES, Case, ready

CLOSE = 1e-9
# One case per layer with parameters; composite layers are covered by their parts.
LARGE = (nn.Translator, nn.TextEncoder, nn.Transformer, nn.TransformerDecoderLayer, nn.Stacked, nn.ConvLSTM)
LEARNING = {
    type(case.net): name
    for name, case in reversed(CASES.items())
    if not isinstance(case.net, LARGE) and ready(case).built.parameters
}
MAX_PARAMETERS = 3  # number of checked parameters per network


def traced(case: Case) -> Trace:
    """A trace of one sample with a squared error."""
    feeds = ready(case).arrays
    feeds |= {name: feeds[name][:1] for name in case.inputs}
    network = Network(Recipe(case.net, "half_mse", nn.SGD(0.1), dtype="float64"), case.specs(), "reference")
    arrays = {name: feeds[name] for name in (*network.parameters, *network.inference.states)}
    x = {name: feeds[name] for name in case.inputs}
    rng = np.random.default_rng(1)
    sizes = {output: bound(node.shape[1:]) for output, node in network.inference.outputs.items()}
    y = {network.target_names[name]: rng.normal(size=(1, *shape)) for name, shape in sizes.items()}
    return trace(network, arrays, x, y)


def places(t: Trace) -> list[tuple[str, tuple[int, ...]]]:
    """The element with the largest gradient of every parameter."""
    return [
        (path, tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(g))), g.shape)))
        for path, g in t.gradients.items()
    ]


@pytest.mark.parametrize("name", LEARNING.values())
def test_formula_product_and_paths_equal_the_gradient(name: str) -> None:
    t = traced(CASES[name])
    writer = Writer(t, "en")
    every = places(t)
    assert every
    for path, index in every[:: 1 + (len(every) - 1) // MAX_PARAMETERS]:
        at, stored = Scalar(t.derivation.gradients[path], index), t.gradients[path][index]
        results = {
            "formula": t.formulas.value(t.formulas.scalar(at.node, at.index)),
            "product": t.formulas.value(expanded(writer, at)),
            "paths": PathFinder(writer, at).result.total,
        }
        for what, value in results.items():
            assert value == pytest.approx(stored, rel=CLOSE, abs=1e-12), (path, index, what)


RENDERED = ("dense", "convolution", "layer norm", "lstm", "multi-head", "mixture of experts", "basic block")


@pytest.mark.parametrize("name", RENDERED)
def test_an_explanation_renders_at_every_depth_in_both_languages(name: str) -> None:
    t = traced(CASES[name])
    path, index = places(t)[0]
    weight = f"{path}[{','.join(map(str, index))}]"
    for depth, lang in ((1, "en"), (2, "zh"), (3, "en")):
        page = str(explain(t, depth, lang, weight))
        assert weight in page
        assert figure(float(t.gradients[path][index])) in page.replace("+", "")


def test_time_steps_and_attention_have_symbols() -> None:
    lstm, heads = (traced(CASES[name]) for name in ("lstm", "multi-head"))
    letters = {(name.letter, name.layer) for name in lstm.names.values()}
    assert {("h", f"1,t={i}") for i in (1, 2, 3)} < letters
    assert {("c", f"1,t={i}") for i in (1, 2, 3)} < letters
    assert set("qkvsa") < {name.letter for name in heads.names.values()}
