"""From the nodes of a net to boxes and arrows.

The arrows are not read off the description, which says what stands inside what, but off the graph, which says
what is computed from what: so a way around a block is seen wherever it comes from, a layer of one's own
included. Every node that depends on the data belongs to the layer in which it was made. A layer with
parameters of its own is a box, and so is one that holds no others; a layer that holds others is a frame
around them. What a frame computes itself, between its layers, is shown only where ways meet: the sum of a
residual block, the joining of a U-Net.

Layers that only bend or normalise what one box gives (an activation, a norm, dropout) are written into that
box, one line each, so that a deep net stays short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, replace
from typing import Any

from chainrule.graph import Node, order
from chainrule.nn.build import Built
from chainrule.nn.layer import Layer
from chainrule.nn.scope import call_path, plain_path
from chainrule.records import frozen
from chainrule.spec import shape_text

SIGNS = {"add": "+", "multiply": "×", "concatenate": "concat", "subtract": "−", "matmul": "·"}
BENDS = ("relu", "sigmoid", "tanh", "gelu", "silu", "where", "maximum")
WIDEST = 30  # letters of what a layer is


@frozen
class Line:
    """One layer inside a box.

    Args:
        path: its name in ``parameters()``, for a further call of a layer with the number of the call.
        name: the last part of it.
        what: what it is, in short.
        parameters: how many numbers it learns.
        shape: of what it gives, without the batch.
    """

    path: str
    name: str
    what: str
    parameters: int = 0
    shape: str = ""


@frozen
class Box:
    """Layers that are drawn as one, an input, or a place where ways meet.

    Args:
        lines: the layers, the first one first.
        kind: ``"input"``, ``"layer"`` or ``"join"``.
        frames: the paths of the layers around it, the outermost first.
        is_light: whether it has no matrix: an activation, a norm, dropout, a pooling.
    """

    lines: tuple[Line, ...]
    kind: str
    frames: tuple[str, ...]
    is_light: bool = False

    @property
    def shape(self) -> str:
        """The shape of what it gives, without the batch."""
        return self.lines[-1].shape

    @property
    def key(self) -> str:
        """What it is called among the boxes."""
        return f"{self.kind}:{self.lines[0].path}"


@frozen
class Frame:
    """A layer around others.

    Args:
        path: its name.
        what: its kind.
        times: how many such follow each other.
    """

    path: str
    what: str
    times: int = 1


@frozen
class Flow:
    """A net as boxes and arrows.

    Args:
        boxes: in an order in which they can be computed.
        arrows: pairs of positions among the boxes.
        frames: by path.
        parameters: of the whole net.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int], ...]
    frames: Mapping[str, Frame]
    parameters: int


def flow_of(net: Layer, built: Built) -> Flow:
    """The boxes and arrows of a net, nothing folded.

    Example:
        >>> from chainrule.nn import Dense, Residual, Sequential, build
        >>> from chainrule.spec import Size, Spec
        >>> net = Sequential(Dense(4), Residual(Dense(4, "relu")))
        >>> flow = flow_of(net, build(net, {"x": Spec((Size.symbol("B"), 4), "float32")}, "float32"))
        >>> [box.lines[0].what for box in flow.boxes], flow.arrows
        (['', 'Dense(4)', 'Dense(4) relu', '+'], ((0, 1), (1, 2), (1, 3), (2, 3)))
    """
    return _merged(_Reader(net, built).read())


class _Reader:
    """Walks through the nodes once and writes down boxes and arrows."""

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
            given = list(dict.fromkeys(self.owner[i] for i in node.inputs if i in self.owner))
            if given:
                self._place(node, given)
        places = {key: i for i, key in enumerate(self.boxes)}
        frames = {path: Frame(path, type(self.layers[plain_path(path)]).__name__)
                  for box in self.boxes.values() for path in box.frames}  # fmt: skip
        sizes = [p.spec.size for p in self.built.parameters.values()]
        arrows = tuple((places[a], places[b]) for a, b in self.arrows)
        return Flow(tuple(self.boxes.values()), arrows, frames, sum(s for s in sizes if isinstance(s, int)))

    def _place(self, node: Node, given: list[str]) -> None:
        """Write a node down as part of its layer's box, of a place where ways meet, or of what it is from."""
        (path, around), calls = self._home(node.site.path), self._calls(node)
        frames = tuple(calls.get(frame, frame) for frame in around)
        if path is not None:
            place = calls.get(path, path)
            key = f"layer:{place}"
            if key not in self.boxes:
                line = self._line(path, place)
                self.boxes[key] = Box((line,), "layer", frames, not self._has_matrix(path))
            self._grow(key, node, given)
        elif len(given) > 1:
            inside = frames[-1] if frames else ""
            count = sum(box.kind == "join" and box.frames == frames for box in self.boxes.values())
            line = Line(f"{inside}#{count + 1}", "", SIGNS.get(node.op.name, node.op.name))
            key = f"join:{line.path}"
            self.boxes[key] = Box((line,), "join", frames)
            self._grow(key, node, given)
        else:
            (key,) = given
            self.owner[node] = key
            box = self.boxes[key]
            if box.kind == "join" and box.frames == frames and node.op.name in BENDS:
                line = replace(box.lines[0], what=f"{box.lines[0].what} {node.op.name}")
                self.boxes[key] = replace(box, lines=(line,))

    def _grow(self, key: str, node: Node, given: list[str]) -> None:
        """Make a node the last one of a box."""
        box = self.boxes[key]
        self.arrows.update(dict.fromkeys((a, key) for a in given if a != key))
        line = replace(box.lines[0], shape=_shape(node))
        self.boxes[key] = replace(box, lines=(line,))
        self.owner[node] = key

    def _has_matrix(self, path: str) -> bool:
        """Whether a layer has weights between all its numbers, and not only a factor for each."""
        own = [p for name, p in self.built.parameters.items() if name.startswith(f"{path}.")]
        return any(p.spec.rank > 1 for p in own)

    def _home(self, path: str) -> tuple[str | None, tuple[str, ...]]:
        """The layer that is a box for a node made at this path, or ``None``, and the frames around it."""
        parts = path.split(".") if path else []
        frames = []
        for i in range(len(parts) + 1):
            here = ".".join(parts[:i])
            if here not in self.layers:
                continue
            if here in self.own or not holds_layers(self.layers[here]):
                return here, tuple(frames)
            if here:
                frames.append(here)
        return None, tuple(frames)

    def _calls(self, node: Node) -> dict[str, str]:
        """For each layer around a node the call in which it was made; each is a box or frame of its own."""
        place, found = call_path(node.site.path, node.site.call), dict[str, str]()
        while place:
            found[plain_path(place)] = place
            place = self.built.book.inside.get(place, "")
        return found

    def _line(self, path: str, place: str) -> Line:
        layer = self.layers[path]
        start = f"{path}." if path else ""
        own = self.built.parameters if place == path else {}  # a further call has the same parameters
        sizes = [p.spec.size for name, p in own.items() if name.startswith(start)]
        name = place.rpartition(".")[2] or layer.kind
        return Line(place, name, brief(layer), sum(size for size in sizes if isinstance(size, int)))


def holds_layers(layer: Layer) -> bool:
    """Whether a layer is made of others."""
    return any(_layers_in(value) for value in vars(layer).values())


def _layers_in(value: Any) -> bool:
    return isinstance(value, Layer) or (isinstance(value, tuple) and any(map(_layers_in, value)))


def brief(layer: Layer) -> str:
    """A layer in a few letters: its kind, what it must be told, and what else says most.

    Example:
        >>> from chainrule.nn import Conv
        >>> brief(Conv(16, 3, padding=1, stride=2, bias=False, activation="relu"))
        'Conv(16, 3, stride=2) relu'
    """
    settings = layer.settings
    needed = [f.name for f in fields(layer) if f.default is MISSING and f.default_factory is MISSING]
    told = [str(settings[name]) for name in needed if isinstance(settings[name], int | str | tuple)]
    told += [f"stride={settings['stride']}"] if "stride" in settings else []
    told += ["causal"] if settings.get("causal") else []
    text = type(layer).__name__ + (f"({', '.join(told)})" if told else "")
    bend = settings.get("activation")
    if bend is not None and "activation" not in needed:
        text += f" {bend if isinstance(bend, str) else type(bend).__name__}"
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _shape(node: Node) -> str:
    """The shape of a sample as a person reads it: ``24 × 24 × 6``."""
    inner = node.shape[1:]
    return shape_text(inner)[1:-1].rstrip(",").replace(", ", " × ") if inner else "1"


def _merged(flow: Flow) -> Flow:
    """The same with every light box written into the one before it, where nothing else leads in or out."""
    into: dict[int, int] = {}
    boxes = list(flow.boxes)
    out, back = _ends(flow.arrows)
    for i, box in enumerate(flow.boxes):
        before = back.get(i, [])
        if not box.is_light or len(before) != 1 or len(out.get(before[0], [])) != 1:
            continue
        host = into.get(before[0], before[0])
        keeps = boxes[host].kind == "layer" and boxes[host].shape == box.shape
        if keeps and boxes[host].frames == box.frames:
            into[i] = host
            boxes[host] = replace(boxes[host], lines=(*boxes[host].lines, *box.lines))
    kept = [i for i in range(len(boxes)) if i not in into]
    place = {old: new for new, old in enumerate(kept)}
    arrows = [(place[into.get(a, a)], place[into.get(b, b)]) for a, b in flow.arrows]
    own = tuple(dict.fromkeys((a, b) for a, b in arrows if a != b))
    return replace(flow, boxes=tuple(boxes[i] for i in kept), arrows=own)


def _ends(arrows: Iterable[tuple[int, int]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Where the arrows from each box lead, and where those to it come from."""
    out: dict[int, list[int]] = {}
    back: dict[int, list[int]] = {}
    for a, b in arrows:
        out.setdefault(a, []).append(b)
        back.setdefault(b, []).append(a)
    return out, back
