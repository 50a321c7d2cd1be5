"""Sizes of a stack of Transformer blocks.

Every model of this family has named sizes, each of which consists of four numbers. A size is selected by its
name, and any of the four numbers can be overridden: ``gpt2("small", depth=2)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from chainrule.errors import ShapeError, fact
from chainrule.models.model_card import require_counts
from chainrule.records import frozen
from chainrule.validation import unknown


@frozen
class Stack:
    """A size of a model.

    Args:
        width: channels of each position.
        depth: number of blocks.
        heads: number of attention heads, a divisor of the width.
        units: width of the hidden layer of each feed-forward network; ``None`` is four times the width, as in
            all of these papers.
    """

    width: int
    depth: int
    heads: int
    units: int | None = None


class StackOverrides(TypedDict, total=False):
    """The numbers that override those of a size; see ``Stack``."""

    width: int
    depth: int
    heads: int
    units: int


def resolve_stack(model: str, size: str, sizes: Mapping[str, Stack], change: StackOverrides) -> Stack:
    """Look up a size by name and apply overrides.

    Args:
        model: the calling function, for errors.
        size: the name.
        sizes: the sizes of the paper.
        change: the numbers to override.

    Raises:
        UsageError E101: an unknown size, or an override that is none of the four.
        UsageError E102: a number below 1.
        ShapeError E221: heads that do not divide the width.

    Example:
        >>> resolve_stack("gpt2", "small", {"small": Stack(768, 12, 12)}, {"depth": 2})
        Stack(width=768, depth=2, heads=12, units=None)
    """
    if size not in sizes:
        raise unknown(f"{model}, size", size, list(sizes), 'size="{}"')
    known = {name: getattr(sizes[size], name) for name in StackOverrides.__annotations__}
    for name in change:
        if name not in known:
            raise unknown(model, name, list(known), "{}=4")
    require_counts(model, **change)
    chosen = Stack(**{**known, **change})
    if chosen.width % chosen.heads:
        lower = chosen.heads * max(1, chosen.width // chosen.heads)
        upper = lower + chosen.heads
        expected = fact(
            "width {lower} or {upper}, for {heads} heads", lower=lower, upper=upper, heads=chosen.heads
        )
        received = fact("width {width}", width=chosen.width)
        fix = f"width={upper}"
        raise ShapeError("E221", op=model, what=fact("heads"), expected=expected, received=received, fix=fix)
    return chosen
