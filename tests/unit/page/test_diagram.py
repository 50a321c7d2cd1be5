"""Diagrams of networks: a circle per unit, a line per weight that a sum reads."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from article import article, article_trace
from chainrule.model import Model
from chainrule.nn import (
    LSTM,
    SGD,
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    LayerNorm,
    Residual,
    Sequential,
)
from chainrule.page.diagram import COLUMNS, Diagram, diagram_of
from chainrule.page.html import Anchors, diagram_svg
from chainrule.page.page import Page

RNG = np.random.default_rng(0)


def diagram_of_net(net: Sequential, *shape: int) -> Diagram:
    model = Model(net, "half_mse", SGD(0.1), engine="reference")
    x = RNG.normal(size=(3, *shape))
    y = RNG.normal(size=(3, 2))
    model.fit(x, y, epochs=1, verbose=False)
    return diagram_of(model.trace(x[0], y[0]))


def test_the_diagram_of_the_article_is_complete() -> None:
    trace = article_trace()
    diagram = diagram_of(trace)
    assert [[unit.name for unit in column.units] for column in diagram.columns] == [
        ["x₁", "x₂"],
        ["a₁⁽¹⁾", "a₂⁽¹⁾", "a₃⁽¹⁾"],
        ["ŷ"],
        ["J"],
    ]
    weights = {wire.name: (wire.value, wire.gradient[1]) for wire in diagram.wires}
    assert len(weights) == 9
    assert weights["w₃₂⁽¹⁾"] == (-0.6, pytest.approx(-0.003282, abs=5e-7))
    ends = {wire.name: (wire.column, wire.start, wire.end) for wire in diagram.wires}
    assert ends["w₃₂⁽¹⁾"] == (1, 1, 2)


NETS = {
    "a residual block": (Sequential(Dense(3, "tanh"), Residual(Dense(3, "relu")), Dense(2)), (4,)),
    "normalization": (Sequential(Dense(3), LayerNorm(), Activation("tanh"), Dense(2)), (4,)),
    "maps": (Sequential(Conv(2, 3), BatchNorm(), Flatten(), Dense(2)), (5, 5, 1)),
    "many units": (Sequential(Dense(50, "relu"), Dense(2)), (30,)),
    "many layers": (Sequential(*[Dense(2) for _ in range(20)]), (2,)),
    "too many to be searched": (Sequential(Dense(2)), (400,)),
}


@pytest.mark.parametrize("name", NETS)
def test_the_size_of_a_diagram_is_bounded(name: str) -> None:
    net, shape = NETS[name]
    diagram = diagram_of_net(net, *shape)
    assert len(diagram.columns) <= COLUMNS + 2
    assert max(len(column.units) for column in diagram.columns) <= 8
    for wire in diagram.wires:
        before, column = diagram.columns[wire.column - 1 : wire.column + 1]
        assert wire.start < len(before.units)
        assert wire.end < len(column.units)
    page = Page("t", "en", ())
    html = diagram_svg(diagram, Anchors(page, diagram, "en-"))
    texts = [element.text for element in ElementTree.fromstring(html).iter() if element.tag.endswith("text")]
    assert texts[-2:] == ["J", texts[-1]]
    assert html.count("<circle") == sum(len(column.units) for column in diagram.columns)
    assert html.count('class="reach"') == len(diagram.wires)


def test_lines_connect_units_that_a_sum_reads() -> None:
    assert {wire.column for wire in diagram_of_net(NETS["many units"][0], 30).wires} == {1, 2}
    assert {wire.column for wire in diagram_of_net(NETS["maps"][0], 5, 5, 1).wires} == set()
    assert diagram_of_net(NETS["too many to be searched"][0], 400).wires == ()


def test_a_page_has_one_diagram_per_language() -> None:
    assert article("en").to_html().count("<svg") == 2
    assert article("en")._repr_html_().count("<svg") == 1


@pytest.mark.parametrize("net", [Sequential(LSTM(2), Dense(2)), Sequential(Conv(2, 2), Flatten(), Dense(2))])
def test_pages_of_sequences_and_images_are_linked_and_bounded(net: Sequential) -> None:
    model = Model(net, "half_mse", SGD(0.1), engine="reference")
    x, y = RNG.normal(size=(2, 3, 2)), RNG.normal(size=(2, 2))
    model.fit(x, y, epochs=1, verbose=False)
    text = model.explain(x[0], y[0], lang="en").to_html()
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert len(text) < 2_000_000
