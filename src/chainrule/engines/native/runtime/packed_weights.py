"""Right factors of matrix products, packed once for all predictions with the same weights.

A product reads its right factor in panels (see ``gemm.matmul``). Weights are stored as (outputs, inputs), so
every product of a layer would transpose them into panels again. If the caller promises that the arrays of the
parameters never change (``Program.run(arrays, fixed=True)``), the panels are written once for each array and
shared by all batch sizes and threads of a program. They have the same numbers in the same order as those that
a product packs itself: so do the sums.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np

from chainrule.engines.native.gemm.int8_matmul import int8_panels
from chainrule.engines.native.jit.compiler import callable_at
from chainrule.engines.native.runtime.buffers import aligned
from chainrule.engines.native.runtime.call_builder import CallBuilder, Panels


class PackedFactors:
    """The packed factors of a program: of each the last array and its panels."""

    def __init__(self) -> None:
        self._panels: dict[Hashable, tuple[np.ndarray, np.ndarray]] = {}

    def panels(self, builder: CallBuilder, name: Hashable, factor: Panels, array: np.ndarray) -> np.ndarray:
        """Return the panels of a factor, packed if the array is another one than in the last call.

        Args:
            builder: of the machine's kernels.
            name: identifies the parameter or the constant.
            factor: the factor, a view of the array.
            array: contiguous.
        """
        matrix = factor.matrix
        key = name, matrix.shape, matrix.strides, matrix.offset, factor.first, builder.machine.width
        known = self._panels.get(key)
        if known is not None and known[0] is array:
            return known[1]
        # New memory: another thread may read the panels of the former array.
        packed = _packed if factor.first is None else _packed_integers
        panels = packed(builder, factor, array)
        self._panels[key] = array, panels
        return panels


def _packed(builder: CallBuilder, factor: Panels, array: np.ndarray) -> np.ndarray:
    matrix, width = factor.matrix, 2 * builder.machine.width // array.itemsize
    (k, n), start = matrix.shape, array.ctypes.data + matrix.offset * array.itemsize
    panels = aligned(max(k * math.ceil(n / width) * width * array.itemsize, 1))
    block = np.array([k, n, start, *matrix.strides, panels.ctypes.data], np.int64)
    callable_at(builder.packing_kernel(array.dtype.name))(block.ctypes.data)
    return panels


def _packed_integers(builder: CallBuilder, factor: Panels, array: np.ndarray) -> np.ndarray:
    matrix, first = factor.matrix, factor.first
    assert first is not None
    strides = tuple(step * array.itemsize for step in matrix.strides)
    numbers = np.lib.stride_tricks.as_strided(array.reshape(-1)[matrix.offset :], matrix.shape, strides)
    packed = int8_panels(numbers, first)
    panels = aligned(packed.size)
    panels[...] = packed
    return panels
