"""The boxes and arrows of a network diagram, derived from the nodes of the network.

The arrows follow the graph, not the nesting of layers, so every skip connection is found, custom layers
included. Every node that depends on the data belongs to the layer that created it. A layer with parameters of
its own, or without inner layers, is a box; a layer with inner layers is a frame around them. Operations of a
frame itself are shown only where branches join: the sum of a residual block, the concatenation of a U-Net.

Activations, normalization and dropout after a box are added to that box, one line each, so that the diagram
of a deep network stays short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, replace
from itertools import groupby
from typing import Any

from chainrule.graph import Node, order
from chainrule.nn.build import Built
from chainrule.nn.layer import Layer
from chainrule.nn.scope import call_path, plain_path
from chainrule.records import frozen
from chainrule.symbolic_shape import shape_text

SIGNS = {"add": "+", "multiply": "×", "concatenate": "concat", "subtract": "−", "matmul": "·"}
BENDS = ("relu", "sigmoid", "tanh", "gelu", "silu", "where", "maximum")
WIDEST = 30  # maximum length of the description of a layer


@frozen
class Line:
    """One layer inside a box.

    Args:
        path: its name in ``parameters()``, with the call number for further calls of a layer.
        name: the last part of the path.
        what: a short description.
        shape: its output shape without the batch axis.
    """

    path: str
    name: str
    what: str
    parameters: int = 0
    shape: str = ""


@frozen
class Box:
    """Layers drawn as one box, an input, or a join of branches.

    Args:
        lines: the layers in order.
        kind: ``"input"``, ``"layer"`` or ``"join"``.
        frames: the paths of the enclosing layers, the outermost first.
        is_light: whether it has no weight matrix: activation, normalization, dropout, pooling.
    """

    lines: tuple[Line, ...]
    kind: str
    frames: tuple[str, ...]
    is_light: bool = False

    @property
    def shape(self) -> str:
        """Its output shape without the batch axis."""
        return self.lines[-1].shape

    @property
    def key(self) -> str:
        """Its unique key among the boxes."""
        return f"{self.kind}:{self.lines[0].path}"


@frozen
class Frame:
    """A layer with inner layers.

    Args:
        what: its class name.
        times: the number of consecutive repetitions.
    """

    path: str
    what: str
    times: int = 1


@frozen
class Flow:
    """A network as boxes and arrows.

    Args:
        boxes: the boxes in topological order.
        arrows: pairs of indices of boxes.
        frames: the frames by path.
        parameters: the number of parameters of the network.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int], ...]
    frames: Mapping[str, Frame]
    parameters: int


def flow_of(net: Layer, built: Built) -> Flow:
    """Return the boxes and arrows of a network, without folding.

    Example:
        >>> from chainrule.nn import Dense, Residual, Sequential, build
        >>> from chainrule.symbolic_shape import Size, Spec
        >>> net = Sequential(Dense(4), Residual(Dense(4, "relu")))
        >>> flow = flow_of(net, build(net, {"x": Spec((Size.symbol("B"), 4), "float32")}, "float32"))
        >>> [box.lines[0].what for box in flow.boxes], flow.arrows
        (['', 'Dense(4)', 'Dense(4) relu', '+'], ((0, 1), (1, 2), (1, 3), (2, 3)))
    """
    return _with_light_boxes_merged(_Collector(net, built).read())


class _Collector:
    """The boxes and arrows collected in one pass over the nodes."""

    def __init__(self, net: Layer, built: Built) -> None:
        self.layers: dict[str, Layer] = {"": net, **built.book.layers}
        self.built = built
        self.own = {path.rpartition(".")[0] for path in built.parameters}
        self.boxes: dict[str, Box] = {}
        self.arrows: dict[tuple[str, str], None] = {}
        self.owner: dict[Node, str] = {}

    def read(self) -> Flow:
        for name, node in self.built.inputs.items():
            box = Box((Line(name, name, "", shape=_shape(node)),), "input", ())
            self.boxes[box.key], self.owner[node] = box, box.key
        for node in order(self.built.outputs.values()):
            sources = list(dict.fromkeys(self.owner[i] for i in node.inputs if i in self.owner))
            if sources:
                self._place(node, sources)
        indices = {key: i for i, key in enumerate(self.boxes)}
        frames = {
            path: Frame(path, type(self.layers[plain_path(path)]).__name__)
            for box in self.boxes.values()
            for path in box.frames
        }
        sizes = [p.spec.size for p in self.built.parameters.values()]
        arrows = tuple((indices[a], indices[b]) for a, b in self.arrows)
        return Flow(tuple(self.boxes.values()), arrows, frames, sum(s for s in sizes if isinstance(s, int)))

    def _place(self, node: Node, sources: list[str]) -> None:
        """Assign a node to the box of its layer, to a join of branches, or to the box of its input."""
        (path, enclosing), calls = self._home(node.site.path), self._calls(node)
        frames = tuple(calls.get(frame, frame) for frame in enclosing)
        if path is not None:
            place = calls.get(path, path)
            key = f"layer:{place}"
            if key not in self.boxes:
                line = self._line(path, place)
                self.boxes[key] = Box((line,), "layer", frames, not self._has_matrix(path))
            self._grow(key, node, sources)
        elif len(sources) > 1:
            frame_path = frames[-1] if frames else ""
            count = sum(box.kind == "join" and box.frames == frames for box in self.boxes.values())
            line = Line(f"{frame_path}#{count + 1}", "", SIGNS.get(node.op.name, node.op.name))
            key = f"join:{line.path}"
            self.boxes[key] = Box((line,), "join", frames)
            self._grow(key, node, sources)
        else:
            (key,) = sources
            self.owner[node] = key
            box = self.boxes[key]
            if box.kind == "join" and box.frames == frames and node.op.name in BENDS:
                line = replace(box.lines[0], what=f"{box.lines[0].what} {node.op.name}")
                self.boxes[key] = replace(box, lines=(line,))

    def _grow(self, key: str, node: Node, sources: list[str]) -> None:
        """Make a node the output of a box."""
        box = self.boxes[key]
        self.arrows.update(dict.fromkeys((a, key) for a in sources if a != key))
        line = replace(box.lines[0], shape=_shape(node))
        self.boxes[key] = replace(box, lines=(line,))
        self.owner[node] = key

    def _has_matrix(self, path: str) -> bool:
        """Return whether a layer has a parameter with more than one axis."""
        own = [p for name, p in self.built.parameters.items() if name.startswith(f"{path}.")]
        return any(p.spec.rank > 1 for p in own)

    def _home(self, path: str) -> tuple[str | None, tuple[str, ...]]:
        """Return the layer whose box contains nodes at this path, or ``None``, and the enclosing frames."""
        parts = path.split(".") if path else []
        frames = []
        for i in range(len(parts) + 1):
            prefix = ".".join(parts[:i])
            if prefix not in self.layers:
                continue
            if prefix in self.own or not holds_layers(self.layers[prefix]):
                return prefix, tuple(frames)
            if prefix:
                frames.append(prefix)
        return None, tuple(frames)

    def _calls(self, node: Node) -> dict[str, str]:
        """Return the call of each enclosing layer of a node; every call has its own box or frame."""
        place, calls = call_path(node.site.path, node.site.call), dict[str, str]()
        while place:
            calls[plain_path(place)] = place
            place = self.built.book.inside.get(place, "")
        return calls

    def _line(self, path: str, place: str) -> Line:
        layer = self.layers[path]
        start = f"{path}." if path else ""
        own = self.built.parameters if place == path else {}  # further calls share the parameters
        sizes = [p.spec.size for name, p in own.items() if name.startswith(start)]
        name = place.rpartition(".")[2] or layer.kind
        return Line(
            place, name, short_description(layer), sum(size for size in sizes if isinstance(size, int))
        )


def holds_layers(layer: Layer) -> bool:
    """Return whether a layer has inner layers."""
    return any(_layers_in(getattr(layer, field.name)) for field in fields(layer))


def _layers_in(value: Any) -> bool:
    return isinstance(value, Layer) or (isinstance(value, tuple) and any(map(_layers_in, value)))


def short_description(layer: Layer) -> str:
    """Return a short description of a layer: class, required arguments, stride and activation.

    Example:
        >>> from chainrule.nn import Conv
        >>> short_description(Conv(16, 3, padding=1, stride=2, bias=False, activation="relu"))
        'Conv(16, 3, stride=2) relu'
    """
    settings = layer.settings
    needed = [f.name for f in fields(layer) if f.default is MISSING and f.default_factory is MISSING]
    arguments = [str(settings[name]) for name in needed if isinstance(settings[name], int | str | tuple)]
    arguments += [f"stride={settings['stride']}"] if "stride" in settings else []
    arguments += ["causal"] if settings.get("causal") else []
    text = type(layer).__name__ + (f"({', '.join(arguments)})" if arguments else "")
    activation = settings.get("activation")
    if activation is not None and "activation" not in needed:
        text += f" {activation if isinstance(activation, str) else type(activation).__name__}"
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _shape(node: Node) -> str:
    """Format the shape of a sample: ``24 × 24 × 6``."""
    inner = node.shape[1:]
    return shape_text(inner)[1:-1].rstrip(",").replace(", ", " × ") if inner else "1"


def _with_light_boxes_merged(flow: Flow) -> Flow:
    """Merge every light box into the preceding one, if there is no other connection between them."""
    into: dict[int, int] = {}
    boxes = list(flow.boxes)
    out, sources = _neighbors(flow.arrows)
    for i, box in enumerate(flow.boxes):
        before = sources.get(i, [])
        if not box.is_light or len(before) != 1 or len(out.get(before[0], [])) != 1:
            continue
        host = into.get(before[0], before[0])
        is_mergeable = boxes[host].kind == "layer" and boxes[host].shape == box.shape
        if is_mergeable and boxes[host].frames == box.frames:
            into[i] = host
            boxes[host] = replace(boxes[host], lines=(*boxes[host].lines, *box.lines))
    remaining = [i for i in range(len(boxes)) if i not in into]
    place = {old: new for new, old in enumerate(remaining)}
    arrows = [(place[into.get(a, a)], place[into.get(b, b)]) for a, b in flow.arrows]
    own = tuple(dict.fromkeys((a, b) for a, b in arrows if a != b))
    return replace(flow, boxes=tuple(boxes[i] for i in remaining), arrows=own)


def _neighbors(arrows: Iterable[tuple[int, int]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return the successors and the predecessors of each box."""
    out: dict[int, list[int]] = {}
    sources: dict[int, list[int]] = {}
    for a, b in arrows:
        out.setdefault(a, []).append(b)
        sources.setdefault(b, []).append(a)
    return out, sources


# Folding of repeated blocks into one block with a count.
#
# Two frames are equal if their boxes have equal names and shapes. Of consecutive equal frames within the same
# frame, the first is kept. Arrows between them are dropped; arrows into or out of any of them are attached to
# the first.


def fold_repeated(flow: Flow) -> Flow:
    """Return the flow with every run of equal blocks drawn once.

    Example:
        >>> from chainrule.plotting.network.blocks import flow_of
        >>> from chainrule.nn import Dense, Residual, Sequential, build
        >>> from chainrule.symbolic_shape import Size, Spec
        >>> net = Sequential(*[Residual(Dense(4, "relu"))] * 5)
        >>> built = build(net, {"x": Spec((Size.symbol("B"), 4), "float32")}, "float32")
        >>> flow = fold_repeated(flow_of(net, built))
        >>> len(flow.boxes), flow.frames["residual1"].times
        (3, 5)
    """
    deepest = max((len(box.frames) for box in flow.boxes), default=0)
    for depth in range(deepest, 0, -1):
        flow = _fold_depth(flow, depth)
    return flow


def _fold_depth(flow: Flow, depth: int) -> Flow:
    """Fold the frames of one nesting depth."""
    inside: dict[str, list[int]] = {}
    for i, box in enumerate(flow.boxes):
        if len(box.frames) >= depth:
            inside.setdefault(box.frames[depth - 1], []).append(i)
    marks = {path: (path.rpartition(".")[0], _block_key(flow, path, own)) for path, own in inside.items()}
    same: dict[int, int] = {}  # box of a later block -> the equal box of the first
    block: dict[
        int, tuple[str, int]
    ] = {}  # box -> run of blocks that contains it, and the index of its block
    frames = dict(flow.frames)
    for _, run in groupby(inside, key=lambda path: marks[path]):
        paths = list(run)
        if len(paths) > 1:
            frames[paths[0]] = replace(frames[paths[0]], times=len(paths))
        for number, path in enumerate(paths):
            block |= dict.fromkeys(inside[path], (paths[0], number))
            same |= dict(zip(inside[path], inside[paths[0]], strict=True)) if number else {}
    return _without_repeats(replace(flow, frames=frames), same, block)


def _block_key(flow: Flow, path: str, own: list[int]) -> tuple[object, ...]:
    """Return the key by which blocks are compared."""
    times = tuple(
        sorted((f[len(path) :], flow.frames[f].times) for f in flow.frames if f.startswith(f"{path}."))
    )
    return (flow.frames[path].what, times, *(_box_key(flow.boxes[i], len(path)) for i in own))


def _box_key(box: Box, start: int) -> tuple[object, ...]:
    lines = tuple((line.path[start:], line.what, line.parameters, line.shape) for line in box.lines)
    return (box.kind, tuple(frame[start:] for frame in box.frames if len(frame) > start), lines)


def _without_repeats(flow: Flow, same: dict[int, int], block: dict[int, tuple[str, int]]) -> Flow:
    """Return the flow without the later blocks of each run."""
    remaining = [i for i in range(len(flow.boxes)) if i not in same]
    index = {old: new for new, old in enumerate(remaining)}
    arrows = {}
    for a, b in flow.arrows:
        (row_a, n_a), (row_b, n_b) = block.get(a, ("", -1)), block.get(b, ("", -2))
        if row_a == row_b and n_a != n_b and row_a:
            continue  # from one block of a run to the next
        arrows[index[same.get(a, a)], index[same.get(b, b)]] = None
    paths = {path for i in remaining for path in flow.boxes[i].frames}
    frames = {path: frame for path, frame in flow.frames.items() if path in paths}
    return replace(flow, boxes=tuple(flow.boxes[i] for i in remaining), arrows=tuple(arrows), frames=frames)
