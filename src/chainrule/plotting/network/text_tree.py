"""The boxes of a network as a text tree, for a terminal."""

from __future__ import annotations

from chainrule.plotting.network.blocks import Flow
from chainrule.plotting.network.layout import frame_text


def tree(flow: Flow) -> str:
    """Return one line per layer below its frames, with shapes and parameter counts.

    Example:
        >>> from chainrule.plotting.network.blocks import flow_of
        >>> from chainrule.plotting.network.blocks import fold_repeated
        >>> from chainrule.nn import Dense, Residual, Sequential, build
        >>> from chainrule.spec import Size, Spec
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
