"""Parameters that several trainers update: arrays in one block of memory, changed in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import TrainingError
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.state import Tensors
from chainrule.train.state_holder import StateHolder

ALIGNMENT = 64  # bytes


class Block:
    """Copies of arrays, those of one dtype in one block, so that all are checked or copied at once.

    Args:
        arrays: by path.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays: Tensors = {}
        self.blocks: list[np.ndarray] = []
        for dtype in dict.fromkeys(array.dtype for array in arrays.values()):
            own = {path: array for path, array in arrays.items() if array.dtype == dtype}
            self._lay_out(own, dtype)
        self.arrays = {path: self.arrays[path] for path in arrays}

    def _lay_out(self, arrays: Mapping[str, np.ndarray], dtype: np.dtype[Any]) -> None:
        step = max(1, ALIGNMENT // dtype.itemsize)
        sizes = [-(-array.size // step) * step for array in arrays.values()]
        block = np.zeros(sum(sizes), dtype)
        self.blocks.append(block)
        starts = np.cumsum([0, *sizes]).tolist()
        for (path, array), start in zip(arrays.items(), starts, strict=False):
            place = block[start : start + array.size].reshape(array.shape)
            place[...] = array
            self.arrays[path] = place

    @property
    def nbytes(self) -> int:
        """The memory of all arrays."""
        return sum(block.nbytes for block in self.blocks)

    def is_finite(self) -> bool:
        """Whether no array holds NaN or infinity."""
        return all(map(is_finite, self.blocks))

    def copies(self) -> list[np.ndarray]:
        """Copies of the blocks, for ``restore``."""
        return [block.copy() for block in self.blocks]

    def restore(self, copies: Sequence[np.ndarray]) -> None:
        """Set all arrays to what ``copies`` returned."""
        for block, copy in zip(self.blocks, copies, strict=True):
            np.copyto(block, copy)


class Parameters(Mapping[str, np.ndarray]):
    """The parameters and running values of a model, for trainers to share.

    Trainers that are given the same object update the same arrays. ``part`` selects those of one layer under
    the names that a network of this layer alone has.

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
                "E503", where="Parameters", fix="model.fit(x, y), or model.initialize(inputs)"
            )
        self.block, self.prefix, self.shared = Block(model.state.arrays), "", _Shared()
        self._arrays = self.block.arrays

    def part(self, prefix: str) -> Parameters:
        """The arrays below a path, named without it; they stay the same arrays."""
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
    """The number of updates of shared parameters, by all trainers together."""

    def __init__(self) -> None:
        self.version = 0
