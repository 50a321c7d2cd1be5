"""How each of PyTorch's names is called here; PyTorch's samples themselves are loaded by ``run``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch_database.arithmetic import ARITHMETIC
from torch_database.curves import CURVES
from torch_database.layers import LAYERS
from torch_database.losses import LOSS_ROWS
from torch_database.modules import MODULES
from torch_database.pools import POOLS
from torch_database.sequences import SEQUENCE_MODULES, SEQUENCE_OPERATIONS

OPERATIONS: dict[str, Callable[..., Any]] = {
    **ARITHMETIC, **CURVES, **POOLS, **LAYERS, **LOSS_ROWS, **SEQUENCE_OPERATIONS,
}  # fmt: skip
ALL_MODULES: dict[str, Callable[..., Any]] = {**MODULES, **SEQUENCE_MODULES}
