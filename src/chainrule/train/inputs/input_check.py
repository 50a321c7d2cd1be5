"""Checks of input arrays: their shapes against the specs of a network, with a fix for mismatches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chainrule.errors import Message, ShapeError, fact
from chainrule.symbolic_shape import Shape, Size, Spec, shape_text
from chainrule.validation import wrong_type

IMAGE = 4  # axes of a batch of images


def require_fit(
    specs: Mapping[str, Spec],
    arrays: Mapping[str, np.ndarray],
    reasons: Callable[[], Sequence[Message]] = tuple,
) -> None:
    """Refuse arrays whose shapes do not fit the inputs of a network; E209 lists all, with a fix.

    Args:
        specs: the inputs.
        arrays: the array of each.
        reasons: a function that returns what in the network requires these shapes.
    """
    mismatches = [
        (name, shape_text(spec.shape), fact("nothing") if array is None else _shape_of(array))
        for name, spec in specs.items()
        if (array := arrays.get(name)) is None or array.shape[1:] != spec.shape[1:]
    ]
    if mismatches:
        (first, expected, received), *rest = mismatches
        array = arrays.get(first)
        where = fact('input "{name}"', name=first)
        notes = [
            fact('input "{name}": {received}, not {expected}', name=name, received=array, expected=spec)
            for name, spec, array in rest
        ]
        notes += reasons()
        fix = "" if array is None else suggested_fix(first, array.shape, specs[first].shape)
        raise ShapeError("E209", where=where, expected=expected, received=received, notes=notes, fix=fix)


def require_specs(inputs: object) -> None:
    """Refuse everything except a dict of specs, such as a shape alone; the fix of E113 shows one."""
    if isinstance(inputs, Mapping) and all(isinstance(spec, Spec) for spec in inputs.values()):
        return
    lengths = inputs if isinstance(inputs, list | tuple) else ()
    sizes = [n for n in lengths if isinstance(n, int)] or [2]
    shape = ", ".join(["None", *map(str, sizes)])
    expected = fact("a dict: the spec of each input by name")
    fix = f'{{"x": cr.input("x", ({shape})).spec}}'
    raise wrong_type(inputs, "inputs", "Model", expected, fix)


def suggested_fix(name: str, shape: tuple[int, ...], expected: Shape) -> str:
    """Return the code that converts an array to the expected shape; ``""`` where it is not known.

    Args:
        expected: the shape of the input, batch axis first.

    Example:
        >>> suggested_fix("x", (28, 28), (Size.symbol("B"), 28, 28, 1))
        'x[None, ..., None]'
        >>> suggested_fix("x", (5, 28, 28, 3), (Size.symbol("B"), 28, 28, 1))
        'x.mean(axis=-1, keepdims=True)'
    """
    sample = expected[1:]
    if shape == sample:
        return f"{name}[None]"
    if sample[-1:] == (1,) and shape[1:] == sample[:-1]:
        return f"{name}[..., None]"
    if sample[-1:] == (1,) and shape == sample[:-1]:
        return f"{name}[None, ..., None]"
    if len(shape) != IMAGE or len(expected) != IMAGE:
        return ""
    height, width, channels = sample
    if (height, width) != shape[1:3]:
        return fact(
            "images of {height} x {width}: cr.read_images(folder, size=({height}, {width}))",
            height=height,
            width=width,
        )
    if channels == 1:
        return f"{name}.mean(axis=-1, keepdims=True)"
    return f"{name}.repeat({channels}, axis=-1)" if shape[3] == 1 else ""


def _shape_of(array: np.ndarray) -> str:
    return shape_text((Size.symbol("B"), *array.shape[1:]))
