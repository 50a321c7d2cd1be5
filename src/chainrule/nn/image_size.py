"""The next size of image that a net takes, for the error that refuses one.

"The window is wider than the image" is true and of little help when the window is the ninth of a net and the
image has been halved four times before it. So the net is tried with larger images until it can be built, and
the error tells the smallest that fits and what becomes of it on the way. Nets that only run out of cells take
every image from some size on, and that size is found by halving; a U-Net takes every sixteenth, so from there
on the sizes are tried one by one. Nothing is computed: to build a net is to work out shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chainrule.errors import ShapeError
from chainrule.graph import Node
from chainrule.nn.scope import Book
from chainrule.spec import Spec

TOO_SMALL, ODD = "E215", "E232"
LARGEST = 4096  # cells along an axis; a net that takes none up to here wants something else
ONE_BY_ONE = 64  # sizes tried singly: a U-Net of six levels repeats after so many

Attempt = Callable[[Spec], Book]


def tell_size(error: ShapeError, inputs: Mapping[str, Spec], attempt: Attempt) -> None:
    """Add to an error about an image the next size that would do, if that is what it is about.

    Args:
        error: what was raised.
        inputs: what the net was built for; only a single image can be made larger.
        attempt: builds the net for an image of another size; raises as the net does.
    """
    spec = next(iter(inputs.values())) if len(inputs) == 1 else None
    if error.code not in (TOO_SMALL, ODD) or spec is None or not 3 <= spec.rank <= 5:
        return
    space = [n for n in spec.shape[1:-1] if isinstance(n, int)]
    if len(space) == spec.rank - 2 and (found := _next_size(spec, min(space), attempt)) is not None:
        size = " x ".join([str(found)] * len(space))
        image = _sized(spec, found)
        error.notes = (*error.notes, f"{size} fits: {_way(attempt(image), image)}")
        error.fix = f"{'at least ' * (error.code == TOO_SMALL)}{size} cells, or {error.fix}"


def _next_size(spec: Spec, refused: int, attempt: Attempt) -> int | None:
    """The least size above the refused one that can be built; ``None`` if there is none to be found."""

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
    """An image of as many axes and channels, all its sides of one length."""
    return Spec((spec.shape[0], *(size,) * (spec.rank - 2), spec.shape[-1]), spec.dtype)


def _way(book: Book, image: Spec) -> str:
    """The side after each layer that changes it, until it is smallest."""
    steps, side = [], image.shape[1]
    for path, result in book.results.items():
        is_image = isinstance(result, Node) and result.rank == image.rank
        if is_image and result.shape[1] != side:
            side = result.shape[1]
            steps.append((side, path.rpartition(".")[2]))
    least = min((step for step, _ in steps if isinstance(step, int)), default=0)
    last = next((i for i, (step, _) in enumerate(steps) if step == least), 0)
    return ", ".join(f"{name} {step}" for step, name in steps[: last + 1])
