"""The counterpart of each of PyTorch's names; PyTorch's samples are loaded by ``run``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch_database.activations import ACTIVATION_ROWS
from torch_database.arithmetic import ARITHMETIC
from torch_database.axes import AXES
from torch_database.layers import LAYERS
from torch_database.losses import LOSS_ROWS
from torch_database.modules import MODULES
from torch_database.pooling import POOLS
from torch_database.sequences import SEQUENCE_MODULES, SEQUENCE_OPERATIONS

OPERATIONS: dict[str, Callable[..., Any]] = {
    **ARITHMETIC,
    **AXES,
    **ACTIVATION_ROWS,
    **POOLS,
    **LAYERS,
    **LOSS_ROWS,
    **SEQUENCE_OPERATIONS,
}
ALL_MODULES: dict[str, Callable[..., Any]] = {**MODULES, **SEQUENCE_MODULES}
