"""The arrays that a net is given: whether they fit it, and what makes them fit where they do not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.errors import ShapeError, UsageError, short_repr
from chainrule.spec import Shape, Size, Spec, shape_text

IMAGE = 4  # axes of a batch of images


def require_fit(specs: Mapping[str, Spec], arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse arrays of other shapes than a net was built for.

    Raises:
        ShapeError E209: another shape, or no array; all are listed, and how the first is made to fit if that
            can be told.
    """
    wrong = [
        (name, shape_text(spec.shape), "nothing" if array is None else _shape_of(array))
        for name, spec in specs.items()
        if (array := arrays.get(name)) is None or array.shape[1:] != spec.shape[1:]
    ]
    if wrong:
        (first, expected, received), *rest = wrong
        given = arrays.get(first)
        raise ShapeError(
            "E209", where=f'input "{first}"', expected=expected, received=received,
            notes=[f'input "{name}": {received}, not {expected}' for name, expected, received in rest],
            fix="" if given is None else suggested_fix(first, given.shape, specs[first].shape),
        )  # fmt: skip


def require_specs(inputs: object) -> None:
    """Refuse what is not a dict of specs, such as a shape alone.

    Raises:
        UsageError E113: ``inputs`` is not such a dict; the fix describes one input of this shape.
    """
    if isinstance(inputs, Mapping) and all(isinstance(spec, Spec) for spec in inputs.values()):
        return
    lengths = inputs if isinstance(inputs, list | tuple) else ()
    whole = [n for n in lengths if isinstance(n, int)] or [2]
    shape = ", ".join(["None", *map(str, whole)])
    raise UsageError(
        "E113", where="Model", name="inputs", expected="a dict: the spec of each input by name",
        received=short_repr(inputs), fix=f'{{"x": cr.input("x", ({shape})).spec}}',
    )  # fmt: skip


def refuse_sample(specs: Mapping[str, Spec], x: object) -> None:
    """Refuse one sample where rows are expected: numbers of the shape of a row of the only input.

    Raises:
        ShapeError E209: ``x`` lacks the batch axis.
    """
    if len(specs) != 1 or not isinstance(x, np.ndarray | list | tuple):
        return
    (name, spec), shape = next(iter(specs.items())), np.shape(x) if isinstance(x, np.ndarray) else (len(x),)
    if len(shape) == 1 and shape == spec.shape[1:]:
        raise ShapeError(
            "E209", where=f'input "{name}"', expected=shape_text(spec.shape),
            received=f"{shape}: one sample", fix="x[None]" if isinstance(x, np.ndarray) else "[x]",
        )  # fmt: skip


def suggested_fix(name: str, given: tuple[int, ...], wanted: Shape) -> str:
    """What makes an array of one shape fit another, as it is typed; ``""`` where that cannot be told.

    Example:
        >>> suggested_fix("x", (28, 28), (Size.symbol("B"), 28, 28, 1))
        'x[None, ..., None]'
        >>> suggested_fix("x", (5, 28, 28, 3), (Size.symbol("B"), 28, 28, 1))
        'x.mean(axis=-1, keepdims=True)'
    """
    sample = wanted[1:]
    if given == sample:
        return f"{name}[None]"
    if sample[-1:] == (1,) and given[1:] == sample[:-1]:
        return f"{name}[..., None]"
    if sample[-1:] == (1,) and given == sample[:-1]:
        return f"{name}[None, ..., None]"
    if len(given) != IMAGE or len(wanted) != IMAGE:
        return ""
    height, width, channels = sample
    if (height, width) != given[1:3]:
        return f"images of {height} x {width}: cr.read_images(folder, size=({height}, {width}))"
    if channels == 1:
        return f"{name}.mean(axis=-1, keepdims=True)"
    return f"{name}.repeat({channels}, axis=-1)" if given[3] == 1 else ""


def _shape_of(array: np.ndarray) -> str:
    return shape_text((Size.symbol("B"), *array.shape[1:]))
