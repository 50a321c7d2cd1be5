"""How wide and deep a stack of Transformer blocks is: the one table in which these papers agree.

Every model of this family comes in sizes, and a size is four numbers. They are chosen by a name, and any of
the four may be told apart: ``gpt2("small", depth=2)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from chainrule.errors import ShapeError
from chainrule.models.model_card import require_counts
from chainrule.nn.validation import unknown
from chainrule.records import frozen


@frozen
class Stack:
    """A size of a model.

    Args:
        width: channels of each place.
        depth: how many blocks.
        heads: of each attention, a divisor of the width.
        units: the width of the hidden layer of each block's small net; ``None`` is four times the width, as
            in all of these papers.
    """

    width: int
    depth: int
    heads: int
    units: int | None = None


class Change(TypedDict, total=False):
    """What may be told apart from the size; see ``Stack``."""

    width: int
    depth: int
    heads: int
    units: int


def stacked(model: str, size: str, sizes: Mapping[str, Stack], change: Change) -> Stack:
    """The size of this name, with what is told apart.

    Args:
        model: the function that asks, for errors.
        size: a name.
        sizes: the sizes of the paper.
        change: numbers that differ from them.

    Fails:
        UsageError E101: no such size, or a number that is none of the four.
        UsageError E102: a number below 1.
        ShapeError E221: heads that do not divide the width.

    Example:
        >>> stacked("gpt2", "small", {"small": Stack(768, 12, 12)}, {"depth": 2})
        Stack(width=768, depth=2, heads=12, units=None)
    """
    if size not in sizes:
        raise unknown(f"{model}, size", size, list(sizes), 'size="{}"')
    known = {name: getattr(sizes[size], name) for name in Change.__annotations__}
    for name in change:
        if name not in known:
            raise unknown(model, name, list(known), "{}=4")
    require_counts(model, **change)
    chosen = Stack(**{**known, **change})
    if chosen.width % chosen.heads:
        each = max(1, chosen.width // chosen.heads)
        raise ShapeError(
            "E221", op=model, what="heads", what_zh="各个头",
            expected=f"width {chosen.heads * each} or {chosen.heads * (each + 1)}, for {chosen.heads} heads",
            received=f"width {chosen.width}", fix=f"width={chosen.heads * (each + 1)}",
        )  # fmt: skip
    return chosen
