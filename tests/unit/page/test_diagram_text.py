"""The drawing of a network in a terminal: its numbers are those of the trace."""

from __future__ import annotations

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.notation import number
from chainrule.notation.text_columns import width
from chainrule.page.diagram_text import diagram_lines
from chainrule_examples.article import X, Y, network


def test_the_network_of_the_article_is_drawn_with_its_numbers() -> None:
    explanation = network().explain(X[:1], Y[:1], depth=1)
    assert explanation.draw is not None
    diagram = explanation.draw()
    lines = diagram_lines(diagram)
    text = "\n".join(lines)
    for unit in (unit for column in diagram.columns for unit in column.units):
        assert f"{unit.name} = {number(unit.value)}" in text
    for wire in diagram.wires:
        assert f"{wire.name} = {number(wire.value)}" in text
    assert [line for line in lines if "┤" in line or "├" in line]
    assert text in str(explanation)
    assert text not in str(network().explain(X[:1], Y[:1], depth=2))


@pytest.mark.parametrize("sizes", [(1, 1), (2, 3, 1), (3, 9, 2), (5, 20, 20, 2), (2, 2, 2, 2, 1)])
def test_lines_meet_in_one_column(sizes: tuple[int, ...]) -> None:
    net = cr.Sequential(*[cr.Dense(n, "tanh") for n in sizes[1:]])
    model = cr.Model(net, "half_mse", cr.SGD(0.1), dtype="float64").initialize(np.ones((1, sizes[0])))
    draw = model.explain(np.ones((1, sizes[0])), np.zeros((1, sizes[-1])), depth=1).draw
    assert draw is not None
    lines = diagram_lines(draw())
    drawing = lines[: lines.index("")] if "" in lines else lines
    places = [{width(line[: m.start()]) for m in re.finditer("[┌┐└┘├┤┬┴┼│]", line)} for line in drawing]
    assert len(set[int]().union(*places)) <= len(sizes)
    assert any("─" in line for line in drawing)


def test_other_networks_and_narrow_terminals_have_no_drawing() -> None:
    net = cr.Sequential(cr.Conv(2, 3), cr.Flatten(), cr.Dense(2))
    model = cr.Model(net, "half_mse").initialize(np.zeros((1, 5, 5, 1)))
    draw = model.explain(np.ones((1, 5, 5, 1)), np.zeros((1, 2)), depth=1).draw
    assert draw is not None
    assert diagram_lines(draw()) == []
