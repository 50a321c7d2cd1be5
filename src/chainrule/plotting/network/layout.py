"""Layout of a network diagram: layers from top to bottom, skip connections at the side.

The method is that of Sugiyama in four steps. *Ranks*: a box is below everything from which it is computed.
*Lanes*: an arrow that passes ranks gets a thin dummy item in each, its lane, so that it never crosses a box.
*Order*: within a rank, items are sorted by the mean position of their neighbors, in alternating sweeps; a
lane is placed to the right of the box where it starts, so that skip connections are outside. *Positions*:
each box is aligned with its inputs; conflicts within a rank are resolved by least squares, exactly by pooling
neighbors that overlap. Boxes weigh more than lanes, so the main path stays straight.

Reference: Sugiyama, Tagawa and Toda (1981), Methods for visual understanding of hierarchical system
structures.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from chainrule.plotting.network.blocks import Box, Flow
from chainrule.records import frozen

LETTER, LINE = 6.7, 17.0  # character width and line height in pixels, at a font size of 12 pixels
PAD, GAP, BETWEEN, LANE = 9.0, 26.0, 26.0, 12.0
HEAD, FOOT, SIDE = 19.0, 8.0, 10.0  # padding of a frame above, below and beside its content
MARGIN = 16.0
SWEEPS = 24
HEAVY, LIGHT = 10.0, 1.0  # weights of boxes and lanes

Point = tuple[float, float]
DesiredX = dict[tuple[int, int], list[float]]  # for each arrow its x in each rank that it passes


@frozen
class Area:
    """A rectangle, given by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The x coordinate of its center."""
        return self.x + self.width / 2

    def moved(self, by: float) -> Area:
        """Return the rectangle moved to the right."""
        return replace(self, x=self.x + by)


@frozen
class Drawing:
    """A flow with positions.

    Args:
        flow: the boxes and arrows.
        boxes: the rectangle of each box.
        frames: the rectangle of each frame by path, the outermost first.
        width, height: the size of the drawing.
    """

    flow: Flow
    boxes: tuple[Area, ...]
    arrows: tuple[tuple[Point, ...], ...]
    frames: dict[str, Area]
    width: float
    height: float


def lay_out(flow: Flow) -> Drawing:
    """Compute the layout of a flow.

    Example:
        >>> from chainrule.plotting.network.blocks import flow_of
        >>> from chainrule.nn import Dense, Sequential, build
        >>> from chainrule.symbolic_shape import Size, Spec
        >>> net = Sequential(Dense(4), Dense(2))
        >>> built = build(net, {"x": Spec((Size.symbol("B"), 4), "float32")}, "float32")
        >>> drawing = lay_out(flow_of(net, built))
        >>> [area.middle == drawing.boxes[0].middle for area in drawing.boxes]
        [True, True, True]
    """
    ranks = _ranks(flow)
    lanes = {arrow: range(ranks[arrow[0]] + 1, ranks[arrow[1]]) for arrow in flow.arrows}
    items = [("box", i, ranks[i]) for i in range(len(flow.boxes))]
    items += [("lane", arrow, rank) for arrow, ranks_passed in lanes.items() for rank in ranks_passed]
    number = {(kind, what, rank): n for n, (kind, what, rank) in enumerate(items)}
    links: list[tuple[int, int]] = []
    for arrow, ranks_passed in lanes.items():
        a, b = arrow
        chain = [
            number["box", a, ranks[a]],
            *(number["lane", arrow, r] for r in ranks_passed),
            number["box", b, ranks[b]],
        ]
        links += itertools.pairwise(chain)
    widths = [_width(box) + 2 * _beside(flow, box) for box in flow.boxes] + [LANE] * (len(items) - len(ranks))
    weights = [HEAVY if kind == "box" else LIGHT for kind, _, _ in items]
    rows = _ordered([rank for _, _, rank in items], weights, links)
    middles = _placed(rows, widths, weights, links)
    desired = {
        arrow: [middles[number["lane", arrow, r]] for r in ranks_passed]
        for arrow, ranks_passed in lanes.items()
    }
    return _drawing(flow, ranks, middles, desired)


def _ranks(flow: Flow) -> list[int]:
    """Return the length of the longest path to each box."""
    ranks = [0] * len(flow.boxes)
    for _ in flow.boxes:
        for a, b in flow.arrows:
            ranks[b] = max(ranks[b], ranks[a] + 1)
    return ranks


def letters(text: str) -> float:
    """Return the width of a text in characters; a Chinese character counts 1.8."""
    return sum(1.8 if unicodedata.east_asian_width(sign) in "WF" else 1.0 for sign in text)


def line_text(name: str, what: str) -> str:
    """Return the text of a line of a box, without its parameter count."""
    return f"{name}  {what}" if name and what else name or what


def _width(box: Box) -> float:
    if box.kind == "join":
        return max(30.0, LETTER * letters(box.lines[0].what) + 2 * PAD)
    lines = [
        letters(line_text(line.name, line.what))
        + (letters(f"{line.parameters:,}") + 3) * (line.parameters > 0)
        for line in box.lines
    ]
    return LETTER * max(*lines, letters(box.shape) + 2) + 2 * PAD


def _beside(flow: Flow, box: Box) -> float:
    """Return the width of the frames on each side of a box, except frames around all boxes."""
    common = (
        set.intersection(*(set(b.frames) for b in flow.boxes if b.kind != "input")) if flow.frames else set()
    )
    own = [path for path in box.frames if path not in common]
    return max([SIDE * len(own), *(_title_width(flow, path) - _width(box) / 2 for path in own)])


def _title_width(flow: Flow, path: str) -> float:
    """Return how far the title of a frame extends to the left of its arrow."""
    return LETTER * 0.85 * letters(frame_text(flow, path)) + 14


def _height(box: Box) -> float:
    return 26.0 if box.kind == "join" else LINE * (len(box.lines) + 1) + PAD


def _ordered(
    ranks: Sequence[int], weights: Sequence[float], links: Sequence[tuple[int, int]]
) -> list[list[int]]:
    """Order the items of each rank from left to right, with few crossings."""
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=0) + 1)]
    for item, rank in enumerate(ranks):
        rows[rank].append(item)
    neighbors = _neighbors(len(ranks), links)
    for sweep in range(SWEEPS):
        position = {item: i - len(row) / 2 for row in rows for i, item in enumerate(row)}
        side = sweep % 2
        for row in rows if side == 0 else reversed(rows):
            desired_x = {
                item: _mean([position[n] for n in neighbors[side][item]], position[item]) for item in row
            }
            row.sort(key=lambda item: (desired_x[item], -weights[item]))
            position |= {item: i - len(row) / 2 for i, item in enumerate(row)}
    return rows


def _placed(
    rows: Sequence[Sequence[int]],
    widths: Sequence[float],
    weights: Sequence[float],
    links: Sequence[tuple[int, int]],
) -> list[float]:
    """Return the x coordinate of the center of each item."""
    neighbors = _neighbors(len(widths), links)
    middles = [0.0] * len(widths)
    for row in rows:
        for i, item in enumerate(row[1:], 1):
            middles[item] = middles[row[i - 1]] + (widths[row[i - 1]] + widths[item]) / 2 + BETWEEN
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            desired = []
            for item in row:
                adjacent = [n for side in neighbors for n in side[item]]
                heavy = [n for n in adjacent if weights[n] == weights[item]] or adjacent
                desired.append(_mean([middles[n] for n in heavy], middles[item]))
            for item, x in zip(row, resolve_overlaps(desired, row, widths, weights), strict=True):
                middles[item] = x
    return middles


def resolve_overlaps(
    desired: Sequence[float], row: Sequence[int], widths: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """Return the positions closest to the desired ones without overlap (least squares).

    Example:
        >>> resolve_overlaps([0.0, 0.0], [0, 1], [10.0, 10.0], [HEAVY, HEAVY])
        [-18.0, 18.0]
    """
    offsets = [0.0]
    for left, right in itertools.pairwise(row):
        gap = BETWEEN if weights[left] == weights[right] == HEAVY else BETWEEN / 2
        offsets.append(offsets[-1] + (widths[left] + widths[right]) / 2 + gap)
    pools: list[list[float]] = []  # weighted sum of the desired positions, sum of weights, count
    for desired_x, offset, item in zip(desired, offsets, row, strict=True):
        pools.append([weights[item] * (desired_x - offset), weights[item], 1])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    means = [total / weight for total, weight, count in pools for _ in range(int(count))]
    return [x + offset for x, offset in zip(means, offsets, strict=True)]


def _neighbors(count: int, links: Sequence[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    """Return the predecessors and the successors of each item."""
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        above[b].append(a)
        below[a].append(b)
    return above, below


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _drawing(flow: Flow, ranks: Sequence[int], middles: Sequence[float], desired: DesiredX) -> Drawing:
    """Return the drawing with all rectangles and arrows, shifted so that everything is visible."""
    spans = {path: _span(flow, ranks, path) for path in sorted(flow.frames, key=lambda p: p.count("."))}
    tops, y, last = [], MARGIN, max(ranks, default=0)
    highest = [
        max(_height(b) for b, r in zip(flow.boxes, ranks, strict=True) if r == rank)
        for rank in range(last + 1)
    ]
    for rank in range(last + 1):
        y += HEAD * sum(first == rank for first, _ in spans.values())
        tops.append(y)
        y += highest[rank] + GAP + FOOT * sum(end == rank for _, end in spans.values())
    boxes = []
    for box, middle, rank in zip(flow.boxes, middles, ranks, strict=False):
        width, height = _width(box), _height(box)
        boxes.append(Area(middle - width / 2, tops[rank] + (highest[rank] - height) / 2, width, height))
    lanes = straighten_arrows(desired, boxes, ranks)
    frames: dict[str, Area] = {}
    for path in reversed(spans):
        frames[path] = _around(flow, boxes, lanes, (spans, frames), path)
    left = min(area.x for area in (*boxes, *frames.values()))
    left = min([left, *lanes.values()])
    right = max(area.x + area.width for area in (*boxes, *frames.values()))
    right = max([right, *lanes.values()])
    shift = MARGIN - left
    ends = [low + high for low, high in zip(tops, highest, strict=True)]
    arrows = []
    for a, b in flow.arrows:
        corners = [(boxes[a].middle, boxes[a].y + boxes[a].height), (boxes[b].middle, boxes[b].y)]
        if (a, b) in lanes:
            x = lanes[a, b]
            corners[1:1] = [(x, tops[ranks[a] + 1]), (x, ends[ranks[b] - 1])]
        arrows.append(tuple((x + shift, y) for x, y in corners))
    return Drawing(
        flow,
        tuple(area.moved(shift) for area in boxes),
        tuple(arrows),
        {path: frames[path].moved(shift) for path in spans},
        right + shift + MARGIN,
        y - GAP + MARGIN,
    )


def straighten_arrows(
    desired: DesiredX, boxes: Sequence[Area], ranks: Sequence[int]
) -> dict[tuple[int, int], float]:
    """Return one x for each arrow that passes ranks: the closest free position to its lanes.

    Short arrows are placed first, so that long skip connections are outside of short ones.

    Args:
        desired: for each arrow its x in each rank.
    """
    lanes: dict[tuple[int, int], float] = {}
    for (a, b), xs in sorted(desired.items(), key=lambda item: (item[0][1] - item[0][0], item[0])):
        if not xs:
            continue
        passed = range(ranks[a] + 1, ranks[b])
        walls = [
            (area.x - LANE, area.x + area.width + LANE)
            for area, rank in zip(boxes, ranks, strict=True)
            if rank in passed
        ]
        walls += [
            (x - LANE, x + LANE) for (c, d), x in lanes.items() if ranks[c] < ranks[b] and ranks[a] < ranks[d]
        ]
        right, left = _free(max(xs), walls, 1), _free(min(xs), walls, -1)
        lanes[a, b] = right if right - max(xs) <= min(xs) - left else left
    return lanes


def _free(x: float, walls: Sequence[tuple[float, float]], way: int) -> float:
    """Return the nearest x on one side that is in no wall."""
    for _ in walls:
        hit = [wall for wall in walls if wall[0] < x < wall[1]]
        x = x if not hit else max(high for _, high in hit) if way > 0 else min(low for low, _ in hit)
    return x


def _span(flow: Flow, ranks: Sequence[int], path: str) -> tuple[int, int]:
    """Return the first and the last rank of a frame."""
    own = [rank for box, rank in zip(flow.boxes, ranks, strict=True) if path in box.frames]
    return min(own), max(own)


def _around(
    flow: Flow,
    boxes: Sequence[Area],
    lanes: Mapping[tuple[int, int], float],
    known: tuple[Mapping[str, tuple[int, int]], Mapping[str, Area]],
    path: str,
) -> Area:
    """Return the rectangle of a frame around its boxes and inner frames."""
    spans, frames = known
    own = [i for i, box in enumerate(flow.boxes) if path in box.frames]
    inner = [p for p in frames if p.startswith(f"{path}.")]
    areas = [boxes[i] for i in own] + [frames[p] for p in inner]
    xs = [x for area in areas for x in (area.x, area.x + area.width)]
    xs += [x for (_, b), x in lanes.items() if b in own]
    left, right = min([*xs, boxes[own[0]].middle - _title_width(flow, path) + SIDE]) - SIDE, max(xs) + SIDE
    above = 1 + sum(spans[p][0] == spans[path][0] for p in inner)
    below = 1 + sum(spans[p][1] == spans[path][1] for p in inner)
    top = min(boxes[i].y for i in own) - HEAD * above + 2
    bottom = max(boxes[i].y + boxes[i].height for i in own) + FOOT * below
    return Area(left, top, right - left, bottom - top)


def frame_text(flow: Flow, path: str) -> str:
    """Return the title of a frame: name, class and repetitions."""
    frame = flow.frames[path]
    return f"{path.rpartition('.')[2]}  {frame.what}" + (f"  × {frame.times}" if frame.times > 1 else "")


# The boxes of a network as a text tree, for a terminal.


def tree(flow: Flow) -> str:
    """Return one line per layer below its frames, with shapes and parameter counts.

    Example:
        >>> from chainrule.plotting.network.blocks import flow_of
        >>> from chainrule.plotting.network.blocks import fold_repeated
        >>> from chainrule.nn import Dense, Residual, Sequential, build
        >>> from chainrule.symbolic_shape import Size, Spec
        >>> net = Sequential(*[Residual(Dense(4, "relu"))] * 2, Dense(1))
        >>> built = build(net, {"x": Spec((Size.symbol("B"), 4), "float32")}, "float32")
        >>> print(tree(fold_repeated(flow_of(net, built))))
        x                         4
        ├─ residual1  Residual  × 2
        │  ├─ dense  Dense(4) relu  4  20
        │  └─ + (x, dense)      4
        └─ dense1  Dense(1)       1   5
    """
    rows = _rows(flow)
    width = max(len(text) for text, _, _ in rows)
    shapes = max(len(shape) for _, shape, _ in rows)
    return "\n".join(f"{text:<{width}}  {shape:<{shapes}}  {count}".rstrip() for text, shape, count in rows)


def _rows(flow: Flow) -> list[tuple[str, str, str]]:
    """Return the lines: text, shape, parameter count."""
    entries: list[tuple[int, str, str, str]] = []
    open_: tuple[str, ...] = ()
    for i, box in enumerate(flow.boxes):
        for depth, path in enumerate(box.frames):
            if open_[: depth + 1] != box.frames[: depth + 1]:
                entries.append((depth, frame_text(flow, path), "", ""))
        open_ = box.frames
        for line in box.lines:
            text = f"{line.name}  {line.what}".strip()
            if box.kind == "join":
                text += f" ({', '.join(_name(flow, a) for a, b in flow.arrows if b == i)})"
            count = f"{line.parameters:,}" if line.parameters else ""
            depth = -1 if box.kind == "input" else len(box.frames)
            entries.append((depth, text, line.shape, count))
    return [(_branch(entries, i) + text, shape, count) for i, (_, text, shape, count) in enumerate(entries)]


def _name(flow: Flow, box: int) -> str:
    """Return the name of an input of a join."""
    source = flow.boxes[box]
    return source.lines[-1].name or source.lines[0].what.split()[0]


def _branch(entries: list[tuple[int, str, str, str]], i: int) -> str:
    """Return the branches of the tree before a line."""
    depth = entries[i][0]
    if depth < 0:
        return ""
    parts = []
    for level in range(depth + 1):
        next_depth = next((d for d, *_ in entries[i + 1 :] if d <= level), -1)
        continues = next_depth == level
        if level == depth:
            parts.append("├─ " if continues else "└─ ")
        else:
            parts.append("│  " if continues else "   ")
    return "".join(parts)
