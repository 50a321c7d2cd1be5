"""``Parameters``: arrays that several trainers update in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import TrainingError, fact
from chainrule.train.model_base import StateHolder
from chainrule.train.nonfinite.finite_check import is_finite
from chainrule.train.train_state import Tensors

ALIGNMENT = 64  # bytes


class Block:
    """Copies of arrays in one block of memory for each dtype, so that all are checked or copied at once."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays: Tensors = {}
        self.blocks: list[np.ndarray] = []
        for dtype in dict.fromkeys(array.dtype for array in arrays.values()):
            members = {path: array for path, array in arrays.items() if array.dtype == dtype}
            self._allocate(members, dtype)
        self.arrays = {path: self.arrays[path] for path in arrays}

    def _allocate(self, arrays: Mapping[str, np.ndarray], dtype: np.dtype[Any]) -> None:
        step = max(1, ALIGNMENT // dtype.itemsize)
        sizes = [-(-array.size // step) * step for array in arrays.values()]
        block = np.zeros(sum(sizes), dtype)
        self.blocks.append(block)
        starts = np.cumsum([0, *sizes]).tolist()
        for (path, array), start in zip(arrays.items(), starts, strict=False):
            view = block[start : start + array.size].reshape(array.shape)
            is_number = not any(array.strides)  # that is stored once
            if not is_number or array.flat[:1].tobytes().strip(b"\0"):  # zeros are not written again
                view[...] = array
            self.arrays[path] = view

    @property
    def nbytes(self) -> int:
        """The memory of all arrays in bytes."""
        return sum(block.nbytes for block in self.blocks)

    def is_finite(self) -> bool:
        """Return whether all values are finite."""
        return all(map(is_finite, self.blocks))

    def copies(self) -> list[np.ndarray]:
        """Return copies of the blocks, for ``restore``."""
        return [block.copy() for block in self.blocks]

    def restore(self, copies: Sequence[np.ndarray]) -> None:
        """Set all arrays to the values that ``copies`` returned."""
        for block, copy in zip(self.blocks, copies, strict=True):
            np.copyto(block, copy)


class Parameters(Mapping[str, np.ndarray]):
    """The parameters and states of a model as arrays that several trainers share.

    Trainers with the same ``Parameters`` update the same arrays. ``part`` selects the arrays of one layer, by
    the names that they have in a network of this layer alone.

    Args:
        model: an initialized or trained model; its arrays are copied.

    Raises:
        TrainingError E503: the model has no parameters yet.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(2), cr.Dense(1)), "mse")
        >>> _ = model.fit([[1.0], [2.0]], [1.0, 2.0], epochs=1, verbose=False)
        >>> parameters = Parameters(model)
        >>> list(parameters), list(parameters.part("dense2"))
        (['dense1.weight', 'dense1.bias', 'dense2.weight', 'dense2.bias'], ['weight', 'bias'])
    """

    def __init__(self, model: StateHolder) -> None:
        if model.state.network is None or not model.state.arrays:
            raise TrainingError(
                "E503", where="Parameters", fix=fact("model.fit(x, y), or model.initialize(inputs)")
            )
        self.block, self.prefix, self.shared = Block(model.state.arrays), "", _Shared()
        self._arrays = self.block.arrays

    def part(self, prefix: str) -> Parameters:
        """Return the same arrays restricted to a layer, by paths relative to it.

        Args:
            prefix: the path of the layer, such as ``"dense2"``.
        """
        other = object.__new__(Parameters)
        other.block, other.shared = self.block, self.shared
        other.prefix = f"{self.prefix}{prefix}."
        start = f"{prefix}."
        other._arrays = {
            path.removeprefix(start): array for path, array in self._arrays.items() if path.startswith(start)
        }
        return other

    def __getitem__(self, path: str) -> np.ndarray:
        return self._arrays[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"<Parameters: {len(self)} arrays, {sum(array.size for array in self.values()):,} numbers>"


class _Shared:
    """The number of updates that all trainers together made to the same arrays."""

    def __init__(self) -> None:
        self.version = 0
