"""The ledger of a weight in every layer: formula, product and the sum over all ways are the gradient."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import nn
from chainrule.derive.narrative import explain
from chainrule.derive.sections.ledger import opened
from chainrule.derive.sections.paths import Ways
from chainrule.derive.writer import Pen, figure
from chainrule.spec import bound
from chainrule.trace import Scalar, Trace, trace
from chainrule.train.step import Network, Recipe
from layer_cases import CASES, Case, ready

CLOSE = 1e-9
# One case of each layer with parameters; what the large ones are made of is among the others.
LARGE = (nn.Translator, nn.TextEncoder, nn.Transformer, nn.TransformerDecoderLayer, nn.Stacked, nn.ConvLSTM)
LEARNING = {
    type(case.net): name
    for name, case in reversed(CASES.items())
    if not isinstance(case.net, LARGE) and ready(case).built.parameters
}
MOST = 3  # parameters of a net that are looked at, spread over it


def traced(case: Case) -> Trace:
    """One sample through the net, before a squared error."""
    arrays = ready(case).arrays
    arrays |= {name: arrays[name][:1] for name in case.inputs}
    network = Network(Recipe(case.net, "half_mse", nn.SGD(0.1), dtype="float64"), case.specs(), "reference")
    held = {name: arrays[name] for name in (*network.parameters, *network.inference.states)}
    x = {name: arrays[name] for name in case.inputs}
    rng = np.random.default_rng(1)
    sizes = {output: bound(node.shape[1:]) for output, node in network.inference.outputs.items()}
    y = {network.target_names[name]: rng.normal(size=(1, *shape)) for name, shape in sizes.items()}
    return trace(network, held, x, y)


def places(t: Trace) -> list[tuple[str, tuple[int, ...]]]:
    """The number with the largest gradient of every parameter."""
    return [
        (path, tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(g))), g.shape)))
        for path, g in t.gradients.items()
    ]


@pytest.mark.parametrize("name", LEARNING.values())
def test_formula_product_and_ways_are_the_gradient(name: str) -> None:
    t = traced(CASES[name])
    pen = Pen(t, "en")
    every = places(t)
    for path, index in every[:: 1 + (len(every) - 1) // MOST]:
        at, stored = Scalar(t.derivation.gradients[path], index), t.gradients[path][index]
        found = {
            "formula": t.unfolder.value(t.unfolder.scalar(at.node, at.index)),
            "product": t.unfolder.value(opened(pen, at)),
            "ways": Ways(pen, at).found.total,
        }
        for what, value in found.items():
            assert value == pytest.approx(stored, rel=CLOSE, abs=1e-12), (path, index, what)


TOLD = ("dense", "convolution", "layer norm", "lstm", "multi-head", "mixture of experts", "basic block")


@pytest.mark.parametrize("name", TOLD)
def test_every_depth_and_language_tells_it(name: str) -> None:
    t = traced(CASES[name])
    path, index = places(t)[0]
    weight = f"{path}[{','.join(map(str, index))}]"
    for depth, lang in ((1, "en"), (2, "zh"), (3, "en")):
        page = str(explain(t, depth, lang, weight))
        assert weight in page
        assert figure(float(t.gradients[path][index])) in page.replace("+", "")


def test_a_step_of_time_has_symbols_of_its_own_and_attention_those_of_its_papers() -> None:
    lstm, heads = (traced(CASES[name]) for name in ("lstm", "multi-head"))
    letters = {(name.letter, name.layer) for name in lstm.names.values()}
    assert {("h", f"1,t={i}") for i in (1, 2, 3)} < letters
    assert {("c", f"1,t={i}") for i in (1, 2, 3)} < letters
    assert set("qkvsa") < {name.letter for name in heads.names.values()}
