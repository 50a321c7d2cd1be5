"""Transforms of arrays from another library, each with a name for the report.

Two libraries that compute the same may store their parameters in different layouts: channels first or last, a
matrix or its transpose, three projections side by side in one matrix. A transform is a function from the
arrays of the other library to one of ours; it does not depend on names. Transforms of PyTorch's layers also
work in the other direction: ``pieces`` gives what one of our arrays contributes to each of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.messages import Text, fact
from chainrule.records import frozen

Arrays = Sequence[np.ndarray]


@frozen(eq=False)
class Piece:
    """What one of our arrays contributes to one of another library.

    Args:
        array: the numbers.
        source: the number of the other array.
        part, of: which of several equal parts along the first axis, from 0.
    """

    array: np.ndarray
    source: int = 0
    part: int = 0
    of: int = 1


def _same(array: np.ndarray) -> list[Piece]:
    return [Piece(array)]


@frozen
class Transform:
    """A rearrangement of arrays.

    Args:
        name: its description.
        apply: maps the arrays of the file to one of ours; raises ``ValueError`` or ``IndexError`` if their
            shapes do not allow it.
        pieces: the other direction.
        expression: our array in PyTorch, from theirs ``{0}``, ``{1}``.
    """

    name: Text
    apply: Callable[[Arrays], np.ndarray]
    pieces: Callable[[np.ndarray], list[Piece]] = _same
    expression: str = "{0}"


def part(number: int, of: int) -> Transform:
    """Select one of several equal parts along the first axis.

    Example:
        >>> part(2, 3).apply([np.arange(6)])
        array([2, 3])
    """

    def cut(arrays: Arrays) -> np.ndarray:
        (stacked,) = arrays
        return np.split(stacked, of)[number - 1]

    return Transform(
        fact("part {number} of {of}", number=number, of=of),
        cut,
        lambda array: [Piece(array, 0, number - 1, of)],
        f"{{0}}.chunk({of})[{number - 1}]",
    )


def reordered(index: np.ndarray) -> Transform:
    """Reorder the last axis: features of a flattened image from channels first to channels last.

    Args:
        index: for each feature of ours the position in the file.

    Example:
        >>> reordered(np.array([0, 2, 1])).apply([np.array([[5, 6, 7]])]).tolist()
        [[5, 7, 6]]
    """

    def turn(arrays: Arrays) -> np.ndarray:
        array = _matrix(arrays) if arrays[0].ndim > 1 else arrays[0]
        if array.shape[-1] != len(index):
            raise ValueError("another number of features")
        return array[..., index]

    places = f"[..., {index.tolist()}]"
    back = np.argsort(index)
    return Transform(
        "channels last in the flattened input",
        turn,
        lambda array: [Piece(array[..., back])],
        f"{{0}}{places}",
    )


def _matrix(arrays: Arrays) -> np.ndarray:
    """Return a weight (O, I), possibly stored as a 1x1 convolution: (O, I, 1, 1)."""
    (weight,) = arrays
    return weight[(..., *(0,) * (weight.ndim - 2))] if set(weight.shape[2:]) == {1} else weight


def _unstacked(arrays: Arrays) -> np.ndarray:
    """Remove leading axes of length 1: (1, T, C) -> (T, C), (1, 1, C) -> (C,)."""
    (array,) = arrays
    while array.ndim > 1 and len(array) == 1:
        array = array[0]
    return array


def _gru_bias(arrays: Arrays) -> np.ndarray:
    """Sum both biases of the two gates; for the candidate use the input bias only."""
    input_bias, recurrent_bias = arrays
    return input_bias + np.concatenate(
        [recurrent_bias[: 2 * (len(input_bias) // 3)], np.zeros(len(input_bias) // 3, input_bias.dtype)]
    )


IDENTITY = Transform("", lambda arrays: arrays[0])
MATRIX = Transform("", _matrix)
CHANNELS_LAST = Transform(
    "channels last",
    lambda arrays: np.moveaxis(arrays[0], 1, -1),
    lambda array: [Piece(np.moveaxis(array, -1, 1))],
    "{0}.movedim(1, -1)",
)
TRANSPOSED = Transform(
    "transposed", lambda arrays: arrays[0].T, lambda array: [Piece(np.ascontiguousarray(array.T))], "{0}.mT"
)
UNSTACKED = Transform("without leading axes of 1", _unstacked)
SUM = Transform(
    "sum of both",
    lambda arrays: arrays[0] + arrays[1],
    lambda array: [Piece(array), Piece(np.zeros_like(array), 1)],
    "{0} + {1}",
)
GRU_BIAS = Transform(
    "sum of both, but for the candidate",
    _gru_bias,
    expression="{0} + torch.cat([*{1}.chunk(3)[:2], torch.zeros_like({1}.chunk(3)[2])])",
)
