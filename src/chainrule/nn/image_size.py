"""Find the next valid image size, for the error that refuses an image.

"The window is wider than the image" is correct but of little help when the window is the ninth of a network
and the image has been halved four times before it. Therefore, larger images are tried until the network can
be built, and the error states the smallest valid size and the size after each layer. Networks that are only
limited by the minimum size accept every larger image, and that minimum is found by bisection; a U-Net accepts
only multiples of 16, so from there on the sizes are tried one by one. Nothing is computed: building a network
only infers shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.scope import Collected
from chainrule.spec import Spec

TOO_SMALL, ODD = "E215", "E232"
LARGEST = 4096  # elements along an axis; if no image up to here is valid, the problem is not its size
ONE_BY_ONE = 64  # sizes tried singly: a U-Net of six levels accepts one in 64

Attempt = Callable[[Spec], Collected]


def add_size_hint(error: ShapeError, inputs: Mapping[str, Spec], attempt: Attempt) -> None:
    """Add the next valid size to an error about the size of an image.

    Args:
        error: the error that was raised.
        inputs: the inputs of the network; only a single image can be enlarged.
        attempt: builds the network for an image of another size; raises as the network does.
    """
    spec = next(iter(inputs.values())) if len(inputs) == 1 else None
    if error.code not in (TOO_SMALL, ODD) or spec is None or not 3 <= spec.rank <= 5:
        return
    space = [n for n in spec.shape[1:-1] if isinstance(n, int)]
    if len(space) == spec.rank - 2 and (size_found := _next_size(spec, min(space), attempt)) is not None:
        size = " x ".join([str(size_found)] * len(space))
        image = _sized(spec, size_found)
        error.notes = (
            *error.notes,
            fact("{size} fits: {layers}", size=size, layers=_sizes_by_layer(attempt(image), image)),
        )
        if error.code == TOO_SMALL:
            error.fix = fact("at least {size} cells, or {fix}", size=size, fix=error.fix)
        else:
            error.fix = fact("{size} cells, or {fix}", size=size, fix=error.fix)


def _next_size(spec: Spec, refused: int, attempt: Attempt) -> int | None:
    """The smallest valid size above the refused one; ``None`` if there is none."""

    def complaint(size: int) -> str:
        try:
            attempt(_sized(spec, size))
        except ShapeError as error:
            return error.code
        return ""

    low, high = refused, refused + 1
    while complaint(high) == TOO_SMALL:
        low, high = high, 2 * high
        if high > LARGEST:
            return None
    while high - low > 1:  # low is too small, high is not
        middle = (low + high) // 2
        low, high = (middle, high) if complaint(middle) == TOO_SMALL else (low, middle)
    return next((size for size in range(high, high + ONE_BY_ONE) if not complaint(size)), None)


def _sized(spec: Spec, size: int) -> Spec:
    """A spec with the same number of axes and channels, all sides of the given length."""
    return Spec((spec.shape[0], *(size,) * (spec.rank - 2), spec.shape[-1]), spec.dtype)


def _sizes_by_layer(book: Collected, image: Spec) -> str:
    """The side after each layer that changes it, up to the smallest one."""
    steps, side = [], image.shape[1]
    for path, result in book.results.items():
        is_image = isinstance(result, Node) and result.rank == image.rank
        if is_image and result.shape[1] != side:
            side = result.shape[1]
            steps.append((side, path.rpartition(".")[2]))
    smallest = min((step for step, _ in steps if isinstance(step, int)), default=0)
    last = next((i for i, (step, _) in enumerate(steps) if step == smallest), 0)
    return ", ".join(f"{name} {step}" for step, name in steps[: last + 1])
