"""Diagrams of networks: every connection is drawn, nothing overlaps, repeated blocks are folded."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

import pytest

import chainrule as cr
from chainrule.graph import Node
from chainrule.models import MODELS
from chainrule.nn import build
from chainrule.plotting.network.blocks import Flow, flow_of, fold_repeated
from chainrule.plotting.network.layout import Area, Drawing, lay_out, tree
from chainrule.plotting.network.svg import svg
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")


def image(side: int, channels: int) -> dict[str, Spec]:
    return {"x": Spec((B, side, side, channels), "float32")}


@cr.layer
class Again(cr.Layer):
    """A layer, another one, and the first one again."""

    first: cr.Layer
    second: cr.Layer

    def __call__(self, x: Node, scope: cr.Scope) -> Node:
        for name, part in (("a", self.first), ("b", self.second), ("a", self.first), ("b", self.second)):
            x = scope.run(part, x, name)
        return x


NETS = {
    "lenet5": (cr.models.lenet5(), image(32, 1), 61_706),
    "resnet20": (cr.models.resnet20(), image(32, 3), 269_722),
    "unet": (cr.models.unet(classes=3, channels=4, depth=3, padding="same"), image(16, 1), None),
    "gpt2": (
        cr.models.gpt2(vocabulary_size=65, length=16, width=32, depth=5, heads=4),
        {"x": Spec((B, 16), "int64")},
        None,
    ),
    "dense": (cr.Dense(3), {"x": Spec((B, 4), "float32")}, 15),
    "parallel": (
        cr.Sequential(cr.Parallel(a=cr.Dense(2), b=cr.Sequential(cr.Dense(3), cr.Dense(2))), cr.Dense(1)),
        {"x": Spec((B, 4), "float32")},
        None,
    ),
    "called again": (Again(cr.Dense(4, "tanh"), cr.Dense(4)), {"x": Spec((B, 4), "float32")}, 40),
    "attention called again": (
        Again(cr.TransformerEncoderLayer(2, units=8), cr.Dense(4)),
        {"x": Spec((B, 5, 4), "float32")},
        None,
    ),
}


@cache
def flow(name: str) -> Flow:
    net, inputs, _ = NETS[name]
    return flow_of(net, build(net, inputs, "float32", training=True))


@cache
def drawing(name: str) -> Drawing:
    return lay_out(fold_repeated(flow(name)))


def overlap(a: Area, b: Area) -> bool:
    across = a.x < b.x + b.width and b.x < a.x + a.width
    return across and a.y < b.y + b.height and b.y < a.y + a.height


@pytest.mark.parametrize("name", NETS)
def test_every_parameter_is_in_a_box(name: str) -> None:
    count = NETS[name][2]
    assert count is None or flow(name).parameters == count
    assert sum(line.parameters for box in flow(name).boxes for line in box.lines) == flow(name).parameters


@pytest.mark.parametrize("name", NETS)
def test_every_box_except_inputs_has_an_incoming_arrow(name: str) -> None:
    for diagram in (flow(name), fold_repeated(flow(name))):
        targets = {b for _, b in diagram.arrows}
        assert {i for i, box in enumerate(diagram.boxes) if box.kind == "input"} == (
            set(range(len(diagram.boxes))) - targets
        )
        assert all(a < b for a, b in diagram.arrows)


@pytest.mark.parametrize("name", NETS)
def test_boxes_and_arrows_do_not_overlap(name: str) -> None:
    layout = drawing(name)
    boxes = layout.boxes
    assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    canvas = Area(0, 0, layout.width, layout.height)
    for area in (*boxes, *layout.frames.values()):
        assert area.x >= canvas.x
        assert area.y >= canvas.y
        assert area.x + area.width <= canvas.width
        assert area.y + area.height <= canvas.height
    for path, frame in layout.frames.items():
        for box, area in zip(layout.flow.boxes, boxes, strict=True):
            assert overlap(frame, area) == (path in box.frames)


@pytest.mark.parametrize("name", NETS)
def test_skip_connections_do_not_cross_boxes(name: str) -> None:
    places = drawing(name)
    assert places.flow.arrows
    for (a, b), corners in zip(places.flow.arrows, places.arrows, strict=True):
        lanes = [Area(x - 1, y, 2, low - y) for (x, y), (x2, low) in pairwise(corners[1:]) if x == x2]
        others = [area for i, area in enumerate(places.boxes) if i not in (a, b)]
        assert not any(overlap(lane, area) for lane in lanes for area in others)


@pytest.mark.parametrize("name", NETS)
def test_the_svg_is_well_formed_and_has_ids(name: str) -> None:
    root = ElementTree.fromstring(svg(drawing(name), title="a & b", standalone=True))
    names = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(names) == len(set(names))
    paths = {
        f"layer-{line.path}" for box in drawing(name).flow.boxes if box.kind == "layer" for line in box.lines
    }
    assert paths <= set(names)
    assert root[0].text == "a & b"


def test_residual_blocks_have_a_skip_connection_and_are_folded() -> None:
    diagram = fold_repeated(flow("resnet20"))
    joins = [box for box in diagram.boxes if box.lines[0].what == "+ relu"]
    assert len(joins) == 5  # one for each kind of block, of nine blocks
    assert {path: frame.times for path, frame in diagram.frames.items() if frame.times > 1} == {
        "stage1.block1": 3,
        "stage2.block2": 2,
        "stage3.block2": 2,
    }
    assert fold_repeated(flow("gpt2")).frames["blocks.layer1"].times == 5


def test_the_levels_of_a_unet_are_connected() -> None:
    diagram = flow("unet")
    joins = {i for i, box in enumerate(diagram.boxes) if box.lines[0].what == "concat"}
    assert len(joins) == 3
    assert all(sum(b == join for _, b in diagram.arrows) == 2 for join in joins)


def test_the_text_tree_has_shapes_and_parameter_counts() -> None:
    text = tree(fold_repeated(flow("lenet5")))
    assert "├─ c3  Conv(16, 5) tanh  10 × 10 × 16  2,416" in text
    assert text.splitlines()[-1].startswith("└─ output  Dense(10)")
    assert "block1  BasicBlock  × 3" in tree(fold_repeated(flow("resnet20")))


def test_every_kind_of_layer_is_drawn() -> None:
    for name in ("vgg16", "mobilenet_v3_small", "transformer"):
        card = MODELS[name]
        net = card.net()
        layout = lay_out(fold_repeated(flow_of(net, build(net, card.inputs, "float32"))))
        assert layout.flow.parameters == card.parameters
        assert len(layout.boxes) < 120


def test_every_call_of_a_layer_is_a_box_and_parameters_count_once() -> None:
    boxes = flow("called again").boxes
    assert [box.lines[0].path for box in boxes] == ["x", "a", "b", "a#2", "b#2"]
    assert [box.lines[0].parameters for box in boxes] == [0, 20, 20, 0, 0]
    assert flow("called again").arrows == ((0, 1), (1, 2), (2, 3), (3, 4))
    assert all(a < b for a, b in flow("attention called again").arrows)
