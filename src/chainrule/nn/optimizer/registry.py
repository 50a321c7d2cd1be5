"""The optimizers by name."""

from __future__ import annotations

from chainrule import block_index
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.nn.optimizer.optimizer import Optimizer
from chainrule.validation import unknown

OPTIMIZERS: LazyRegistry[type[Optimizer]] = LazyRegistry(
    "chainrule", paths(block_index.OPTIMIZERS, block_index.OPTIMIZER_NAMES)
)


def known_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """Return the optimizer of this name with its defaults, or the optimizer itself.

    Raises:
        UsageError E101: unknown optimizer.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise unknown("optimizer", optimizer, list(OPTIMIZERS), 'optimizer="{}"')
    return OPTIMIZERS[optimizer]()
