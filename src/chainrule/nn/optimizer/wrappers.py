"""The optimizers that add something to another one."""

from __future__ import annotations

from chainrule.nn.optimizer.gradient_accumulation import Accumulated
from chainrule.nn.optimizer.optimizer import Optimizer
from chainrule.nn.optimizer.parameter_groups import Grouped
from chainrule.nn.optimizer.weight_averaging import EMA, SWA

WRAPPERS: tuple[type[Optimizer], ...] = (Accumulated, EMA, SWA, Grouped)
