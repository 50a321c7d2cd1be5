"""What is done to a foreign array before it is one of ours, each with its name for the report.

Two libraries that compute the same may keep their numbers in other orders: channels first or last, a matrix
or its transpose, three products side by side in one table. A change is a function from the foreign arrays to
one of ours; nothing here looks at names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.records import frozen

Arrays = Sequence[np.ndarray]


@frozen
class Change:
    """One way to rearrange numbers.

    Args:
        name: what it is called, in English and Chinese.
        make: from the foreign arrays to ours; ``ValueError`` or ``IndexError`` where they do not fit.
    """

    name: tuple[str, str]
    make: Callable[[Arrays], np.ndarray]


def part(number: int, of: int) -> Change:
    """One of several equal parts that stand one below the other.

    Example:
        >>> part(2, 3).make([np.arange(6)])
        array([2, 3])
    """

    def cut(arrays: Arrays) -> np.ndarray:
        (whole,) = arrays
        return np.split(whole, of)[number - 1]

    return Change((f"part {number} of {of}", f"第 {number}/{of} 份"), cut)


def flattened(space: tuple[int, ...]) -> Change:
    """The inputs of a dense layer after an image was flattened, there channels first, here channels last.

    Args:
        space: (*space, C), the image before it is flattened.

    Example:
        >>> flattened((1, 2, 3)).make([np.arange(6).reshape(1, 6)]).tolist()
        [[0, 2, 4, 1, 3, 5]]
    """

    def turn(arrays: Arrays) -> np.ndarray:
        (weight,) = arrays
        image = weight.reshape(len(weight), space[-1], *space[:-1])  # (O, I) -> (O, C, *space)
        return np.moveaxis(image, 1, -1).reshape(weight.shape)  # -> (O, *space C)

    return Change(("channels last in the flattened input", "展平输入改为通道在后"), turn)


def _matrix(arrays: Arrays) -> np.ndarray:
    """A weight (O, I), perhaps kept as a convolution over one cell: (O, I, 1, 1)."""
    (weight,) = arrays
    return weight[(..., *(0,) * (weight.ndim - 2))] if set(weight.shape[2:]) == {1} else weight


def _unstacked(arrays: Arrays) -> np.ndarray:
    """An array kept as that of one sample: (1, T, C) -> (T, C), (1, 1, C) -> (C,)."""
    (whole,) = arrays
    while whole.ndim > 1 and len(whole) == 1:
        whole = whole[0]
    return whole


def _gru_bias(arrays: Arrays) -> np.ndarray:
    """Both biases of the two gates added up; of the candidate that of the input alone."""
    given, recurrent = arrays
    return given + np.concatenate(
        [recurrent[: 2 * (len(given) // 3)], np.zeros(len(given) // 3, given.dtype)]
    )


AS_IT_IS = Change(("", ""), lambda arrays: arrays[0])
MATRIX = Change(("", ""), _matrix)
CHANNELS_LAST = Change(("channels last", "通道移到最后"), lambda arrays: np.moveaxis(arrays[0], 1, -1))
TRANSPOSED = Change(("transposed", "转置"), lambda arrays: arrays[0].T)
UNSTACKED = Change(("without leading axes of 1", "去掉开头长度为 1 的轴"), _unstacked)
SUM = Change(("sum of both", "两者之和"), lambda arrays: arrays[0] + arrays[1])
GRU_BIAS = Change(("sum of both, but for the candidate", "两者之和，候选状态除外"), _gru_bias)
