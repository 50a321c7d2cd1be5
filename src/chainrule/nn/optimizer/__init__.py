"""Optimizers, one file for each idea; ``optimizer.py`` defines the base classes, ``OPTIMIZERS`` is the
registry.

``SGD`` moves by the learning rate times the gradient. ``Adam`` and its variants divide the gradient by its
typical size, so that parameters with small gradients move as far as those with large ones. ``EMA``, ``SWA``,
``Accumulated`` and ``Grouped`` wrap another optimizer.
"""

from __future__ import annotations

from chainrule import block_index
from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "optimizer": "StepContext Optimizer Rule Slot",
        "parameter_groups": "Group",
        "registry": "OPTIMIZERS known_optimizer",
    },
    block_index.OPTIMIZERS,
)
__getattr__, __dir__ = _LAZY.hooks
