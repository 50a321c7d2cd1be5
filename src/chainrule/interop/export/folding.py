"""Values of a graph that depend on parameters alone: an export computes them once and stores the result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.spec import Size

LARGER = 4  # a value is folded only if it has at most this factor more elements than its inputs


def folded(node: Node, inputs: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Return the value of a node whose inputs are known; ``None`` if they are not, or it is much larger.

    Args:
        node: an operation with inputs.
        inputs: the values of its inputs; ``None`` for those that depend on the inputs of the network.
    """
    arrays = [array for array in inputs if array is not None]
    has_size = any(isinstance(axis, Size) for axis in node.shape)
    if has_size or len(arrays) < len(inputs) or not arrays or node.op.name == "scan":
        return None
    if math.prod(map(int, map(str, node.shape))) > LARGER * max(1, *(array.size for array in arrays)):
        return None
    operation: Any = node.op
    with np.errstate(all="ignore"):
        return np.asarray(operation.evaluate(*arrays))
